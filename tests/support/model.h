/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small model of futures and streams for random_programs.c: which outcome
 * each future may have, and which bytes a read may return. Where a deadline
 * races with data the model allows both outcomes; everything else is exact.
 */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <asyncfile.h>

#include "support/harness.h"

enum kind_of { READ, LINE, WRITE, SLEEP, MAKER, LINK, ALL, ANY, TIMED };
enum call_on { ON_SUCCESS = 1, ON_FAILURE = 2, ON_BOTH = 3 };

#define MAX_PARTS 4

/* A stream of which the test has both ends, and its unread writes in order. */
struct stream {
	struct af_file *reader, *writer; /* NULL: closed */
	struct node *first, **last;
	size_t taken; /* bytes read of the first write */
};

/* A future, from the call that made it until after its end. */
struct node {
	enum kind_of kind;
	unsigned id;
	struct af_future *f; /* our reference; NULL: dropped */
	unsigned added, ran; /* done functions, which run in order */
	bool canceled;	     /* perhaps: -ECANCELED is allowed */
	bool timed;	     /* has a deadline */

	/* READ, LINE, WRITE */
	struct stream *stream;
	size_t size;
	bool full;
	unsigned char *borrowed;
	bool counted;	   /* a write is done; its count is known */
	struct node *next; /* in the stream */

	int64_t earliest; /* SLEEP */
	bool given;	  /* MAKER: the outcome is fixed: gift */
	int gift;	  /* MAKER: the error it ends with */
	unsigned cancels; /* MAKER: calls of its cancel function */
	enum call_on on;  /* LINK */
	unsigned calls;	  /* LINK */
	struct node
		*parts[MAX_PARTS]; /* LINK: its source, and what it returned */
	unsigned n_parts;

	/* The outcome, once a done function has run. */
	bool ended;
	int error;
	size_t count;
};

struct model {
	uint64_t seed;
	unsigned step;
	bool freed; /* the loop: everything may be cancelled */
	unsigned long added, ran;
};
extern struct model model;

/* Fails the test, and prints what is needed to repeat it. */
#define must(condition, node)                                                  \
	do {                                                                   \
		if (!(condition))                                              \
			model_fail(__FILE__, __LINE__, #condition, (node));    \
	} while (0)
_Noreturn void model_fail(const char *file, int line, const char *condition,
			  const struct node *node);

/* The byte at an offset of a write. */
unsigned char model_byte(const struct node *node, size_t offset);

/* A write was queued on its stream. */
void model_wrote(struct node *node);
/* The test is about to drop its reference. */
void model_forget(struct node *node);
/* The node and its parts may be cancelled from now on. */
void model_cancel(struct node *node);
/* The first done function of every future: checks the outcome. */
void model_end(struct af_future *done, void *node);
/* Adds a done function, which must run once and after the earlier ones. */
void model_watch(struct node *node);
/* Whether no write is pending and all bytes written have been read. */
bool model_is_drained(struct stream *stream);

#endif
