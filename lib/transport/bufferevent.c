/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport over a bufferevent that somebody else made, and through whose
 * own buffers all must go. What it takes counts as written when it has left all
 * of them, or when the operation ends early, for it will be sent then, too.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "file/hangup.h"
#include "transport/bufferevent.h"
#include "transport/linger.h"

/* How much may be in its output: a record of TLS. */
#define OUTPUT_MAX 16384

static struct evbuffer *input_of(const struct af_file *file)
{
	return bufferevent_get_input(file->foreign->bev);
}

static struct evbuffer *output_of(const struct af_file *file)
{
	return bufferevent_get_output(file->foreign->bev);
}

static short event_of(enum afi_direction direction)
{
	return direction == AFI_READ ? EV_READ : EV_WRITE;
}

static bool has_news(const struct af_file *file)
{
	return evbuffer_get_length(input_of(file)) > 0 ||
	       file->foreign->ended || file->foreign->error[AFI_READ];
}

static void wake(struct af_file *file);

/* A filter that was held up has left some below, also at the end. */
static void pull(struct af_file *file)
{
	bool over = file->foreign->ended || file->foreign->error[AFI_READ];

	if (evbuffer_get_length(input_of(file)) == 0)
		bufferevent_flush(file->foreign->bev, EV_READ,
				  over ? BEV_FLUSH : BEV_NORMAL);
}

static ssize_t foreign_read(struct af_file *file, void *buf, size_t len)
{
	int *error = &file->foreign->error[AFI_READ];
	ssize_t r;

	pull(file);
	r = evbuffer_remove(input_of(file), buf, len);
	if (r > 0) {
		/* Nobody will tell of what is there now. */
		pull(file);
		if (has_news(file))
			wake(file);
		return r;
	}
	r = *error;
	if (r == -ETIMEDOUT)
		*error = 0; /* it can go on */
	if (r < 0)
		return r;
	return file->foreign->ended ? 0 : -EAGAIN;
}

static size_t foreign_commit(struct af_file *file)
{
	size_t n = file->foreign->in_output;

	file->foreign->in_output = 0;
	return n;
}

/* Puts in the output what it has room for; 0 or -ENOMEM. */
static int take(struct af_file *file, const struct iovec *iov, int n)
{
	size_t unsent = afi_unsent(file->foreign->bev);
	size_t room = unsent < OUTPUT_MAX ? OUTPUT_MAX - unsent : 0;
	size_t *held = &file->foreign->in_output;

	for (int i = 0; room > 0 && i < n; i++) {
		size_t piece = iov[i].iov_len < room ? iov[i].iov_len : room;

		if (evbuffer_add(output_of(file), iov[i].iov_base, piece) < 0)
			return *held > 0 ? 0 : -ENOMEM;
		*held += piece;
		room -= piece;
	}
	return 0;
}

/* Its error, after which nothing goes out; before that, what had gone. */
static ssize_t write_failed(struct af_file *file)
{
	size_t own = evbuffer_get_length(output_of(file));
	size_t held = foreign_commit(file);
	int *error = &file->foreign->error[AFI_WRITE];
	int r = *error;

	if (held > own)
		return (ssize_t)(held - own);
	if (r == -ETIMEDOUT)
		*error = 0; /* it can go on */
	return r;
}

static ssize_t foreign_write(struct af_file *file, const struct iovec *iov,
			     int n)
{
	if (file->foreign->in_output == 0 && !file->foreign->error[AFI_WRITE]) {
		/*
		 * It calls back even if all has left at once, as of a pair,
		 * whose other end is to have a say before there is more.
		 */
		int r = take(file, iov, n);

		return r < 0 ? r : -EAGAIN;
	}
	if (file->foreign->error[AFI_WRITE])
		return write_failed(file);
	/*
	 * All or nothing: what is below may be other bytes, and more of them,
	 * than were put in at the top.
	 */
	if (file->foreign->in_output == 0 || afi_unsent(file->foreign->bev) > 0)
		return -EAGAIN;
	return (ssize_t)foreign_commit(file);
}

static void on_task(struct afi_task *task)
{
	struct afi_foreign *foreign =
		(void *)((char *)task - offsetof(struct afi_foreign, task));
	struct af_file *file = foreign->file;

	file->drained[AFI_READ] = false;
	file->needed[AFI_READ] = false;
	afi_file_step(file, AFI_READ);
	afi_file_step(file, AFI_WRITE);
	if (evbuffer_get_length(input_of(file)) > 0)
		afi_file_settle(file);
}

/*
 * Its callbacks come at any time, also from inside a call that moves bytes, so
 * they only say that there is work.
 */
