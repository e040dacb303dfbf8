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
	UNREAD, /* no future: bytes that were put back */
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

/* A future, from the call that made it until its loop is freed. */
struct node {
	enum kind_of kind;
	unsigned id;
	struct af_future *f;	/* the program's reference; NULL: dropped */
	struct af_future *keep; /* the model's, until it ends; or NULL */
	unsigned added, ran;	/* done functions, which run in order */
	bool canceled;		/* perhaps: -ECANCELED is allowed */
	bool timed;		/* has a deadline */

	struct stream *stream;	/* of a COPY: from */
	struct node *next_read; /* there */
	bool settled;		/* its bytes were taken from the stream */
	size_t size;
	bool full;
	unsigned texts; /* UNTIL */
	size_t known;	/* bytes that were certain to be there at the call */
	bool early;	/* the call was made after the end of the loop */
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
	unsigned char *fetched; /* COPY: its bytes, as far as they are known */
	size_t n_fetched;

	int64_t earliest; /* SLEEP */
	bool given;	  /* MAKER: the outcome is fixed: gift */
	int gift;	  /* MAKER: the error it ends with */
	unsigned cancels; /* MAKER: calls of its cancel function */
	bool objects;	  /* MAKER: its cancel function ends it */
	enum call_on on;  /* LINK */
	unsigned calls;	  /* LINK, EACH, MAP: of its function */
	unsigned body;	  /* what that function does */
	unsigned limit;	  /* EACH, MAP: how many calls; LINK: what it returns */
	bool settle;	  /* MAP */
	bool running;	  /* MAP: its function */
	/* LINK: its source, and what it returned. */
	struct node *parts[MAX_PARTS];
	unsigned n_parts;
	struct node *same; /* whose future this is, too: it was done already */
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
/* Done functions that were added, and those that ran. */
extern unsigned long model_added, model_ran;

/* The node and its parts may be cancelled from now on. */
void model_cancel(struct node *node);
/* Whether the node stands on another one, through parts. */
bool model_depends(struct node *node, const struct node *on);
/* After a cancel, or a race: a pending operation is done, however. */
void model_expect_canceled(struct node *node);
/* The first done function of every future: checks the outcome. */
void model_end(struct af_future *done, void *node);
/* Adds a done function, which must run once and after the earlier ones. */
void model_watch(struct node *node);

/* How operations on streams end, in model_stream.c. */
void model_end_write(struct node *node, struct af_future *done);
/* A read or a copy is done: takes its bytes, once. */
void model_settle(struct node *node, struct af_future *done);
void model_end_each(struct node *node, struct af_future *done);
/* The two texts of an UNTIL; one of them may be empty. */
const struct af_text *model_texts(unsigned which);
/* One piece that the function of an EACH got. */
void model_piece(struct node *node, const char *data, size_t len,
		 unsigned flags);
/* Whether the error of an operation on a stream is one it may have. */
bool model_stream_error(const struct node *node);

#endif
