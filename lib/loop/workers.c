/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pool of threads, for one crew of a loop. If a thread is stuck when the loop
 * is freed, the pool outlives the loop, so that nothing waits for a thread to
 * end.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

#include "base/container.h"
#include "loop/workers.h"

/* How long a thread without work stays. */
#ifndef AFI_WORKERS_IDLE_MS
#define AFI_WORKERS_IDLE_MS 50
#endif

struct afi_workers {
	struct afi_member member; /* of its loop; the loop's thread only */
	pthread_mutex_t lock;	  /* of all that follows */
	pthread_cond_t wake;
	struct afi_jobs queue;
	struct af_loop *loop; /* NULL: gone */
	enum afi_crew crew;
	unsigned max;
	unsigned threads; /* the last one frees the pool, without a loop */
	unsigned idle;	  /* of them: waiting, or about to wake up */
};

static void workers_free(struct afi_workers *workers)
{
	pthread_cond_destroy(&workers->wake);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}

static void workers_dequeue(struct afi_workers *workers, struct afi_job *job)
{
	TAILQ_REMOVE(&workers->queue, job, entry);
	job->queued = false;
}

/* The loop ends: a thread that is out is not waited for. */
static void workers_orphan(struct afi_member *member)
{
	struct afi_workers *workers =
		AFI_CONTAINER(member, struct afi_workers, member);
	struct afi_job *job;
	bool last;

	afi_loop_leave(&workers->loop->last, member);
	workers->loop->workers[workers->crew] = NULL;
	pthread_mutex_lock(&workers->lock);
	workers->loop = NULL;
	while ((job = TAILQ_FIRST(&workers->queue))) {
		workers_dequeue(workers, job);
		job->drop(job);
	}
	last = workers->threads == 0;
	pthread_cond_broadcast(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
	if (last)
		workers_free(workers);
}

static struct afi_workers *workers_new(struct af_loop *loop, enum afi_crew crew)
{
	struct afi_workers *workers = calloc(1, sizeof(*workers));
	pthread_condattr_t attr;

	if (!workers)
		return NULL;
	pthread_mutex_init(&workers->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&workers->wake, &attr);
	pthread_condattr_destroy(&attr);
	TAILQ_INIT(&workers->queue);
	workers->loop = loop;
	workers->crew = crew;
	workers->max = loop->max_workers[crew];
	/* After the files, which call their jobs back when they end. */
	afi_loop_join(&loop->last, &workers->member, workers_orphan);
	return workers;
}

static void workers_idle_end(struct timespec *end)
{
	clock_gettime(CLOCK_MONOTONIC, end);
	end->tv_sec += AFI_WORKERS_IDLE_MS / 1000;
	end->tv_nsec += AFI_WORKERS_IDLE_MS % 1000 * 1000000L;
	if (end->tv_nsec >= 1000000000L) {
		end->tv_sec++;
		end->tv_nsec -= 1000000000L;
	}
}

/*
 * Waits for a job; NULL: the thread is to end. With no worker allowed any more
 * one stays until what is queued is done.
 */
static struct afi_job *workers_next_job(struct afi_workers *workers)
{
	struct timespec end;
	struct afi_job *job;
	int r = 0;

	workers_idle_end(&end);
	while (!(job = TAILQ_FIRST(&workers->queue))) {
		if (!workers->loop || workers->threads > workers->max ||
		    r == ETIMEDOUT)
			return NULL;
		workers->idle++;
		r = pthread_cond_timedwait(&workers->wake, &workers->lock,
					   &end);
		workers->idle--;
	}
	if (workers->threads > (workers->max ? workers->max : 1)) {
		/* It may have been this one that was told to wake up. */
		pthread_cond_signal(&workers->wake);
		return NULL;
	}
	workers_dequeue(workers, job);
	return job;
}

/* Back to the loop, or what is left of it. */
static void workers_give_back(struct afi_workers *workers, struct afi_job *job)
{
	bool orphan;

	pthread_mutex_lock(&workers->lock);
	orphan = !workers->loop;
	if (!orphan)
		afi_mailbox_put(&workers->loop->mailbox, &job->post);
	pthread_mutex_unlock(&workers->lock);
	if (orphan)
		job->drop(job);
}

static void *workers_thread(void *arg)
{
	struct afi_workers *workers = arg;
	struct afi_job *job;
	bool last;

	pthread_setname_np(pthread_self(), "asyncfile");
	pthread_mutex_lock(&workers->lock);
	while ((job = workers_next_job(workers))) {
		pthread_mutex_unlock(&workers->lock);
		job->work(job);
		workers_give_back(workers, job);
		pthread_mutex_lock(&workers->lock);
	}
	last = --workers->threads == 0 && !workers->loop;
	pthread_mutex_unlock(&workers->lock);
	if (last)
		workers_free(workers);
	return NULL;
}

/* Starts a thread on which no signal of the program's is delivered. */
static int workers_start_thread(struct afi_workers *workers)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&thread, &attr, workers_thread, workers);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (r == 0)
		workers->threads++;
	return -r;
}

