/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies from one child to another, no faster than the second one reads. */

#include <signal.h>
#include <stdio.h>
#include <uv.h>

struct copy {
	uv_process_t processes[2];
	uv_pipe_t from, to;
	uv_write_t write;
	char block[65536];
	size_t bytes;
};

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	struct copy *copy = handle->data;

	(void)hint;
	*buf = uv_buf_init(copy->block, sizeof(copy->block));
}

static void finish(struct copy *copy)
{
	uv_close((uv_handle_t *)&copy->from, NULL);
	uv_close((uv_handle_t *)&copy->to, NULL);
}

static void on_read(uv_stream_t *from, ssize_t n, const uv_buf_t *buf);

static void on_written(uv_write_t *write, int status)
{
	struct copy *copy = write->data;

	if (status < 0)
		finish(copy);
	else
		uv_read_start((uv_stream_t *)&copy->from, on_alloc, on_read);
}

/* Reads no more until this block is written. */
static void on_read(uv_stream_t *from, ssize_t n, const uv_buf_t *buf)
{
	struct copy *copy = from->data;
	uv_buf_t block;

	if (n < 0)
		finish(copy);
	if (n <= 0)
		return;
	uv_read_stop(from);
	block = uv_buf_init(buf->base, (unsigned)n);
	copy->bytes += (size_t)n;
	if (uv_write(&copy->write, (uv_stream_t *)&copy->to, &block, 1,
		     on_written) < 0)
		finish(copy);
}

static void on_exit_of(uv_process_t *process, int64_t status, int term_signal)
{
	(void)status;
	(void)term_signal;
	uv_close((uv_handle_t *)process, NULL);
}

/* Starts a child with a pipe at its descriptor fd. */
static int start(uv_process_t *process, char **argv, int fd, uv_pipe_t *pipe)
{
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_INHERIT_FD, .data.fd = 0 },
		{ .flags = UV_INHERIT_FD, .data.fd = 1 },
		{ .flags = UV_INHERIT_FD, .data.fd = 2 },
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of,
		.file = argv[0],
		.args = argv,
		.stdio_count = 3,
		.stdio = stdio,
	};

	stdio[fd].flags = UV_CREATE_PIPE |
			  (fd == 0 ? UV_READABLE_PIPE : UV_WRITABLE_PIPE);
	stdio[fd].data.stream = (uv_stream_t *)pipe;
	uv_pipe_init(uv_default_loop(), pipe, 0);
	return uv_spawn(uv_default_loop(), process, &options);
}

int main(void)
{
	char *seq[] = { "seq", "100000", NULL };
	char *tail[] = { "tail", "-n", "1", NULL };
	static struct copy copy;
	int r;

	signal(SIGPIPE, SIG_IGN); /* or a reader that leaves kills us */
	copy.from.data = copy.to.data = copy.write.data = &copy;
	r = start(&copy.processes[0], seq, 1, &copy.from);
	if (r == 0)
		r = start(&copy.processes[1], tail, 0, &copy.to);
	if (r == 0)
		r = uv_read_start((uv_stream_t *)&copy.from, on_alloc, on_read);
	if (r < 0) {
		fprintf(stderr, "copy: %s\n", uv_strerror(r));
		return 1;
	}
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	printf("%zu bytes\n", copy.bytes);
	return 0;
}
