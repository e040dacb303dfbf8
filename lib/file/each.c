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

#include "file/each.h"
#include "file/fill.h"
#include "file/op.h"

/*
 * So many bytes of lines are searched between two looks at the clock: far more
 * lines than it costs, and no more than matter if the next ones take long.
 */
#define WINDOW_MAX 8192

struct each_op {
	struct af_future future;
	struct afi_op op;
	struct afi_task task;
	af_each_fn fn;
	void *arg;
	struct afi_gate *gate; /* NULL: none */
	size_t limit;	       /* longest piece passed at once */
	bool lines;
	bool running;	      /* in each_work(), which calls fn */
	size_t scanned;	      /* bytes known to have no newline */
	struct afi_pace pace; /* in bytes of lines */
};

static struct each_op *each_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct each_op, future);
}

static void each_finish(struct each_op *each, int error, unsigned flags)
{
	afi_task_cancel(&each->future.loop->ready, &each->task);
	each->future.flags = flags;
	afi_op_end(&each->op, error);
}

/*
 * Calls fn with n bytes. They are taken before the call, which may end the
 * operation or close the file. True: the operation has ended.
 */
static inline bool each_hand_out(struct each_op *each, struct af_file *file,
				 const char *data, size_t n, const char *end,
				 unsigned flags)
{
	int r;

	afi_buffer_advance(&file->in, n, (size_t)(end - data) - n);
	each->future.count += n;
	r = each->fn(data, n, flags, each->arg);
	if (!(r | each->future.done))
		return false;
	if (!each->future.done)
		each_finish(each, r < 0 ? r : 0, 0);
	return true;
}

/* The flags of a piece that is not a whole line. */
static unsigned each_rest_flags(const struct each_op *each, size_t n,
				bool at_end)
{
	if (!each->lines)
		return 0;
	return at_end && n == each->op.file->in.len ? AFIO_EOF : AFIO_TRUNCATED;
}

/* A line that is longer than the file's limit stays in the file. */
static bool each_fail_too_long(struct each_op *each)
{
	each_finish(each, -EMSGSIZE, 0);
	return true;
}

/* How far to search for lines before the clock is read again; NULL: poll. */
static const char *each_window(struct each_op *each, const char *from,
			       const char *end, bool first)
{
	struct afi_turn *turn = &each->future.loop->turn;
	size_t n = first ? afi_pace_begin(&each->pace, turn)
			 : afi_pace_next(&each->pace, turn, WINDOW_MAX);

	if (n == 0 || !afi_loop_is_here(each->future.loop))
		return NULL;
	return (size_t)(end - from) > n ? from + n : end;
}

/*
 * Calls fn with every whole line before end; *data is moved behind them. True:
 * the operation has ended, or the base must be polled first.
 */
static bool each_hand_out_lines(struct each_op *each, struct af_file *file,
				const char **data_, const char *const end)
{
	const char *data = *data_, *newline;
	const size_t limit = each->limit;
	size_t searched = each->scanned, n;
	const char *stop = each_window(each, data + searched, end, true);

	while (stop) {
		while ((newline = memchr(data + searched, '\n',
					 (size_t)(stop - data) - searched))) {
			unsigned flags = 0;

			n = (size_t)(newline - data) + 1;
			if (n > limit && !each->gate)
				return each_fail_too_long(each);
			if (n > limit) {
				n = limit;
				flags = AFIO_TRUNCATED;
			}
			if (each_hand_out(each, file, data, n, end, flags))
				return true;
			data += n;
			searched = 0;
		}
		searched = (size_t)(stop - data);
		if (stop == end)
			break;
		stop = each_window(each, stop, end, false);
	}
	each->scanned = searched;
	*data_ = data;
	return !stop;
}

/*
 * Calls fn with every whole line there is; at_end: also with an incomplete one.
 * True: the operation has ended, or the base must be polled first.
 */
static bool each_hand_out_whole(struct each_op *each, struct af_file *file,
				bool at_end)
{
	const char *data = afi_buffer_data(&file->in);
	const char *const end = data + file->in.len;
	const size_t limit = each->limit;
	size_t n;

	if (each->lines && each_hand_out_lines(each, file, &data, end))
		return true;
	if ((size_t)(end - data) > limit && !each->gate)
		return each_fail_too_long(each);
	while (data < end && (!each->lines || at_end ||
			      (each->gate && (size_t)(end - data) >= limit))) {
		n = (size_t)(end - data) < limit ? (size_t)(end - data) : limit;
		if (each_hand_out(each, file, data, n, end,
				  each_rest_flags(each, n, at_end)))
			return true;
		data += n;
	}
	each->scanned = file->in.len;
	return false;
}

