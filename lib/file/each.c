/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each: every line, or every piece, in place and without a future apiece. The
 * program's function runs from the ready queue, as continuations do; while it
 * runs, whatever it does, the operation stays first in its queue.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "file/buffer.h"
#include "file/each.h"

/* Fills in a row before others get their turn. */
#define FILLS_MAX 16

struct each_op {
	struct af_future future;
	struct afi_op op;
	struct afi_task task;
	af_each_fn fn;
	void *arg;
	struct afi_gate *gate; /* NULL: none */
	size_t limit;	       /* a longer line comes in pieces of that */
	bool lines;
	bool running;	/* fn, or what leads to it */
	size_t scanned; /* without a newline in them */
};

static struct each_op *of_future(struct af_future *f)
{
	return (struct each_op *)f;
}

static void finish(struct each_op *each, int error, unsigned flags)
{
	struct af_file *file = each->op.file;

	afi_task_cancel(&file->loop->ready, &each->task);
	afi_file_remove(&each->op);
	each->future.flags = flags;
	afi_future_finish(&each->future, error);
	afi_file_resume(file, AFI_READ);
}

/*
 * A piece counts as taken before the call, which may end the operation, or
 * close the file. True: it is over.
 */
static inline bool hand_out(struct each_op *each, struct af_file *file,
			    const char *data, size_t n, const char *end)
{
	int r;

	file->start += n;
	file->len = (size_t)(end - data) - n; /* no need to look it up */
	each->future.count += n;
	r = each->fn(data, n, each->arg);
	if (!(r | each->future.done))
		return false;
	if (!each->future.done)
		finish(each, r < 0 ? r : 0, 0);
	return true;
}

/*
 * Hands out what is there and whole or, at the end, also what is not. True: it
 * is over.
 */
static bool hand_out_whole(struct each_op *each, struct af_file *file,
			   bool at_end)
{
	const char *data = file->in->data + file->start;
	const char *const end = data + file->len;
	const size_t limit = each->limit;
	size_t searched = each->scanned, n;
	const char *newline;

	while (each->lines &&
	       (newline = memchr(data + searched, '\n',
				 (size_t)(end - data) - searched))) {
		n = (size_t)(newline - data) + 1;
		n = n < limit ? n : limit;
		if (hand_out(each, file, data, n, end))
			return true;
		data += n;
		searched = 0;
	}
	while (data < end &&
	       (!each->lines || at_end || (size_t)(end - data) >= limit)) {
		n = (size_t)(end - data) < limit ? (size_t)(end - data) : limit;
		if (hand_out(each, file, data, n, end))
			return true;
		data += n;
	}
	each->scanned = file->len;
	return false;
}

static bool hand_out_all(struct each_op *each, struct af_file *file,
			 bool at_end)
{
	struct afi_chunk *chunk = file->in;
	bool over;

	if (!chunk)
		return false;
	/* So that what fn was given lives, even if it closes the file. */
	atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
	over = hand_out_whole(each, file, at_end);
	afi_chunk_put(afi_loop_pool(each->future.loop), chunk);
	if (!over)
		afi_consume(file, 0);
	return over;
}

/* The stream ended, or failed. */
static void end(struct each_op *each, struct af_file *file, int error)
{
	if (error == 0 && hand_out_all(each, file, true))
		return;
	if (error == 0)
		file->eof = file->sticky_eof;
	finish(each, error, error == 0 ? AFIO_EOF : 0);
}

static void on_task(struct afi_task *task);

static void later(struct each_op *each)
{
	if (!each->task.run)
		afi_loop_ready(each->future.loop, &each->task, on_task);
}

static void work(struct each_op *each)
{
	struct af_file *file = each->op.file;
	ssize_t r;

	for (int fills = 0; !hand_out_all(each, file, false); fills++) {
		r = file->read_error;
		file->read_error = 0;
		if (r == 0 && !file->eof)
			r = file->drained[AFI_READ] || fills == FILLS_MAX
				    ? -EAGAIN
				    : afi_fill(file, SIZE_MAX);
		if (r > 0 && each->gate)
			gettimeofday(&each->gate->read_at, NULL);
		if (r == -EAGAIN || r == AFI_EMPTY)
			r = afi_file_want(file, AFI_READ) ?: -EAGAIN;
		if (r == -EAGAIN)
			return;
		if (r <= 0) {
			end(each, file, (int)r);
			return;
		}
	}
}

static void on_task(struct afi_task *task)
{
	struct each_op *each =
		(void *)((char *)task - offsetof(struct each_op, task));
	struct afi_gate *gate = each->gate;

	if (gate && gate->shut) {
		gate->missed = true;
		return;
	}
	af_future_ref(&each->future);
	each->running = true;
	work(each);
	each->running = false;
	af_future_unref(&each->future);
}

/* May be inside a libevent callback, or in fn: only says that there is work. */
static int each_step(struct afi_op *op)
{
	struct each_op *each = of_future(op->future);

	if (!each->running)
		later(each);
	return -EAGAIN;
}

static void each_cancel(struct af_future *f)
{
	finish(of_future(f), -ECANCELED, 0);
}

static void each_describe(const struct af_future *f, FILE *out)
{
	const struct each_op *each = (const struct each_op *)f;

	fprintf(out, " fd %d, %zu bytes so far", each->op.file->user_fd,
		f->count);
}

void afi_each_resume(struct af_future *f)
{
	struct afi_op *op = &of_future(f)->op;

	if (!f->done && op == TAILQ_FIRST(&op->file->ops[AFI_READ]))
		each_step(op);
}

static struct af_future *each_new(struct af_file *file, struct afi_gate *gate,
				  af_each_fn fn, void *arg, bool lines)
{
	static const struct afi_future_ops ops = {
		.name = "each",
		.size = sizeof(struct each_op),
		.cancel = each_cancel,
		.describe = each_describe,
	};
	struct af_loop *loop = file ? file->loop : NULL;
	int r = afi_file_check(file, AFI_READ, 0, 0, NULL);
	struct each_op *each;

	if (r == 0 && !fn)
		r = -EINVAL;
	if (r < 0)
		return afi_future_failed(loop, r);
	each = (struct each_op *)afi_operation_new(loop, &ops);
	if (!each)
		return afi_future_failed(loop, -ENOMEM);
	each->op = (struct afi_op){ .direction = AFI_READ,
				    .step = each_step,
				    .future = &each->future };
	each->fn = fn;
	each->arg = arg;
	each->gate = gate;
	each->limit = gate ? gate->limit : SIZE_MAX;
	each->lines = lines;
	each->future.since = afi_now_coarse();
	afi_file_start(file, &each->op);
	return &each->future;
}

struct af_future *afi_each_line(struct af_file *file, struct afi_gate *gate,
				af_each_fn fn, void *arg)
{
	return each_new(file, gate, fn, arg, true);
}

struct af_future *af_file_each_line(struct af_file *file, af_each_fn fn,
				    void *arg)
{
	return each_new(file, NULL, fn, arg, true);
}

struct af_future *af_file_each_chunk(struct af_file *file, af_each_fn fn,
				     void *arg)
{
	return each_new(file, NULL, fn, arg, false);
}
