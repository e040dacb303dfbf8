/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeding: a function of the program fills a chunk, which is written before the
 * function is asked again. It runs from the ready queue, as continuations do;
 * while it runs, whatever it does, the operation stays first in its queue.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>

#include "file/feed.h"
#include "file/file.h"

/* Calls and writes in a row before others get their turn. */
#define MOVES_MAX 16

struct feed_op {
	struct af_future future;
	struct afi_op op;
	struct afi_task task;
	afi_feed_fn fn;
	void *arg;
	bool running; /* fn, or what leads to it */
	struct afi_chunk *chunk;
	size_t start, len; /* of what is not yet written in it */
};

static struct feed_op *of_future(struct af_future *f)
{
	return (struct feed_op *)f;
}

static void finish(struct feed_op *feed, int error)
{
	struct af_file *file = feed->op.file;

	afi_task_cancel(&file->loop->ready, &feed->task);
	afi_file_remove(&feed->op);
	afi_future_finish(&feed->future, error);
	afi_file_resume(file, AFI_WRITE);
}

/* Gets the next bytes; whether there are any, or else it is over. */
static bool ask(struct feed_op *feed)
{
	struct af_loop *loop = feed->future.loop;
	ssize_t n = -ENOMEM;

	if (!feed->chunk)
		feed->chunk = afi_chunk_get(&loop->pool, AFI_CHUNK_SIZE);
	if (feed->chunk)
		n = feed->fn(feed->chunk->data, AFI_CHUNK_SIZE, feed->arg);
	if (feed->future.done) /* cancelled, or the file closed, by fn */
		return false;
	if (n > AFI_CHUNK_SIZE)
		n = -EINVAL;
	if (n <= 0) {
		finish(feed, (int)n);
		return false;
	}
	feed->start = 0;
	feed->len = (size_t)n;
	return true;
}

static void wait_for_room(struct feed_op *feed)
{
	int r = afi_file_want(feed->op.file, AFI_WRITE);

	if (r < 0)
		finish(feed, r);
}

/* Writes what it can; whether that was something, or else it waits or ended. */
static bool write_some(struct feed_op *feed)
{
	struct af_file *file = feed->op.file;
	struct iovec iov = { .iov_base = feed->chunk->data + feed->start,
			     .iov_len = feed->len };
	ssize_t r = file->transport->write(file, &iov, 1);

	if (r > 0) {
		feed->start += (size_t)r;
		feed->len -= (size_t)r;
		feed->future.count += (size_t)r;
		return true;
	}
	if (r == 0 || r == -EAGAIN)
		wait_for_room(feed);
	else
		finish(feed, (int)r);
	return false;
}

static void on_task(struct afi_task *task);

static void later(struct feed_op *feed)
{
	if (!feed->task.run)
		afi_loop_ready(feed->future.loop, &feed->task, on_task);
}

static void on_task(struct afi_task *task)
{
	struct feed_op *feed =
		(void *)((char *)task - offsetof(struct feed_op, task));
	bool more = true;

	af_future_ref(&feed->future);
	feed->running = true;
	for (int moves = 0; more && moves < MOVES_MAX; moves++)
		more = feed->len > 0 ? write_some(feed) : ask(feed);
	/* Not from the ready queue again: libevent is to have its turn, too. */
	if (more)
		wait_for_room(feed);
	feed->running = false;
	af_future_unref(&feed->future);
}

/* May be inside a libevent callback, or in fn: only says that there is work. */
static int feed_step(struct afi_op *op)
{
	struct feed_op *feed = of_future(op->future);

	if (!feed->running)
		later(feed);
	return -EAGAIN;
}

static void feed_cancel(struct af_future *f)
{
	finish(of_future(f), -ECANCELED);
}

static void feed_destroy(struct af_future *f)
{
	afi_chunk_put(afi_loop_pool(f->loop), of_future(f)->chunk);
}

static void feed_describe(const struct af_future *f, FILE *out)
{
	const struct feed_op *feed = (const struct feed_op *)f;

	fprintf(out, " fd %d, %zu bytes so far", feed->op.file->user_fd,
		f->count);
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
	int r = afi_file_check(file, AFI_WRITE, 0, 0, NULL);
	struct feed_op *feed;

	if (r < 0)
		return afi_future_failed(file->loop, r);
	feed = (struct feed_op *)afi_operation_new(file->loop, &ops);
	if (!feed)
		return afi_future_failed(file->loop, -ENOMEM);
	feed->op = (struct afi_op){ .direction = AFI_WRITE,
				    .step = feed_step,
				    .future = &feed->future };
	feed->fn = fn;
	feed->arg = arg;
	feed->future.since = afi_now_coarse();
	afi_file_start(file, &feed->op);
	return &feed->future;
}
