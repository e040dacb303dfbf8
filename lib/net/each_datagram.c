/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Passes every datagram to a function, without a future for each. Several are
 * read at once, and are in the file until each is passed on: so when the
 * operation ends, nothing needs to be put back. As in file/each.c, the function
 * runs from the ready queue, and the operation stays first in its queue.
 */
#include "config.h"

#include <errno.h>

#include <asyncfile/datagram.h>

#include "file/fill.h"
#include "file/op.h"
#include "net/incoming.h"

/* How many are passed on between two looks at the clock, at most. */
#define BATCH_MAX 16
/* How many are read at once at first: one, and a look whether there is more. */
#define READ_FIRST 2

struct each_datagram {
	struct af_future future;
	struct afi_op op;
	struct afi_task task;
	af_datagram_fn fn;
	void *arg;
	struct afi_pace pace;
	unsigned at_once; /* how many to read; 0: one, of any length */
	bool running;	  /* fn is called, or may be next */
};

static struct each_datagram *each_datagram_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct each_datagram, future);
}

static void each_datagram_finish(struct each_datagram *each, int error,
				 unsigned flags)
{
	afi_task_cancel(&each->future.loop->ready, &each->task);
	afi_arrived_keep(each->op.file);
	each->future.flags = (uint8_t)flags;
	afi_op_end(&each->op, error);
}

/* The next one: what is left of a message, without a sender, comes first. */
static struct afi_message each_datagram_next(struct af_file *file,
					     bool *ret_whole)
{
	struct afi_message rest = {
		.start = file->in.start,
		.len = file->in.len,
	};

	*ret_whole = rest.len == 0;
	if (*ret_whole)
		return afi_arrived_take(file);
	rest.chunk = afi_buffer_give(&file->in);
	return rest;
}

/* Passes one on. True: the operation has ended. */
static bool each_datagram_pass(struct each_datagram *each, struct af_file *file)
{
	bool whole;
	struct afi_message message = each_datagram_next(file, &whole);
	const struct afi_address *from =
		whole ? afi_incoming_sender(message.chunk) : NULL;
	int r;

	each->future.count++;
	each->future.running = true;
	r = each->fn(afi_message_data(&message), message.len,
		     from ? &from->sa : NULL, from ? from->len : 0,
		     message.cut ? AFIO_TRUNCATED : 0, each->arg);
	each->future.running = false;
	afi_chunk_put(afi_loop_pool(each->future.loop), message.chunk);
	if (each->future.done)
		return true;
	if (r == 0)
		return false;
	each_datagram_finish(each, r < 0 ? r : 0, 0);
	return true;
}

/* Passes on all there are. True: it has ended, or the base must be polled. */
static bool each_datagram_pass_all(struct each_datagram *each,
				   struct af_file *file)
{
	struct afi_turn *turn = &each->future.loop->turn;
	unsigned left = afi_pace_begin(&each->pace, turn);

	while (left > 0 && (file->in.len > 0 || file->arrived)) {
		if (each_datagram_pass(each, file))
			return true;
		if (--left == 0)
			left = afi_pace_next(&each->pace, turn, BATCH_MAX);
	}
	return left == 0;
}

/* One of any length: as afi_incoming_take_many(). */
static int each_datagram_read_one(struct af_file *file)
{
	struct afi_arrived *arrived = afi_arrived_new(&file->loop->pool);
	int r;

	if (!arrived)
		return -ENOMEM;
	r = afi_incoming_take(file, SIZE_MAX, SIZE_MAX, &arrived->messages[0]);
	arrived->n = r > 0;
	if (r > 0)
		file->arrived = arrived;
	else
		afi_arrived_free(&file->loop->pool, arrived);
	return r;
}

/* As many at once as there were the last time, and some more. */
static int each_datagram_read_many(struct each_datagram *each,
				   struct af_file *file)
{
	unsigned most = file->unbuffered ? 1 : each->at_once;
	int r = afi_incoming_take_many(file, most);

