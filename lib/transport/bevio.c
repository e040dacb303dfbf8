/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes of a file over a bufferevent of the program: all pass through its
 * buffers. Bytes count as written when they have left those buffers; and also
 * when the operation ends early, because they will still be sent. They pass
 * through buffers of our own, from which they are copied when nothing else
 * runs.
 */
#include "config.h"

#include <errno.h>

#include <event2/buffer.h>

#include "file/fill.h"
#include "transport/bevio.h"
#include "transport/linger.h"

/* The most bytes in its output: one TLS record. */
#define OUTPUT_MAX 16384

static struct evbuffer *bevio_output(const struct af_file *file)
{
	return bufferevent_get_output(afi_bev_of(file)->bev);
}

struct bufferevent *afi_bev_hold(struct af_file *file)
{
	struct bufferevent *bev = afi_bev_of(file)->bev;

	afi_file_hold(file);
	bufferevent_incref(bev);
	return bev;
}

ssize_t afi_bev_let_go(struct af_file *file, struct bufferevent *bev, ssize_t r)
{
	if (!file->attached)
		r = -ECANCELED;
	bufferevent_decref(bev);
	afi_file_let_go(file);
	return r;
}

bool afi_bev_has_news(const struct af_file *file)
{
	return evbuffer_get_length(afi_bev_input(file)) > 0 ||
	       evbuffer_get_length(afi_bev_of(file)->pulled) > 0 ||
	       afi_bev_of(file)->state.ended ||
	       afi_bev_of(file)->state.error[AFI_READ];
}

/* A filter whose input was full has left bytes below, also at the end. */
void afi_bev_pull(struct af_file *file)
{
	bool over = afi_bev_of(file)->state.ended ||
		    afi_bev_of(file)->state.error[AFI_READ];

	if (evbuffer_get_length(afi_bev_input(file)) == 0)
		bufferevent_flush(afi_bev_of(file)->bev, EV_READ,
				  over ? BEV_FLUSH : BEV_NORMAL);
}

/* Takes bytes out of the input. It may be closed after that. */
static void bevio_take_in(struct af_file *file)
{
	struct evbuffer *input = afi_bev_input(file);
	struct evbuffer *pulled = afi_bev_of(file)->pulled;

	if (evbuffer_get_length(pulled) > 0)
		return;
	afi_bev_pull(file);
	if (!file->attached)
		return;
	/* A part of a chain takes memory; all of them do not. */
	if (evbuffer_get_length(input) <= AFI_READ_SIZE ||
	    evbuffer_remove_buffer(input, pulled, AFI_READ_SIZE) < 0)
		evbuffer_add_buffer(pulled, input);
}

ssize_t afi_bev_read(struct af_file *file, void *buf, size_t len)
{
	struct afi_bev_file *over = afi_bev_of(file);
	ssize_t r = evbuffer_copyout(over->pulled, buf, len);

	if (r > 0)
		return r;
	r = afi_bevstate_take_error(&over->state, AFI_READ);
	if (r < 0)
		return r;
	return over->state.ended ? 0 : -EAGAIN;
}

void afi_bev_put_back(struct af_file *file)
{
	struct afi_bev_file *over = afi_bev_of(file);

	over->put_back = true;
	/* In the middle of a drain libevent's list is not in order. */
	if (over->draining)
		return;
	evbuffer_prepend_buffer(afi_bev_input(file), over->pulled);
	evbuffer_prepend(afi_bev_input(file), afi_buffer_data(&file->in),
			 file->in.len);
}

/* Drops bytes that were copied. It may be closed after that. */
static void bevio_drain(struct af_file *file, size_t n)
{
	struct afi_bev_file *over = afi_bev_of(file);

	over->draining = true;
	evbuffer_drain(over->pulled, n);
	over->draining = false;
	if (over->put_back)
		afi_bev_put_back(file);
}

