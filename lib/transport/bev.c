/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport over a bufferevent of the program: how the bufferevent is taken
 * over, what it reports and when it is asked to, and how it is given back.
 * bevio.c moves the bytes.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "file/hangup.h"
#include "transport/bev.h"
#include "transport/bevdeaf.h"
#include "transport/bevio.h"
#include "transport/bevmove.h"
#include "transport/linger.h"

static short bev_event_of(enum afi_direction direction)
{
	return direction == AFI_READ ? EV_READ : EV_WRITE;
}

static void bev_on_task(struct afi_task *task)
{
	struct af_file *file =
		&AFI_CONTAINER(task, struct afi_bev_file, task)->file;

	file->drained[AFI_READ] = false;
	file->needed[AFI_READ] = false;
	afi_file_hold(file);
	afi_file_step(file, AFI_READ);
	if (file->attached)
		afi_file_step(file, AFI_WRITE);
	if (file->attached && afi_bev_held(file) > 0)
		afi_file_settle(file);
	afi_file_let_go(file);
}

static void bev_on_read(struct bufferevent *bev, void *arg)
{
	struct af_file *file = arg;

	/* The reader is slow: stop reading for now. */
	if (evbuffer_get_length(bufferevent_get_input(bev)) >=
		    file->read_ahead &&
	    file->wanted[AFI_READ])
		file->transport->unwant(file, AFI_READ);
	afi_bev_wake(file);
}

static void bev_on_write(struct bufferevent *bev, void *arg)
{
	(void)bev;
	afi_bev_wake(arg);
}

static void bev_on_sent(struct evbuffer *buf,
			const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	if (info->n_deleted > 0)
		afi_bev_wake(arg);
}

static void bev_on_event(struct bufferevent *bev, short what, void *arg)
{
	struct af_file *file = arg;

	/* The handshake needed EV_READ. */
	if (what & BEV_EVENT_CONNECTED && !file->wanted[AFI_READ])
		bufferevent_disable(bev, EV_READ);
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	afi_bevstate_note(&afi_bev_of(file)->state, bev, what,
			  file->wanted[AFI_READ]);
	/* It may have stopped both ways: enable it again when needed. */
	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (file->wanted[i])
			file->transport->unwant(file, i);
	afi_bev_wake(file);
	if (!(what & BEV_EVENT_TIMEOUT))
		afi_hangup_seen(file);
}

static void bev_set_callbacks(struct afi_bev_file *over)
{
	bufferevent_setcb(over->bev, bev_on_read, bev_on_write, bev_on_event,
			  &over->file);
}

/* Reads and reports what a deaf one does not; soon again while bytes move. */
static void bev_on_look(struct afi_looked *looked)
{
	struct afi_bev_file *over =
		AFI_CONTAINER(looked, struct afi_bev_file, looked);
	struct af_file *file = &over->file;
	struct bufferevent *bev = afi_bev_hold(file);
	short what = afi_bevdeaf_look(over);

	if (file->attached &&
	    (evbuffer_get_length(over->pulled) > 0 ||
	     (file->wanted[AFI_WRITE] && afi_unsent(bev) == 0)))
		afi_lookout_start(file->loop, looked, 1, true, bev_on_look);
	if (file->attached && what)
		bev_on_event(bev, what, file);
	else if (file->attached)
		afi_bev_wake(file);
	afi_bev_let_go(file, bev, 0);
}

/* A deaf one is looked at while it is wanted; 0 or -ENOMEM. */
static int bev_look_out(struct afi_bev_file *over, bool wanted)
{
	if (over->deaf && wanted)
		return afi_lookout_start(over->file.loop, &over->looked, 1,
					 true, bev_on_look);
	afi_lookout_stop(over->file.loop, &over->looked);
	return 0;
}

static bool bev_is_wanted(const struct afi_bev_file *over)
{
	return over->file.wanted[AFI_READ] || over->file.wanted[AFI_WRITE];
}

/* Moves it to where its loop is; 0 or -errno. */
static int bev_join(struct afi_bev_file *over)
{
	struct af_loop *loop = over->file.loop;
	int r;

	if (bufferevent_get_base(over->bev) == loop->base)
		return 0;
	r = afi_bevmove(over->bev, loop->base);
	if (r < 0)
		return r;
	over->deaf = loop->base != loop->home && afi_bevdeaf_is(over->bev);
	bev_set_callbacks(over);
	if (over->deaf)
		bufferevent_disable(over->bev, EV_READ);
	return bev_look_out(over, bev_is_wanted(over));
}

