/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs six commands, at most two at a time, and adds up their results. */

#include <asyncfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jobs {
	struct af_loop *loop;
	int next;
	long sum;
};

static struct af_future *on_result(struct af_future *run, void *arg)
{
	struct jobs *jobs = arg;

	jobs->sum += atol(af_future_output(run)->out);
	return NULL;
}

static struct af_future *next_job(void *arg)
{
	struct jobs *jobs = arg;
	char n[12];
	const char *const argv[] = { "expr", n, "*", n, NULL };

	if (jobs->next == 6)
		return NULL;
	snprintf(n, sizeof(n), "%d", ++jobs->next);
	return af_then(af_run(jobs->loop, argv, NULL), on_result, jobs);
}

int main(void)
{
	struct jobs jobs = { .loop = af_loop_new(NULL) };
	struct af_future *all = af_map(jobs.loop, next_job, &jobs, 2, 0);
	int r = af_await(all);

	if (r == 0)
		printf("%zu jobs, sum %ld\n", af_future_count(all), jobs.sum);
	else
		fprintf(stderr, "expr: %s\n", strerror(-r));
	af_future_unref(all);
	af_loop_free(jobs.loop);
	return r != 0;
}
