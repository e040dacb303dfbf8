/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts three pipelines and uses the first answer; waits at most 5 seconds. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

#define N 3

static struct af_pipe *start(struct af_loop *loop, const char *const source[])
{
	const char *const tr[] = { "tr", "a-z", "A-Z", NULL };
	const char *const *const stages[] = { source, tr, NULL };
	struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };

	return af_pipe_spawn(loop, stages, &pipes);
}

/* Stops a pipeline, whether or not it is still running. */
static void stop(struct af_pipe *pipe)
{
	const struct timeval grace = { .tv_sec = 1 };
	struct af_future *end = af_pipe_stop(pipe, &grace);

	af_await(end);
	af_future_unref(end);
	af_pipe_close(pipe);
}

int main(void)
{
	const char *const slow[] = { "sleep", "60", NULL };
	const char *const quick[] = { "echo", "first", NULL };
	const char *const mute[] = { "tail", "-f", "/dev/null", NULL };
	const char *const *const sources[N] = { slow, quick, mute };
	const struct timeval limit = { .tv_sec = 5 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *answers[N], *winner;
	struct af_pipe *pipes[N];
	int r;

	for (int i = 0; i < N; i++) {
		pipes[i] = start(loop, sources[i]);
		answers[i] = af_pipe_readline(pipes[i], 0, 0, 0, NULL);
	}
	winner = af_with_timeout(af_race(loop, answers, N), &limit);
	r = af_await(winner);
	if (r == 0)
		printf("%s", af_future_data(winner, NULL));
	else
		fprintf(stderr, "no answer: %s\n", strerror(-r));
	af_future_unref(winner);
	for (int i = 0; i < N; i++)
		stop(pipes[i]);
	af_loop_free(loop);
	return r != 0;
}
