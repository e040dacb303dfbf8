/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * prompt SECONDS COMMAND [ARGUMENT]...: answers the questions of a command, and
 * gives up if none comes for so long.
 */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct af_text prompts[] = {
	{ "(yes/no)? ", 10 },
	{ "Password: ", 10 },
};
static const char *const answers[] = { "yes\n", "secret\n" };

#define MAX_TEXT 65536 /* before a prompt */

/* Answers one prompt: 1, 0 at the end of the output, or a negative errno. */
static int answer(struct af_file *terminal, const struct timeval *limit)
{
	struct af_future *text, *said;
	const char *reply;
	int i, r;

	text = af_file_read_until_any(terminal, prompts, 2, MAX_TEXT, AFIO_FULL,
				      limit);
	r = af_await(text);
	if (r == 0)
		printf("%s", af_future_data(text, NULL));
	if (r == 0 && af_future_flags(text) & AFIO_TRUNCATED)
		r = -EMSGSIZE;
	i = af_future_match(text);
	af_future_unref(text);
	if (r < 0 || i < 0)
		return r;
	reply = answers[i];
	printf("<%.*s>\n", (int)strcspn(reply, "\n"), reply);
	said = af_file_write(terminal, reply, strlen(reply), AFIO_FULL, limit);
	r = af_await(said);
	af_future_unref(said);
	return r < 0 ? r : 1;
}

/* Prints what has come instead of a prompt: it is still in the file. */
static void print_rest(struct af_file *terminal)
{
	const struct timeval now = { 0 };
	struct af_future *rest = af_file_read(terminal, 65536, 0, &now);

	if (af_await(rest) == 0)
		printf("%s", af_future_data(rest, NULL));
	af_future_unref(rest);
}

static int answer_all(struct af_process *child, const struct timeval *limit)
{
	const struct timeval grace = { .tv_sec = 1 };
	struct af_future *end;
	int r;

	do
		r = answer(af_process_stdout(child), limit);
	while (r > 0);
	if (r < 0) {
		print_rest(af_process_stdout(child));
		printf("\nno prompt: %s\n", strerror(-r));
	}
	if (r < 0)
		end = af_process_stop(child, &grace);
	else
		end = af_process_wait(child, limit);
	if (af_await(end) == 0 && r == 0)
		r = af_future_status(end);
	af_future_unref(end);
	return r;
}

int main(int argc, char *argv[])
{
	const struct timeval limit = { .tv_sec = argc > 1 ? atoi(argv[1]) : 0 };
	const struct af_spawn_options options = {
		.in.kind = AFIO_PTY,
		.out.kind = AFIO_PTY,
		.err.kind = AFIO_PTY,
		.pty_flags = AFIO_PTY_NO_ECHO, /* the answers are not read */
	};
	struct af_loop *loop;
	struct af_process *child;
	int r = -1;

	if (argc < 3) {
		fprintf(stderr, "usage: prompt SECONDS COMMAND...\n");
		return 2;
	}
	loop = af_loop_new(NULL);
	child = af_spawn(loop, (const char *const *)argv + 2, &options);
	if (child)
		r = answer_all(child, &limit);
	else
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
