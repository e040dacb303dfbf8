/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport over a bufferevent of the program; all bytes go through its
 * buffers. Bytes count as written when they have left those buffers, or when
 * the operation ends early, because they will still be sent.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/container.h"
#include "file/hangup.h"
#include "transport/bev.h"
#include "transport/bevmove.h"
#include "transport/bevstate.h"
#include "transport/linger.h"

/* The most bytes in its output: one TLS record. */
#define OUTPUT_MAX 16384

struct bev_file {
	struct af_file file;
	struct bufferevent *bev;
	struct afi_watch watch;
	struct afi_task task;
	struct evbuffer_cb_entry *on_sent;
	size_t in_output; /* not counted as written yet */
	size_t low, high; /* the program's read watermarks */
	short enabled;	  /* the program's EV_READ and EV_WRITE */
	struct afi_bevstate state;
	bool counted; /* writes that ended early count bytes in the outputs */
	bool on_pair; /* over a bufferevent_pair that had both ends */
};

static struct bev_file *bev_of(const struct af_file *file)
{
	return AFI_CONTAINER(file, struct bev_file, file);
}

static struct evbuffer *bev_input_of(const struct af_file *file)
{
	return bufferevent_get_input(bev_of(file)->bev);
}

static struct evbuffer *bev_output_of(const struct af_file *file)
{
	return bufferevent_get_output(bev_of(file)->bev);
}

static short bev_event_of(enum afi_direction direction)
{
	return direction == AFI_READ ? EV_READ : EV_WRITE;
}

static bool bev_has_news(const struct af_file *file)
{
	return evbuffer_get_length(bev_input_of(file)) > 0 ||
	       bev_of(file)->state.ended || bev_of(file)->state.error[AFI_READ];
}

static void bev_wake(struct af_file *file);

/* A filter whose input was full has left bytes below, also at the end. */
static void bev_pull(struct af_file *file)
{
	bool over = bev_of(file)->state.ended ||
		    bev_of(file)->state.error[AFI_READ];

	if (evbuffer_get_length(bev_input_of(file)) == 0)
		bufferevent_flush(bev_of(file)->bev, EV_READ,
				  over ? BEV_FLUSH : BEV_NORMAL);
}

static ssize_t bev_read(struct af_file *file, void *buf, size_t len)
{
	ssize_t r;

	bev_pull(file);
	r = evbuffer_remove(bev_input_of(file), buf, len);
	if (r > 0) {
		/* No callback reports what is there already. */
		bev_pull(file);
		if (bev_has_news(file))
			bev_wake(file);
		return r;
	}
	r = afi_bevstate_take_error(&bev_of(file)->state, AFI_READ);
	if (r < 0)
		return r;
	return bev_of(file)->state.ended ? 0 : -EAGAIN;
}

static size_t bev_take_count(struct af_file *file)
{
	size_t n = bev_of(file)->in_output;

	bev_of(file)->in_output = 0;
	return n;
}

static size_t bev_commit(struct af_file *file)
{
	size_t n = bev_take_count(file);

	if (n > 0)
		bev_of(file)->counted = true;
	return n;
}

/* Puts as many bytes in the output as there is room for; 0 or -ENOMEM. */
static int bev_take(struct af_file *file, const struct iovec *iov, int n)
{
	size_t unsent = afi_unsent(bev_of(file)->bev);
	size_t room = unsent < OUTPUT_MAX ? OUTPUT_MAX - unsent : 0;
	size_t *held = &bev_of(file)->in_output;

	for (int i = 0; room > 0 && i < n; i++) {
		size_t piece = iov[i].iov_len < room ? iov[i].iov_len : room;

		if (evbuffer_add(bev_output_of(file), iov[i].iov_base, piece) <
		    0)
			return *held > 0 ? 0 : -ENOMEM;
		*held += piece;
		room -= piece;
	}
	return 0;
}

/* Returns how many bytes were sent before an error; next time, the error. */
static ssize_t bev_write_failed(struct af_file *file)
{
	size_t own = evbuffer_get_length(bev_output_of(file));
	size_t held = bev_take_count(file);

	if (held > own)
		return (ssize_t)(held - own);
	bev_of(file)->counted = false;
	return afi_bevstate_take_error(&bev_of(file)->state, AFI_WRITE);
}

