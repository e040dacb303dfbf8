/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Passes every line, or every piece, to a function, in place and without a
 * future for each. The function runs from the ready queue, as continuations do.
 * While it runs, whatever it does, the operation stays first in its queue.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/container.h"
#include "file/each.h"
#include "file/fill.h"

static struct afi_each *each_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct afi_each, compound.future);
}

/* The flags of a piece that is not a whole line; at the end it is the last. */
static unsigned each_rest_flags(const struct afi_each *each, bool at_end)
{
	if (!each->lines)
		return 0;
	return at_end ? AFIO_EOF : AFIO_TRUNCATED;
}

/*
 * Calls fn with every whole line there is; at_end: also with an incomplete one.
 * True: the operation has ended, or the base must be polled first.
 */
static bool each_hand_out_whole(struct afi_each *each, struct af_file *file,
				bool at_end)
{
	const char *data = afi_buffer_data(&file->in);
	const char *const stop = data + file->in.len;
	const size_t limit = each->limit;
	size_t n;

	if (each->lines && afi_each_lines(each, file, &data, stop))
		return true;
	if ((size_t)(stop - data) > limit && !each->gate) {
		afi_each_finish(each, -EMSGSIZE, 0);
		return true;
	}
	while (data < stop &&
	       (!each->lines || at_end ||
		(each->gate && (size_t)(stop - data) >= limit))) {
		n = (size_t)(stop - data) < limit ? (size_t)(stop - data)
						  : limit;
		if (afi_each_hand_out(each, file, data, data + n, stop,
				      each_rest_flags(each, at_end)))
			return true;
		data += n;
	}
	each->scanned = file->in.len;
	return false;
}

static bool each_hand_out_all(struct afi_each *each, struct af_file *file,
			      bool at_end)
{
	struct afi_chunk *chunk = file->in.chunk;
	bool over;

	if (!chunk)
		return false;
	/* The bytes must stay valid during fn, even if it closes the file. */
	atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
	each->chunk = chunk;
	over = each_hand_out_whole(each, file, at_end);
	afi_chunk_put(afi_loop_pool(each->compound.future.loop), chunk);
	if (!over)
		afi_buffer_trim(&file->in, &file->loop->pool);
	return over;
}

/*
 * The stream has ended; what is left in the buffer is passed on next. False:
 * the gate keeps the operation, until afi_each_resume(), or has ended it.
 */
static bool each_see_end(struct afi_each *each)
{
	struct afi_gate *gate = each->gate;
	enum afi_each_end end = AFI_EACH_END;

	if (gate && gate->on_end)
		end = gate->on_end(gate);
	each->at_end = end == AFI_EACH_END;
	return end != AFI_EACH_WAIT;
}

/* An empty record. True: the operation has ended or waits. */
static bool each_hand_out_empty(struct afi_each *each, struct af_file *file)
{
	static const char nothing[1];

	each->chunk = NULL;
	return afi_each_hand_out(each, file, nothing, nothing, nothing, 0);
}

static void each_on_task(struct afi_task *task);

static void each_later(struct afi_each *each)
{
	if (!each->task.run)
		afi_loop_ready(each->compound.future.loop, &each->task,
			       each_on_task);
}

/*
 * Reads once: bytes; 0 at the end; -EAGAIN: it has asked to be woken;
 * AFI_EMPTY: an empty record; another negative errno.
 */
static ssize_t each_fill(struct afi_each *each, struct af_file *file,
			 bool too_often)
{
	ssize_t r = afi_fill_error(file);

	if (r == 0 && !file->eof)
		r = file->drained[AFI_READ] || too_often
			    ? -EAGAIN
			    : afi_fill(file, SIZE_MAX);
	if (each->compound.future.done)
		return -ECANCELED;
	if (r > 0 && each->gate)
		gettimeofday(&each->gate->read_at, NULL);
	if (r == -EAGAIN || (r == AFI_EMPTY && !each->records))
		r = afi_file_await(file, AFI_READ);
	return r;
}

static void each_work(struct afi_each *each)
{
	struct afi_turn *turn = &each->compound.future.loop->turn;
	struct af_file *file = each->op.file;
	ssize_t r;

	for (int fills = 0;; fills++) {
		if (each_hand_out_all(each, file, each->at_end) ||
		    afi_turn_look(turn))
			break;
		if (each->at_end) {
			afi_each_finish(each, 0, AFIO_EOF);
			return;
		}
		r = each_fill(each, file, fills == AFI_FILLS_MAX);
		if (each->compound.future.done)
			return;
		/* One that is told only once stays, should the each be stopped. */
		if (r == 0)
			file->eof = file->sticky_eof;
		if (r == -EAGAIN || (r == 0 && !each_see_end(each)))
			return;
		if (r == AFI_EMPTY && each_hand_out_empty(each, file))
			break;
		if (r < 0 && r != AFI_EMPTY) {
			afi_each_finish(each, (int)r, 0);
			return;
		}
	}
	/* After the poll, unless fn or the file has ended it. */
	if (!each->compound.future.done && !each->waiting)
		each_later(each);
}

