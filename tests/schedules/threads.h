/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Threads of which one runs at a time, and which one that is.
 */
#ifndef TESTS_SCHEDULES_THREADS_H
#define TESTS_SCHEDULES_THREADS_H

#include <pthread.h>
#include <stdbool.h>

/* What a thread does next, and so, whether it can go on. */
enum op {
	OP_NONE, /* there is no such thread */
	OP_STEP, /* always */
	OP_LOCK, /* if the mutex is free */
	OP_WAIT, /* after a signal, or, if it is timed, at any time */
	OP_BASE, /* when another thread has written something */
	OP_FLAG, /* when it is set */
	OP_JOIN, /* when only the threads are left that stay */
};

struct thread {
	enum op op;
	const char *what, *at;	/* for the trace */
	void *object;		/* the mutex, the condition, the flag */
	pthread_mutex_t *mutex; /* OP_WAIT: to have back */
	bool timed, timed_out;	/* OP_WAIT */
	unsigned seen;		/* OP_BASE: writes that it knows */
	unsigned stay;		/* OP_JOIN */
	unsigned long steps;
	void *(*fn)(void *arg);
	void *arg;
};

/* Whether the calling thread is one of these, in a schedule. */
bool threads_active(void);
struct thread *threads_me(void);
int threads_number(const struct thread *thread);
/* The i-th that waits for the condition; NULL: none. */
struct thread *threads_waiting(const void *cond, unsigned i);
/* What another thread waits for may have happened. */
void threads_note_write(void);
unsigned threads_writes(void);

/* Lets the scheduler decide; returns when the calling thread may go on. */
void threads_next(enum op op, void *object, const char *what, const char *at);
/* Makes another thread, which has not begun. */
struct thread *threads_new(void *(*fn)(void *), void *arg, pthread_t *ret_id);

/* Around a schedule, and around all of them, on the first thread. */
void threads_begin(void);
void threads_end(void);
void threads_stop(void);

#endif