static ssize_t bev_write(struct af_file *file, const struct iovec *iov, int n)
{
	if (bev_of(file)->in_output == 0 &&
	    !bev_of(file)->state.error[AFI_WRITE]) {
		/*
		 * Wait even if all bytes have left at once, as on a pair, whose
		 * other end must have a turn. It calls back in any case.
		 */
		int r = bev_take(file, iov, n);

		return r < 0 ? r : -EAGAIN;
	}
	if (bev_of(file)->state.error[AFI_WRITE])
		return bev_write_failed(file);
	/*
	 * Wait until all have left: a layer below may hold other bytes than
	 * were put in at the top, and another number of them.
	 */
	if (bev_of(file)->in_output == 0 || afi_unsent(bev_of(file)->bev) > 0)
		return -EAGAIN;
	return (ssize_t)bev_take_count(file);
}

static bool bev_is_sending(const struct af_file *file)
{
	return !bev_of(file)->state.error[AFI_WRITE] &&
	       afi_unsent(bev_of(file)->bev) > 0;
}

static int bev_take_late_error(struct af_file *file)
{
	bool lost = bev_of(file)->counted && afi_unsent(bev_of(file)->bev) > 0;

	bev_of(file)->counted = false;
	return lost ? afi_bevstate_take_error(&bev_of(file)->state, AFI_WRITE)
		    : 0;
}

static void bev_on_task(struct afi_task *task)
{
	struct af_file *file =
		&AFI_CONTAINER(task, struct bev_file, task)->file;

	file->drained[AFI_READ] = false;
	file->needed[AFI_READ] = false;
	afi_file_step(file, AFI_READ);
	afi_file_step(file, AFI_WRITE);
	if (evbuffer_get_length(bev_input_of(file)) > 0)
		afi_file_settle(file);
}

/*
 * Its callbacks may run at any time, even inside a call that moves bytes, so
 * they only queue the task.
 */
static void bev_wake(struct af_file *file)
{
	if (!bev_of(file)->task.run)
		afi_loop_ready(file->loop, &bev_of(file)->task, bev_on_task);
}

static void bev_on_read(struct bufferevent *bev, void *arg)
{
	struct af_file *file = arg;

	/* The reader is slow: stop reading for now. */
	if (evbuffer_get_length(bufferevent_get_input(bev)) >=
		    file->read_ahead &&
	    file->wanted[AFI_READ])
		file->transport->unwant(file, AFI_READ);
	bev_wake(file);
}

static void bev_on_write(struct bufferevent *bev, void *arg)
{
	(void)bev;
	bev_wake(arg);
}

static void bev_on_sent(struct evbuffer *buf,
			const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	if (info->n_deleted > 0)
		bev_wake(arg);
}

static void bev_on_event(struct bufferevent *bev, short what, void *arg)
{
	struct af_file *file = arg;

	/* The handshake needed EV_READ. */
	if (what & BEV_EVENT_CONNECTED && !file->wanted[AFI_READ])
		bufferevent_disable(bev, EV_READ);
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	afi_bevstate_note(&bev_of(file)->state, bev, what,
			  file->wanted[AFI_READ]);
	/* It may have stopped both ways: enable it again when needed. */
	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (file->wanted[i])
			file->transport->unwant(file, i);
	bev_wake(file);
	if (!(what & BEV_EVENT_TIMEOUT))
		afi_hangup_seen(file);
}

static int bev_move(struct afi_watch *watch)
{
	struct af_file *file =
		&AFI_CONTAINER(watch, struct bev_file, watch)->file;

	/* A callback already queued may fire on the other base. */
	bev_wake(file);
	return afi_bevmove(bev_of(file)->bev, file->loop->base);
}

static int bev_want(struct af_file *file, enum afi_direction direction)
{
	int r = bev_of(file)->watch.move
			? 0
			: afi_bevmove(bev_of(file)->bev, file->loop->base);

	if (r < 0)
		return r;
	if (bufferevent_enable(bev_of(file)->bev, bev_event_of(direction)) < 0)
		return -ENOMEM;
	afi_loop_watch(file->loop, &bev_of(file)->watch, bev_move);
	/* It reports new bytes, not those in its input or below. */
	if (direction == AFI_READ) {
		bev_pull(file);
		if (bev_has_news(file))
			bev_wake(file);
	}
	return 0;
}

static void bev_unwant(struct af_file *file, enum afi_direction direction)
{
	/* EV_WRITE stays: the bytes in its output must leave. */
	if (direction == AFI_READ)
		bufferevent_disable(bev_of(file)->bev, EV_READ);
	file->wanted[direction] = false;
	if (!file->wanted[AFI_READ] && !file->wanted[AFI_WRITE])
		afi_watch_stop(&bev_of(file)->watch);
}

static size_t bev_held(const struct af_file *file)
{
	return evbuffer_get_length(bev_input_of(file));
}

static int bev_move_held(struct af_file *file, struct evbuffer *buf)
{
	return evbuffer_add_buffer(buf, bev_input_of(file)) ? -ENOMEM : 0;
}

