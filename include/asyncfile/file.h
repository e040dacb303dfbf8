/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/file.h
 *
 * Files: reads and writes on a descriptor, each with its own future and its
 * own deadline.
 *
 * Operations queue in call order, one queue for each direction; reads and
 * writes of one file do not wait for each other. Nothing is lost: a timeout, a
 * cancel or an over-long line leaves unread bytes in the file, for the next
 * operation. Nothing is invented: a count is what the kernel took, and the end
 * of file is reported when the data is gone.
 *
 * A timeout is a deadline, so much time after the call, for that operation;
 * NULL: none; zero: what can be had at once, without waiting.
 *
 * On-disk files: what is in memory is read at once; for what is not, threads of
 * the loop wait, see af_loop_set_workers(), and the loop goes on. The end of
 * such a file is no end for ever: the next read finds what was appended since.
 * A file has one position, the descriptor's, which others that share it see
 * move. It may be ahead of what was read by operations, and is put back when
 * the file is written to, closed or detached. An operation of one direction
 * does not begin in the middle of one of the other; where a write goes while
 * reads are pending is not said. An operation that ends early while a thread
 * waits for it in the kernel:
 *
 * - bytes that are read later stay in the file, for the next read;
 * - a piece that is being written, at most 256 KiB, is in the count; if that
 *   fails later, the next write or af_file_sync() has the error.
 *
 * No SIGXFSZ: too large a file is -EFBIG.
 *
 * Sockets of messages (SOCK_DGRAM, SOCK_SEQPACKET): a write sends one message,
 * if it is not empty. A read, not AFIO_FULL and not of size 0, brings one
 * message or a part of one, never of two: of a longer one its first size bytes,
 * with AFIO_TRUNCATED, and the next read brings more of it. However long it is,
 * nothing of it is dropped. An empty datagram is a read of 0 bytes without
 * AFIO_EOF; other reads pass it over. An empty message of SOCK_SEQPACKET looks
 * like its end. af_file_each_chunk() brings one message at a time;
 * af_file_copy() to another such socket keeps them apart. AFIO_FULL, lines and
 * delimiters go over messages as over a stream, and what they gathered and left
 * is one. Datagrams have no end, but for af_file_shutdown().
 *
 * Every operation fails with -EINVAL for a NULL file, flags it does not know or
 * a negative timeout, with -EBADF if the descriptor is not open in that
 * direction, and with -ENOMEM. Errors of read(2) and write(2) come through as
 * they are.
 */
#ifndef ASYNCFILE_FILE_H
#define ASYNCFILE_FILE_H

#include <stddef.h>
#include <sys/time.h>
#include <sys/types.h>

#include <asyncfile/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bufferevent;
struct evbuffer;
struct af_file;
struct af_future;
struct af_loop;

/** Read: exactly size bytes. Write: all of it. Readline: a whole line. */
#define AFIO_FULL 0x1u
/** Write: the buffer stays as it is until the future is done: do not copy. */
#define AFIO_BORROW 0x2u
/** af_file_new(): the descriptor stays the caller's to close. */
#define AFIO_KEEP_FD 0x4u
/**
 * af_file_new(): read from the descriptor what was asked for and no more, so
 * that another process that is given it, after a header, goes on exactly there.
 *
 * A read takes at most its size. A line or a delimiter is looked for on a socket
 * before it is read; on a disk the position is put back, once no read is
 * pending; a pipe or a terminal is read one byte at a time, which is slow.
 * af_file_copy() takes at most its count. af_file_each_line() and
 * af_file_each_chunk() take what is there: what is not handed out because fn
 * stopped stays in the file. So does what an operation had gathered that ended
 * early. af_file_peek() is -ENOTSUP, but on a bare socket recv(2) has MSG_PEEK.
 */
#define AFIO_UNBUFFERED 0x8u

/**
 * Makes a file of a descriptor: a pipe, FIFO, socket of any family, tty, pty,
 * eventfd and its likes, /dev/null or an on-disk file.
 *
 * @param fd    owned by the file from success on, unless AFIO_KEEP_FD
 * @param flags 0, or any of AFIO_KEEP_FD and AFIO_UNBUFFERED
 * @return the file; or NULL with errno, and fd is still the caller's:
 *         EINVAL    loop is NULL, or an unknown flag
 *         EBADF     fd is not an open descriptor
 *         EISDIR    fd is a directory
 *         ECANCELED the loop was freed
 *         EMFILE    an on-disk file with AFIO_KEEP_FD takes one more; a device
 *                   does so for a moment, to be looked at
 *         ENOMEM
 *
 * The open file description is left alone, because others may share it: no
 * O_NONBLOCK appears on a terminal or a pipe that a shell or a child also has.
 * Where non-blocking mode is needed, the file opens a description of its own
 * (under the same number if it owns fd). What would not be the same if it were
 * opened anew, or may not be, is non-blocking until the file is closed: the
 * master of a pty, an eventfd, timerfd, inotify or the like, a device that is no
 * terminal, a FIFO whose writers have all left.
 */
