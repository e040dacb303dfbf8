/* SPDX-License-Identifier: BSD-3-Clause */
/* asyncfile(7): print lines as they arrive, by a chain of continuations. */

#include <asyncfile.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct af_future *on_line(struct af_future *line, void *arg)
{
	struct af_file *in = arg;
	size_t len;
	const char *data = af_future_data(line, &len);

	if (len == 0)
		return NULL; /* end of file: the chain ends here */
	printf("> %s", data);
	return af_then(af_file_readline(in, 0, 0, 0, NULL), on_line, in);
}

static void on_end(struct af_future *chain, void *arg)
{
	int r = af_future_error(chain);

	printf("end: %s\n", r ? strerror(-r) : "no error");
	af_file_close(arg);
}

int main(void)
{
	struct event_base *base = event_base_new();
	struct af_loop *loop = af_loop_new(base);
	struct af_file *in;
	struct af_future *line;
	int r;

	if (!base || !loop) {
		perror("no loop");
		return 1;
	}
	in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	line = af_file_readline(in, 0, 0, 0, NULL);
	af_on_done(af_then(line, on_line, in), on_end, in);
	r = event_base_dispatch(base);
	af_loop_free(loop);
	event_base_free(base);
	return r < 0;
}