	if (r == (int)most && 2 * most <= AFI_ARRIVED_MAX)
		each->at_once = 2 * most;
	else if (r >= 0 && (unsigned)r < most / 2 && most > READ_FIRST)
		each->at_once = most / 2;
	return r;
}

/*
 * Reads once: more than 0; 0 at the end; -EAGAIN: it has asked to be woken;
 * another negative errno.
 */
static int each_datagram_fill(struct each_datagram *each, struct af_file *file,
			      bool too_often)
{
	int r = afi_fill_error(file);

	if (r == 0 && !file->eof) {
		if (file->drained[AFI_READ] || too_often)
			r = -EAGAIN;
		else if (each->at_once > 0)
			r = each_datagram_read_many(each, file);
		else
			r = each_datagram_read_one(file);
	}
	return r == -EAGAIN ? afi_file_await(file, AFI_READ) : r;
}

static void each_datagram_on_task(struct afi_task *task);

static void each_datagram_later(struct each_datagram *each)
{
	if (!each->task.run)
		afi_loop_ready(each->future.loop, &each->task,
			       each_datagram_on_task);
}

static void each_datagram_work(struct each_datagram *each)
{
	struct af_file *file = each->op.file;
	int r;

	for (int fills = 0;; fills++) {
		if (each_datagram_pass_all(each, file))
			break;
		r = each_datagram_fill(each, file, fills == AFI_FILLS_MAX);
		if (r == -EAGAIN)
			return;
		if (r == 0)
			file->eof = file->sticky_eof;
		if (r <= 0) {
			each_datagram_finish(each, r, r == 0 ? AFIO_EOF : 0);
			return;
		}
	}
	/* After the poll, unless fn has ended it. */
	if (!each->future.done)
		each_datagram_later(each);
}

static void each_datagram_on_task(struct afi_task *task)
{
	struct each_datagram *each =
		AFI_CONTAINER(task, struct each_datagram, task);
	struct af_file *file = each->op.file;

	afi_file_hold(file);
	af_future_ref(&each->future);
	each->running = true;
	each_datagram_work(each);
	each->running = false;
	af_future_unref(&each->future);
	afi_file_let_go(file);
}

/* May run inside a libevent callback or fn, so it only queues the task. */
static int each_datagram_step(struct afi_op *op)
{
	struct each_datagram *each = each_datagram_of(op->future);

	if (!each->running)
		each_datagram_later(each);
	return -EAGAIN;
}

static void each_datagram_cancel(struct af_future *f)
{
	each_datagram_finish(each_datagram_of(f), -ECANCELED, 0);
}

static void each_datagram_describe(const struct af_future *f, FILE *out)
{
	afi_op_describe(f, out);
	fprintf(out, ", %zu so far", f->count);
}

/*
 * UDP has no message longer than AFI_READ_SIZE; Unix sockets may, and the length
 * of each is asked for.
 */
static bool each_datagram_is_inet(const struct af_file *file)
{
	struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(own);

	getsockname(file->fd, (struct sockaddr *)&own, &len);
	return own.ss_family == AF_INET || own.ss_family == AF_INET6;
}

struct af_future *af_file_each_datagram(struct af_file *file, af_datagram_fn fn,
					void *arg)
{
	static const struct afi_future_ops ops = {
		.name = "each datagram",
		.size = sizeof(struct each_datagram),
		.cancel = each_datagram_cancel,
		.progress = afi_op_progress,
		.describe = each_datagram_describe,
	};
	int r = afi_op_check(file, AFI_READ, 0, 0, NULL);
	struct each_datagram *each;
	struct af_future *f;

	if (r == 0 && !fn)
		r = -EINVAL;
	if (r == 0 && (!file->is_datagram || file->keeps_fds))
		r = -ENOTSUP;
	f = afi_op_new(file, &ops, r);
	if (f->done)
		return f;
	each = each_datagram_of(f);
	each->fn = fn;
	each->arg = arg;
	each->at_once = each_datagram_is_inet(file) ? READ_FIRST : 0;
	afi_op_init(&each->op, f, AFI_READ, each_datagram_step);
	afi_file_queue(file, &each->op);
	return f;
}
