/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeding: a function of the program fills a chunk, which is written before the
 * function is called again. It runs from the ready queue, as continuations do.
 * While it runs, whatever it does, the operation stays first in its queue.
 */
#include "config.h"

#include "file/feed.h"
#include "file/op.h"

/* Calls and writes in one turn. */
#define MOVES_MAX 16

struct feed_op {
	struct af_future future;
	struct afi_op op;
	struct afi_task task;
	afi_feed_fn fn;
	void *arg;
	bool running; /* in feed_on_task(), which calls fn */
	struct afi_chunk *chunk;
	size_t start, len; /* of the bytes not yet written */
};

static struct feed_op *feed_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct feed_op, future);
}

static void feed_finish(struct feed_op *feed, int error)
{
	afi_task_cancel(&feed->future.loop->ready, &feed->task);
	afi_op_end(&feed->op, error);
}

/* Gets the next bytes from fn. False: the operation has ended. */
static bool feed_ask(struct feed_op *feed)
{
	struct af_loop *loop = feed->future.loop;
	ssize_t n = -ENOMEM;

	if (!feed->chunk)
		feed->chunk = afi_chunk_get(&loop->pool, AFI_CHUNK_SIZE);
	if (feed->chunk)
		n = feed->fn(feed->chunk->data, AFI_READ_SIZE, feed->arg);
	if (feed->future.done) /* cancelled, or the file closed, by fn */
		return false;
	if (n > AFI_READ_SIZE)
		n = -EINVAL;
	if (n <= 0) {
		feed_finish(feed, (int)n);
		return false;
	}
	feed->start = 0;
	feed->len = (size_t)n;
	return true;
}

static void feed_wait_for_room(struct feed_op *feed)
{
	int r = afi_file_want(feed->op.file, AFI_WRITE);

	if (r < 0 && !feed->future.done)
		feed_finish(feed, r);
}

/* Writes some bytes. False: the operation waits or has ended. */
static bool feed_write_some(struct feed_op *feed)
{
	struct af_file *file = feed->op.file;
	struct iovec iov = { .iov_base = feed->chunk->data + feed->start,
			     .iov_len = feed->len };
	ssize_t r = file->transport->write(file, &iov, 1);

	afi_file_note(file, r);
	if (feed->future.done)
		return false;
	if (r > 0) {
		feed->start += (size_t)r;
		feed->len -= (size_t)r;
		feed->future.count += (size_t)r;
		return true;
	}
	if (r == 0 || r == -EAGAIN)
		feed_wait_for_room(feed);
	else
		feed_finish(feed, (int)r);
	return false;
}

static void feed_on_task(struct afi_task *task);

static void feed_later(struct feed_op *feed)
{
	if (!feed->task.run)
		afi_loop_ready(feed->future.loop, &feed->task, feed_on_task);
}

static void feed_on_task(struct afi_task *task)
{
	struct feed_op *feed = AFI_CONTAINER(task, struct feed_op, task);
	struct af_file *file = feed->op.file;
	bool more = true;

	afi_file_hold(file);
	af_future_ref(&feed->future);
	feed->running = true;
	for (int moves = 0; more && moves < MOVES_MAX; moves++) {
		more = feed->len > 0 ? feed_write_some(feed) : feed_ask(feed);
		if (afi_turn_look(&feed->future.loop->turn))
			break;
	}
	/* Not by the ready queue: libevent must have a turn, too. */
	if (more)
		feed_wait_for_room(feed);
	feed->running = false;
	af_future_unref(&feed->future);
	afi_file_let_go(file);
}

/* May run inside a libevent callback or fn, so it only queues the task. */
static int feed_step(struct afi_op *op)
{
	struct feed_op *feed = feed_of(op->future);

	if (!feed->running)
		feed_later(feed);
	return -EAGAIN;
}

static void feed_cancel(struct af_future *f)
{
	feed_finish(feed_of(f), -ECANCELED);
}

static void feed_destroy(struct af_future *f)
{
	afi_chunk_put(afi_loop_pool(f->loop), feed_of(f)->chunk);
}

static void feed_describe(const struct af_future *f, FILE *out)
{
	afi_op_describe(f, out);
	fprintf(out, ", %zu bytes so far", f->count);
}

struct af_future *afi_feed(struct af_file *file, afi_feed_fn fn, void *arg)
{
	static const struct afi_future_ops ops = {
		.name = "feed",
		.size = sizeof(struct feed_op),
		.cancel = feed_cancel,
		.destroy = feed_destroy,
		.describe = feed_describe,
	};
	struct af_future *f = afi_op_new(
		file, &ops, afi_op_check(file, AFI_WRITE, 0, 0, NULL));
	struct feed_op *feed;

	if (f->done)
		return f;
	feed = feed_of(f);
	afi_op_init(&feed->op, f, AFI_WRITE, feed_step);
	feed->fn = fn;
	feed->arg = arg;
	afi_file_queue(file, &feed->op);
	return f;
}
