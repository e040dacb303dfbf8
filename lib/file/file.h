/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file as operations and transports see it: two queues of operations, the
 * bytes that were read and that nobody has taken, and a transport that moves
 * bytes and reports when it can move more.
 */
#ifndef AFI_FILE_FILE_H
#define AFI_FILE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <asyncfile/file.h>

#include "future/future.h"
#include "loop/loop.h"
#include "file/buffer.h"
#include "file/transport.h"

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

struct afi_hangup;

/*
 *   attached --(its loop is freed)--> detached
 *      |                                |
 *      +---close, detach----------------+--> freed
 *
 * Attached, it is among its loop's members, and the transport may be asked for
 * anything; detached, only to close. A transport embeds this at the head of
 * its own structure.
 */
struct af_file {
	struct af_loop *loop;
	struct afi_member member;
	const struct afi_transport *transport;
	int fd;	     /* the descriptor that is read and written */
	int user_fd; /* the one that the program gave */
	bool attached : 1;
	bool keep_fd : 1;
	bool made_nonblock : 1;	  /* and must be undone: others share it */
	bool own_description : 1; /* blocking again when it is handed back */
	bool is_socket : 1;
	bool is_tty : 1;
	bool is_fifo : 1;
	bool is_message : 1; /* one read, one message */
	bool unbuffered : 1; /* nothing is read that nobody asked for */
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
	int16_t read_error;   /* to be reported after what is in the buffer */
	int16_t reset;	      /* seen by a write: the end is that error, once */
	uint32_t read_ahead;  /* at most */

	struct afi_ops ops[2];
	struct afi_task settle;	   /* stop waiting for data that nobody wants */
	struct afi_hangup *hangup; /* NULL: nothing waits for that */
	/* Cancels what waits outside of the queues; NULL: nothing does. */
	void (*cancel_others)(struct af_file *file);
	struct afi_buffer in; /* read, and taken by nobody */
};

/*
 * A file of size bytes, which begins as a copy of like: loop, descriptors and
 * flags. NULL: ENOMEM.
 */
struct af_file *afi_file_new(const struct af_file *like, size_t size);
/* The last step of making one: it ends with its loop. */
void afi_file_attach(struct af_file *file);

/* How many bytes were read that no operation has taken. */
size_t afi_file_buffered(const struct af_file *file);
/* Whether no byte was read ahead and nobody waits for one. */
bool afi_file_is_untouched(const struct af_file *file);
/* Whether a worker has the descriptor, and will not give it back at once. */
bool afi_file_is_busy(struct af_file *file);
/* Drops n bytes from the front of its buffer. */
void afi_file_consume(struct af_file *file, size_t n);

/*
 * For transports: it may be ready in a direction, so its queue is stepped.
 */
void afi_file_ready(struct af_file *file, enum afi_direction direction);
/* For transports: steps operations until one waits. */
void afi_file_step(struct af_file *file, enum afi_direction direction);
/* Stops waiting, once nothing else is left to do, for what nobody wants. */
void afi_file_settle(struct af_file *file);
/* Asks the transport, once, to step the queue when it is ready. */
int afi_file_want(struct af_file *file, enum afi_direction direction);
/* The same for an operation that goes on then: -EAGAIN, or why it cannot. */
static inline int afi_file_await(struct af_file *file,
				 enum afi_direction direction)
{
	int r = afi_file_want(file, direction);

	return r < 0 ? r : -EAGAIN;
}

/* Appends an operation and steps it if it is the first. */
void afi_file_queue(struct af_file *file, struct afi_op *op);
/* Whether it is the first. */
static inline bool afi_file_is_first(const struct afi_op *op)
{
	return TAILQ_FIRST(&op->file->ops[op->direction]) == op;
}
/*
 * Takes an operation out of its queue; the next one is stepped by resume. Of a
 * write that ends early, returns how many of its bytes are sent all the same,
 * because a worker or a bufferevent has them, and count as written.
 */
size_t afi_file_unqueue(struct afi_op *op);
void afi_file_resume(struct af_file *file, enum afi_direction direction);

#endif
