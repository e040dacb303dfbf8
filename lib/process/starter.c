/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads for the whole program. Nobody waits for one to end: a thread that is
 * stuck in the kernel ends when the kernel lets it go.
 */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/container.h"
#include "base/threads.h"
#include "process/starter.h"

struct starter_thread {
	TAILQ_ENTRY(starter_thread) entry;
	unsigned long owner;
};

TAILQ_HEAD(starter_list, starter_thread);
TAILQ_HEAD(starter_jobs, afi_starter_job);

static pthread_mutex_t starter_lock; /* of what follows */
static struct starter_list starter_threads;
static struct starter_jobs starter_queue;
static pthread_cond_t starter_wake; /* of threads without owner */
static unsigned starter_idle;	    /* of them: waiting for a job */

/* Also in a child by fork(2), which has none of the threads. */
static void starter_reset(void)
{
	pthread_mutex_init(&starter_lock, NULL);
	pthread_cond_init(&starter_wake, NULL);
	TAILQ_INIT(&starter_threads);
	TAILQ_INIT(&starter_queue);
	starter_idle = 0;
}

static void starter_init(void)
{
	starter_reset();
	pthread_atfork(NULL, NULL, starter_reset);
}

static void starter_enqueue(struct afi_starter_job *job)
{
	job->queued = true;
	TAILQ_INSERT_TAIL(&starter_queue, job, entry);
}

static void starter_dequeue(struct afi_starter_job *job)
{
	TAILQ_REMOVE(&starter_queue, job, entry);
	job->queued = false;
}

static struct afi_starter_job *starter_first_job(unsigned long owner)
{
	struct afi_starter_job *job;

	TAILQ_FOREACH (job, &starter_queue, entry)
		if (job->owner == owner)
			break;
	return job;
}

/* NULL: the thread must end. */
static struct afi_starter_job *starter_next_job(unsigned long owner)
{
	struct afi_starter_job *job;

	while (!(job = starter_first_job(owner)) && !owner) {
		starter_idle++;
		pthread_cond_wait(&starter_wake, &starter_lock);
		starter_idle--;
	}
	if (job)
		starter_dequeue(job);
	return job;
}

static void *starter_main(void *arg)
{
	struct starter_thread *thread = arg;
	unsigned long owner = thread->owner;
	struct afi_starter_job *job;

	afi_threads_set_name(owner ? "asyncfile" : "asyncfile-keep");
	pthread_mutex_lock(&starter_lock);
	while ((job = starter_next_job(owner))) {
		pthread_mutex_unlock(&starter_lock);
		job->work(job);
		pthread_mutex_lock(&starter_lock);
	}
	TAILQ_REMOVE(&starter_threads, thread, entry);
	pthread_mutex_unlock(&starter_lock);
	free(thread);
	return NULL;
}

/* Starts a thread on which no signal of the program's is delivered. */
static bool starter_start_thread(unsigned long owner)
{
	struct starter_thread *thread = malloc(sizeof(*thread));
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t id;
	int r;

	if (!thread)
		return false;
	thread->owner = owner;
	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&id, &attr, starter_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (r == 0)
		TAILQ_INSERT_TAIL(&starter_threads, thread, entry);
	else
		free(thread);
	return r == 0;
}

/* Whether a thread will see to what the owner has queued. */
static bool starter_provide(unsigned long owner)
{
	const struct starter_thread *thread;
	const struct afi_starter_job *job;
	unsigned queued = 0, threads = 0;

	TAILQ_FOREACH (job, &starter_queue, entry)
		queued += job->owner == owner;
	TAILQ_FOREACH (thread, &starter_threads, entry)
		threads += thread->owner == owner;
	if (!owner && queued <= starter_idle)
		pthread_cond_signal(&starter_wake);
	else if (threads < AFI_STARTER_MAX)
		threads += starter_start_thread(owner);
	return threads > 0;
}

static void starter_run_here(struct afi_starter_job *job)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	job->work(job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void afi_starter_do(struct afi_starter_job *job, unsigned long owner)
{
	static pthread_once_t starter_once = PTHREAD_ONCE_INIT;
	bool provided;

	pthread_once(&starter_once, starter_init);
	job->owner = owner;
	pthread_mutex_lock(&starter_lock);
	starter_enqueue(job);
	provided = starter_provide(owner);
	if (!provided)
		starter_dequeue(job);
	pthread_mutex_unlock(&starter_lock);
	if (!provided)
		starter_run_here(job);
}

bool afi_starter_recall(struct afi_starter_job *job)
{
	bool queued;

	pthread_mutex_lock(&starter_lock);
	queued = job->queued;
	if (queued)
		starter_dequeue(job);
	pthread_mutex_unlock(&starter_lock);
	return queued;
}

/* A job that somebody waits for. */
struct starter_wait {
	struct afi_starter_job job;
	struct afi_starter_job *inner;
	pthread_mutex_t lock; /* of done */
	pthread_cond_t wake;
	bool done;
};

static void starter_work_waited(struct afi_starter_job *job)
{
	struct starter_wait *wait =
		AFI_CONTAINER(job, struct starter_wait, job);

	wait->inner->work(wait->inner);
	pthread_mutex_lock(&wait->lock);
	wait->done = true;
	/* Under the lock: it is gone once the other thread has that. */
	pthread_cond_signal(&wait->wake);
	pthread_mutex_unlock(&wait->lock);
}

void afi_starter_keep(struct afi_starter_job *job)
{
	struct starter_wait wait = {
		.job.work = starter_work_waited,
		.inner = job,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.wake = PTHREAD_COND_INITIALIZER,
	};

	afi_starter_do(&wait.job, 0);
	pthread_mutex_lock(&wait.lock);
	while (!wait.done)
		pthread_cond_wait(&wait.wake, &wait.lock);
	pthread_mutex_unlock(&wait.lock);
	pthread_cond_destroy(&wait.wake);
	pthread_mutex_destroy(&wait.lock);
}
