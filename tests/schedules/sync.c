/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mutexes, conditions, and the other calls by which threads meet. What is in the
 * memory of a mutex is ours: nobody else uses it.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "schedules/schedule.h"
#include "schedules/sync.h"
#include "schedules/threads.h"
#include "schedules/turns.h"

enum state { FREE = 0, LOCKED = 0x10cced, GONE = 0xdeadbee };

static uint32_t state_of(const void *object)
{
	uint32_t state;

	memcpy(&state, object, sizeof(state));
	return state;
}

static void set_state(void *object, uint32_t state)
{
	memcpy(object, &state, sizeof(state));
}

/* Heap that was freed has another byte in it: see heap.c. */
static void check_alive(const void *object, const char *at)
{
	uint32_t state = state_of(object);

	if (state == GONE || state == 0xdfdfdfdf)
		schedule_fail("%s: used after its end", at);
}

bool sync_is_free(const pthread_mutex_t *mutex)
{
	return state_of(mutex) != LOCKED;
}

int turns_mutex_init(pthread_mutex_t *mutex)
{
	memset(mutex, 0, sizeof(*mutex));
	return 0;
}

int turns_mutex_destroy(pthread_mutex_t *mutex, const char *at)
{
	check_alive(mutex, at);
	if (state_of(mutex) == LOCKED)
		schedule_fail("%s: destroyed while it is locked", at);
	set_state(mutex, GONE);
	return 0;
}

static void take(pthread_mutex_t *mutex, const char *what, const char *at)
{
	if (threads_active())
		threads_next(OP_LOCK, mutex, what, at);
	check_alive(mutex, at);
	set_state(mutex, LOCKED);
}

int turns_mutex_lock(pthread_mutex_t *mutex, const char *at)
{
	check_alive(mutex, at);
	take(mutex, "lock", at);
	return 0;
}

int turns_mutex_unlock(pthread_mutex_t *mutex, const char *at)
{
	check_alive(mutex, at);
	if (state_of(mutex) != LOCKED)
		schedule_fail("%s: it is not locked", at);
	set_state(mutex, FREE);
	turns_step("unlocked", at);
	return 0;
}

int turns_cond_init(pthread_cond_t *cond)
{
	memset(cond, 0, sizeof(*cond));
	return 0;
}

int turns_cond_destroy(pthread_cond_t *cond, const char *at)
{
	check_alive(cond, at);
	if (threads_waiting(cond, 0))
		schedule_fail("%s: destroyed while a thread waits", at);
	set_state(cond, GONE);
	return 0;
}

static int wait_on(pthread_cond_t *cond, pthread_mutex_t *mutex, bool timed,
		   const char *at)
{
	struct thread *me = threads_me();

	check_alive(cond, at);
	me->mutex = mutex;
	me->timed = timed;
	me->timed_out = false;
	set_state(mutex, FREE);
	threads_next(OP_WAIT, cond, "woken", at);
	check_alive(mutex, at);
	set_state(mutex, LOCKED);
	return me->timed_out ? ETIMEDOUT : 0;
}

int turns_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex,
		    const char *at)
{
	return wait_on(cond, mutex, false, at);
}

int turns_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
			 const char *at)
{
	return wait_on(cond, mutex, true, at);
}

static void wake(struct thread *thread)
{
	thread->op = OP_LOCK;
	thread->object = thread->mutex;
}

/* Whoever waits may be the one that is woken. */
int turns_cond_signal(pthread_cond_t *cond, const char *at)
{
	unsigned n = 0;

	turns_step("signal", at);
	check_alive(cond, at);
	while (threads_waiting(cond, n))
		n++;
	if (n > 0)
		wake(threads_waiting(cond, schedule_choose(n)));
	return 0;
}

int turns_cond_broadcast(pthread_cond_t *cond, const char *at)
{
	struct thread *thread;

	turns_step("broadcast", at);
	check_alive(cond, at);
	while ((thread = threads_waiting(cond, 0)))
		wake(thread);
	return 0;
}

int turns_create(pthread_t *id, void *(*fn)(void *), void *arg, const char *at)
{
	threads_new(fn, arg, id);
	turns_step("created", at);
	return 0;
}

static void (*at_fork)(void);

int turns_atfork(void (*child)(void))
{
	at_fork = child;
	return 0;
}

void sync_reset(void)
{
	if (at_fork)
		at_fork();
}

/* What a child that is being created does takes as long as it takes. */
static bool is_of_child(const char *at)
{
	return strstr(at, "process/clone_") || strstr(at, "process/child_");
}

void turns_step(const char *what, const char *at)
{
	if (threads_active() && !is_of_child(at))
		threads_next(OP_STEP, NULL, what, at);
}

/*
 * Turns of the base that do not wait; the waiting is the scheduler's. A turn
 * that did nothing made no step.
 */
int turns_base_loop(struct event_base *base, int flags, const char *at)
{
	const int now = flags | EVLOOP_NONBLOCK;
	struct thread *me = threads_me();
	unsigned long before;
	int r;

	if (!threads_active())
		return event_base_loop(base, flags);
	turns_step("turn", at);
	for (;;) {
		me->seen = threads_writes();
		before = me->steps;
		r = event_base_loop(base, now);
		if (r != 0 || flags & EVLOOP_NONBLOCK || me->steps != before)
			return r;
		threads_next(OP_BASE, NULL, "polled", at);
	}
}

ssize_t turns_read(int fd, void *buf, size_t len)
{
	turns_step("read", "");
	return read(fd, buf, len);
}

ssize_t turns_write(int fd, const void *buf, size_t len)
{
	ssize_t r;

	turns_step("write", "");
	r = write(fd, buf, len);
	threads_note_write();
	return r;
}

ssize_t turns_preadv2(int fd, const struct iovec *iov, int n, off_t at,
		      int flags)
{
	(void)fd;
	(void)iov;
	(void)n;
	(void)at;
	(void)flags;
	errno = EOPNOTSUPP;
	return -1;
}

ssize_t turns_pwritev2(int fd, const struct iovec *iov, int n, off_t at,
		       int flags)
{
	return turns_preadv2(fd, iov, n, at, flags);
}

int turns_clock_gettime(clockid_t clock, struct timespec *ret)
{
	static struct timespec fixed;

	if (fixed.tv_sec == 0)
		clock_gettime(clock, &fixed);
	*ret = fixed;
	return 0;
}

int turns_setname(pthread_t thread, const char *name)
{
	(void)thread;
	(void)name;
	return 0;
}
