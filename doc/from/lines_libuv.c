/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the lines of a child as they come, and then its exit status. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

struct job {
	uv_process_t process;
	uv_pipe_t out;
	char line[1024]; /* a longer line is printed in pieces */
	size_t len;
	int n;
	int64_t status;
};

static void on_exit_of(uv_process_t *process, int64_t status, int term_signal)
{
	struct job *job = process->data;

	(void)term_signal;
	job->status = status;
	uv_close((uv_handle_t *)process, NULL);
}

/* The next bytes go behind those of a line that has begun. */
static void on_alloc(uv_handle_t *out, size_t hint, uv_buf_t *buf)
{
	struct job *job = out->data;

	(void)hint;
	*buf = uv_buf_init(job->line + job->len,
			   (unsigned)(sizeof(job->line) - job->len));
}

static void print_lines(struct job *job)
{
	char *end;
	size_t len;

	while ((end = memchr(job->line, '\n', job->len))) {
		len = (size_t)(end + 1 - job->line);
		printf("%d: %.*s", ++job->n, (int)len, job->line);
		job->len -= len;
		memmove(job->line, end + 1, job->len);
	}
}

static void on_read(uv_stream_t *out, ssize_t n, const uv_buf_t *buf)
{
	struct job *job = out->data;

	(void)buf;
	if (n > 0) {
		job->len += (size_t)n;
		print_lines(job);
	}
	if (job->len > 0 && (n < 0 || job->len == sizeof(job->line))) {
		printf("%d: %.*s", ++job->n, (int)job->len, job->line);
		job->len = 0;
	}
	if (n < 0 && n != UV_EOF)
		fprintf(stderr, "lines: %s\n", uv_strerror((int)n));
	if (n < 0)
		uv_close((uv_handle_t *)out, NULL);
}

int main(void)
{
	char *argv[] = { "sh", "-c", "echo one; echo two; exit 3", NULL };
	uv_loop_t *loop = uv_default_loop();
	struct job job = { .len = 0 };
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_INHERIT_FD, .data.fd = 0 },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&job.out },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = argv[0],
		.args = argv,
		.stdio_count = 3,
		.stdio = stdio,
	};
	int r;

	uv_pipe_init(loop, &job.out, 0);
	job.process.data = job.out.data = &job;
	r = uv_spawn(loop, &job.process, &options);
	if (r < 0) {
		fprintf(stderr, "sh: %s\n", uv_strerror(r));
		return 1;
	}
	uv_read_start((uv_stream_t *)&job.out, on_alloc, on_read);
	uv_run(loop, UV_RUN_DEFAULT);
	printf("exit status %" PRId64 "\n", job.status);
	return 0;
}
