/* SPDX-License-Identifier: BSD-3-Clause */
/* af_then(3): a chain with a step for success and one for failure. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

/* Runs after the first command, and starts the second one. */
static struct af_future *on_first(struct af_future *run, void *arg)
{
	const char *const argv[] = { "nosuch-command", NULL };

	(void)arg;
	printf("%s", af_future_output(run)->out);
	return af_run(af_future_loop(run), argv, NULL);
}

/* Runs if either command has failed, and puts another one in its place. */
static struct af_future *on_failure(struct af_future *run, void *arg)
{
	const char *const argv[] = { "echo", "something else", NULL };

	(void)arg;
	printf("failed: %s\n", af_future_spawn_error(run));
	return af_run(af_future_loop(run), argv, NULL);
}

static void on_end(struct af_future *run, void *arg)
{
	int r = af_future_error(run);

	*(int *)arg = r;
	printf("%s", r ? strerror(-r) : af_future_output(run)->out);
}

int main(void)
{
	const char *const argv[] = { "echo", "something", NULL };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *chain;
	int r, error = 0;

	chain = af_then(af_run(loop, argv, NULL), on_first, NULL);
	chain = af_catch(chain, on_failure, NULL);
	af_on_done(chain, on_end, &error);
	r = af_loop_run(loop);
	af_loop_free(loop);
	return r != 0 || error != 0;
}
