/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs three children that count the same text in parallel. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

enum { LINES, WORDS, BYTES, N };

static const char *const options[N] = { "-l", "-w", "-c" };
static const char text[] = "to be, or\nnot to be\n";

static struct af_pipe *start_wc(struct af_loop *loop, const char *option)
{
	const char *const wc[] = { "wc", option, NULL };
	const char *const *const stages[] = { wc, NULL };
	struct af_spawn_options pipes = { .in.kind = AFIO_PIPE,
					  .out.kind = AFIO_PIPE };

	return af_pipe_spawn(loop, stages, &pipes);
}

int main(void)
{
	struct af_communicate_options input = {
		.input_kind = AFIO_INPUT_MEMORY,
		.input = text,
		.input_len = strlen(text),
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_pipe *pipes[N];
	struct af_future *counts[N], *all;
	int r;

	for (int i = 0; i < N; i++) {
		pipes[i] = start_wc(loop, options[i]);
		counts[i] = af_pipe_communicate(pipes[i], &input);
	}
	all = af_all(loop, counts, N); /* consumes the references */
	r = af_await(all);
	for (size_t i = 0; i < N && r == 0; i++)
		printf("wc %s: %s", options[i],
		       af_future_output(af_future_part(all, i))->out);
	if (r < 0)
		fprintf(stderr, "wc: %s\n", strerror(-r));
	af_future_unref(all);
	for (int i = 0; i < N; i++)
		af_pipe_close(pipes[i]);
	af_loop_free(loop);
	return r != 0;
}
