/* SPDX-License-Identifier: BSD-3-Clause */
/* af_sleep(3): a step that is repeated at intervals. */

#include <asyncfile.h>
#include <stdio.h>

static struct af_future *next(struct af_loop *loop, int *left);

static struct af_future *on_tick(struct af_future *sleep, void *arg)
{
	int *left = arg;

	printf("%d\n", (*left)--);
	return *left > 0 ? next(af_future_loop(sleep), left) : NULL;
}

static struct af_future *next(struct af_loop *loop, int *left)
{
	const struct timeval interval = { .tv_usec = 100000 };

	return af_then(af_sleep(loop, &interval), on_tick, left);
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	int left = 3;
	struct af_future *ticks = next(loop, &left);
	int r = af_await(ticks);

	af_future_unref(ticks);
	af_loop_free(loop);
	return r != 0;
}