struct af_file *af_file_new(struct af_loop *loop, int fd, unsigned flags);

/**
 * Opens a file, as fopen(3) does.
 *
 * @param mode "r", "w" or "a", then in any order "+" (both directions), "x" (w
 *             or a: it must not exist yet), "b" and "e" (mean nothing: bytes
 *             are bytes, and the descriptor is always close-on-exec)
 * @return the file; or NULL with errno:
 *         EINVAL    loop, path or mode is NULL, or mode is nonsense
 *         EISDIR    it is a directory
 *         ENXIO     a FIFO, to be written, that nobody reads
 *         ECANCELED the loop was freed
 *         ENOMEM; any other of open(2)
 *
 * A FIFO without a writer can be opened and read: its end comes when a writer
 * has come and gone. The call of open(2) itself is made here and now; only a
 * FIFO or a device never makes it wait. The descriptor is above 2.
 */
struct af_file *af_file_open(struct af_loop *loop, const char *path,
			     const char *mode);

/**
 * Makes a file of a bufferevent: TLS, a filter, one end of a pair, a socket
 * with a rate limit. Its callbacks, its EV_READ and its watermarks of reading
 * are the file's from now on; its bytes go through its own buffers. All that is
 * said of files holds, but for this:
 *
 * - A write is done when its bytes have left the bufferevent and those under
 *   it. Of one that ends early, by its deadline or a cancel, the count includes
 *   up to 16 KiB that were on their way by then, and which leave a little later.
 *   So the count is exact, unless the connection fails meanwhile.
 * - af_file_close() ends the stream with bufferevent_flush(), and what is left
 *   to be sent then is sent in the background: for at most 30 s, and no longer
 *   than the loop lives or the connection does. It says no goodbye for TLS, as
 *   bufferevent_free() does not: call SSL_shutdown() before.
 * - A TCP socket closed with bytes that nobody read resets the connection, and
 *   the last that was written may get lost. Over TLS 1.3 that hits also who
 *   only writes, for a server sends session tickets (but for
 *   SSL_CTX_set_num_tickets(ctx, 0)): call SSL_shutdown(), and read to the end
 *   before closing. The file does not do so: whether the descriptor is its to
 *   use up, libevent does not tell.
 * - A read with a zero timeout has what the bufferevent has read by then, not
 *   what the kernel has: a bufferevent reads in a turn of the loop, while a read
 *   is pending. So do not poll with zero, but with a millisecond.
 * - A socket's bufferevent raises SIGPIPE as libevent does, which ends a program
 *   that does not ignore that signal, as soon as a peer has left. A plain socket
 *   is better given to af_file_new().
 * - Errors of TLS, and its end without a goodbye, are -EIO, or what errno
 *   happens to be; bufferevent_get_openssl_error() knows more. With
 *   bufferevent_openssl_set_allow_dirty_shutdown() the latter is an end over
 *   another bufferevent; over a descriptor libevent 2.1 does not know how
 *   OpenSSL 3 says it: set SSL_OP_IGNORE_UNEXPECTED_EOF on the SSL instead.
 * - A peer of TLS that leaves before the handshake is over ends writes with
 *   -EPIPE. So does, over another bufferevent, an end without a goodbye.
 * - That a filter returned BEV_ERROR libevent tells nobody: have the filter call
 *   bufferevent_trigger_event(). An event without BEV_EVENT_READING or
 *   BEV_EVENT_WRITING is of both.
 * - The time that ran out of bufferevent_set_timeouts() is -ETIMEDOUT, once.
 * - Only a plain socket's bufferevent without a rate limit can leave its base:
 *   while another has operations pending, an af_await() in a libevent callback
 *   is -ENOTSUP.
 * - Reading ahead stops at 64 KiB, or at the high watermark it had, but a filter
 *   may put in more at once.
 *
 * @param bev   on the base of the loop; owned by the file from success on, and
 *              freed with it, so that its descriptor is closed if it has
 *              BEV_OPT_CLOSE_ON_FREE; unless AFIO_KEEP_FD, when it is given back
 *              as it was, but for its callbacks, and what no operation took is
 *              in its input
 * @param flags 0 or AFIO_KEEP_FD
 * @return the file, or NULL with errno EINVAL, ECANCELED or ENOMEM
 */
