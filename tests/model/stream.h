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
	struct node *all;		 /* on disk: from its beginning */
	size_t skip;	    /* on disk: after a seek beyond what is there */
	unsigned sought[2]; /* on disk: the node before which a seek was */
	size_t n_taken, n_counted; /* bytes, in all */
	size_t n_known;		   /* of them, surely there */
	unsigned reads;		   /* that have not ended */
	struct node *reading, **last_read;

	/* What the kind of file allows. */
	struct stream *back; /* the other way through the same files; or NULL */
	bool disk;	     /* end of file comes and goes */
	bool foreign;	     /* a bufferevent */
	bool fixed;	     /* it cannot move to another base */
	bool drops;	     /* unread bytes vanish when the writer leaves */
	bool exact;	     /* a write without reader is -EPIPE, no other */
	bool rough;	     /* without a farewell the end is an error */
	bool layered;	     /* a layer takes bytes before they are sent */
	bool torn;	 /* closed under a write, so more may have been sent */
	bool messages;	 /* a write is one message */
	bool endless;	 /* there is no end of file */
	int shutdown;	 /* what af_file_shutdown() of the writer returns */
	bool unbuffered; /* AFIO_UNBUFFERED */
	size_t limit;	 /* of af_file_set_limit() */
	bool attachable; /* its files may be detached */
	int kept;	 /* the reader's descriptor, with AFIO_KEEP_FD; or -1 */
	unsigned flags;	 /* of af_file_new(), for the reader */

	/* What has become of the reader, [0], and of the writer, [1]. */
	bool gone[2];	   /* it has left, or may have */
	bool finishing[2]; /* af_file_finish() was called */
	bool finished[2];  /* and has succeeded */
	bool shut;	   /* af_file_shutdown() of the writer was called */
	bool deaf;	   /* af_file_shutdown() of the reader was called */
	bool halved;	   /* or may have been, by a copy in both directions */
	bool skips;	   /* a read that is pending may skip empty messages */
	bool emptied;	   /* an empty message was sent */
	bool mixed;	   /* what is buffered may be of several messages */
};

/* Where in a stream one is. */
struct place {
	struct stream *stream;
	struct node *write;
	size_t offset;
};

/* The byte at an offset of a write. */
unsigned char stream_byte(const struct node *write, size_t offset);

/* An end of it was finished, or its file is about to be. */
void stream_finished(struct stream *s, bool writes);
void stream_finish(struct stream *s, bool writes);

/* A read or a copy was queued. */
void stream_add_read(struct stream *s, struct node *read);
/* A write or a copy was queued on its stream; some bytes were put back. */
void stream_add(struct stream *s, struct node *write);
void stream_put_back(struct stream *s, struct node *unread);
/* An empty message was sent; whether the next one is one. */
void stream_add_empty(struct stream *s, struct node *empty);
struct node *stream_empty(struct stream *s);
void stream_take_empty(struct stream *s);

/* What is done is taken from the stream, up to a copy; NULL: all. */
void stream_settle(struct stream *s, const struct node *copy);
/* On disk: how many bytes there are at most. */
size_t stream_most(struct stream *s);
/* All reads are done: the next one begins there. */
void stream_seek(struct stream *s, size_t position);

/* The next byte, which must be there, or -1: any; to look at it, or take it. */
struct place stream_place(struct stream *s);
short stream_look(struct place *place, const struct node *reader);
short stream_take(struct stream *s, struct node *reader);

/* All bytes of a copy that has ended. */
void stream_fetch(struct node *copy, size_t n);
/* A write or a copy is done: its count is known. */
void stream_count(struct node *write, struct af_future *done);
/* Whether no write is pending and nothing follows. */
bool stream_is_over(struct place *place);
/* Whether no write is pending and all bytes written have been read. */
bool stream_is_drained(struct stream *s);
/* Whether a write is pending. */
bool stream_is_written(struct stream *s);

#endif