/* What a move did not, or what was deaf before; 0 or -ENOMEM. */
static int bev_enable(struct afi_bev_file *over)
{
	const bool *wanted = over->file.wanted;
	short what = (short)((wanted[AFI_READ] && !over->deaf ? EV_READ : 0) |
			     (wanted[AFI_WRITE] ? EV_WRITE : 0));

	return bufferevent_enable(over->bev, what) < 0 ? -ENOMEM : 0;
}

/*
 * What is not wanted need not move, but for unsent bytes; and what is not at home
 * goes there with the others, before its base is freed.
 */
static void bev_rest(struct afi_bev_file *over)
{
	const struct af_loop *loop = over->file.loop;

	if (!bev_is_wanted(over) && loop->base == loop->home &&
	    afi_unsent(over->bev) == 0)
		afi_watch_stop(&over->watch);
}

static int bev_move(struct afi_watch *watch)
{
	struct afi_bev_file *over =
		AFI_CONTAINER(watch, struct afi_bev_file, watch);
	struct af_file *file = &over->file;
	struct bufferevent *bev;
	int r;

	/* A callback already queued may fire on the other base. */
	afi_bev_wake(file);
	bev = afi_bev_hold(file);
	r = bev_join(over);
	if (r == 0 && file->attached)
		r = bev_enable(over);
	/* One that was closed meanwhile is not in the way of a wait. */
	if (afi_bev_let_go(file, bev, 0) < 0)
		return 0;
	bev_rest(over);
	/* Nor one that cannot move, and has only bytes to send. */
	return bev_is_wanted(over) ? r : 0;
}

/* What bev_want() does while the file is held. */
static int bev_ask(struct af_file *file, enum afi_direction direction)
{
	struct afi_bev_file *over = afi_bev_of(file);
	int r = bev_join(over);

	if (r == 0)
		r = bev_look_out(over, true);
	if (r < 0)
		return r;
	if (!(over->deaf && direction == AFI_READ) &&
	    bufferevent_enable(over->bev, bev_event_of(direction)) < 0)
		return -ENOMEM;
	if (!file->attached)
		return -ECANCELED;
	afi_loop_watch(file->loop, &over->watch, bev_move);
	/* It reports new bytes, not those in its input or below. */
	if (direction == AFI_READ) {
		afi_bev_pull(file);
		if (file->attached && afi_bev_has_news(file))
			afi_bev_wake(file);
	}
	return 0;
}

static int bev_want(struct af_file *file, enum afi_direction direction)
{
	struct bufferevent *bev = afi_bev_hold(file);

	return (int)afi_bev_let_go(file, bev, bev_ask(file, direction));
}

static void bev_unwant(struct af_file *file, enum afi_direction direction)
{
	/* EV_WRITE stays: the bytes in its output must leave. */
	if (direction == AFI_READ)
		bufferevent_disable(afi_bev_of(file)->bev, EV_READ);
	file->wanted[direction] = false;
	bev_look_out(afi_bev_of(file), bev_is_wanted(afi_bev_of(file)));
	bev_rest(afi_bev_of(file));
}

/* Restores all except the callbacks; buffered bytes return to its input. */
static void bev_give_back(struct af_file *file)
{
	struct bufferevent *bev = afi_bev_of(file)->bev;

	afi_bev_put_back(file);
	bufferevent_setwatermark(bev, EV_READ, afi_bev_of(file)->low,
				 afi_bev_of(file)->high);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_enable(bev, afi_bev_of(file)->enabled);
}

static void bev_release(struct af_file *file)
{
	struct bufferevent *bev = afi_bev_of(file)->bev;

	afi_task_cancel(&file->loop->ready, &afi_bev_of(file)->task);
	if (afi_bev_of(file)->on_sent)
		afi_mute(bev, afi_bev_of(file)->on_sent);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	afi_watch_stop(&afi_bev_of(file)->watch);
	afi_lookout_stop(file->loop, &afi_bev_of(file)->looked);
	afi_bevmove(afi_bev_of(file)->bev, file->loop->home);
	if (file->keep_fd)
		bev_give_back(file);
	else
		afi_linger(file->loop, bev,
			   !afi_bevstate_has_failed(&afi_bev_of(file)->state,
						    AFI_WRITE),
			   afi_bevstate_is_over(&afi_bev_of(file)->state));
}