struct af_file *af_file_from_bufferevent(struct af_loop *loop,
					 struct bufferevent *bev,
					 unsigned flags);

/**
 * Reads bytes.
 *
 * @param size  at most so many; 0: all up to the end of file, also with
 *              AFIO_FULL. Look at a length that a peer has sent before it gets
 *              here: its 0 would be all that comes.
 * @param flags 0; or AFIO_FULL for exactly size bytes
 * @return a future; see af_future_data():
 *
 * | happens                                   | outcome                     |
 * |-------------------------------------------|-----------------------------|
 * | data, not FULL                            | success, 1..size bytes      |
 * | size bytes, FULL                          | success, size bytes         |
 * | end of file, some data (FULL, or size 0)  | success, the data, AFIO_EOF |
 * | end of file, none; every read after it    | success, 0 bytes, AFIO_EOF  |
 * | deadline, some data                 | success, the data, AFIO_TIMEDOUT  |
 * | deadline, none                            | -ETIMEDOUT                  |
 * | read error, some data    | success, the data; the next read has the error |
 * | cancelled                 | -ECANCELED; what was gathered stays in the file |
 */
struct af_future *af_file_read(struct af_file *file, size_t size,
			       unsigned flags, const struct timeval *timeout);

/**
 * Reads a line, with its newline. NULs are bytes like others.
 *
 * @param size     if not 0, a longer line comes in pieces: the first size
 *                 bytes of it now, with AFIO_TRUNCATED, the rest as the next
 *                 line. That is not put off to see whether there is a rest:
 *                 size bytes and then the end are so, too. 0: a line takes the
 *                 memory it needs, however long.
 * @param sizehint how long lines usually are, in bytes; 0: no idea. Tunes, and
 *                 changes no outcome.
 * @param flags    0; or AFIO_FULL: at the deadline fail with -ETIMEDOUT and
 *                 leave part of a line in the file, rather than return that
 *                 part with AFIO_TIMEDOUT
 * @return a future. The last line may lack its newline, and has AFIO_EOF then.
 *         Otherwise as af_file_read().
 */
struct af_future *af_file_readline(struct af_file *file, size_t size,
				   size_t sizehint, unsigned flags,
				   const struct timeval *timeout);

/**
 * Reads up to and with a delimiter: af_file_readline() for any byte string.
 *
 * @param delim     the delimiter's bytes, copied
 * @param delim_len how many; 0 is -EINVAL
 * @param size      as in af_file_readline(); less than delim_len is fine and
 *                  means pieces
 */
struct af_future *af_file_read_until(struct af_file *file, const void *delim,
				     size_t delim_len, size_t size,
				     unsigned flags,
				     const struct timeval *timeout);

/**
 * Reads bytes and leaves them where they are: the next read brings them again.
 * In its place in the queue of reads.
 *
 * @param size wait for so many, and look at no more; not 0
 * @return a future with a copy of them. As af_file_read() with AFIO_FULL: fewer
 *         with AFIO_EOF, or at the deadline with AFIO_TIMEDOUT; none at the
 *         deadline is -ETIMEDOUT. Of a message, as much of it as there is. An
 *         error is not taken, either: the next read has it, too. -EINVAL also
 *         for size 0; -ENOTSUP for a file with AFIO_UNBUFFERED.
 */
struct af_future *af_file_peek(struct af_file *file, size_t size,
			       const struct timeval *timeout);

/**
 * Puts bytes in front of those that will be read next, as ungetc(3): any bytes,
 * as many as memory holds. Works after the end of file, which comes after them.
 *
 * On disk the position is then so much further back, whatever the bytes: when
 * something puts it on the descriptor, such as a write, af_file_seek() or
 * af_file_close(), what is read from there on is the file's own again. With
 * AFIO_UNBUFFERED every read may do so.
 *
 * @param data copied
 * @return 0; -EBUSY: reads are pending, or a thread waits for the file on
 *         disk; -EINVAL: NULL, or more than there is before the
 *         position on disk; -EBADF, -ECANCELED, -ENOMEM. Nothing has happened
 *         then.
 */
int af_file_unread(struct af_file *file, const void *data, size_t len);

/**
 * Bounds how much is read from the descriptor beyond what operations asked for.
 * It is 64 KiB unless set. While nothing is asked for, nothing is read.
 *
 * A read takes at most so much more than it needs; looking for the end of a
 * line, or handing out all there is, at most so much at a time. Of a
 * bufferevent: how much may be in its input before it has to stop, though it may
 * put in a piece more. In a library built with --disable-direct-events libevent
 * reads up to 4096 bytes more.
 *
 * @param bytes more than 64 KiB makes a difference to bufferevents only; for
 *              none at all see AFIO_UNBUFFERED
 * @return 0; -EINVAL for NULL and for 0
 */
