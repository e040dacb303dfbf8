/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A start off the loop's thread: what may wait is a job for a starter's thread,
 * which gives it back to the loop. If nobody wants the child any more, the thread
 * cleans up alone, and touches nothing of the loop's.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "loop/workers.h"
#include "process/foreground.h"
#include "process/spawn_copy.h"
#include "process/notice.h"
#include "process/spawn.h"
#include "process/spawn_async.h"
#include "process/starter.h"
#include "process/stray.h"

struct spawn_async {
	struct af_future future;
	struct spawn_async_job *job; /* while it is pending */
	struct af_process *process;  /* done, and nobody has taken it */
	int err;		     /* likewise, if it is kept; or -1 */
	struct afi_spawn_error *spawn_error;
};

/*
 *  queued --> in a thread --> posted --> freed by the loop
 *     |           |              |
 *     |           +--(cancel)----|----> freed by the thread
 *     +--(cancel)--> freed       +--(cancel)--> freed by the loop
 */
struct spawn_async_job {
	struct afi_starter_job job;
	struct afi_birth birth;
	struct afi_post post;
	struct afi_spawn_copy *copy;
	struct afi_start start;
	mode_t umask;		   /* of err, if that is kept */
	struct spawn_async *async; /* the loop's thread only; NULL: cancelled */
	atomic_bool unwanted;
	pthread_mutex_t lock;	/* of what follows */
	struct af_loop *loop;	/* NULL: it does not go back there */
	bool posted;		/* from here on it is the loop's */
	struct afi_exit child;	/* gone: none, or it runs its program */
	struct afi_stray stray; /* the thread's, if it does not go back */
};

static struct spawn_async *spawn_async_of(struct af_future *f)
{
	return AFI_CONTAINER(f, struct spawn_async, future);
}

/* It has no process any more. */
static void spawn_async_free_job(struct spawn_async_job *job)
{
	/* The thread may not have left it yet. */
	pthread_mutex_lock(&job->lock);
	pthread_mutex_unlock(&job->lock);
	pthread_mutex_destroy(&job->lock);
	afi_start_clear(&job->start);
	free(job->copy);
	free(job);
}

/* In the thread: the child exists, and may take long to become its program. */
static void spawn_async_born(struct afi_birth *birth, pid_t pid, int pidfd)
{
	struct spawn_async_job *job =
		AFI_CONTAINER(birth, struct spawn_async_job, birth);

	pthread_mutex_lock(&job->lock);
	afi_exit_init(&job->child, pid, pidfd);
	if (pid > 0 && atomic_load(&job->unwanted))
		afi_exit_signal(&job->child, SIGKILL);
	pthread_mutex_unlock(&job->lock);
}

static void spawn_async_work(struct afi_starter_job *base)
{
	struct spawn_async_job *job =
		AFI_CONTAINER(base, struct spawn_async_job, job);
	bool posted;

	if (atomic_load(&job->unwanted))
		afi_start_skip(&job->start, ECANCELED);
	else
		afi_start_run(&job->start, &job->birth);
	pthread_mutex_lock(&job->lock);
	posted = job->posted = job->loop;
	/* Under the lock: the loop stays for as long as that is held. */
	if (posted)
		afi_mailbox_put(&job->loop->mailbox, &job->post);
	pthread_mutex_unlock(&job->lock);
	if (posted)
		return;
	/* Nobody wants the child. */
	afi_stdfds_abandon(&job->start.fds);
	afi_stray_end(&job->stray, job->start.pid, job->start.pidfd);
	spawn_async_free_job(job);
}

static void spawn_async_fail(struct spawn_async *async,
			     const struct afi_failure *failure)
{
	struct af_loop *loop = async->future.loop;

	afi_failure_keep(loop, failure);
	async->spawn_error = afi_failure_copy(loop);
	afi_future_finish(&async->future, -failure->error);
}