static void wake(struct af_file *file)
{
	if (!file->foreign->task.run)
		afi_loop_ready(file->loop, &file->foreign->task, on_task);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct af_file *file = arg;

	/* Nobody was quick enough: no more for now. */
	if (evbuffer_get_length(bufferevent_get_input(bev)) >=
		    file->read_ahead &&
	    file->wanted[AFI_READ])
		file->transport->unwant(file, AFI_READ);
	wake(file);
}

static void on_write(struct bufferevent *bev, void *arg)
{
	(void)bev;
	wake(arg);
}

static void on_sent(struct evbuffer *buf, const struct evbuffer_cb_info *info,
		    void *arg)
{
	(void)buf;
	if (info->n_deleted > 0)
		wake(arg);
}

static int error_of(short what)
{
	int error = EVUTIL_SOCKET_ERROR();

	if (what & BEV_EVENT_TIMEOUT)
		return -ETIMEDOUT;
	/* TLS has errors of its own, and leaves errno as it was. */
	return error && error != EAGAIN && error != EINTR ? -error : -EIO;
}

static int read_error(const struct af_file *file, int error)
{
	/* TLS, which said that it ended, goes on about what is below it. */
	if (file->foreign->ended)
		return 0;
	return error == -EPIPE ? -EIO : error; /* that was of a write */
}

/*
 * That the other side is gone is said in several ways: also by TLS, which was
 * told so by what is below it, and does not say of which direction it speaks.
 */
static int write_error(short what, int error)
{
	if (error == -ECONNRESET)
		return -EPIPE;
	return error == -EIO && !(what & BEV_EVENT_WRITING) ? -EPIPE : error;
}

/* For good: after a timeout it can go on. */
static bool has_failed(const struct af_file *file, enum afi_direction direction)
{
	int error = file->foreign->error[direction];

	return error && error != -ETIMEDOUT;
}

/* Whether nothing more comes in. */
static bool is_over(const struct af_file *file)
{
	return file->foreign->ended || has_failed(file, AFI_READ);
}

/* The end, an error or a timeout; without a direction it is of both. */
static void note(struct af_file *file, short what)
{
	const short both = BEV_EVENT_READING | BEV_EVENT_WRITING;
	bool unsaid = !(what & both);
	bool gone = !(what & BEV_EVENT_TIMEOUT) && !file->wanted[AFI_READ] &&
		    afi_lost_handshake(file->foreign->bev, is_over(file));
	int *errors = file->foreign->error;
	int error = error_of(what);

	if (what & BEV_EVENT_EOF) {
		/* After a goodbye of TLS, what is below it may end, too. */
		if (what & BEV_EVENT_WRITING ||
		    (unsaid && !file->foreign->ended))
			errors[AFI_WRITE] = -EPIPE;
		if (what & BEV_EVENT_READING || unsaid)
			file->foreign->ended = true;
	} else {
		if (what & BEV_EVENT_READING || unsaid)
			errors[AFI_READ] = read_error(file, error);
		if (what & BEV_EVENT_WRITING || unsaid)
			errors[AFI_WRITE] = write_error(what, error);
		/* TLS may have nothing to send by which it would be told so. */
		gone = gone || error == -ECONNRESET;
	}
	if (gone)
		errors[AFI_WRITE] = -EPIPE;
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct af_file *file = arg;

	/* To shake hands it had to read. */
	if (what & BEV_EVENT_CONNECTED && !file->wanted[AFI_READ])
		bufferevent_disable(bev, EV_READ);
	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)))
		return;
	note(file, what);
	/* It has stopped, maybe in both directions: to be asked anew. */
	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (file->wanted[i])
			file->transport->unwant(file, i);
	wake(file);
	if (!(what & BEV_EVENT_TIMEOUT))
		afi_hangup_said(file);
}

/*
 * Only a plain socket's bufferevent can go to another base; the timer of its
 * rate limit cannot.
 */
static int rebase(struct af_file *file, struct event_base *base)
{
	struct bufferevent *bev = file->foreign->bev;
	struct event_base *before = bufferevent_get_base(bev);
	short enabled = bufferevent_get_enabled(bev);
	int priority = bufferevent_get_priority(bev);
	int r = 0;

	if (before == base)
		return 0;
	if (bufferevent_get_token_bucket_cfg(bev))
		return -ENOTSUP;
	bufferevent_disable(bev, enabled);
	if (bufferevent_base_set(base, bev) < 0) {
		bufferevent_base_set(before, bev);
		r = -ENOTSUP;
	}
	bufferevent_priority_set(bev, priority); /* its base's default now */
	bufferevent_enable(bev, enabled);
	return r;
}