int af_file_set_read_ahead(struct af_file *file, size_t bytes);

/**
 * What af_file_each_line() and af_file_each_chunk() call, from the loop, as
 * continuations are called: it may do anything, also af_await(), close the file
 * or cancel the operation.
 *
 * @param data valid during the call; no NUL follows
 * @return 0 to go on; 1 to stop, with success, and the rest stays in the file; a
 *         negative errno to fail with it
 */
typedef int (*af_each_fn)(const char *data, size_t len, void *arg);

/**
 * Calls fn for every line, with its newline, up to the end of file: in place,
 * without a copy, an allocation or a future for each. The last line may lack
 * its newline. While fn works, nothing more is read: a slow one holds the
 * writer back. A line is whole, however long, and takes that memory: where
 * input is not to be trusted, af_file_readline() can be told a size.
 *
 * To bound it in time there is af_with_timeout(), or cancel it.
 *
 * @return a future for the whole; af_future_count() is how many bytes fn was
 *         given. Success with AFIO_EOF at the end of file, without it if fn
 *         stopped; else fn's error, that of read(2), or -ECANCELED, and what fn
 *         was not given stays in the file.
 */
struct af_future *af_file_each_line(struct af_file *file, af_each_fn fn,
				    void *arg);

/** As af_file_each_line(), but with whatever came at once, of any length. */
struct af_future *af_file_each_chunk(struct af_file *file, af_each_fn fn,
				     void *arg);

/**
 * Writes bytes: first at once, straight from buf, then whenever the descriptor
 * takes more.
 *
 * @param buf   is the caller's again when the call returns; with AFIO_BORROW it
 *              must stay as it is until the future is done, and is not copied
 * @param flags 0: done when the kernel took some; AFIO_FULL: when it took all;
 *              AFIO_BORROW
 * @return a future; af_future_count() says how much was written:
 *
 * | happens                       | outcome                                  |
 * |-------------------------------|------------------------------------------|
 * | deadline, some written (FULL) | success, that count, AFIO_TIMEDOUT       |
 * | deadline, none written        | -ETIMEDOUT, count 0                      |
 * | cancelled                     | -ECANCELED, count is what had gone out   |
 * | reader gone                   | -EPIPE, count is what had gone out       |
 * | len 0                         | success, 0                               |
 *
 * After any outcome not one byte more of buf is sent. No SIGPIPE, whatever the
 * program does about that signal.
 */
struct af_future *af_file_write(struct af_file *file, const void *buf,
				size_t len, unsigned flags,
				const struct timeval *timeout);

/**
 * Writes an evbuffer's contents, without copying them. They move to the
 * operation: buf is empty when the call returns. What has not been written when
 * the future is done is in af_future_buffer().
 *
 * @param flags 0 or AFIO_FULL, as in af_file_write()
 * @return a future as of af_file_write(). -EINVAL also if buf is frozen.
 */
struct af_future *af_file_write_buffer(struct af_file *file,
				       struct evbuffer *buf, unsigned flags,
				       const struct timeval *timeout);

/**
 * Copies from one file to another, in the kernel where it can (splice(2)). It
 * has its place in the queue of reads of one and in that of writes of the
 * other, and begins when it is first in both.
 *
 * @param count how many bytes; negative: up to the end of from
 * @return a future; af_future_count() says how much was written:
 *
 * | happens                          | outcome                                |
 * |----------------------------------|----------------------------------------|
 * | count bytes                      | success                                |
 * | end of from                      | success, that count, AFIO_EOF          |
 * | deadline, some written           | success, that count, AFIO_TIMEDOUT     |
 * | deadline, none                   | -ETIMEDOUT                             |
 * | reader of to gone                | -EPIPE, count is what had gone out     |
 * | reading or writing fails         | that error, count likewise             |
 * | cancelled                        | -ECANCELED, count likewise             |
 *
 * What was read and not written stays in from. A socket or a terminal can be
 * copied to itself: an echo. -EINVAL also if the files have different loops, and
 * for an on-disk file or a FIFO and itself, which would have no end.
 */
struct af_future *af_file_copy(struct af_file *from, struct af_file *to,
			       off_t count, const struct timeval *timeout);

/**
 * Moves the position of an on-disk file, and drops what was read ahead.
 *
 * @param whence SEEK_SET; SEEK_CUR, from where the reads ended; or SEEK_END, or
 *               another one of lseek(2)
 * @return the new position; -EBUSY: operations are pending, or the thread is
 *         still out that waited for one which ended early; -ESPIPE: not an
 *         on-disk file; -EINVAL, -ECANCELED, or another of lseek(2)
 */