/* Back in the loop. */
static void spawn_async_on_post(struct afi_task *task)
{
	struct spawn_async_job *job =
		AFI_CONTAINER(task, struct spawn_async_job, post.task);
	struct spawn_async *async = job->async;
	struct af_loop *loop;

	if (async) {
		loop = async->future.loop;
		async->job = NULL;
		afi_loop_unhold(loop);
		async->process = afi_start_finish(&job->start);
		if (async->process) {
			if (job->start.fds.keep_err)
				async->err = job->start.fds.child[2];
			afi_failure_keep(loop, NULL);
			afi_future_finish(&async->future, 0);
		} else {
			spawn_async_fail(async, &job->start.failure);
		}
	}
	spawn_async_free_job(job);
}

/* Of a start that nobody waits for any more: true if the loop has it back. */
static bool spawn_async_abandon(struct spawn_async_job *job,
				struct af_process *process)
{
	bool posted;

	pthread_mutex_lock(&job->lock);
	posted = job->posted;
	job->loop = NULL;
	atomic_store(&job->unwanted, true);
	if (!job->child.gone)
		afi_exit_signal(&job->child, SIGKILL);
	if (!posted)
		afi_stray_take(&job->stray, process, job->start.options->group);
	pthread_mutex_unlock(&job->lock);
	return posted;
}

/* The loop has the job back, and frees it by its post. */
static void spawn_async_undo(struct afi_start *start,
			     struct af_process *process)
{
	afi_stdfds_abandon(&start->fds);
	if (start->pid > 0)
		afi_exit_init(&process->exit, start->pid, start->pidfd);
	afi_process_drop(process);
}

static void spawn_async_give_up(struct spawn_async_job *job)
{
	struct af_process *process = job->start.process;
	bool recalled = afi_starter_recall(&job->job);

	job->async = NULL;
	job->start.process = NULL;
	if (!recalled && spawn_async_abandon(job, process)) {
		spawn_async_undo(&job->start, process);
		return;
	}
	if (recalled) {
		afi_stdfds_abandon(&job->start.fds);
		spawn_async_free_job(job);
	}
	afi_foreground_end(process);
	afi_process_close_files(process);
	afi_process_discard(process);
}

static void spawn_async_cancel(struct af_future *f)
{
	struct spawn_async *async = spawn_async_of(f);

	/* In a child by fork(2) it is all the parent's. */
	if (afi_loop_is_here(f->loop))
		spawn_async_give_up(async->job);
	async->job = NULL;
	afi_loop_unhold(f->loop);
	afi_future_finish(f, -ECANCELED);
}

static void spawn_async_destroy(struct af_future *f)
{
	struct spawn_async *async = spawn_async_of(f);

	afi_process_drop(async->process);
	if (async->err >= 0)
		close(async->err);
	free(async->spawn_error);
}

static const struct afi_spawn_error *
spawn_async_error(const struct af_future *f)
{
	return AFI_CONTAINER(f, const struct spawn_async, future)->spawn_error;
}

static void spawn_async_describe(const struct af_future *f, FILE *out)
{
	const struct spawn_async *async =
		AFI_CONTAINER(f, const struct spawn_async, future);

	fprintf(out, " of %s", async->job->start.plan.program);
}

static const struct afi_future_ops spawn_async_ops = {
	.name = "spawn",
	.size = sizeof(struct spawn_async),
	.cancel = spawn_async_cancel,
	.destroy = spawn_async_destroy,
	.spawn_error = spawn_async_error,
	.describe = spawn_async_describe,
};

/*
 * From here on the start has what it takes from the other process, which the
 * loop could close meanwhile.
 */
static int spawn_async_take_stdin(struct afi_start *start)
{
	struct afi_stdfds *fds = &start->fds;
	int fd;

	if (!fds->taken)
		return 0;
	fd = af_file_detach(fds->taken, NULL);
	if (fd < 0)
		return afi_fail(&start->failure, AFIO_STEP_OPTION, "in", -fd);
	start->options->in.process->files[1] = NULL;
	fds->taken = NULL;
	fds->child[0] = fd;
	fds->opened[0] = true;
	return 0;
}

