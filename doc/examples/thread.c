/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a future for the work of a thread, and waits for it in the loop. */

#include <asyncfile.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct job {
	struct af_loop *loop;
	struct af_future *done;
	long sum;
};

/* Called in the loop's thread, the only one that may use its futures. */
static void finish(void *arg)
{
	struct job *job = arg;

	af_future_resolve(job->done, &job->sum, NULL);
}

static void *work(void *arg)
{
	struct job *job = arg;

	for (long i = 1; i <= 1000; i++)
		job->sum += i;
	af_loop_post(job->loop, finish, job);
	return NULL;
}

int main(void)
{
	struct job job = { .loop = af_loop_new(NULL) };
	pthread_t thread;
	int r;

	job.done = af_future_new(job.loop, NULL, NULL);
	r = -pthread_create(&thread, NULL, work, &job);
	if (r == 0) {
		r = af_await(job.done);
		pthread_join(thread, NULL);
	}
	if (r == 0)
		printf("the sum is %ld\n", *(long *)af_future_value(job.done));
	else
		fprintf(stderr, "no sum: %s\n", strerror(-r));
	af_future_unref(job.done);
	af_loop_free(job.loop);
	return r != 0;
}