off_t af_file_seek(struct af_file *file, off_t offset, int whence);

/**
 * How many bytes a file on disk has: its file system is asked here and now.
 *
 * @return -ESPIPE: it is not a regular file; -EINVAL, -ECANCELED
 */
off_t af_file_size(struct af_file *file);

/**
 * Has an on-disk file written to its disk: fsync(2), in its place in the queue
 * of writes. Once begun it goes on behind a deadline or a cancel.
 *
 * @return a future; -EINVAL also for what has no disk, -EIO when writing to it
 *         has failed
 */
struct af_future *af_file_sync(struct af_file *file,
			       const struct timeval *timeout);

/**
 * Shuts one half of a socket's connection, or both, as shutdown(2).
 *
 * @param how SHUT_RD, SHUT_WR or SHUT_RDWR. The writing half is shut when what
 *            was asked to be written before has been: at once, or behind the
 *            operations that are in the queue of writes now. Later ones fail
 *            with -EPIPE. The reading half is shut at once: reads get what has
 *            come already, and then the end of file.
 * @return 0: done, or it will be; -EINVAL: NULL, or not one of these; -ENOTSOCK:
 *         not a socket; -ENOTSUP: a bufferevent, but for the writing half of
 *         what stands on a bufferevent_pair (of TLS, call SSL_shutdown());
 *         -ENOTCONN; -ECANCELED: the loop was freed; -ENOMEM, when it has to
 *         wait. That it fails later is not told.
 */
int af_file_shutdown(struct af_file *file, int how);

/**
 * Waits for the other side to leave; neither reads nor writes for that. Any
 * number may wait. It costs a descriptor while one does.
 *
 * @return a future that succeeds when, or if already:
 *
 * | the file is                   | and                                      |
 * |-------------------------------|------------------------------------------|
 * | the writing end of a pipe     | nobody has its reading end open any more |
 * | the reading end of a pipe     | nobody has its writing end open any more,
 *                                   though data may be left to be read       |
 * | a socket                      | the peer has closed it or shut its writing
 *                                   half, which from here looks the same; or
 *                                   both halves were shut here; data may be
 *                                   left to be read                          |
 * | the master of a pty           | nobody has the terminal open any more    |
 * | a terminal                    | its master was closed, or its line hung up |
 * | a bufferevent                 | so for the socket at its bottom; or it told
 *                                   of an end or an error, such as TLS's
 *                                   goodbye, for which somebody has to read; of
 *                                   one not connected yet only this            |
 *
 * A peer that was cut off without a word is not known to have left. The reading
 * end of a FIFO that nobody has opened to write yet waits for one to come and
 * go. When the reading half was shut here, only that both are is told.
 *
 * -ECANCELED when the file is closed; -ENOTSUP: it has no other side (on-disk
 * files, devices, eventfd), or one that comes and goes unseen (datagrams);
 * -EMFILE, -ENFILE, -ENOMEM; -EINVAL for NULL.
 */
struct af_future *af_file_on_hangup(struct af_file *file);

/**
 * Takes the descriptor out of a file, and frees the file. Pending operations
 * fail with -ECANCELED. The descriptor's blocking mode is what it was.
 *
 * @param unread if not NULL, the bytes that were read from the descriptor but
 *               by no operation are appended; of an on-disk file they are
 *               left on the descriptor instead
 * @return the descriptor, the caller's from now on; -EINVAL for NULL and for a
 *         file of a bufferevent; -EBUSY while a thread waits for an on-disk
 *         file: it stays as it is;
 *         -ENOMEM when unread could not hold the bytes: the file stays as it is
 */
int af_file_detach(struct af_file *file, struct evbuffer *unread);

/**
 * Closes a file and frees it. Pending operations fail with -ECANCELED. Fine
 * also after its loop was freed. NULL is fine. If a thread waits for an on-disk
 * file, the descriptor is closed when that has come back. Else close(2) is
 * called here and now: a file system across a network may take its time for
 * what was written, if af_file_sync() did not see to that before.
 *
 * @return 0, or the negative errno of close(2): the descriptor is closed then,
 *         too
 */
int af_file_close(struct af_file *file);

/**
 * The descriptor: the one given to af_file_new(), that of af_file_open(), or a
 * bufferevent's, -1 where it has none. Still the file's. -EINVAL for NULL.
 */
int af_file_fd(const struct af_file *file);

#ifdef __cplusplus
}
#endif

#endif
