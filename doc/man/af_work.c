/* SPDX-License-Identifier: BSD-3-Clause */
/* af_work(3): two calculations, each on a thread of its own. */

#include <asyncfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs on another thread. Returns a value that the future frees. */
static void *sum(void *arg)
{
	const long long *limit = arg;
	long long *value = calloc(1, sizeof(*value));

	for (long long i = 1; value && i <= *limit; i++)
		*value += i;
	return value;
}

int main(void)
{
	long long limits[2] = { 1000, 1000000 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *sums[2], *all;
	int r;

	for (int i = 0; i < 2; i++)
		sums[i] = af_work(loop, sum, &limits[i], free);
	all = af_all(loop, sums, 2);
	r = af_await(all);
	for (size_t i = 0; r == 0 && i < 2; i++) {
		const long long *value = af_future_value(af_future_part(all, i));

		if (value)
			printf("up to %lld: %lld\n", limits[i], *value);
	}
	if (r < 0)
		fprintf(stderr, "no sums: %s\n", strerror(-r));
	af_future_unref(all);
	af_loop_free(loop);
	return r != 0;
}