/* The options that the umask is of may be gone when the thread needs it. */
static void spawn_async_keep_err(struct spawn_async_job *job,
				 const mode_t *umask)
{
	job->start.fds.keep_err = true;
	if (!umask)
		return;
	job->umask = *umask;
	job->start.fds.umask = &job->umask;
}

/* Has a thread do what may wait. 0; or -errno and the start's failure. */
static int spawn_async_begin(struct spawn_async_job *job, struct af_loop *loop,
			     const char *const argv[],
			     const struct af_spawn_options *options,
			     const struct af_spawn_options *err_of)
{
	struct afi_start *start = &job->start;
	int r;

	job->copy = afi_spawn_copy(argv, options);
	if (!job->copy)
		return afi_fail(&start->failure, AFIO_STEP_MEMORY, NULL,
				ENOMEM);
	r = afi_start_prepare(start, loop, job->copy->argv,
			      &job->copy->options);
	if (r < 0)
		return r;
	start->plan.unwanted = &job->unwanted;
	if (err_of)
		spawn_async_keep_err(job, err_of->umask);
	r = spawn_async_take_stdin(start);
	if (r == 0) {
		afi_starter_do(&job->job,
			       options->die_with_parent ? 0 : loop->serial);
		return 0;
	}
	afi_start_skip(start, -r);
	afi_start_finish(start);
	return r;
}

/* One that has not begun; NULL: no memory. */
static struct spawn_async_job *spawn_async_new_job(struct spawn_async *async)
{
	struct spawn_async_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->job.work = spawn_async_work;
	job->birth.born = spawn_async_born;
	job->post.run = spawn_async_on_post;
	job->async = async;
	job->loop = async->future.loop;
	pthread_mutex_init(&job->lock, NULL);
	afi_exit_init(&job->child, 0, -1);
	return job;
}

struct af_future *afi_spawn_async(struct af_loop *loop,
				  const char *const argv[],
				  const struct af_spawn_options *options,
				  const struct af_spawn_options *err_of)
{
	static const struct af_spawn_options spawn_async_defaults;
	struct af_future *f = afi_operation_begin(loop, true, &spawn_async_ops);
	struct spawn_async *async = spawn_async_of(f);
	struct afi_failure failure;

	if (f->done)
		return f;
	async->err = -1;
	async->job = spawn_async_new_job(async);
	if (!async->job) {
		afi_fail(&failure, AFIO_STEP_MEMORY, NULL, ENOMEM);
		spawn_async_fail(async, &failure);
		return f;
	}
	f->since = afi_now_coarse();
	if (spawn_async_begin(async->job, loop, argv,
			      options ? options : &spawn_async_defaults,
			      err_of) == 0) {
		afi_loop_hold(loop);
		return f;
	}
	/* What it names belongs to the job. */
	failure = async->job->start.failure;
	spawn_async_fail(async, &failure);
	spawn_async_free_job(async->job);
	async->job = NULL;
	return f;
}

struct af_future *af_spawn_async(struct af_loop *loop, const char *const argv[],
				 const struct af_spawn_options *options)
{
	return afi_spawn_async(loop, argv, options, NULL);
}

int afi_spawn_async_take_err(struct af_future *f)
{
	int err = spawn_async_of(f)->err;

	spawn_async_of(f)->err = -1;
	return err;
}

struct af_process *af_future_take_process(struct af_future *f)
{
	struct af_process *process;

	if (!f || !f->done)
		return NULL;
	f = afi_future_owner(f);
	if (f->ops != &spawn_async_ops)
		return NULL;
	process = spawn_async_of(f)->process;
	spawn_async_of(f)->process = NULL;
	return process;
}