static int bev_can_shutdown(const struct af_file *file, int how)
{
	/* Over a socket there may be TLS, which would not notice. */
	return how == SHUT_WR && afi_bev_of(file)->on_pair ? 0 : -ENOTSUP;
}

static int bev_shutdown(struct af_file *file, int how)
{
	struct bufferevent *bev = afi_bev_hold(file);

	(void)how;
	afi_bev_of(file)->shut = true;
	afi_bev_of(file)->state.error[AFI_WRITE] = -EPIPE;
	bufferevent_flush(bev, EV_WRITE, BEV_FINISHED);
	return (int)afi_bev_let_go(file, bev, 0);
}

static int bev_hangup_fd(const struct af_file *file)
{
	return bufferevent_getfd(afi_bottom(afi_bev_of(file)->bev));
}

static bool bev_has_left(const struct af_file *file)
{
	const struct afi_bev_file *over = afi_bev_of(file);

	if (over->state.ended ||
	    (over->state.error[AFI_WRITE] == -EPIPE && !over->shut))
		return true;
	/* Of a pair, the other end was freed. */
	return over->on_pair &&
	       !bufferevent_pair_get_partner(afi_bottom(over->bev));
}

/* The bufferevent closes its descriptor itself. */
static int bev_close(struct af_file *file, bool close_fd)
{
	(void)file;
	(void)close_fd;
	return 0;
}

/* Not before: libevent may be in the middle of filling or draining them. */
static void bev_destroy(struct af_file *file)
{
	struct afi_bev_file *over = afi_bev_of(file);

	if (over->pulled)
		evbuffer_free(over->pulled);
	if (over->staged)
		evbuffer_free(over->staged);
}

/* Takes over callbacks, EV_READ and the low watermark. 0 or -ENOMEM. */
static int bev_take_over(struct afi_bev_file *over, struct bufferevent *bev)
{
	struct bufferevent *bottom = afi_bottom(bev);
	struct af_file *file = &over->file;
	size_t high = 0;

	over->pulled = evbuffer_new();
	over->staged = evbuffer_new();
	if (!over->pulled || !over->staged)
		return -ENOMEM;
	/* No other callback reports that the layer below has sent bytes. */
	if (bottom != bev) {
		over->on_sent = evbuffer_add_cb(bufferevent_get_output(bottom),
						bev_on_sent, file);
		if (!over->on_sent)
			return -ENOMEM;
	}
	over->bev = bev;
	over->on_task = bev_on_task;
	over->on_pair = bufferevent_pair_get_partner(bottom);
	over->enabled = bufferevent_get_enabled(bev);
	bufferevent_getwatermark(bev, EV_READ, &over->low, &high);
	over->high = high;
	/* A low watermark would hide bytes from us. */
	bufferevent_setwatermark(bev, EV_READ, 0, high);
	if (high && high < file->read_ahead)
		file->read_ahead = (uint32_t)high;
	bev_set_callbacks(over);
	/* bev_want() enables it again. */
	bufferevent_disable(bev, EV_READ);
	return 0;
}

struct af_file *afi_bev_new(const struct af_file *like, struct bufferevent *bev)
{
	static const struct afi_transport transport = {
		.read = afi_bev_read,
		.fill = afi_bev_fill,
		.write = afi_bev_write,
		.want = bev_want,
		.unwant = bev_unwant,
		.held = afi_bev_held,
		.release = bev_release,
		.commit = afi_bev_commit,
		.is_sending = afi_bev_is_sending,
		.take_late_error = afi_bev_take_late_error,
		.can_shutdown = bev_can_shutdown,
		.shutdown = bev_shutdown,
		.hangup_fd = bev_hangup_fd,
		.has_left = bev_has_left,
		.close = bev_close,
		.destroy = bev_destroy,
		.borrows_fd = true,
	};
	struct af_file *file = afi_file_new(like, sizeof(struct afi_bev_file));

	if (!file)
		return NULL;
	file->transport = &transport;
	file->careful = true;
	if (bev_take_over(afi_bev_of(file), bev) < 0) {
		bev_destroy(file);
		free(file);
		return NULL;
	}
	return file;
}
