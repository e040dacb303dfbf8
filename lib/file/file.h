/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file as operations and transports see it: two queues of operations, the
 * buffered bytes, and a transport that moves bytes and reports when it can move
 * more. Nothing in file/ knows which transport that is, or a process.
 */
#ifndef AFI_FILE_FILE_H
#define AFI_FILE_FILE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <asyncfile/file.h>

#include "base/queue.h"
#include "future/future.h"
#include "loop/loop.h"
#include "file/buffer.h"
#include "file/transport.h"

/*
 * A place in one of a file's queues. Only the first one is stepped: when it
 * becomes the first, and whenever the file may be ready.
 */
struct afi_op {
	TAILQ_ENTRY(afi_op) entry;
	struct af_file *file; /* NULL: not in a queue */
	enum afi_direction direction;
	/*
	 * Does what can be done now. 0: it finished and left the queue;
	 * -EAGAIN: it has asked the transport to be woken.
	 */
	int (*step)(struct afi_op *op);
	struct af_future *future;
};
TAILQ_HEAD(afi_ops, afi_op);

/* An operation that is in no queue: it is cancelled when the file is closed. */
struct afi_other {
	LIST_ENTRY(afi_other) entry;
	struct af_future *future;
};
LIST_HEAD(afi_others, afi_other);

/*
 * Hears of the end of files that have it as their on_close, once of each: when
 * one is closed, detached or finished. It may outlive the loop, and must not run
 * code of the program.
 */
struct afi_on_close {
	void (*closed)(struct afi_on_close *on_close);
};

struct afi_arrived;
struct afi_fds;
struct afi_hangup;

/*
 *   attached --(its loop is freed)--> detached
 *      |                                |
 *      +---close, detach----------------+--> freed
 *      |                                       ^
 *      +---af_file_finish()--> finished -------+ close
 *
 * An attached file is a member of its loop, and everything in its transport's
 * table may be called; once it is detached, only close and destroy. A transport
 * embeds this at the head of its own structure.
 *
 * A call into code of the program (a filter, a callback or a cleanup function
 * of an evbuffer) may cancel any operation, close any file and free the loop.
 * The caller must hold the file, and a reference to its operation's future;
 * after the call, future.done says whether the operation has ended. If the file
 * is careful, calls of read, write and want of its transport are such calls.
 */
struct af_file {
	struct af_loop *loop;
	struct afi_member member;
	const struct afi_transport *transport;
	int fd;	     /* used for reads and writes; perhaps our own */
	int user_fd; /* the one that the program passed */
	bool attached : 1;
	bool keep_fd : 1;
	bool own_description : 1; /* set blocking on detach */
	bool shares_mode : 1;	  /* others may clear its O_NONBLOCK */
	bool is_socket : 1;
	bool is_tty : 1;
	bool is_fifo : 1;
	bool is_message : 1; /* one read, one message */
	bool is_datagram : 1;
	bool is_record : 1;  /* a read needs room for a whole record */
	bool is_bytes : 1;   /* known not to be a packet pipe */
	bool by_call : 1;    /* RWF_NOWAIT: the description may block */
	bool is_aligned : 1; /* O_DIRECT on disk */
	bool unbuffered : 1; /* AFIO_UNBUFFERED */
	bool keeps_fds : 1;  /* fds is set: descriptors come with its bytes */
	bool closing : 1;
	bool finished : 1;  /* by af_file_finish(): there is no descriptor */
	bool dead : 1;	    /* closed, and freed once nobody holds it */
	bool careful : 1;   /* moving its bytes may run code of the program */
	bool stepping : 1;  /* inside a step of a careful file */
	bool shut_read : 1; /* by af_file_shutdown() */
	bool eof : 1;
	bool sticky_eof : 1; /* end of file is final, unlike on disk */
	/* By direction, as 1 << AFI_READ and 1 << AFI_WRITE. */
	uint8_t may : 2;      /* the descriptor is open for that */
	uint8_t resuming : 2; /* inside afi_file_resume() */
	uint8_t again : 2;    /* a step was due meanwhile */
	uint16_t holds;	      /* see afi_file_hold() */
	bool more;	      /* during a write: another follows at once */
	bool wanted[2];	      /* the transport was asked to wake us */
	bool needed[2];	      /* also since the last wake-up */
	bool drained[2];      /* the last try took all there was: wait first */
	bool moved;	      /* a byte, since afi_idle_look() */
	int16_t read_error;   /* reported after the buffered bytes */
	int16_t reset;	      /* seen by a write: reported once, at the end */
	uint32_t read_ahead;  /* the limit, in bytes */
	size_t limit;	      /* of an operation without a size; 0: none */

	struct afi_ops ops[2];
	unsigned reads_ended;	   /* how many have left theirs; it wraps */
	struct afi_task settle;	   /* stops needless waits */
	struct afi_task later;	   /* steps both queues */
	struct afi_hangup *hangup; /* NULL: no af_file_hangup() is pending */
	struct afi_nonblock *nonblock; /* NULL: no flag to clear on close */
	struct afi_layer *layer;       /* see transport/layer.h; NULL: none */
	struct afi_others others;      /* operations that are in no queue */
	struct afi_on_close *on_close; /* NULL: nobody */
	struct afi_fds *fds;	       /* see fds.h; or NULL */
	struct afi_buffer in;	       /* buffered bytes */
	/* Messages after them, see transport/arrived.h; NULL: there are none. */
	struct afi_arrived *arrived;
	void *data; /* the program's own */
};

