/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a command with input, collects its output, and limits its time. */

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct run {
	uv_process_t process;
	uv_pipe_t in, out;
	uv_write_t write;
	uv_timer_t limit;
	char *output;
	size_t len;
	int64_t status;
	int error; /* the first one */
};

static void on_timeout(uv_timer_t *limit)
{
	struct run *run = limit->data;

	run->error = UV_ETIMEDOUT;
	if (!uv_is_closing((uv_handle_t *)&run->process))
		uv_process_kill(&run->process, SIGKILL);
	if (!uv_is_closing((uv_handle_t *)&run->out))
		uv_close((uv_handle_t *)&run->out, NULL);
}

static void on_exit_of(uv_process_t *process, int64_t status, int term_signal)
{
	struct run *run = process->data;

	(void)term_signal;
	run->status = status;
	uv_close((uv_handle_t *)process, NULL);
	uv_unref((uv_handle_t *)&run->limit);
}

static void on_written(uv_write_t *write, int status)
{
	(void)status; /* it is no error if the child reads less */
	uv_close((uv_handle_t *)write->handle, NULL);
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	*buf = uv_buf_init(malloc(hint), (unsigned)hint);
	(void)handle;
}

static void on_read(uv_stream_t *out, ssize_t n, const uv_buf_t *buf)
{
	struct run *run = out->data;
	char *more;

	if (n > 0) {
		more = realloc(run->output, run->len + (size_t)n);
		if (more) {
			memcpy(more + run->len, buf->base, (size_t)n);
			run->output = more;
			run->len += (size_t)n;
		} else {
			n = UV_ENOMEM;
		}
	}
	free(buf->base);
	if (n >= 0)
		return;
	if (n != UV_EOF && !run->error)
		run->error = (int)n;
	uv_close((uv_handle_t *)out, NULL);
}

static int start(uv_loop_t *loop, struct run *run)
{
	char *argv[] = { "sort", "-u", NULL };
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
		  .data.stream = (uv_stream_t *)&run->in },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&run->out },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = argv[0],
		.args = argv,
		.stdio_count = 3,
		.stdio = stdio,
	};

	run->process.data = run->out.data = run->limit.data = run;
	uv_pipe_init(loop, &run->in, 0);
	uv_pipe_init(loop, &run->out, 0);
	uv_timer_init(loop, &run->limit);
	return uv_spawn(loop, &run->process, &options);
}

int main(void)
{
	uv_buf_t input = uv_buf_init("pear\nfig\npear\n", 14);
	uv_loop_t *loop = uv_default_loop();
	struct run run = { .output = NULL };

	signal(SIGPIPE, SIG_IGN); /* the child may end before it reads */
	run.error = start(loop, &run);
	if (run.error == 0) {
		uv_timer_start(&run.limit, on_timeout, 60000, 0);
		uv_read_start((uv_stream_t *)&run.out, on_alloc, on_read);
		uv_write(&run.write, (uv_stream_t *)&run.in, &input, 1,
			 on_written);
		uv_run(loop, UV_RUN_DEFAULT);
	}
	if (run.error)
		fprintf(stderr, "sort: %s\n", uv_strerror(run.error));
	else
		printf("%.*sexit status %" PRId64 "\n", (int)run.len,
		       run.output, run.status);
	free(run.output);
	return run.error != 0;
}