static int move(struct afi_watch *watch)
{
	struct afi_foreign *foreign =
		(void *)((char *)watch - offsetof(struct afi_foreign, watch));
	struct af_file *file = foreign->file;

	/* What it had to say already may come on the other base only. */
	wake(file);
	return rebase(file, file->loop->base);
}

static int foreign_want(struct af_file *file, enum afi_direction direction)
{
	int r = file->foreign->watch.move ? 0 : rebase(file, file->loop->base);

	if (r < 0)
		return r;
	if (bufferevent_enable(file->foreign->bev, event_of(direction)) < 0)
		return -ENOMEM;
	afi_loop_watch(file->loop, &file->foreign->watch, move);
	/* It tells what comes, not what is there already, or below it. */
	if (direction == AFI_READ) {
		pull(file);
		if (has_news(file))
			wake(file);
	}
	return 0;
}

static void foreign_unwant(struct af_file *file, enum afi_direction direction)
{
	/* What is in its output must be able to leave. */
	if (direction == AFI_READ)
		bufferevent_disable(file->foreign->bev, EV_READ);
	file->wanted[direction] = false;
	if (!file->wanted[AFI_READ] && !file->wanted[AFI_WRITE])
		afi_watch_stop(&file->foreign->watch);
}

static size_t foreign_held(const struct af_file *file)
{
	return evbuffer_get_length(input_of(file));
}

static int foreign_unread(struct af_file *file, struct evbuffer *buf)
{
	return evbuffer_add_buffer(buf, input_of(file)) ? -ENOMEM : 0;
}

/* As it came, but for its callbacks; what nobody took is in its input again. */
static void give_back(struct af_file *file)
{
	struct bufferevent *bev = file->foreign->bev;

	if (file->len > 0)
		evbuffer_prepend(input_of(file), file->in->data + file->start,
				 file->len);
	bufferevent_setwatermark(bev, EV_READ, file->foreign->low,
				 file->foreign->high);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_enable(bev, file->foreign->enabled);
}

static void foreign_release(struct af_file *file)
{
	struct bufferevent *bev = file->foreign->bev;

	if (file->foreign->on_sent)
		evbuffer_remove_cb_entry(
			bufferevent_get_output(afi_bottom(bev)),
			file->foreign->on_sent);
	bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
	afi_watch_stop(&file->foreign->watch);
	rebase(file, file->loop->home);
	if (file->keep_fd)
		give_back(file);
	else
		afi_linger(file->loop, bev, !has_failed(file, AFI_WRITE),
			   is_over(file));
	afi_task_cancel(&file->loop->ready, &file->foreign->task);
	free(file->foreign);
	file->foreign = NULL;
}

bool afi_foreign_can_end(const struct af_file *file)
{
	/* What stands on a socket may be TLS, which would not know of it. */
	return bufferevent_pair_get_partner(afi_bottom(file->foreign->bev));
}

void afi_foreign_end(struct af_file *file)
{
	bufferevent_flush(file->foreign->bev, EV_WRITE, BEV_FINISHED);
	file->foreign->error[AFI_WRITE] = -EPIPE;
}

int afi_foreign_attach(struct af_file *file, struct bufferevent *bev)
{
	static const struct afi_transport transport = {
		.read = foreign_read,
		.write = foreign_write,
		.want = foreign_want,
		.unwant = foreign_unwant,
		.held = foreign_held,
		.unread = foreign_unread,
		.release = foreign_release,
		.commit = foreign_commit,
	};
	struct bufferevent *bottom = afi_bottom(bev);
	size_t high = 0;

	file->foreign = calloc(1, sizeof(*file->foreign));
	if (!file->foreign)
		return -ENOMEM;
	file->foreign->file = file;
	/* Nobody else says when what is below has left. */
	if (bottom != bev) {
		file->foreign->on_sent = evbuffer_add_cb(
			bufferevent_get_output(bottom), on_sent, file);
		if (!file->foreign->on_sent) {
			free(file->foreign);
			return -ENOMEM;
		}
	}
	file->foreign->bev = bev;
	file->foreign->on_pair = bufferevent_pair_get_partner(bottom);
	file->foreign->enabled = bufferevent_get_enabled(bev);
	bufferevent_getwatermark(bev, EV_READ, &file->foreign->low, &high);
	file->foreign->high = high;
	/* A low one would keep from us that there is something. */
	bufferevent_setwatermark(bev, EV_READ, 0, high);
	if (high && high < file->read_ahead)
		file->read_ahead = (uint32_t)high;
	bufferevent_setcb(bev, on_read, on_write, on_event, file);
	/* Until somebody reads. */
	bufferevent_disable(bev, EV_READ);
	file->transport = &transport;
	return 0;
}