ssize_t afi_bev_fill(struct af_file *file, size_t want)
{
	struct bufferevent *bev = afi_bev_hold(file);
	ssize_t r = -ECANCELED;

	bevio_take_in(file);
	if (file->attached)
		r = afi_fill_by_read(file, want);
	if (r > 0) {
		bevio_drain(file, (size_t)r);
		/* No callback reports what is there already. */
		if (file->attached)
			afi_bev_pull(file);
		if (file->attached && afi_bev_has_news(file))
			afi_bev_wake(file);
	}
	return afi_bev_let_go(file, bev, r);
}

static size_t bevio_take_count(struct af_file *file)
{
	size_t n = afi_bev_of(file)->in_output;

	afi_bev_of(file)->in_output = 0;
	return n;
}

size_t afi_bev_commit(struct af_file *file)
{
	size_t n = bevio_take_count(file);

	if (n > 0)
		afi_bev_of(file)->counted = true;
	return n;
}

/* Puts as many bytes in the output as there is room for; 0 or -errno. */
static int bevio_take(struct af_file *file, const struct iovec *iov, int n)
{
	struct afi_bev_file *over = afi_bev_of(file);
	struct bufferevent *bev;
	size_t unsent = afi_unsent(over->bev);
	size_t room = unsent < OUTPUT_MAX ? OUTPUT_MAX - unsent : 0;
	int r = 0;

	for (int i = 0; room > 0 && i < n; i++) {
		size_t piece = iov[i].iov_len < room ? iov[i].iov_len : room;

		if (evbuffer_add(over->staged, iov[i].iov_base, piece) < 0)
			break;
		room -= piece;
		over->in_output += piece;
	}
	if (over->in_output == 0)
		return room > 0 ? -ENOMEM : 0;
	/* All at once, and counted before: they may be gone after it. */
	bev = afi_bev_hold(file);
	if (evbuffer_add_buffer(bevio_output(file), over->staged) < 0) {
		evbuffer_drain(over->staged, over->in_output);
		over->in_output = 0;
		r = -ENOMEM;
	}
	return (int)afi_bev_let_go(file, bev, r);
}

/* Returns how many bytes were sent before an error; next time, the error. */
static ssize_t bevio_write_failed(struct af_file *file)
{
	size_t own = evbuffer_get_length(bevio_output(file));
	size_t held = bevio_take_count(file);

	if (held > own)
		return (ssize_t)(held - own);
	afi_bev_of(file)->counted = false;
	return afi_bevstate_take_error(&afi_bev_of(file)->state, AFI_WRITE);
}

ssize_t afi_bev_write(struct af_file *file, const struct iovec *iov, int n)
{
	if (afi_bev_of(file)->in_output == 0 &&
	    !afi_bev_of(file)->state.error[AFI_WRITE]) {
		/*
		 * Wait even if all bytes have left at once, as on a pair, whose
		 * other end must have a turn. It calls back in any case.
		 */
		int r = bevio_take(file, iov, n);

		return r < 0 ? r : -EAGAIN;
	}
	if (afi_bev_of(file)->state.error[AFI_WRITE])
		return bevio_write_failed(file);
	/*
	 * Wait until all have left: a layer below may hold other bytes than
	 * were put in at the top, and another number of them.
	 */
	if (afi_unsent(afi_bev_of(file)->bev) > 0)
		return -EAGAIN;
	return (ssize_t)bevio_take_count(file);
}

bool afi_bev_is_sending(const struct af_file *file)
{
	return !afi_bev_of(file)->state.error[AFI_WRITE] &&
	       afi_unsent(afi_bev_of(file)->bev) > 0;
}

int afi_bev_take_late_error(struct af_file *file)
{
	struct afi_bev_file *over = afi_bev_of(file);
	bool lost = over->counted && afi_unsent(over->bev) > 0;

	over->counted = false;
	return lost ? afi_bevstate_take_error(&over->state, AFI_WRITE) : 0;
}

size_t afi_bev_held(const struct af_file *file)
{
	return evbuffer_get_length(afi_bev_of(file)->pulled) +
	       evbuffer_get_length(afi_bev_input(file));
}
