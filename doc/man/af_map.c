/* SPDX-License-Identifier: BSD-3-Clause */
/* af_map(3): eight commands, at most two at a time. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>

struct jobs {
	struct af_loop *loop;
	int next, sum;
};

static struct af_future *on_run(struct af_future *run, void *arg)
{
	struct jobs *jobs = arg;
	int n;

	if (sscanf(af_future_output(run)->out, "%d", &n) == 1)
		jobs->sum += n;
	return NULL;
}

/* Starts the next command. */
static struct af_future *make(void *arg)
{
	char n[12];
	const char *argv[] = { "expr", n, "*", n, NULL };
	struct jobs *jobs = arg;

	if (jobs->next == 8)
		return NULL;
	snprintf(n, sizeof(n), "%d", ++jobs->next);
	return af_then(af_run(jobs->loop, argv, NULL), on_run, jobs);
}

int main(void)
{
	struct jobs jobs = { .loop = af_loop_new(NULL) };
	struct af_future *map = af_map(jobs.loop, make, &jobs, 2, 0);
	int r = af_await(map);

	printf("%zu commands succeeded\n", af_future_count(map));
	if (r == 0)
		printf("the sum of the squares is %d\n", jobs.sum);
	else
		fprintf(stderr, "map: %s\n", strerror(-r));
	af_future_unref(map);
	af_loop_free(jobs.loop);
	return r != 0;
}