static void workers_run_back(struct afi_task *task)
{
	struct afi_job *job = AFI_CONTAINER(task, struct afi_job, post.task);

	job->back(job);
}

/* Whether a worker will see to the queue; starts one if that is of use. */
static bool workers_provide(struct afi_workers *workers)
{
	struct afi_job *job;
	unsigned queued = 0;

	TAILQ_FOREACH (job, &workers->queue, entry)
		if (++queued > workers->idle)
			break;
	if (queued > workers->idle && workers->threads < workers->max)
		workers_start_thread(workers);
	else
		pthread_cond_signal(&workers->wake);
	return workers->threads > 0;
}

/* The crew's, made if need be; NULL: no memory. */
static struct afi_workers *workers_of(struct af_loop *loop, enum afi_crew crew)
{
	if (!loop->workers[crew])
		loop->workers[crew] = workers_new(loop, crew);
	return loop->workers[crew];
}

int afi_workers_queue(struct af_loop *loop, struct afi_job *job)
{
	struct afi_workers *workers;
	bool provided;

	/* Those that are still there may all be stuck. */
	if (loop->max_workers[job->crew] == 0)
		return -EAGAIN;
	workers = workers_of(loop, job->crew);
	if (!workers)
		return -ENOMEM;
	job->post.run = workers_run_back;
	pthread_mutex_lock(&workers->lock);
	TAILQ_INSERT_TAIL(&workers->queue, job, entry);
	job->queued = true;
	provided = workers_provide(workers);
	if (!provided)
		workers_dequeue(workers, job);
	pthread_mutex_unlock(&workers->lock);
	return provided ? 0 : -EAGAIN;
}

bool afi_workers_do(struct af_loop *loop, struct afi_job *job)
{
	if (afi_workers_queue(loop, job) == 0)
		return false;
	job->work(job);
	return true;
}

bool afi_workers_recall(struct af_loop *loop, struct afi_job *job)
{
	struct afi_workers *workers = loop->workers[job->crew];
	bool queued;

	if (!workers)
		return false;
	pthread_mutex_lock(&workers->lock);
	queued = job->queued;
	if (queued)
		workers_dequeue(workers, job);
	pthread_mutex_unlock(&workers->lock);
	return queued;
}

static int workers_set_max(struct af_loop *loop, enum afi_crew crew,
			   unsigned max)
{
	struct afi_workers *workers;
	struct afi_job *job;

	if (!afi_loop_is_mine(loop))
		return -EPERM;
	loop->max_workers[crew] = max;
	workers = loop->workers[crew];
	if (!workers)
		return 0;
	pthread_mutex_lock(&workers->lock);
	workers->max = max;
	/* Those that are there may all be stuck. */
	TAILQ_FOREACH (job, &workers->queue, entry)
		if (workers->threads < max)
			workers_provide(workers);
	pthread_cond_broadcast(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
	return 0;
}

int af_loop_set_workers(struct af_loop *loop, unsigned max_threads)
{
	return loop ? workers_set_max(loop, AFI_CREW_DISK, max_threads)
		    : -EINVAL;
}

int af_loop_set_work_threads(struct af_loop *loop, unsigned max_threads)
{
	if (!loop || max_threads == 0)
		return -EINVAL;
	return workers_set_max(loop, AFI_CREW_WORK, max_threads);
}

unsigned af_loop_workers(const struct af_loop *loop)
{
	return loop ? loop->max_workers[AFI_CREW_DISK] : 0;
}

unsigned af_loop_work_threads(const struct af_loop *loop)
{
	return loop ? loop->max_workers[AFI_CREW_WORK] : 0;
}

static void workers_never(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Of no descriptor, so that it cannot happen; yet libevent counts it. */
static int workers_add_hold(struct af_loop *loop)
{
	event_assign(&loop->hold.event, loop->base, -1, EV_READ, workers_never,
		     NULL);
	return event_add(&loop->hold.event, NULL) ? -ENOMEM : 0; /* never */
}

static int workers_move_hold(struct afi_watch *watch)
{
	struct af_loop *loop = AFI_CONTAINER(watch, struct af_loop, hold.watch);

	event_del(&loop->hold.event);
	return workers_add_hold(loop);
}

void afi_loop_hold(struct af_loop *loop)
{
	if (loop->hold.count++ > 0)
		return;
	workers_add_hold(loop);
	afi_loop_watch(loop, &loop->hold.watch, workers_move_hold);
}

void afi_loop_unhold(struct af_loop *loop)
{
	if (--loop->hold.count > 0)
		return;
	event_del(&loop->hold.event);
	afi_watch_stop(&loop->hold.watch);
}
