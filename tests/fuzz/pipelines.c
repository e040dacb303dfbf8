/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pipelines of up to five real stages, each a small program. What comes out,
 * and how each stage ends, is worked out stage by stage, as a function of
 * bytes: every way to use the pipeline must agree.
 */
#include <sys/mman.h>

#include "fuzz/stages.h"

static struct af_process *start_one(unsigned i, struct af_process *before)
{
	struct af_spawn_options o = ends;
	struct af_process *process;

	if (before) {
		o.in = (struct af_stdio){ .kind = AFIO_PROCESS };
		o.in.process = before;
	}
	process = af_spawn(loop, stages[i].given.argv, &o);
	must(process);
	return process;
}

/* In one of the ways that there are. */
static struct af_pipe *start(void)
{
	unsigned way = take_below(program, 5);
	const char *const *argvs[MAX_STAGES + 1] = { NULL };
	struct af_stage given[MAX_STAGES];
	struct af_process *processes[MAX_STAGES];
	struct af_pipe *pipeline = NULL;
	struct af_future *f = NULL;

	for (unsigned i = 0; i < n_stages; i++) {
		argvs[i] = stages[i].given.argv;
		given[i] = stages[i].given;
	}
	if (way == 0) {
		pipeline = af_pipe_spawn(loop, argvs, &ends);
	} else if (way == 1) {
		pipeline = af_pipe_spawn_stages(loop, given, n_stages, &ends);
	} else if (way == 2) {
		f = af_pipe_spawn_async(loop, argvs, &ends);
	} else if (way == 3 || ends.err.kind != AFIO_STDOUT) {
		f = af_pipe_spawn_stages_async(loop, given, n_stages, &ends);
	} else {
		for (unsigned i = 0; i < n_stages; i++)
			processes[i] =
				start_one(i, i ? processes[i - 1] : NULL);
		pipeline = af_pipe_from(processes, n_stages);
	}
	if (f) {
		must(await_soon(f) == 0);
		pipeline = af_future_take_pipe(f);
		af_future_unref(f);
	}
	must(pipeline);
	return pipeline;
}

/* Each stage that is a tag has said its number, once. */
static void check_err(const char *err, size_t len, unsigned from, unsigned to)
{
	unsigned said = 0, expected = 0;

	for (size_t i = 0; i < len; i += 2) {
		must(i + 1 < len && err[i + 1] == '\n');
		must(err[i] >= '0' && err[i] < '0' + MAX_STAGES);
		must(!(said & 1u << (err[i] - '0')));
		said |= 1u << (err[i] - '0');
	}
	for (unsigned i = from; i < to && ends.err.kind != AFIO_STDOUT; i++)
		expected |= stages[i].kind == TAG ? 1u << i : 0;
	must(said == expected);
}

struct source {
	size_t taken;
	bool fails;
};

static ssize_t next_input(void *buf, size_t len, void *arg)
{
	struct source *source = arg;
	size_t n = input_len - source->taken;

	if (source->fails && n < input_len / 2)
		return -EPROTO;
	n = n < 777 ? n : 777;
	n = n < len ? n : len;
	memcpy(buf, input + source->taken, n);
	source->taken += n;
	return (ssize_t)n;
}