static bool each_hand_out_all(struct each_op *each, struct af_file *file,
			      bool at_end)
{
	struct afi_chunk *chunk = file->in.chunk;
	bool over;

	if (!chunk)
		return false;
	/* The bytes must stay valid during fn, even if it closes the file. */
	atomic_fetch_add_explicit(&chunk->refs, 1, memory_order_relaxed);
	over = each_hand_out_whole(each, file, at_end);
	afi_chunk_put(afi_loop_pool(each->future.loop), chunk);
	if (!over)
		afi_buffer_trim(&file->in, &file->loop->pool);
	return over;
}

/* Ends the operation when the stream has ended or failed. */
static void each_end(struct each_op *each, struct af_file *file, int error)
{
	if (error == 0 && each_hand_out_all(each, file, true))
		return;
	if (error == 0)
		file->eof = file->sticky_eof;
	each_finish(each, error, error == 0 ? AFIO_EOF : 0);
}

static void each_on_task(struct afi_task *task);

static void each_later(struct each_op *each)
{
	if (!each->task.run)
		afi_loop_ready(each->future.loop, &each->task, each_on_task);
}

static void each_work(struct each_op *each)
{
	struct afi_turn *turn = &each->future.loop->turn;
	struct af_file *file = each->op.file;
	ssize_t r;

	for (int fills = 0;; fills++) {
		if (each_hand_out_all(each, file, false) || afi_turn_look(turn))
			break;
		r = afi_fill_error(file);
		if (r == 0 && !file->eof)
			r = file->drained[AFI_READ] || fills == AFI_FILLS_MAX
				    ? -EAGAIN
				    : afi_fill(file, SIZE_MAX);
		if (each->future.done)
			return;
		if (r > 0 && each->gate)
			gettimeofday(&each->gate->read_at, NULL);
		if (r == -EAGAIN || r == AFI_EMPTY)
			r = afi_file_await(file, AFI_READ);
		if (r == -EAGAIN || each->future.done)
			return;
		if (r <= 0) {
			each_end(each, file, (int)r);
			return;
		}
	}
	/* After the poll, unless fn or the file has ended it. */
	if (!each->future.done)
		each_later(each);
}

static void each_on_task(struct afi_task *task)
{
	struct each_op *each = AFI_CONTAINER(task, struct each_op, task);
	struct af_file *file = each->op.file;
	struct afi_gate *gate = each->gate;

	if (gate && gate->shut) {
		gate->missed = true;
		return;
	}
	afi_file_hold(file);
	af_future_ref(&each->future);
	each->running = true;
	each_work(each);
	each->running = false;
	af_future_unref(&each->future);
	afi_file_let_go(file);
}

/* May run inside a libevent callback or fn, so it only queues the task. */
static int each_step(struct afi_op *op)
{
	struct each_op *each = each_of(op->future);

	if (!each->running)
		each_later(each);
	return -EAGAIN;
}

static void each_cancel(struct af_future *f)
{
	each_finish(each_of(f), -ECANCELED, 0);
}

static void each_describe(const struct af_future *f, FILE *out)
{
	afi_op_describe(f, out);
	fprintf(out, ", %zu bytes so far", f->count);
}

void afi_each_resume(struct af_future *f)
{
	struct afi_op *op = &each_of(f)->op;

	if (!f->done && afi_file_is_first(op))
		each_step(op);
}

static size_t each_limit(const struct af_file *file,
			 const struct afi_gate *gate, bool lines)
{
	if (gate)
		return gate->limit;
	return lines && file->limit ? file->limit : SIZE_MAX;
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
	int r = afi_op_check(file, AFI_READ, 0, 0, NULL);
	struct each_op *each;
	struct af_future *f;

	if (r == 0 && !fn)
		r = -EINVAL;
	f = afi_op_new(file, &ops, r);
	if (f->done)
		return f;
	each = each_of(f);
	afi_op_init(&each->op, f, AFI_READ, each_step);
	each->fn = fn;
	each->arg = arg;
	each->gate = gate;
	each->limit = each_limit(file, gate, lines);
	each->lines = lines;
	afi_file_queue(file, &each->op);
	return f;
}

struct af_future *afi_each_line(struct af_file *file, struct afi_gate *gate,
				af_each_fn fn, void *arg)
{
	return each_new(file, gate, fn, arg, true);
}

struct af_future *afi_each_chunk(struct af_file *file, struct afi_gate *gate,
				 af_each_fn fn, void *arg)
{
	return each_new(file, gate, fn, arg, false);
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
