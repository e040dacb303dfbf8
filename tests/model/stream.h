/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model of a stream of bytes: what was written to it and not read yet, as a
 * list of writes. Each byte of a write depends on the write and its offset, so
 * a byte that is lost, doubled or moved shows.
 */
#ifndef TESTS_MODEL_STREAM_H
#define TESTS_MODEL_STREAM_H

#include "model/model.h"

struct stream {
	struct af_file *reader, *writer; /* NULL: closed */
	struct node *first, **last;	 /* what is not read yet */
	size_t n_taken, n_counted;	 /* bytes, in all */
	size_t n_known;			 /* of them, surely there */
	unsigned reads;			 /* that have not ended */
	struct node *reading, **last_read;

	/* What the kind of file allows. */
	bool disk;	 /* end of file comes and goes */
	bool foreign;	 /* a bufferevent */
	bool fixed;	 /* it cannot move to another base */
	bool drops;	 /* unread bytes vanish when the writer leaves */
	bool exact;	 /* a write without reader is -EPIPE, no other */
	bool rough;	 /* without a farewell the end is an error */
	bool unbuffered; /* AFIO_UNBUFFERED */
	size_t limit;	 /* of af_file_set_limit() */
	bool attachable; /* its files may be detached */
	int kept;	 /* the reader's descriptor, with AFIO_KEEP_FD; or -1 */
	unsigned flags;	 /* of af_file_new(), for the reader */
};

/* Where in a stream one is. */
struct place {
	struct node *write;
	size_t offset;
};

/* The byte at an offset of a write. */
unsigned char stream_byte(const struct node *write, size_t offset);

/* A read or a copy was queued. */
void stream_add_read(struct stream *s, struct node *read);
/* A write or a copy was queued on its stream; some bytes were put back. */
void stream_add(struct stream *s, struct node *write);
void stream_put_back(struct stream *s, struct node *unread);

/* The next byte, which must be there; for a peek, or to take it. */
struct place stream_place(struct stream *s);
unsigned char stream_look(struct place *place, const struct node *reader);
unsigned char stream_take(struct stream *s, const struct node *reader);

/* All bytes of a copy that has ended. */
void stream_fetch(struct node *copy, size_t n);
/* A write or a copy is done: its count is known. */
void stream_count(struct node *write, struct af_future *done);
/* Whether no write is pending and nothing follows. */
bool stream_is_over(struct place *place);
/* Whether no write is pending and all bytes written have been read. */
bool stream_is_drained(struct stream *s);

#endif
