/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/passfd.h
 *
 * Unix sockets: descriptors that processes pass to each other, and who the other
 * process is.
 *
 * A process sends descriptors beside bytes, and the receiver gets descriptors of
 * its own for the same open files, see SCM_RIGHTS in unix(7). Those that were
 * sent together are a set. A set belongs to the message that it was sent with,
 * or, on a stream, to the first byte of the write. Stream, seqpacket and datagram
 * sockets can carry sets; sockets of other families, pipes and bufferevents
 * cannot.
 *
 * To receive descriptors, make the file with AFIO_RECEIVE_FDS:
 *
 *     file = af_file_new(loop, fd, AFIO_RECEIVE_FDS);
 *
 * It keeps the descriptors that arrive until operations have taken their bytes:
 *
 * | the bytes are taken by           | the set that came with them             |
 * |----------------------------------|-----------------------------------------|
 * | af_file_receive_fds()            | belongs to the future                   |
 * | af_file_read() and the other
 *   reads                            | is closed; the read has
 *                                      AFIO_FDS_DROPPED. Of a message whose
 *                                      rest stays, the set stays, too          |
 * | af_file_copy(), each_line and
 *   the like                         | is closed                               |
 * | nobody: the file is closed,
 *   detached or finished, the loop
 *   freed                            | is closed                               |
 *
 * A file without that flag begins to keep them with its first
 * af_file_receive_fds(); of bytes that it has buffered by then, the kernel has
 * closed the descriptors. Reading a stream with the flag takes two more system
 * calls for each read.
 *
 * On a stream, Linux does not say which of the bytes that are read together a set
 * came with. So while descriptors are on their way, such a file reads no more
 * than an operation asked for. A program that reads messages by their lengths,
 * or lines, gets each set with its own message. An operation that reads whatever
 * there is, and bytes that one that ended early has left, may have the set with
 * a byte in front of it.
 *
 * A peer may send descriptors that nobody receives. Of those that came with
 * buffered bytes, a file keeps 16 sets of no more than 506 descriptors together;
 * what comes beyond that is closed, and the operation that takes the bytes has
 * AFIO_FDS_DROPPED. A peer can also send other descriptors than expected, or
 * more: check each of them, for example with fstat(2), and do not wait for one
 * without a timeout.
 *
 * All descriptors that are received are close-on-exec and above 2.
 *
 * Threads: call these functions on the thread of the file's loop only.
 */
#ifndef ASYNCFILE_PASSFD_H
#define ASYNCFILE_PASSFD_H

#include <stddef.h>
#include <sys/time.h>
#include <sys/types.h>

#include <asyncfile/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct af_file;
struct af_future;

/** The most descriptors that can be sent together. */
#define AFIO_MAX_FDS 253

/**
 * Writes all of buf, and passes descriptors with its first byte. It has a place
 * in the queue of writes.
 *
 * @param buf   the bytes. The call copies those it cannot write at once; with
 *              AFIO_BORROW nothing is copied, and buf must not change until
 *              the future is done
 * @param len   how many; 0 only for an empty message, not on a stream
 * @param fds   the descriptors, which stay the caller's. It may close them when
 *              the call has returned: those that could not be sent at once have
 *              been duplicated
 * @param n     how many, 1 to AFIO_MAX_FDS. They are sent together or not at all
 * @param flags 0 or AFIO_BORROW
 * @return a future; af_future_count() is how many bytes were written, and while
 *         the future is pending how many so far:
 *
 * | happens                       | outcome                                  |
 * |-------------------------------|------------------------------------------|
 * | all written                   | success, len; the descriptors were sent  |
 * | deadline, some written        | success, that count, AFIO_TIMEDOUT; the
 *                                   descriptors were sent                    |
 * | deadline, none written        | -ETIMEDOUT, count 0; none was sent       |
 * | cancelled, the file closed    | -ECANCELED, the count so far; if that is
 *                                   0, none was sent                         |
 * | the reader has left           | -EPIPE, the count so far; if that is 0,
 *                                   none was sent                            |
 * | n is 0 or more than
 *   AFIO_MAX_FDS, len is 0 on a
 *   stream                        | -EINVAL                                  |
 * | one of fds is not open        | -EBADF                                   |
 * | one of fds cannot be
 *   duplicated                    | -EMFILE, -ENFILE; none was sent          |
 * | too many descriptors are on
 *   their way, see unix(7)        | -ETOOMANYREFS; none was sent             |
 * | not a Unix socket             | -ENOTSUP                                 |
 *
 * After any outcome, nothing more of it is sent. SIGPIPE is never raised.
 */
