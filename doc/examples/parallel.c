/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs the commands in the lines of stdin, n at a time, until one fails. */

#include <asyncfile.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct list {
	struct af_file *in;
	bool at_end;
};

/* Prints what the command has written. If it failed, the map fails, too. */
static struct af_future *on_end(struct af_future *run, void *arg)
{
	const struct af_output *output = af_future_output(run);
	int status = af_future_status(run);
	struct af_future *line = arg;

	if (output) {
		fputs(output->out, stdout);
		fputs(output->err, stderr);
	}
	if (status != 0)
		fprintf(stderr, "failed: %s", af_future_data(line, NULL));
	af_future_unref(line);
	return status > 0 ? af_failed(af_future_loop(run), -ECANCELED) : NULL;
}

static struct af_future *on_line(struct af_future *line, void *arg)
{
	struct list *list = arg;
	size_t len;
	const char *command = af_future_data(line, &len);
	const char *const argv[] = { "sh", "-c", command, NULL };

	list->at_end = len == 0;
	if (list->at_end)
		return NULL;
	return af_finally(af_run(af_future_loop(line), argv, NULL), on_end,
			  af_future_ref(line));
}

static struct af_future *next_command(void *arg)
{
	struct list *list = arg;

	if (list->at_end)
		return NULL;
	return af_then(af_file_readline(list->in, 0, 0, 0, NULL), on_line,
		       list);
}

int main(int argc, char *argv[])
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 4;
	struct af_loop *loop = af_loop_new(NULL);
	struct list list = { .at_end = false };
	struct af_future *all;
	int r;

	list.in = af_file_new(loop, STDIN_FILENO, AFIO_KEEP_FD);
	all = af_map(loop, next_command, &list, n, 0);
	r = af_await(all);
	if (r < 0)
		fprintf(stderr, "parallel: %s\n", strerror(-r));
	af_future_unref(all);
	af_file_close(list.in);
	af_loop_free(loop);
	return r != 0;
}
