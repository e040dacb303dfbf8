/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts a server, and goes on when it has reported that it is ready. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

static int on_line(const struct af_line *line, void *arg)
{
	(void)arg;
	printf("%s: %.*s", line->stream == 1 ? "stdout" : "stderr",
	       (int)line->len, line->data);
	return line->len == 6 && memcmp(line->data, "ready\n", 6) == 0;
}

int main(void)
{
	const char *const argv[] = {
		"sh",
		"-c",
		"echo loading >&2; echo ready >&2; exec sleep 60",
		NULL,
	};
	const char *const *const stages[] = { argv, NULL };
	const struct af_spawn_options pipes = { .err.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *server = af_pipe_spawn(loop, stages, &pipes);
	struct af_future *ready, *end;
	int r;

	ready = af_pipe_each_line(server, on_line, NULL);
	r = af_await(ready);
	if (!server)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	else if (r < 0)
		fprintf(stderr, "the server: %s\n", strerror(-r));
	else if (af_future_flags(ready) & AFIO_EOF)
		fprintf(stderr, "the server has ended\n");
	af_future_unref(ready);
	end = af_pipe_stop(server, NULL);
	af_await(end);
	af_future_unref(end);
	af_pipe_close(server);
	af_loop_free(loop);
	return r != 0;
}
