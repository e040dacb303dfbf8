/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small model of futures and streams for random_programs.c: what each future
 * may become, and which bytes a read may bring. Time may race with data, and the
 * model then allows either outcome; nothing else is left open.
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

/* Both ends are the test's. The writes whose bytes were not all read yet. */
struct stream {
	struct af_file *reader, *writer; /* NULL: closed */
	struct node *first, **last;
	size_t taken; /* bytes read of the first one's */
};

/* A future, from the call that made it to its end and after. */
struct node {
	enum kind_of kind;
	unsigned id;
	struct af_future *f; /* our reference, if we still have it */
	unsigned added, ran; /* done functions, in order */
	bool canceled;	     /* may have been: -ECANCELED is fine */
	bool timed;	     /* has a deadline */

	/* READ, LINE, WRITE */
	struct stream *stream;
	size_t size;
	bool full;
	unsigned char *borrowed;
	bool counted;	   /* a write that is done; its count is known */
	struct node *next; /* in the stream */

	int64_t earliest; /* SLEEP */
	bool given;	  /* MAKER: the end is fixed, and is this error: */
	int gift;	  /* MAKER */
	unsigned cancels; /* MAKER: calls of its cancel function */
	enum call_on on;  /* LINK */
	unsigned calls;	  /* LINK */
	struct node
		*parts[MAX_PARTS]; /* LINK: its source, and what it returned */
	unsigned n_parts;

	/* What became of it, once a done function told us. */
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

/* Fails the test, with what is needed to see it again. */
#define must(condition, node)                                                  \
	do {                                                                   \
		if (!(condition))                                              \
			model_fail(__FILE__, __LINE__, #condition, (node));    \
	} while (0)
_Noreturn void model_fail(const char *file, int line, const char *condition,
			  const struct node *node);

/* What stands at an offset of a write. */
unsigned char model_byte(const struct node *node, size_t offset);

/* A write was queued on its stream. */
void model_wrote(struct node *node);
/* We are about to drop our reference. */
void model_forget(struct node *node);
/* The node and what it stands on may be cancelled from now on. */
void model_cancel(struct node *node);
/* The first done function of every future: its outcome, against the model. */
void model_end(struct af_future *done, void *node);
/* Adds one more, which must be told once, and after those before it. */
void model_watch(struct node *node);
/* No write is under way, and all that was written has been read. */
bool model_is_drained(struct stream *stream);

#endif