/*
 * Allocates size bytes for a file and its transport, with loop, descriptors and
 * flags copied from like. NULL: ENOMEM.
 */
struct af_file *afi_file_new(const struct af_file *like, size_t size);
/* The last step of making a file: makes it a member of its loop. */
void afi_file_attach(struct af_file *file);

/*
 * Whether the file can be used: 0; -EINVAL for NULL, -ECANCELED once the loop
 * was freed or while the file is being closed, -EBADF after af_file_finish().
 */
static inline int afi_file_check(const struct af_file *file)
{
	if (!file)
		return -EINVAL;
	if (!afi_loop_alive(file->loop))
		return -ECANCELED;
	if (file->finished)
		return -EBADF;
	return file->closing ? -ECANCELED : 0;
}
/*
 * Cancels all operations and closes the descriptor, unless it is the program's:
 * 0, or the error of close(2). Only freeing the file is left to do.
 */
int afi_file_shut(struct af_file *file);
/* The parts of that: cancels all operations, and refuses more. */
void afi_file_cancel_all(struct af_file *file);
/* Cancels all operations and releases everything except the descriptor. */
void afi_file_end(struct af_file *file);
/* Closes file->fd if close_fd, and restores the other one's mode. */
int afi_file_close_fd(struct af_file *file, bool close_fd);
/* A call has moved r bytes, or failed. */
static inline void afi_file_note(struct af_file *file, ssize_t r)
{
	file->moved |= r > 0;
}
/* Adds an operation to those that are in no queue; takes it out. */
static inline void afi_file_add_other(struct af_file *file,
				      struct afi_other *other,
				      struct af_future *f)
{
	other->future = f;
	LIST_INSERT_HEAD(&file->others, other, entry);
}
static inline void afi_file_drop_other(struct afi_other *other)
{
	LIST_REMOVE(other, entry);
}
/* Undoes a hold of a file that is of no use from then on. */
void afi_file_die(struct af_file *file);
/* Frees a file that is dead. */
void afi_file_free(struct af_file *file);
/* Keeps the file's memory, even if it is closed, and the base, while held. */
static inline void afi_file_hold(struct af_file *file)
{
	file->holds++;
	file->loop->calls++;
}
/* Undoes a hold. Returns whether the file is still open. */
bool afi_file_let_go(struct af_file *file);

/* How many bytes are buffered, here and in the transport. */
size_t afi_file_buffered(const struct af_file *file);
/* Whether no byte is buffered and no read is pending. */
bool afi_file_is_untouched(const struct af_file *file);
/* Whether a worker is using the descriptor and cannot be recalled. */
bool afi_file_is_busy(struct af_file *file);
/* Drops n buffered bytes. */
static inline void afi_file_consume(struct af_file *file, size_t n)
{
	afi_buffer_consume(&file->in, &file->loop->pool, n);
}

/* For transports: the file may be ready in a direction; steps that queue. */
void afi_file_ready(struct af_file *file, enum afi_direction direction);
/*
 * For transports: steps the queue until an operation waits. If the loop is
 * held, does so later. False: the file was closed meanwhile.
 */
bool afi_file_step(struct af_file *file, enum afi_direction direction);
/* For an operation that could go on: steps the queues, after a poll if due. */
void afi_file_step_later(struct af_file *file);
/* Once nothing else is left to do, stops waits that no operation needs. */
void afi_file_settle(struct af_file *file);
/* Asks the transport to wake the file, unless it has been; 0 or -errno. */
int afi_file_want(struct af_file *file, enum afi_direction direction);
/* For step functions: afi_file_want(). Returns -EAGAIN, or its error. */
static inline int afi_file_await(struct af_file *file,
				 enum afi_direction direction)
{
	int r = afi_file_want(file, direction);

	return r < 0 ? r : -EAGAIN;
}

/* Appends an operation to its queue. */
static inline void afi_file_append(struct af_file *file, struct afi_op *op)
{
	op->file = file;
	TAILQ_INSERT_TAIL(&file->ops[op->direction], op, entry);
}
/*
 * Appends an operation, and steps it if it is the first. If its future is done
 * after that, the file may have been closed.
 */
void afi_file_queue(struct af_file *file, struct afi_op *op);
static inline bool afi_file_is_first(const struct afi_op *op)
{
	return TAILQ_FIRST(&op->file->ops[op->direction]) == op;
}
/*
 * Takes an operation out of its queue. If it is a write that ends early,
 * returns how many of its bytes a worker or a bufferevent will still send: they
 * count as written.
 */
size_t afi_file_unqueue(struct afi_op *op);
/*
 * After an operation has left the queue: steps those behind it. The file may
 * have been closed after that.
 */
void afi_file_resume(struct af_file *file, enum afi_direction direction);

#endif