/* Restores all except the callbacks; buffered bytes return to its input. */
static void bev_give_back(struct af_file *file)
{
	struct bufferevent *bev = bev_of(file)->bev;

	evbuffer_prepend(bev_input_of(file), afi_buffer_data(&file->in),
			 file->in.len);
	bufferevent_setwatermark(bev, EV_READ, bev_of(file)->low,
				 bev_of(file)->high);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_enable(bev, bev_of(file)->enabled);
}

static void bev_release(struct af_file *file)
{
	struct bufferevent *bev = bev_of(file)->bev;

	if (bev_of(file)->on_sent)
		evbuffer_remove_cb_entry(
			bufferevent_get_output(afi_bottom(bev)),
			bev_of(file)->on_sent);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	afi_watch_stop(&bev_of(file)->watch);
	afi_bevmove(bev_of(file)->bev, file->loop->home);
	if (file->keep_fd)
		bev_give_back(file);
	else
		afi_linger(file->loop, bev,
			   !afi_bevstate_has_failed(&bev_of(file)->state,
						    AFI_WRITE),
			   afi_bevstate_is_over(&bev_of(file)->state));
	afi_task_cancel(&file->loop->ready, &bev_of(file)->task);
}

static int bev_can_shutdown(const struct af_file *file, int how)
{
	/* Over a socket there may be TLS, which would not notice. */
	return how == SHUT_WR && bufferevent_pair_get_partner(
					 afi_bottom(bev_of(file)->bev))
		       ? 0
		       : -ENOTSUP;
}

static int bev_shutdown(struct af_file *file, int how)
{
	(void)how;
	bufferevent_flush(bev_of(file)->bev, EV_WRITE, BEV_FINISHED);
	bev_of(file)->state.error[AFI_WRITE] = -EPIPE;
	return 0;
}

static int bev_hangup_fd(const struct af_file *file)
{
	return bufferevent_getfd(afi_bottom(bev_of(file)->bev));
}

static bool bev_has_left(const struct af_file *file)
{
	const struct bev_file *over = bev_of(file);

	if (over->state.ended || over->state.error[AFI_WRITE] == -EPIPE)
		return true;
	/* A socket without a descriptor is not connected yet. */
	return over->on_pair && bev_hangup_fd(file) < 0 &&
	       !bufferevent_pair_get_partner(afi_bottom(over->bev));
}

/* The bufferevent closes its descriptor itself. */
static int bev_close(struct af_file *file, bool close_fd)
{
	(void)file;
	(void)close_fd;
	return 0;
}

/* Takes over callbacks, EV_READ and the low watermark. 0 or -ENOMEM. */
static int bev_take_over(struct bev_file *over, struct bufferevent *bev)
{
	struct bufferevent *bottom = afi_bottom(bev);
	struct af_file *file = &over->file;
	size_t high = 0;

	/* No other callback reports that the layer below has sent bytes. */
	if (bottom != bev) {
		over->on_sent = evbuffer_add_cb(bufferevent_get_output(bottom),
						bev_on_sent, file);
		if (!over->on_sent)
			return -ENOMEM;
	}
	over->bev = bev;
	over->on_pair = bufferevent_pair_get_partner(bottom);
	over->enabled = bufferevent_get_enabled(bev);
	bufferevent_getwatermark(bev, EV_READ, &over->low, &high);
	over->high = high;
	/* A low watermark would hide bytes from us. */
	bufferevent_setwatermark(bev, EV_READ, 0, high);
	if (high && high < file->read_ahead)
		file->read_ahead = (uint32_t)high;
	bufferevent_setcb(bev, bev_on_read, bev_on_write, bev_on_event, file);
	/* bev_want() enables it again. */
	bufferevent_disable(bev, EV_READ);
	return 0;
}

struct af_file *afi_bev_new(const struct af_file *like, struct bufferevent *bev)
{
	static const struct afi_transport transport = {
		.read = bev_read,
		.write = bev_write,
		.want = bev_want,
		.unwant = bev_unwant,
		.held = bev_held,
		.move_held = bev_move_held,
		.release = bev_release,
		.commit = bev_commit,
		.is_sending = bev_is_sending,
		.take_late_error = bev_take_late_error,
		.can_shutdown = bev_can_shutdown,
		.shutdown = bev_shutdown,
		.hangup_fd = bev_hangup_fd,
		.has_left = bev_has_left,
		.close = bev_close,
		.borrows_fd = true,
	};
	struct af_file *file = afi_file_new(like, sizeof(struct bev_file));

	if (!file)
		return NULL;
	file->transport = &transport;
	if (bev_take_over(bev_of(file), bev) < 0) {
		free(file);
		return NULL;
	}
	return file;
}
