/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens a file by its path on a thread, because a file system may not answer.
 * What the thread uses is a job apart from the future, which may end before it;
 * a descriptor that comes too late is closed.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/container.h"
#include "future/future.h"
#include "loop/workers.h"
#include "transport/new.h"
#include "transport/open.h"

struct open_async_job {
	struct afi_job job;
	struct open_async *owner; /* NULL: its future has ended */
	int flags;
	int fd; /* or -errno */
	struct afi_look look;
	char path[];
};

struct open_async {
	struct af_future future;
	struct open_async_job *job; /* while it is pending */
	struct af_file *file;	    /* done, and nobody has taken it */
};

static struct open_async_job *open_async_job_of(struct afi_job *job)
{
	return AFI_CONTAINER(job, struct open_async_job, job);
}

static struct open_async *open_async_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct open_async, future);
}

/* In a thread. */
static void open_async_work(struct afi_job *base)
{
	struct open_async_job *job = open_async_job_of(base);
	int r;

	job->fd = afi_open_path(job->path, job->flags);
	if (job->fd < 0)
		return;
	r = afi_look_at(&job->look, job->fd);
	if (r == 0)
		return;
	close(job->fd);
	job->fd = r;
}

/* In any thread: nobody wants it, or it is finished. */
static void open_async_drop(struct afi_job *base)
{
	struct open_async_job *job = open_async_job_of(base);

	if (job->fd >= 0)
		close(job->fd);
	free(job);
}

/* Makes the file of what was opened; 0 or -errno. */
static int open_async_make(struct open_async *async, struct open_async_job *job)
{
	if (job->fd < 0)
		return job->fd;
	async->file =
		afi_file_new_looked(async->future.loop, job->fd, &job->look);
	if (!async->file)
		return -errno;
	job->fd = -1;
	return 0;
}

/* The future is done, or about to be; the job is its own from here on. */
static void open_async_let_go(struct open_async *async)
{
	async->job->owner = NULL;
	async->job = NULL;
	afi_loop_unhold(async->future.loop);
}

static void open_async_back(struct afi_job *base)
{
	struct open_async_job *job = open_async_job_of(base);
	struct open_async *async = job->owner;
	int r;

	if (!async) {
		open_async_drop(base);
		return;
	}
	open_async_let_go(async);
	r = open_async_make(async, job);
	open_async_drop(base);
	afi_future_finish(&async->future, r);
}

static void open_async_cancel(struct af_future *f)
{
	struct open_async_job *job = open_async_of(f)->job;

	open_async_let_go(open_async_of(f));
	if (afi_workers_recall(f->loop, &job->job))
		open_async_drop(&job->job);
	afi_future_finish(f, -ECANCELED);
}

static void open_async_destroy(struct af_future *f)
{
	af_file_close(open_async_of(f)->file);
}

static struct af_file *open_async_take(struct af_future *f)
{
	struct open_async *async = open_async_of(f);
	struct af_file *file = async->file;

	async->file = NULL;
	return file;
}

static void open_async_describe(const struct af_future *f, FILE *out)
{
	const struct open_async *async =
		AFI_CONTAINER(f, const struct open_async, future);

	fprintf(out, " of %s", async->job->path);
}

static const struct afi_future_ops open_async_ops = {
	.name = "open",
	.size = sizeof(struct open_async),
	.cancel = open_async_cancel,
	.destroy = open_async_destroy,
	.take_file = open_async_take,
	.describe = open_async_describe,
};

static struct open_async_job *open_async_new_job(const char *path, int flags)
{
	size_t len = strlen(path) + 1;
	struct open_async_job *job = calloc(1, sizeof(*job) + len);

	if (!job)
		return NULL;
	job->job.crew = AFI_CREW_OPEN;
	job->job.work = open_async_work;
	job->job.back = open_async_back;
	job->job.drop = open_async_drop;
	job->flags = flags;
	job->fd = -1;
	memcpy(job->path, path, len);
	return job;
}

static void open_async_begin(struct open_async *async,
			     struct open_async_job *job)
{
	struct af_loop *loop = async->future.loop;

	async->future.since = afi_now_coarse();
	async->job = job;
	job->owner = async;
	afi_loop_hold(loop);
	if (afi_workers_do(loop, &job->job))
		open_async_back(&job->job);
}

struct af_future *af_file_open_async(struct af_loop *loop, const char *path,
				     const char *mode)
{
	int flags = afi_open_flags(mode);
	struct af_future *f =
		afi_operation_begin(loop, path && flags >= 0, &open_async_ops);
	struct open_async_job *job;

	if (f->done)
		return f;
	job = open_async_new_job(path, flags);
	if (job)
		open_async_begin(open_async_of(f), job);
	else
		afi_future_finish(f, -ENOMEM);
	return f;
}
