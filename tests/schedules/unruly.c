/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes a program's threads unruly, by LD_PRELOAD, for tests/schedules/chaos. At
 * its calls of locks and conditions a thread sometimes gets another priority,
 * gives its processor away or waits for a moment, whatever it holds. In a storm,
 * each process that it forks gets signals whose handlers interrupt system calls.
 *
 * CHAOS_SEED=N       the numbers that decide; each thread has its own
 * CHAOS_PRIORITIES=1 nice values and SCHED_IDLE; SCHED_RR, where that is allowed
 * CHAOS_STORM=USEC   SIGUSR1, SIGALRM and SIGCHLD, each so often
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static unsigned seed, storm_us;
static bool priorities;
static bool on;
static unsigned threads; /* that have had a number */
static _Thread_local uint32_t state;

static uint32_t draw(uint32_t n)
{
	if (!state)
		state = seed * 2654435761u +
			__atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED) *
				40503u +
			1;
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % n;
}

static int set_nice(int which, id_t who, int value)
{
	return (int)syscall(SYS_setpriority, which, who, value);
}

/* A program that sets its own, such as a test of them, is left alone. */
int setpriority(__priority_which_t which, id_t who, int value)
{
	priorities = false;
	return set_nice((int)which, who, value);
}

/* Only down again where it may not go up. */
static void change_priority(void)
{
	static const int policies[] = { SCHED_OTHER, SCHED_IDLE, SCHED_BATCH,
					SCHED_RR };
	int policy = policies[draw(4)];
	struct sched_param param = { .sched_priority =
					     policy == SCHED_RR ? 1 : 0 };

	sched_setscheduler(0, policy, &param);
	set_nice(PRIO_PROCESS, (id_t)syscall(SYS_gettid), (int)draw(20));
}

static void be_unruly(void)
{
	struct timespec moment = { 0, 0 };

	if (!on)
		return;
	if (priorities && draw(100) == 0)
		change_priority();
	switch (draw(50)) {
	case 0:
		sched_yield();
		break;
	case 1:
		moment.tv_nsec = (long)draw(200000);
		nanosleep(&moment, NULL);
		break;
	default:
		break;
	}
}

static void *next_of(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	static __typeof__(&pthread_mutex_lock) next;
	int r;

	if (!next)
		next = next_of("pthread_mutex_lock");
	be_unruly();
	r = next(mutex);
	be_unruly(); /* with the lock, which others may want */
	return r;
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	static __typeof__(&pthread_mutex_unlock) next;
	int r;

	if (!next)
		next = next_of("pthread_mutex_unlock");
	r = next(mutex);
	be_unruly();
	return r;
}

int pthread_cond_signal(pthread_cond_t *cond)
{
	static __typeof__(&pthread_cond_signal) next;

	if (!next)
		next = next_of("pthread_cond_signal");
	be_unruly();
	return next(cond);
}

int pthread_create(pthread_t *id, const pthread_attr_t *attr,
		   void *(*fn)(void *), void *arg)
{
	static __typeof__(&pthread_create) next;
	int r;

	if (!next)
		next = next_of("pthread_create");
	be_unruly();
	r = next(id, attr, fn, arg);
	be_unruly();
	return r;
}

static void on_storm(int sig)
{
	(void)sig;
}

/* Without SA_RESTART; not where the program has a handler of its own. */
static void add_timer(int sig)
{
	const struct itimerspec often = {
		.it_value.tv_nsec = (long)storm_us * 1000,
		.it_interval.tv_nsec = (long)storm_us * 1000,
	};
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = sig };
	struct sigaction action = { .sa_handler = on_storm }, before;
	timer_t timer;

	if (sigaction(sig, NULL, &before) < 0 ||
	    (before.sa_handler != SIG_DFL && before.sa_handler != on_storm))
		return;
	sigaction(sig, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
		timer_settime(timer, 0, &often, NULL);
}

/* A child by fork(2) has none of the timers. */
static void begin_storm(void)
{
	state = 0;
	add_timer(SIGUSR1);
	add_timer(SIGALRM);
	add_timer(SIGCHLD);
}

static unsigned number_of(const char *name)
{
	const char *text = getenv(name);

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

__attribute__((constructor)) static void begin(void)
{
	seed = number_of("CHAOS_SEED");
	priorities = number_of("CHAOS_PRIORITIES") != 0;
	storm_us = number_of("CHAOS_STORM");
	/* What the program executes is left alone. */
	unsetenv("LD_PRELOAD");
	on = true;
	if (storm_us > 0)
		pthread_atfork(NULL, NULL, begin_storm);
}
