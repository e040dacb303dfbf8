/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model of futures: which outcome each may have. Where a deadline or a
 * cancel races with data, several are allowed; everything else is exact.
 * stream.h is the model of the bytes.
 */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asyncfile.h>

/* In this order: operations, then futures that stand on others. */
enum kind_of {
	READ,
	LINE,
	UNTIL,
	PEEK,
	EACH,
	WRITE,
	COPY,
	FINISH,
	UNREAD, /* no future: bytes that were put back */
	EMPTY,	/* no future: a message without bytes */
	READ_AT,
	WRITE_AT,
	SYNC,
	WORK,
	WAIT,
	HANGUP,
	IDLE,
	BOTH,
	SLEEP,
	MAKER,
	LINK,
	ALL,
	SETTLED,
	RACE,
	ANY,
	TIMED,
	SHIELD,
	MAP
};
enum call_on { ON_SUCCESS = 1, ON_FAILURE = 2, ON_BOTH = 3 };

#define MAX_PARTS 4

struct stream;
struct job;

/* A done function. */
struct watch {
	struct node *node;
	struct watch *next;
	bool ran, dropped;
	bool unsure; /* perhaps dropped */
};

/* A future, from the call that made it until its loop is freed. */
struct node {
	enum kind_of kind;
	unsigned id;
	struct af_future *f;	/* the program's reference; NULL: dropped */
	struct af_future *keep; /* the model's, until it ends; or NULL */
	struct watch *watches;	/* done functions, which run in order */
	bool canceled;		/* perhaps: -ECANCELED is allowed */
	bool alone;		/* the cancel did not reach it */
	bool timed;		/* has a deadline */

	struct stream *stream; /* of a COPY: from */
	bool passed;	       /* EMPTY: a read may have skipped it */
	bool is_half;	       /* COPY: of a BOTH */
	bool writes;	       /* HANGUP, IDLE: whether it is of the writer */
	int64_t moved; /* since when its last byte has been in the stream */
	struct node *next_read; /* there */
	bool settled;		/* its bytes were taken from the stream */
	size_t size;
	bool full;
	unsigned texts; /* UNTIL */
	size_t known;	/* bytes that were certain to be there at the call */
	bool barred;	/* the end was being finished at the call */
	bool too_late;	/* it was finished, or shut down, before the call */
	unsigned stop_with; /* EACH: 0: success, 1: failure, 2: never */
	int stopped; /* EACH: 1, or the error, once its function says so */
	bool lines;  /* EACH */
	bool slow;   /* EACH: its function returns futures */

	/* What a WRITE, COPY or UNREAD adds to a stream. */
	struct stream *to;
	struct node *next; /* in the stream */
	size_t taken;	   /* bytes that were read */
	bool counted;	   /* it is done; its count is known */
	unsigned char *borrowed;
	short *fetched; /* COPY: its bytes, as far as they are known */
	size_t n_fetched;

	size_t offset;		/* READ_AT, WRITE_AT */
	unsigned long when;	/* the same, SYNC, WAIT: what was before */
	struct job *job;	/* WORK */
	bool ready;		/* WAIT: at the call */
	int64_t at;		/* it was called then, or later */
	int64_t time, earliest; /* IDLE, SLEEP: its end */
	bool given;		/* MAKER: the outcome is fixed: gift */
	int gift;		/* MAKER: the error it ends with */
	unsigned cancels;	/* MAKER: calls of its cancel function */
	bool objects;		/* MAKER: its cancel function ends it */
	enum call_on on;	/* LINK */
	unsigned calls;		/* LINK, EACH, MAP: of its function */
	unsigned body;		/* what that function does */
	unsigned limit; /* EACH, MAP: how many calls; LINK: what it returns */
	bool settle;	/* MAP */
	bool running;	/* LINK, MAP: its function */
	struct node *refused; /* MAP: what depends on it, and is no part */
	/* LINK: its source, and what it returned. */
	struct node *parts[MAX_PARTS];
	unsigned n_parts;
	unsigned
		done_first; /* bits of parts that were done before it was made */
	bool orphan;	    /* may fail, as what it waits for was forgotten */
	bool silenced;	    /* has failed so: its function is not called */
	bool lost;	    /* it may have been forgotten without a reference */
	unsigned forgets;   /* calls of af_future_forget() that reached it */
	struct node *same;  /* whose future this is, too: it was done already */
	unsigned visited;

	/* The outcome, once a done function has run. */
	bool ended;
	int error;
	size_t count;
};

/* Fails the program that is running, see runner.h. */
#define must(condition, node)                                                  \
	do {                                                                   \
		if (!(condition))                                              \
			model_fail(__FILE__, __LINE__, #condition, (node));    \
	} while (0)
_Noreturn void model_fail(const char *file, int line, const char *condition,
			  const struct node *node);

/* The loop is being freed, or was: everything may be cancelled. */
extern bool model_freed;

/* The node and its parts may be cancelled from now on. */
void model_cancel(struct node *node);
/* Whether the node stands on another one, through parts. */
bool model_depends(struct node *node, const struct node *on);
/* The same, if what is between them is not done. */
bool model_waits_for(struct node *node, const struct node *on);
/* Before a cancel, and after it: what it reached is done, however. */
void model_will_cancel(struct node *node);
void model_expect_canceled(struct node *node);
/* The model's reference to its future, or else the program's; or NULL. */
struct af_future *model_handle(const struct node *node);
/* Of one without a reference nobody knows: false. */
bool model_is_pending(const struct node *node);
bool model_is_canceled(const struct node *node);
/* A new number for node.visited. */
unsigned model_visit(void);
/*
 * Adds a done function, which must run once and after the earlier ones. The
 * first that runs checks the outcome.
 */
void model_watch(struct node *node);

/* How operations on streams end, in model_stream.c. */
void model_end_write(struct node *node, struct af_future *done);
/* A read, an each or a copy is done: takes its bytes, once. */
void model_settle(struct node *node, struct af_future *done);
void model_end_both(struct node *node, struct af_future *done);
/* After this, a byte of it that is still sent is a wrong one. */
void model_spoil(struct node *node);
/* The two texts of an UNTIL; one of them may be empty. */
const struct af_text *model_texts(unsigned which);
/* In disk.c and work.c. */
void disk_end(struct node *node, struct af_future *done);
void work_end(const struct node *node, struct af_future *done);
void wait_end(const struct node *node);
/* One piece that the function of an EACH got. */
void model_piece(struct node *node, const char *data, size_t len,
		 unsigned flags);
/* Whether the error of an operation on a stream is one it may have. */
bool model_stream_error(const struct node *node);
/* In act_beside.c. */
void hangup_end(const struct node *node);
void idle_end(const struct node *node);
/* Bytes were moved, at the earliest when they came. */
void idle_moved(const struct node *by);

#endif