AFIO_MUST_USE
struct af_future *af_file_send_fds(struct af_file *file, const void *buf,
				   size_t len, const int *fds, size_t n,
				   unsigned flags,
				   const struct timeval *timeout);

/**
 * Reads bytes as af_file_read() does, with the descriptors that came with one of
 * them. It has a place in the queue of reads. The bytes of a result have brought
 * one set at most: it ends before bytes that bring another one.
 *
 * @param size    how many bytes at most; 0: all up to end of file, or up to a
 *                second set
 * @param max_fds how many descriptors to accept, at least 1. If a set has more,
 *                these are closed
 * @param flags   0; or AFIO_FULL for exactly size bytes
 * @return a future; the bytes are in af_future_data(), and af_future_fds() is how
 *         many descriptors came. The outcomes are those of af_file_read(), and
 *         in addition:
 *
 * | happens                                   | outcome                     |
 * |-------------------------------------------|-----------------------------|
 * | a second set comes before size bytes
 *   (FULL, or size 0)                         | success, the bytes in front of
 *                                               it, AFIO_TRUNCATED          |
 * | likewise, not FULL and size > 0           | success, the bytes in front of
 *                                               it                          |
 * | an empty message that brings a set        | success, 0 bytes, the set   |
 * | a set of more than max_fds descriptors    | success, max_fds of them,
 *                                               AFIO_FDS_DROPPED            |
 * | a set that the process had no room for,
 *   see RLIMIT_NOFILE in getrlimit(2)         | -EMFILE, once; its bytes stay,
 *                                               and the next read of them has
 *                                               AFIO_FDS_DROPPED            |
 * | a set beyond what a file keeps, see above | success, without the set,
 *                                               AFIO_FDS_DROPPED            |
 * | deadline, cancelled, an error             | the bytes and descriptors
 *                                               gathered stay in the file   |
 * | max_fds is 0                              | -EINVAL                     |
 * | not a Unix socket                         | -ENOTSUP                    |
 *
 * A set that did not fit into the process is closed as a whole by the kernel or
 * by the file.
 */
AFIO_MUST_USE
struct af_future *af_file_receive_fds(struct af_file *file, size_t size,
				      size_t max_fds, unsigned flags,
				      const struct timeval *timeout);

/**
 * Returns how many descriptors an af_file_receive_fds() has received, whether
 * they were taken or not.
 *
 * @return 0 if none came, for a future that is pending, that failed or that is
 *         of another operation, and for NULL
 */
size_t af_future_fds(const struct af_future *f);

/**
 * Takes a descriptor out of a future of af_file_receive_fds(), or of a chain
 * that has its outcome. It is the caller's from then on, for close(2). What
 * nobody takes is closed when the future is freed.
 *
 * @param i which one, from 0, in the order in which they were sent
 * @return the descriptor; -EBADF if it was taken before; -EINVAL if there is no
 *         such one
 */
int af_future_take_fd(struct af_future *f, size_t i);

/**
 * Returns who the other end of a Unix socket is: the process that called
 * connect(2), listen(2) or socketpair(2) for it, as it was then. It may have
 * ended since, and another one may have its number.
 *
 * @param ret_pid set to its process id; 0 if it has none here, being in another
 *                PID namespace; -1 where the system does not tell it. NULL: not
 *                wanted, likewise the others
 * @param ret_uid set to its effective user id
 * @param ret_gid set to its effective group id
 * @return 0; or
 *         -ENOTSUP   not a Unix socket, or the system does not tell who is at
 *                    the other end, as of most datagram sockets
 *         -ENOTCONN  not connected, on some systems
 *         -EINVAL    file is NULL
 *         -EBADF     after af_file_finish()
 *         -ECANCELED the loop was freed
 */
int af_file_peer_credentials(const struct af_file *file, pid_t *ret_pid,
			     uid_t *ret_uid, gid_t *ret_gid);

#ifdef __cplusplus
}
#endif

#endif
