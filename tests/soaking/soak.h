/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The soak: a program under mixed load for as long as it is told to. The load
 * consists of tasks. A task is a piece of work with memory of its own, such as
 * a child that is talked to, and ends when its last operation has ended.
 */
#ifndef TESTS_SOAKING_SOAK_H
#define TESTS_SOAKING_SOAK_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>

#include <asyncfile.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What there is one of. */
struct soak {
	struct event_base *base;
	struct af_loop *loop;
	const char *helper; /* the path of tests/support/helper */
	uint64_t seed;
	bool is_loading;  /* new tasks may begin */
	bool is_scarce;	  /* the limit of descriptors is lowered */
	bool is_child;	  /* this is a child by fork(2) */
	size_t tasks;	  /* that have not ended */
	unsigned depth;	  /* waits on the stack */
	unsigned foreign; /* files over bufferevents */
};

extern struct soak soak;

/* A failed invariant: says what, the seed and what is pending; exits. */
_Noreturn void soak_fail(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

int64_t soak_now_us(void);     /* CLOCK_MONOTONIC */
void *soak_alloc(size_t size); /* zeroed */

/* Random numbers of the seed: 0 to n - 1; true once in n times. */
unsigned pick(unsigned n);
bool chance(unsigned n);

/* Errors that an operation may have besides cancels and deadlines. */
enum may {
	MAY_SUCCEED_ONLY = 0,
	MAY_BREAK = 1,	  /* the peer may leave: EPIPE, ECONNRESET */
	MAY_LACK = 2,	  /* descriptors may run out: EMFILE */
	MAY_TIME_OUT = 4, /* by a deadline that is not of deadline() */
	/* It cannot leave the base, and had to wait inside another wait. */
	MAY_REFUSE = 16,
	MAY_STAY = 8, /* is not cancelled at random */
};

struct task {
	const char *name;
	unsigned pending; /* operations, and one for who starts it */
	bool is_closing; /* its files are closed, so operations are cancelled */
	void (*end)(struct task *task);
};

/* Begins a task; task_drop() ends what began it. */
void task_begin(struct task *task, const char *name,
		void (*end)(struct task *task));
void task_drop(struct task *task);

/*
 * A deadline for the next operation that is watched: mostly NULL, sometimes
 * zero, else some milliseconds.
 */
const struct timeval *deadline(void);

typedef void (*op_fn)(struct af_future *done, void *arg);

/*
 * Watches an operation of a task, and consumes its future: it may be cancelled
 * at random; its outcome must be one that is allowed, and not before its
 * deadline. fn(future, arg) is called when it is done; NULL: nothing is.
 */
void op_watch(struct task *task, const char *what, struct af_future *f,
	      unsigned may, op_fn fn, void *arg);
/* Cancels one of the pending operations. */
void op_cancel_any(void);
void op_now_scarce(void);
void op_forget_all(void); /* in the end: frees the list, which is empty */
size_t op_pending(void);
/* The time of the operation that has been pending longest, in seconds. */
int64_t op_oldest_s(void);

/*
 * A call outside of operations failed with this errno. It must be a lack of
 * descriptors, at a time when they lack.
 */
void op_lacked(const char *what, int error);

/* Totals, for the report. */
struct tally {
	uint64_t ops, ok, canceled, timedout, lacked, broken, refused, bytes;
	uint64_t waits_begun, waits, posts, forks, children;
};
extern struct tally tally;

#endif
