/* SPDX-License-Identifier: BSD-3-Clause */
/* af_future(3): an object that is freed while its operation is pending. */

#include <asyncfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
	const char *name;
	struct af_future *run;
};

static void on_end(struct af_future *run, void *arg)
{
	const struct job *job = arg;
	int r = af_future_error(run);

	printf("%s: %s", job->name,
	       r ? strerror(-r) : af_future_output(run)->out);
}

static struct job *job_new(struct af_loop *loop, const char *name,
			   const char *command)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	struct job *job = malloc(sizeof(*job));

	if (!job)
		return NULL;
	job->name = name;
	job->run = af_run(loop, argv, NULL);
	af_on_done(af_future_ref(job->run), on_end, job);
	return job;
}

/* May be called at any time: on_end() is not called after it. */
static void job_free(struct job *job)
{
	if (!job)
		return;
	af_future_cancel(job->run); /* kills a child that is running */
	af_future_forget(job->run);
	free(job);
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct job *slow = job_new(loop, "slow", "sleep 60; echo late");
	struct job *quick = job_new(loop, "quick", "echo early");
	int r;

	job_free(slow);
	r = af_loop_run(loop);
	job_free(quick);
	af_loop_free(loop);
	return r != 0;
}