static void each_on_task(struct afi_task *task)
{
	struct afi_each *each = AFI_CONTAINER(task, struct afi_each, task);
	struct af_file *file = each->op.file;
	struct afi_gate *gate = each->gate;

	if (gate && gate->shut) {
		gate->missed = true;
		return;
	}
	afi_file_hold(file);
	af_future_ref(&each->compound.future);
	each->running = true;
	each_work(each);
	each->running = false;
	af_future_unref(&each->compound.future);
	afi_file_let_go(file);
}

/* May run inside a libevent callback or fn, so it only queues the task. */
static int each_step(struct afi_op *op)
{
	struct afi_each *each = each_of(op->future);

	if (!each->running && !each->waiting)
		each_later(each);
	return -EAGAIN;
}

void afi_each_cancel(struct af_future *f)
{
	afi_each_finish(each_of(f), -ECANCELED, 0);
}

void afi_each_describe(const struct af_future *f, FILE *out)
{
	const struct afi_each *each =
		AFI_CONTAINER(f, const struct afi_each, compound.future);

	fprintf(out, " fd %d, %zu bytes so far", each->op.file->user_fd,
		f->count);
}

void afi_each_hold(struct afi_each *each)
{
	each->waiting = true;
	/* What was searched may have been passed on by now. */
	each->scanned = 0;
}

void afi_each_go_on(struct afi_each *each)
{
	each->waiting = false;
	each_later(each);
}

void afi_each_resume(struct af_future *f)
{
	struct afi_op *op = &each_of(f)->op;

	if (!f->done && afi_file_is_first(op))
		each_step(op);
}

static size_t each_limit(const struct af_file *file,
			 const struct afi_gate *gate, enum af_each what)
{
	size_t limit = gate ? gate->limit : SIZE_MAX;

	return what != AFIO_EACH_CHUNK && file->limit && file->limit < limit
		       ? file->limit
		       : limit;
}

struct af_future *afi_each_new(struct af_file *file,
			       const struct afi_future_ops *ops, int r,
			       struct afi_gate *gate, enum af_each what,
			       af_each_fn fn, void *arg)
{
	int checked = afi_op_check(file, AFI_READ, 0, 0, NULL);
	struct afi_each *each;
	struct af_future *f;

	f = afi_op_new(file, ops, checked < 0 ? checked : r);
	if (f->done)
		return f;
	each = each_of(f);
	afi_op_init(&each->op, f, AFI_READ, each_step);
	each->fn = fn;
	each->arg = arg;
	each->gate = gate;
	each->limit = each_limit(file, gate, what);
	each->lines = what == AFIO_EACH_LINE;
	each->records = what == AFIO_EACH_RECORD;
	return f;
}

static struct af_future *each_start(struct af_file *file, struct afi_gate *gate,
				    af_each_fn fn, void *arg, enum af_each what)
{
	static const struct afi_future_ops ops = {
		.name = "each",
		.size = sizeof(struct afi_each),
		.cancel = afi_each_cancel,
		.progress = afi_op_progress,
		.describe = afi_each_describe,
	};
	struct af_future *f =
		afi_each_new(file, &ops, fn ? 0 : -EINVAL, gate, what, fn, arg);

	if (!f->done)
		afi_file_queue(file, &each_of(f)->op);
	return f;
}

struct af_future *afi_each_line(struct af_file *file, struct afi_gate *gate,
				af_each_fn fn, void *arg)
{
	return each_start(file, gate, fn, arg, AFIO_EACH_LINE);
}

struct af_future *afi_each_chunk(struct af_file *file, struct afi_gate *gate,
				 af_each_fn fn, void *arg)
{
	return each_start(file, gate, fn, arg, AFIO_EACH_CHUNK);
}

struct af_future *af_file_each_line(struct af_file *file, af_each_fn fn,
				    void *arg)
{
	return each_start(file, NULL, fn, arg, AFIO_EACH_LINE);
}

struct af_future *af_file_each_chunk(struct af_file *file, af_each_fn fn,
				     void *arg)
{
	return each_start(file, NULL, fn, arg, AFIO_EACH_CHUNK);
}
