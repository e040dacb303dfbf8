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
#include "file/newlines.h"

/*
 * So many bytes of lines are searched between two looks at the clock: far more
 * lines than it costs, and no more than matter if the next ones take long.
 */
#define WINDOW_MAX 8192

static struct afi_each *each_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct afi_each, compound.future);
}

void afi_each_finish(struct afi_each *each, int error, unsigned flags)
{
	afi_task_cancel(&each->compound.future.loop->ready, &each->task);
	each->compound.future.flags = flags;
	afi_op_end(&each->op, error);
}

/* After a call of fn: whether the operation has ended or waits. */
static bool each_is_over(struct afi_each *each, int r)
{
	if (!each->compound.future.done && !each->waiting)
		afi_each_finish(each, r < 0 ? r : 0, 0);
	return true;
}

/*
 * Calls fn with the bytes from data to end, of those up to stop. They are taken
 * before the call, which may end the operation or close the file. True: the
 * operation has ended or waits.
 */
static inline bool each_hand_out(struct afi_each *each, struct af_file *file,
				 const char *data, const char *end,
				 const char *stop, unsigned flags)
{
	size_t n = (size_t)(end - data);
	int r;

	afi_buffer_advance(&file->in, n, (size_t)(stop - end));
	each->compound.future.count += n;
	r = each->fn(data, n, flags, each->arg);
	return r | each->compound.future.done && each_is_over(each, r);
}

/* The flags of a piece that is not a whole line. */
static unsigned each_rest_flags(const struct afi_each *each, size_t n,
				bool at_end)
{
	if (!each->lines)
		return 0;
	return at_end && n == each->op.file->in.len ? AFIO_EOF : AFIO_TRUNCATED;
}

/* How far to search for lines before the clock is read again; NULL: poll. */
static const char *each_window(struct afi_each *each, const char *from,
			       const char *end, bool first)
{
	struct afi_turn *turn = &each->compound.future.loop->turn;
	size_t n = first ? afi_pace_begin(&each->pace, turn)
			 : afi_pace_next(&each->pace, turn, WINDOW_MAX);

	if (n == 0 || !afi_loop_is_here(each->compound.future.loop))
		return NULL;
	return (size_t)(end - from) > n ? from + n : end;
}

/*
 * A line up to end is longer than a piece may be: calls fn with all pieces but
 * the last one, which it returns. NULL: the operation has ended or waits.
 */
__attribute__((noinline)) static const char *
each_hand_out_pieces(struct afi_each *each, struct af_file *file,
		     const char *data, const char *end, const char *stop)
{
	if (!each->gate) {
		afi_each_finish(each, -EMSGSIZE, 0);
		return NULL;
	}
	for (; (size_t)(end - data) > each->limit; data += each->limit)
		if (each_hand_out(each, file, data, data + each->limit, stop,
				  AFIO_TRUNCATED))
			return NULL;
	return data;
}

__attribute__((noinline)) static uint64_t each_find_last(const char *from,
							 const char *stop)
{
	char rest[AFI_NEWLINES] = { 0 };

	memcpy(rest, from, (size_t)(stop - from));
	return afi_newlines(rest);
}

/* The newlines of the next 64 bytes, or of those up to stop. */
__attribute__((noinline)) static uint64_t each_find(const char *from,
						    const char *stop)
{
	return stop - from < AFI_NEWLINES ? each_find_last(from, stop)
					  : afi_newlines(from);
}

/*
 * Where to go on after 64 bytes, or stop. If these were a part of a long line,
 * memchr(3) is faster.
 */
static inline const char *each_next(const char *from, const char *stop,
				    bool is_long)
{
	if (stop - from <= AFI_NEWLINES)
		return stop;
	from += AFI_NEWLINES;
	if (is_long)
		from = memchr(from, '\n', (size_t)(stop - from));
	return from ? from : stop;
}

/*
 * Calls fn with every line that ends between from and until; the first one begins
 * at data. Returns where the next one does. NULL: the operation has ended or
 * waits. A function of its own, as then all that it needs is in registers.
 */
__attribute__((noinline)) static const char *
each_hand_out_lines(struct afi_each *each, struct af_file *file,
		    const char *data, const char *from, const char *until,
		    const char *stop)
{
	while (from < until) {
		uint64_t found = each_find(from, until);
		bool is_long = !found;

		for (; found; found &= found - 1) {
			const char *end = from + __builtin_ctzll(found) + 1;

			if ((size_t)(end - data) > each->limit) {
				data = each_hand_out_pieces(each, file, data,
							    end, stop);
				if (!data)
					return NULL;
			}
			if (each_hand_out(each, file, data, end, stop, 0))
				return NULL;
			data = end;
		}
		from = each_next(from, until, is_long);
	}
	return data;
}

/*
 * Calls fn with every whole line; *data is moved behind them. True: the operation
 * has ended or waits, or the base must be polled first.
 */
static bool each_hand_out_windows(struct afi_each *each, struct af_file *file,
				  const char **data, const char *stop)
{
	const char *from = *data + each->scanned;
	const char *until = each_window(each, from, stop, true);

	for (; until; until = each_window(each, from, stop, false)) {
		*data = each_hand_out_lines(each, file, *data, from, until,
					    stop);
		if (!*data)
			return true;
		from = until;
		if (until == stop)
			break;
	}
	each->scanned = (size_t)(from - *data);
	return !until;
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

	if (each->lines && each_hand_out_windows(each, file, &data, stop))
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
		if (each_hand_out(each, file, data, data + n, stop,
				  each_rest_flags(each, n, at_end)))
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

/* An empty datagram is a record, too. True: the operation has ended or waits. */
static bool each_hand_out_empty(struct afi_each *each, struct af_file *file)
{
	static const char nothing[1];

	each->chunk = NULL;
	return each->records &&
	       each_hand_out(each, file, nothing, nothing, nothing, 0);
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
 * AFI_EMPTY; another negative errno.
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
			file->eof = file->sticky_eof;
			afi_each_finish(each, 0, AFIO_EOF);
			return;
		}
		r = each_fill(each, file, fills == AFI_FILLS_MAX);
		if (each->compound.future.done)
			return;
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
