/* SPDX-License-Identifier: BSD-3-Clause */
/* af_post(3): a thread that posts to a loop, and may outlive it. */

#include <asyncfile.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct job {
	struct af_post_handle *handle;
	struct af_future *done;
	int value;
};

/* Called in the loop's thread, which alone may use its futures. */
static void finish(void *arg)
{
	struct job *job = arg;

	af_future_resolve(job->done, &job->value, NULL);
}

static void *work(void *arg)
{
	struct job *job = arg;

	job->value = 42;
	if (af_post_handle_post(job->handle, finish, job) == -ECANCELED)
		fprintf(stderr, "the loop was freed\n");
	return NULL;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct job job = { .handle = af_post_handle_new(loop) };
	pthread_t thread;
	int r;

	if (!job.handle) {
		perror("no handle");
		return 1;
	}
	job.done = af_future_new(loop, NULL, NULL);
	r = -pthread_create(&thread, NULL, work, &job);
	if (r == 0) {
		r = af_await(job.done);
		pthread_join(thread, NULL);
	}
	if (r == 0)
		printf("%d\n", *(int *)af_future_value(job.done));
	else
		fprintf(stderr, "no value: %s\n", strerror(-r));
	af_future_unref(job.done);
	af_post_handle_unref(job.handle);
	af_loop_free(loop);
	return r != 0;
}
