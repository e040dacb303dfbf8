/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Real threads, which hand a baton to one another. They are used again for the
 * next schedule, as starting one takes longer than most schedules.
 */
#include "config.h"

#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "schedules/path.h"
#include "schedules/schedule.h"
#include "schedules/sync.h"
#include "schedules/threads.h"
#include "schedules/trace.h"

#define MOST 12

/* Where a thread runs. */
struct carrier {
	struct thread thread;
	pthread_t id;
	pthread_cond_t turn;
	bool exists;
	bool abandoned; /* its thread never ends: it goes back to the top */
	jmp_buf top;
};

static struct carrier carriers[MOST];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of these */
static struct carrier *running;				 /* it has the baton */
static unsigned abandoned; /* that are not back yet */
static bool stopped;

static unsigned writes;
static pid_t here;
static _Thread_local struct carrier *mine;

bool threads_active(void)
{
	/* A child may share our memory. */
	return mine && here && getpid() == here;
}

struct thread *threads_me(void)
{
	return &mine->thread;
}

int threads_number(const struct thread *thread)
{
	return (int)((const struct carrier *)(const void *)thread - carriers);
}

struct thread *threads_waiting(const void *cond, unsigned i)
{
	for (int k = 0; k < MOST; k++)
		if (carriers[k].thread.op == OP_WAIT &&
		    carriers[k].thread.object == cond && i-- == 0)
			return &carriers[k].thread;
	return NULL;
}

void threads_note_write(void)
{
	writes++;
}

unsigned threads_writes(void)
{
	return writes;
}

/* Whether no other thread is left, except some that nothing will wake. */
static bool is_alone(const struct thread *thread)
{
	const struct thread *other;
	unsigned n = 0;

	for (int i = 0; i < MOST; i++) {
		other = &carriers[i].thread;
		if (other == thread || other->op == OP_NONE)
			continue;
		if (other->op != OP_WAIT || other->timed)
			return false;
		n++;
	}
	return n <= thread->stay;
}

static bool can_go_on(const struct thread *thread)
{
	switch (thread->op) {
	case OP_STEP:
		return true;
	case OP_LOCK:
		return sync_is_free(thread->object);
	case OP_BASE:
		return thread->seen != writes;
	case OP_FLAG:
		return *(bool *)thread->object;
	case OP_JOIN:
		return is_alone(thread);
	default:
		return false;
	}
}

/* Those that can go on, the calling one first. */
static unsigned list_ready(struct thread **list)
{
	unsigned n = 0;

	if (can_go_on(&mine->thread))
		list[n++] = &mine->thread;
	for (int i = 0; i < MOST; i++)
		if (&carriers[i] != mine && can_go_on(&carriers[i].thread))
			list[n++] = &carriers[i].thread;
	return n;
}

static unsigned list_timeouts(struct thread **list)
{
	unsigned n = 0;

	for (int i = 0; i < MOST; i++)
		if (carriers[i].thread.op == OP_WAIT &&
		    carriers[i].thread.timed)
			list[n++] = &carriers[i].thread;
	return n;
}

static void print_waiting(void)
{
	for (int i = 0; i < MOST; i++)
		if (carriers[i].thread.op != OP_NONE)
			trace_step(i, "waits in", carriers[i].thread.at);
}

/* One of those that can go on, or whose time is up. */
static struct thread *decide(void)
{
	struct thread *list[2 * MOST];
	unsigned n = list_ready(list), all = n + list_timeouts(list + n);
	bool free_choice = n == 0 || list[0] != &mine->thread;
	int taken;

	if (n == 0 && (all == 0 || carriers[0].thread.op == OP_BASE)) {
		print_waiting();
		schedule_fail(all == 0 ? "no thread can go on"
				       : "the loop waits, and only a timeout "
					 "of another thread would end that");
	}
	taken = path_decide(all, n == 0 ? all : free_choice ? n : 1);
	if (taken < 0)
		schedule_fail("it is not the same every time");
	return list[taken];
}

static void time_out(struct thread *thread)
{
	trace_step(threads_number(thread), "timeout", thread->at);
	thread->timed_out = true;
	thread->op = OP_LOCK;
	thread->object = thread->mutex;
}

