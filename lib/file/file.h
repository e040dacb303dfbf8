/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file as operations and transports see it: two queues of operations, the
 * bytes that were read and that nobody has taken, and a transport that moves
 * bytes and says when it can move more.
 */
#ifndef AFI_FILE_FILE_H
#define AFI_FILE_FILE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <asyncfile/file.h>

#include "loop/loop.h"
#include "future/future.h"

enum afi_direction { AFI_READ, AFI_WRITE };

/*
 * A place in one of a file's queues. Only the first is stepped: when the
 * operation starts, and whenever the file may have become ready.
 */
struct afi_op {
	TAILQ_ENTRY(afi_op) entry;
	struct af_file *file; /* NULL: not in a queue */
	enum afi_direction direction;
	/*
	 * Does what can be done now. 0: it finished, and left the queue;
	 * -EAGAIN: it waits, having asked the transport for what it needs.
	 */
	int (*step)(struct afi_op *op);
	struct af_future *future;
};
TAILQ_HEAD(afi_ops, afi_op);

/* What carries the bytes of a file. Reads and writes never block. */
struct afi_transport {
	/* Bytes; 0 at the end of file; -EAGAIN; another negative errno. */
	ssize_t (*read)(struct af_file *file, void *buf, size_t len);
	/* Bytes; -EAGAIN; another negative errno. Never a SIGPIPE. */
	ssize_t (*write)(struct af_file *file, const struct iovec *iov, int n);
	/* Steps the file's queue once it may be ready; 0 or -errno. */
	int (*want)(struct af_file *file, enum afi_direction direction);
	/* No more; called only while wanted, and clears that. */
	void (*unwant)(struct af_file *file, enum afi_direction direction);
	/* How many bytes it has read ahead. */
	size_t (*held)(const struct af_file *file);
	/* Moves bytes read ahead to the end of buf; 0 or -ENOMEM. */
	int (*unread)(struct af_file *file, struct evbuffer *buf);
	/* Lets go of the loop and its base, but not of the descriptor. */
	void (*release)(struct af_file *file);
	/*
	 * Gets bytes ready for who takes them from the descriptor itself, as
	 * splice(2) does: how many of len are, or are not there at all; -EAGAIN:
	 * want AFI_READ; another negative errno. NULL: no disk to wait for.
	 */
	ssize_t (*prepare)(struct af_file *file, size_t len);
	/* See afi_file_commit(); of the first write. NULL: never any. */
	size_t (*commit)(struct af_file *file);
};

struct afi_hangup;

struct af_file {
	struct af_loop *loop;
	struct afi_member member;
	const struct afi_transport *transport; /* NULL: the loop is gone */
	int fd;	     /* the descriptor that is read and written */
	int user_fd; /* the one that the program gave */
	bool keep_fd : 1;
	bool made_nonblock : 1;	  /* and must be undone: others share it */
	bool own_description : 1; /* blocking again when it is handed back */
	bool is_socket : 1;
	bool is_tty : 1;
	bool is_fifo : 1;
	bool is_message : 1;  /* one read, one message */
	bool is_datagram : 1; /* and none of them is its end */
	bool is_foreign : 1;  /* a bufferevent of the program; no fd of ours */
	bool is_disk : 1;     /* workers may have fd */
	bool unbuffered : 1;  /* nothing is read that nobody asked for */
	bool closing : 1;
	bool shut_read : 1; /* by af_file_shutdown() */
	bool eof : 1;
	bool sticky_eof : 1; /* the end of a stream, unlike that of a disk file */
	/* By direction, as 1 << AFI_READ and 1 << AFI_WRITE. */
	uint8_t may : 2;      /* it is open for that */
	uint8_t resuming : 2; /* its queue is being stepped after an end */
	bool wanted[2];	      /* the transport was asked to wake us */
	bool needed[2];	      /* and since it last did, too */
	bool drained[2];      /* the last try took all there was: wait first */
	int16_t read_error;   /* to be reported, once */
	uint32_t read_ahead;  /* at most */

	struct afi_ops ops[2];
	struct afi_task settle;	   /* stop waiting for data that nobody wants */
	struct afi_hangup *hangup; /* NULL: nobody waits for that */

	/* Read, and taken by nobody: len bytes from in->data + start. */
	struct afi_chunk *in;
	size_t start, len;

	union {
		struct {
			struct bufferevent *bev;
			struct afi_watch watch;
#ifdef HAVE_DIRECT_EVENTS
			struct afi_away *away; /* of wake.c; or NULL */
#else
			/* Of wakeplain.c. */
			int end;		/* 1: EOF; a negative errno */
			struct event *readable; /* or NULL */
#endif
		} stream;
		struct afi_disk *disk;
		struct afi_foreign *foreign;
	};
};

/* af_file_new() of a pipe end that nobody shares; no questions asked. */
struct af_file *afi_file_new_pipe(struct af_loop *loop, int fd,
				  enum afi_direction direction);
/* The same of the master of a pseudo-terminal, for both directions. */
struct af_file *afi_file_new_pty(struct af_loop *loop, int master);

/* The last step of making one: it ends with its loop. */
void afi_file_join(struct af_file *file);

/* How many bytes were read that no operation has taken. */
size_t afi_file_unread(const struct af_file *file);
/* Whether no byte was read ahead and nobody waits for one. */
bool afi_file_is_unread(const struct af_file *file);

/* Appends an operation and steps it if it is the first. */
void afi_file_start(struct af_file *file, struct afi_op *op);
/*
 * A write ends before its time: how many bytes of it go out all the same,
 * because a worker or a bufferevent of the program has them, and count as
 * written.
 */
size_t afi_file_commit(struct afi_op *op);
/* Takes an operation out of its queue; the next one is stepped by resume. */
void afi_file_remove(struct afi_op *op);
void afi_file_resume(struct af_file *file, enum afi_direction direction);
/* Steps operations until one waits. */
void afi_file_step(struct af_file *file, enum afi_direction direction);
/* Stops to wait, once nothing is left to do, for what nobody wants. */
void afi_file_settle(struct af_file *file);
/* Asks the transport, once, to step the queue when it is ready. */
int afi_file_want(struct af_file *file, enum afi_direction direction);

/*
 * Checks that apply to every operation: 0, or the error it fails with. known:
 * the flags it knows.
 */
static inline int afi_file_check(const struct af_file *file,
				 enum afi_direction direction, unsigned flags,
				 unsigned known, const struct timeval *timeout)
{
	if (!file || flags & ~known || !afi_timeout_valid(timeout))
		return -EINVAL;
	if (!afi_loop_alive(file->loop))
		return -ECANCELED;
	return file->may & 1 << direction ? 0 : -EBADF;
}

#endif
