/* SPDX-License-Identifier: BSD-3-Clause */
/* Stops a child: SIGTERM first, and SIGKILL if that does not help. */

#include <signal.h>
#include <stdio.h>
#include <uv.h>

struct job {
	uv_process_t process;
	uv_pipe_t out;
	uv_timer_t grace;
	char block[1024];
};

static void on_grace_over(uv_timer_t *grace)
{
	struct job *job = grace->data;

	uv_process_kill(&job->process, SIGKILL);
}

static void on_exit_of(uv_process_t *process, int64_t status, int term_signal)
{
	struct job *job = process->data;

	(void)status;
	printf("ended by signal %d\n", term_signal);
	uv_close((uv_handle_t *)&job->grace, NULL);
	uv_close((uv_handle_t *)process, NULL);
}

static void on_alloc(uv_handle_t *out, size_t hint, uv_buf_t *buf)
{
	struct job *job = out->data;

	(void)hint;
	*buf = uv_buf_init(job->block, sizeof(job->block));
}

static void on_read(uv_stream_t *out, ssize_t n, const uv_buf_t *buf)
{
	struct job *job = out->data;

	if (n > 0) {
		printf("%.*s", (int)n, buf->base);
		uv_process_kill(&job->process, SIGTERM);
		uv_timer_start(&job->grace, on_grace_over, 100, 0);
	}
	if (n != 0)
		uv_close((uv_handle_t *)out, NULL);
}

int main(void)
{
	char *argv[] = { "sh", "-c", "trap '' TERM; echo ready; exec sleep 60",
			 NULL };
	uv_loop_t *loop = uv_default_loop();
	struct job job;
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
	uv_timer_init(loop, &job.grace);
	job.process.data = job.out.data = job.grace.data = &job;
	r = uv_spawn(loop, &job.process, &options);
	if (r < 0) {
		fprintf(stderr, "sh: %s\n", uv_strerror(r));
		return 1;
	}
	uv_read_start((uv_stream_t *)&job.out, on_alloc, on_read);
	uv_run(loop, UV_RUN_DEFAULT);
	return 0;
}