/* Waits for the baton. */
static void await_turn(struct carrier *me)
{
	pthread_mutex_lock(&lock);
	while (running != me && !me->abandoned)
		pthread_cond_wait(&me->turn, &lock);
	pthread_mutex_unlock(&lock);
	if (me->abandoned)
		longjmp(me->top, 1);
}

static void hand_over(struct carrier *to)
{
	pthread_mutex_lock(&lock);
	running = to;
	pthread_cond_signal(&to->turn);
	pthread_mutex_unlock(&lock);
}

static struct carrier *next_carrier(void)
{
	struct thread *next;

	while ((next = decide())->op == OP_WAIT)
		time_out(next);
	return (struct carrier *)(void *)next;
}

void threads_next(enum op op, void *object, const char *what, const char *at)
{
	struct carrier *next;

	mine->thread.op = op;
	mine->thread.object = object;
	mine->thread.what = what;
	mine->thread.at = at;
	next = next_carrier();
	if (next != mine) {
		hand_over(next);
		await_turn(mine);
	}
	mine->thread.op = OP_STEP;
	mine->thread.steps++;
	trace_step(threads_number(&mine->thread), what, at);
}

/* Runs one thread after another; false: there will be no more. */
static bool carry(struct carrier *me)
{
	bool stop;

	pthread_mutex_lock(&lock);
	if (me->abandoned) {
		me->abandoned = false;
		abandoned--;
		pthread_cond_signal(&carriers[0].turn);
	}
	while (running != me && !stopped)
		pthread_cond_wait(&me->turn, &lock);
	stop = stopped;
	pthread_mutex_unlock(&lock);
	if (stop)
		return false;
	me->thread.fn(me->thread.arg);
	trace_step(threads_number(&me->thread), "ends", "");
	me->thread.op = OP_NONE;
	hand_over(next_carrier());
	return true;
}

static void *carrier_main(void *arg)
{
	struct carrier *me = arg;

	mine = me;
	setjmp(me->top);
	while (carry(me))
		;
	return NULL;
}

struct thread *threads_new(void *(*fn)(void *), void *arg, pthread_t *ret_id)
{
	struct carrier *new = carriers;

	while (new < carriers + MOST &&new->thread.op != OP_NONE)
		new ++;
	if (new == carriers + MOST)
		schedule_fail("too many threads");
	memset(&new->thread, 0, sizeof(new->thread));
	new->thread.fn = fn;
	new->thread.arg = arg;
	new->thread.op = OP_STEP;
	new->thread.what = "begins";
	new->thread.at = "";
	if (!new->exists) {
		pthread_cond_init(&new->turn, NULL);
		if (pthread_create(&new->id, NULL, carrier_main, new) != 0)
			schedule_fail("there is no thread to be had");
		new->exists = true;
	}
	*ret_id = new->id;
	return &new->thread;
}

void threads_begin(void)
{
	mine = &carriers[0];
	memset(&mine->thread, 0, sizeof(mine->thread));
	mine->thread.op = OP_STEP;
	mine->thread.at = mine->thread.what = "";
	if (!mine->exists)
		pthread_cond_init(&mine->turn, NULL);
	mine->exists = true;
	mine->id = pthread_self();
	running = mine;
	writes = 0;
	here = getpid();
}

/* Threads that never end forget what they did. */
void threads_end(void)
{
	here = 0;
	mine->thread.op = OP_NONE;
	pthread_mutex_lock(&lock);
	for (int i = 1; i < MOST; i++) {
		if (carriers[i].thread.op == OP_NONE)
			continue;
		abandoned++;
		carriers[i].abandoned = true;
		carriers[i].thread.op = OP_NONE;
		pthread_cond_signal(&carriers[i].turn);
	}
	while (abandoned > 0)
		pthread_cond_wait(&carriers[0].turn, &lock);
	pthread_mutex_unlock(&lock);
}

void threads_stop(void)
{
	pthread_mutex_lock(&lock);
	stopped = true;
	for (int i = 1; i < MOST; i++)
		if (carriers[i].exists)
			pthread_cond_signal(&carriers[i].turn);
	pthread_mutex_unlock(&lock);
	for (int i = 1; i < MOST; i++) {
		if (carriers[i].exists)
			pthread_join(carriers[i].id, NULL);
		carriers[i].exists = false;
	}
	stopped = false;
}