static int input_file(void)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, input, input_len) == (ssize_t)input_len);
	must(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void check_output(struct af_future *f, size_t max, bool truncate)
{
	const struct af_output *out = af_future_output(f);
	const struct af_stage_output *stage;
	int r = af_future_error(f);

	must(out && out->out[out->out_len] == '\0');
	must(out->out_len <= output_len);
	must(memcmp(out->out, output, out->out_len) == 0);
	must(out->input_taken <= input_len);
	must(af_future_count(f) == out->input_taken);
	if (max && output_len > max) {
		must(r == (truncate ? 0 : -EMSGSIZE) && out->out_len == max);
		must(r < 0 || af_future_flags(f) == AFIO_TRUNCATED);
	} else if (r == 0) {
		must(out->out_len == output_len && af_future_flags(f) == 0);
	}
	if (r < 0)
		return;
	must(!takes_all || out->input_taken == input_len);
	must(out->n_stages == n_stages && !af_output_stage(out, n_stages));
	for (unsigned i = 0; i < n_stages; i++) {
		stage = af_output_stage(out, i);
		if (ends.err.kind == AFIO_PIPE_EACH)
			check_err(stage->err, stage->err_len, i, i + 1);
		else
			must(stage->err_len == 0);
	}
	if (ends.err.kind != AFIO_PIPE_EACH)
		check_err(out->err, out->err_len, 0, n_stages);
}

static void communicate(struct af_pipe *pipeline)
{
	unsigned how = take_byte(program), limit = take_byte(program);
	struct source source = { .fails = (how & 0x1f) == 0x1f };
	struct af_communicate_options o = {
		.input_kind = input_len ? 1 + how % 4 : AFIO_INPUT_NONE,
		.input = input,
		.input_len = input_len,
		.input_fn = next_input,
		.input_arg = &source,
		.timeout = (how & 0x60) == 0x60 ? &at_once : NULL,
		.max_output = limit > 127 ? limit * (how & 4 ? 100u : 1u) : 0,
		.overflow = how & 8 ? AFIO_OVERFLOW_TRUNCATE : 0,
	};
	int fd = input_file(), r;
	struct af_future *f;

	o.input_fd = fd;
	o.input_file = af_file_new(loop, fd, AFIO_KEEP_FD);
	must(o.input_file);
	f = af_pipe_communicate(pipeline, &o);
	if ((how & 0x90) == 0x90) {
		for (unsigned n = take_below(program, 4); n > 0; n--)
			turn_a_while();
		af_future_cancel(f);
	}
	r = await_soon(f);
	must(r == 0 || r == -EMSGSIZE ||
	     (r == -ECANCELED && (how & 0x90) == 0x90) ||
	     (r == -ETIMEDOUT && o.timeout) || (r == -EPROTO && source.fails));
	if (r == 0 || r == -EMSGSIZE)
		check_output(f, o.max_output, o.overflow);
	if (r == 0)
		check_ends(pipeline, af_future_output(f)->status, false);
	af_future_unref(f);
	must(af_file_close(o.input_file) == 0);
	close(fd);
}

struct lines {
	size_t taken;
	unsigned said;
	bool whole;
};

static int each(const struct af_line *line, void *arg)
{
	struct lines *lines = arg;
	const char *end = memchr(line->data, '\n', line->len);

	must(line->len > 0);
	if (line->stream == 2) {
		must(line->stage ==
		     (ends.err.kind == AFIO_PIPE_EACH || n_stages == 1
			      ? line->data[0] - '0'
			      : -1));
		lines->said += (unsigned)line->len;
		return 0;
	}
	must(line->stream == 1 && line->stage == (int)n_stages - 1);
	must(line->len <= output_len - lines->taken);
	must(memcmp(line->data, output + lines->taken, line->len) == 0);
	lines->taken += line->len;
	if (lines->whole && end)
		must(end == line->data + line->len - 1);
	else if (lines->whole)
		must(line->flags & (AFIO_EOF | AFIO_TRUNCATED));
	return take_byte(program) == 255 ? -EPROTO : 0;
}

static void feed(struct af_pipe *pipeline, struct af_future *fed[2])
{
	fed[0] = af_pipe_write(pipeline, input, input_len,
			       AFIO_FULL | (input_len & 1 ? AFIO_BORROW : 0),
			       NULL);
	fed[1] = af_pipe_finish_stdin(pipeline, NULL);
}

static void expect_fed(struct af_future *fed[2])
{
	int r = await_soon(fed[0]);

	must(r == 0 ? af_future_count(fed[0]) == input_len
		    : r == -EPIPE && !takes_all);
	must(await_soon(fed[1]) == 0);
	af_future_unref(fed[0]);
	af_future_unref(fed[1]);
}

static void take_lines(struct af_pipe *pipeline)
{
	struct lines lines = { .whole = take_byte(program) & 1 };
	struct af_future *fed[2], *f;
	unsigned tags = 0;
	int r;

	feed(pipeline, fed);
	f = lines.whole ? af_pipe_each_line(pipeline, each, &lines)
			: af_pipe_each_chunk(pipeline, each, &lines);
	r = await_soon(f);
	for (unsigned i = 0; i < n_stages; i++)
		tags += stages[i].kind == TAG ? 2 : 0;
	if (r == 0) {
		must(lines.taken == output_len);
		must(lines.said == (ends.err.kind == AFIO_STDOUT ? 0 : tags));
		check_ends(pipeline, af_future_status(f), false);
		expect_fed(fed);
	} else {
		must(r == -EPROTO);
		af_pipe_close_stdin(pipeline);
		af_future_unref(fed[0]);
		af_future_unref(fed[1]);
	}
	must(af_future_count(f) == lines.taken + lines.said);
	af_future_unref(f);
}

/* As a file is read: in pieces of any size, up to the end. */
static void read_by_hand(struct af_pipe *pipeline)
{
	struct af_future *fed[2], *f;
	size_t taken = 0, len;
	const char *data;
	bool eof = false;

	feed(pipeline, fed);
	for (int i = 0; !eof; i++) {
		size_t size = i < 20 ? take_len() : 0;

		f = take_byte(program) & 1 && size
			    ? af_pipe_readline(pipeline, size, 0, 0, NULL)
			    : af_pipe_read(pipeline, size, 0, NULL);
		must(await_soon(f) == 0);
		data = af_future_data(f, &len);
		must(len <= output_len - taken);
		must(memcmp(data, output + taken, len) == 0);
		taken += len;
		eof = af_future_flags(f) & AFIO_EOF;
		af_future_unref(f);
	}
	must(taken == output_len);
	expect_fed(fed);
	f = af_pipe_wait(pipeline, NULL);
	must(await_soon(f) == 0);
	check_ends(pipeline, af_future_status(f), false);
	af_future_unref(f);
}

/* While it works, or before it has begun. */
static void stop(struct af_pipe *pipeline)
{
	static const struct timeval soon = { .tv_usec = 500 };
	unsigned how = take_byte(program);
	struct af_future *fed[2], *f;

	feed(pipeline, fed);
	if (how & 1)
		turn_a_while();
	f = af_pipe_stop(pipeline, how & 2 ? &soon : how & 4 ? NULL : &at_once);
	must(await_soon(f) == 0);
	check_ends(pipeline, af_future_status(f), true);
	af_future_unref(f);
	if (how & 8)
		af_pipe_close_stdin(pipeline);
	for (int i = 0; i < 2; i++) {
		await_soon(fed[i]);
		af_future_unref(fed[i]);
	}
}

static void take_all(void)
{
	static const enum af_stdio_kind errs[] = { AFIO_STDOUT, AFIO_PIPE,
						   AFIO_PIPE_EACH };
	unsigned which = take_byte(program);

	memset(&ends, 0, sizeof(ends));
	ends.in.kind = ends.out.kind = AFIO_PIPE;
	ends.err.kind = errs[which % 3];
	ends.new_group = which & 8;
	ends.kill_on_free = which & 16;
	ends.die_with_parent = LINUX_FILES && which & 32;
	n_stages = 1 + take_below(program, MAX_STAGES);
	for (unsigned i = 0; i < n_stages; i++)
		take_stage(&stages[i], i);
	input_len = take_len();
	if (which & 64)
		input_len =
			input_len < program->left ? input_len : program->left;
	for (size_t i = 0; i < input_len; i++)
		input[i] =
			(char)(which & 64 ? program->data[i] : i % 41 + '\n');
	work_out();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const uses[])(struct af_pipe *) = {
		communicate, communicate, take_lines, read_by_hand, stop,
	};
	struct input in = { data, size };
	struct af_pipe *pipeline;
	static int lowest;

	if (!loop) {
		need_children();
		input = malloc(LARGEST);
		output = malloc(2 * LARGEST);
		must(input && output);
		lowest = lowest_fd();
	}
	program = &in;
	take_all();
	pipeline = start();
	uses[take_below(&in, 5)](pipeline);
	/* Each stage ends by itself once nobody writes to it, nor reads it. */
	af_pipe_close(pipeline);
	expect_nothing_left(lowest);
	return 0;
}
