/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A function of the program on a worker thread. The thread uses only a job.
 * That is separate from the future, which belongs to the loop and may end
 * first.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "base/container.h"
#include "future/future.h"
#include "loop/workers.h"

struct work_job {
	struct afi_job job;
	struct work *owner; /* NULL: its future has ended */
	af_work_fn fn;
	void *arg;
	bool called; /* fn has returned value */
	void *value;
	af_free_fn free_value;
};

struct work {
	struct af_future future;
	struct work_job *job; /* while it is pending */
	/* Once it has succeeded: */
	void *value;
	af_free_fn free_value;
};

static struct work_job *work_job_of(struct afi_job *job)
{
	return AFI_CONTAINER(job, struct work_job, job);
}

static struct work *work_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct work, future);
}

static void work_call(struct afi_job *base)
{
	struct work_job *job = work_job_of(base);

	job->value = job->fn(job->arg);
	job->called = true;
}

/* Nobody gets the value. */
static void work_drop(struct afi_job *base)
{
	struct work_job *job = work_job_of(base);
	af_free_fn free_value = job->called ? job->free_value : NULL;
	void *value = job->value;

	/* Before the call: free_value may end this thread. */
	free(job);
	if (free_value)
		free_value(value);
}

/* The future is done, or about to be; the job is its own from here on. */
static void work_let_go(struct work *work)
{
	work->job->owner = NULL;
	work->job = NULL;
	afi_loop_unhold(work->future.loop);
}

static void work_back(struct afi_job *base)
{
	struct work_job *job = work_job_of(base);
	struct work *work = job->owner;

	if (!work) {
		work_drop(base);
		return;
	}
	work->value = job->value;
	work->free_value = job->free_value;
	work->future.count = 1;
	work_let_go(work);
	free(job);
	afi_future_finish(&work->future, 0);
}

static void work_cancel(struct af_future *f)
{
	struct work *work = work_of(f);
	struct work_job *job = work->job;

	work_let_go(work);
	if (afi_workers_recall(f->loop, &job->job))
		free(job);
	else
		f->count = 1; /* it is called */
	afi_future_finish(f, -ECANCELED);
}

static void work_destroy(struct af_future *f)
{
	struct work *work = work_of(f);

	if (work->free_value)
		work->free_value(work->value);
}

static void *work_value(const struct af_future *f)
{
	return AFI_CONTAINER(f, const struct work, future)->value;
}

/* Queues the job; 0 or -errno. */
static int work_start(struct work *work, const struct work_job *like)
{
	struct work_job *job = malloc(sizeof(*job));
	int r;

	if (!job)
		return -ENOMEM;
	*job = *like;
	job->owner = work;
	r = afi_workers_queue(work->future.loop, &job->job);
	if (r < 0) {
		free(job);
		return r;
	}
	work->job = job;
	afi_loop_hold(work->future.loop);
	return 0;
}

struct af_future *af_work(struct af_loop *loop, af_work_fn fn, void *arg,
			  af_free_fn free_value)
{
	static const struct afi_future_ops work_ops = {
		.name = "work",
		.size = sizeof(struct work),
		.cancel = work_cancel,
		.destroy = work_destroy,
		.value = work_value,
	};
	const struct work_job job = {
		.job = { .crew = AFI_CREW_WORK,
			 .work = work_call,
			 .back = work_back,
			 .drop = work_drop },
		.fn = fn,
		.arg = arg,
		.free_value = free_value,
	};
	struct af_future *f = afi_operation_begin(loop, fn, &work_ops);
	int r;

	if (f->done)
		return f;
	r = work_start(work_of(f), &job);
	if (r < 0)
		afi_future_finish(f, r);
	else
		f->since = afi_now_coarse();
	return f;
}
