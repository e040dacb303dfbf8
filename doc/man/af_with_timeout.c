/* SPDX-License-Identifier: BSD-3-Clause */
/* af_with_timeout(3): a limit for a chain of two steps. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct af_future *on_first(struct af_future *run, void *arg)
{
	const char *const argv[] = { "sleep", "60", NULL };

	(void)arg;
	return af_run(af_future_loop(run), argv, NULL);
}

int main(void)
{
	const char *const argv[] = { "true", NULL };
	const struct timeval limit = { .tv_usec = 200000 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *both, *f;
	int r;

	both = af_then(af_run(loop, argv, NULL), on_first, NULL);
	f = af_with_timeout(both, &limit); /* kills what is running then */
	r = af_await(f);
	if (r == -ETIMEDOUT)
		printf("too slow\n");
	else if (r < 0)
		fprintf(stderr, "failed: %s\n", strerror(-r));
	af_future_unref(f);
	af_loop_free(loop);
	return r != -ETIMEDOUT;
}
