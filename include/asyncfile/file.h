/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/file.h
 *
 * Files: reads and writes on a descriptor, each with its own future and its
 * own deadline.
 *
 * Operations queue in call order. Reads and writes have separate queues and do
 * not wait for each other. No byte is lost: after a timeout, a cancel or an
 * over-long line, the bytes that were read stay in the file for the next
 * operation. A byte that was read and not yet taken by an operation is called
 * buffered. A write's count is the number of bytes that the kernel took. End of
 * file is reported only after the last byte was taken.
 *
 * A timeout is the deadline of one operation, counted from the call:
 *
 * | timeout         | the operation                                         |
 * |-----------------|-------------------------------------------------------|
 * | NULL            | has no deadline                                       |
 * | zero            | does what can be done now, without waiting            |
 * | any other       | ends at that deadline                                 |
 *
 * Threads: call these functions on the thread of the file's loop only.
 *
 * On-disk files. Bytes in the page cache are read at once. Worker threads read
 * all other bytes, see af_loop_set_workers(), and the loop goes on meanwhile.
 * End of file is not final on disk: a later read sees appended data. A file
 * uses the position of its descriptor, so other users of the open file
 * description see it move. While bytes are buffered, that position is ahead of
 * the last byte taken; a write, af_file_seek(), af_file_close() and
 * af_file_detach() move it back first. Reads and writes of one file take turns:
 * a read does not begin in the middle of a write, nor a write in the middle of
 * a read. While reads are pending, the position of a write is unspecified.
 * af_file_read_at() and af_file_write_at() have no part in any of this. A write
 * beyond the largest file size fails with -EFBIG, without SIGXFSZ. An
 * operation may end early, at its deadline or by a cancel, while a worker
 * thread is reading or writing for it:
 *
 * | the worker thread       | then                                          |
 * |-------------------------|-----------------------------------------------|
 * | reads                   | the bytes stay in the file, for the next read |
 * | writes (up to 256 KiB)  | these bytes are in the count; if the write
 *                             fails later, the next write, af_file_sync() or
 *                             af_file_finish() reports the error            |
 *
 * Message sockets (SOCK_DGRAM, SOCK_SEQPACKET). A write that is not empty sends
 * one message. af_file_copy() between two such sockets keeps messages apart.
 * No part of a message is dropped, however long it is. A datagram socket never
 * reports end of file, except after af_file_shutdown().
 *
 * | call                                  | returns                         |
 * |---------------------------------------|---------------------------------|
 * | plain read: size > 0, no AFIO_FULL    | data from one message only; if it
 *                                           is longer, its first size bytes
 *                                           with AFIO_TRUNCATED, and the next
 *                                           read continues it               |
 * | plain read, empty datagram            | 0 bytes without AFIO_EOF        |
 * | any other read, empty datagram        | nothing: it is skipped          |
 * | any read, empty seqpacket message     | the same as at end of file      |
 * | af_file_each_chunk()                  | one message a call              |
 * | AFIO_FULL, size 0, lines, delimiters  | bytes across messages, as from a
 *                                           stream; bytes that they leave
 *                                           buffered count as one message   |
 *
 * To send a datagram to an address, and to learn that of a sender, see
 * asyncfile/datagram.h.
 *
 * Every operation can fail with these errors; what read(2) and write(2) report
 * is passed on unchanged.
 *
 * | error      | cause                                                       |
 * |------------|-------------------------------------------------------------|
 * | -EINVAL    | file is NULL, a flag is unknown, or the timeout is negative
 *                or not normalised                                           |
 * | -EPERM     | the loop belongs to another thread                          |
 * | -EBADF     | the descriptor is not open in that direction                |
 * | -ECANCELED | the future was cancelled, the file closed or the loop freed |
 * | -ENOMEM    | out of memory                                               |
 */
#ifndef ASYNCFILE_FILE_H
#define ASYNCFILE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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

/**
 * Read: exactly size bytes. Write: all bytes; but at a deadline, a part is a
 * success, with AFIO_TIMEDOUT. Readline: a whole line, if it is not longer than
 * size.
 */
#define AFIO_FULL 0x100u
/**
 * Write: do not copy; the buffer must not change until the future of this write
 * is done.
 */
#define AFIO_BORROW 0x200u
/**
 * af_file_new(): the caller keeps the descriptor. It must stay open until the
 * file is closed.
 */
#define AFIO_KEEP_FD 0x400u
/**
 * af_file_new(): take no more bytes from the descriptor than an operation asked
 * for. Another process that gets the descriptor, for example after this one has
 * read a header, then continues at the next byte.
 *
 * | operation                | reads                                        |
 * |--------------------------|----------------------------------------------|
 * | af_file_read()           | at most its size                             |
 * | af_file_copy()           | at most its count                            |
 * | readline, read_until,
 *   read_until_any           | socket: peeks for the line end or delimiter
 *                              first; disk: reads ahead and moves the
 *                              position back once no read is pending; pipe or
 *                              terminal: one byte at a time, which is slow  |
 * | each_line, each_chunk    | what has arrived                             |
 * | af_file_peek()           | nothing: -ENOTSUP; on a socket, use recv(2)
 *                              with MSG_PEEK                                |
 *
 * Some bytes can still be left in the file: those after the piece at which the
 * callback of each_line or each_chunk stopped, and those that an operation had
 * gathered when it ended early.
 */
#define AFIO_UNBUFFERED 0x800u
/**
 * Write: another write follows at once, as with MSG_MORE of send(2). TCP then
 * keeps an incomplete segment back, for 200 ms at most, so that a header and
 * the body that follows it are sent in one segment. The outcome of the write
 * and its count are the same. Do not set it for the last write, or the last
 * bytes are delayed. It has an effect on TCP sockets only.
 */
#define AFIO_MORE 0x1000u

/**
 * af_file_new(): keep the descriptors that arrive with the bytes of a Unix
 * socket, for af_file_receive_fds(); see asyncfile/passfd.h. Otherwise the
 * kernel closes them. It has no effect on other files.
 */
#define AFIO_RECEIVE_FDS 0x2000u

/* Needed by AFIO_MALLOC; described below. */
int af_file_close(struct af_file *file);

/**
 * Makes a file from a descriptor: a pipe, FIFO, socket of any family, terminal,
 * pty, eventfd or the like, /dev/null or an on-disk file.
 *
 * @param fd    the descriptor; on success the file owns it, unless AFIO_KEEP_FD
 * @param flags 0, or any of AFIO_KEEP_FD, AFIO_UNBUFFERED and AFIO_RECEIVE_FDS
 * @return the file; or NULL with errno, and the caller still owns fd:
 *         EINVAL    loop is NULL, or a flag is unknown
 *         EBADF     fd is not an open descriptor
 *         EISDIR    fd is a directory
 *         ECANCELED the loop was freed
 *         EPERM     the loop belongs to another thread
 *         EMFILE, ENFILE
 *                   no descriptor is left: a pipe, FIFO or terminal, and an
 *                   on-disk file with AFIO_KEEP_FD, need a second one; a device
 *                   needs one while it is examined
 *         ENOMEM
 *
 * The open file description of fd, which other processes may share, keeps its
 * locks, its owner and its blocking mode, wherever there is another way to
 * avoid blocking:
 *
 * | fd is                             | how the file avoids blocking         |
 * |-----------------------------------|--------------------------------------|
 * | a socket                          | by a flag of each call               |
 * | an on-disk file                   | by worker threads                    |
 * | a pipe, FIFO or terminal          | it opens a description of its own, as
 *                                       another descriptor, until closed     |
 * | a pipe whose writers have all
 *   left, or that cannot be opened
 *   again                             | by a flag of each call (Linux 6.4)   |
 * | any other, such as the master of
 *   a pty, an eventfd, timerfd,
 *   inotify, a device, a terminal
 *   that cannot be opened again       | fd has O_NONBLOCK until the last file
 *                                       on that description is closed; it is
 *                                       set again if another process has
 *                                       cleared it                           |
 *
 * Sources of records are read with room for a whole record, whatever size an
 * operation asked for: a packet pipe (O_DIRECT), inotify, eventfd, timerfd,
 * signalfd, a device such as TUN. The rest of a record stays in the file. To
 * find out whether a pipe carries packets, the file may need two descriptors
 * for a moment.
 *
 * Record locks (F_SETLK of fcntl(2)) are another matter: a process loses all that
 * it has on a file when it closes any descriptor of that file. Closing, detaching
 * or finishing a file of an on-disk file does that even with AFIO_KEEP_FD, as it
 * then uses a duplicate; and so do af_file_follow() and AFIO_INPUT_FD. Locks of
 * flock(2) and F_OFD_SETLK stay.
 *
 * fstat(2) is called on this thread, and blocks if the file system does not
 * respond. af_file_open_async() calls it on another one.
 */
AFIO_MUST_USE
struct af_file *af_file_new(struct af_loop *loop, int fd, unsigned flags)
	AFIO_MALLOC(af_file_close);

/**
 * Opens a file by its path, as fopen(3) does.
 *
 * @param mode "r", "w" or "a", then in any order "+" (both directions), "x" (w
 *             or a: the file must not exist), and "b" and "e", which have no
 *             effect: bytes are not translated, and the descriptor is always
 *             close-on-exec
 * @return the file; or NULL with errno:
 *         EINVAL    loop, path or mode is NULL, or mode is not valid
 *         EISDIR    path is a directory
 *         ENXIO     a FIFO is opened for writing and has no reader
 *         ECANCELED the loop was freed
 *         EPERM     the loop belongs to another thread
 *         ENOMEM, or any other error of open(2)
 *
 * A FIFO can be opened for reading before it has a writer; end of file is then
 * reported once a writer has opened and closed it. open(2) and fstat(2) are
 * called on this thread and may wait for a slow file system, or until another
 * process gives up its lease of the file (F_SETLEASE of fcntl(2)), but never for
 * a FIFO or a device; af_file_open_async() does not wait. The descriptor is always
 * above 2.
 */
AFIO_MUST_USE
struct af_file *af_file_open(struct af_loop *loop, const char *path,
			     const char *mode) AFIO_MALLOC(af_file_close);

/**
 * Opens a file by its path as af_file_open() does, but off the loop's thread: a
 * file system that does not answer holds up nothing else.
 *
 * @param path copied. A relative one counts from the working directory that the
 *             program has when a thread opens it
 * @param mode as for af_file_open()
 * @return a future. On success af_future_take_file() is the file:
 *
 * | happens                       | outcome                                  |
 * |-------------------------------|------------------------------------------|
 * | the file is open              | success                                  |
 * | open(2) fails, or the path is
 *   a directory                   | the errno of af_file_open(), negated     |
 * | loop, path or mode is NULL,
 *   or mode is not valid          | -EINVAL                                  |
 * | the loop belongs to another
 *   thread                        | -EPERM                                   |
 * | cancelled, or the loop freed  | -ECANCELED, at once; what was opened, or
 *                                   is later, is closed                      |
 *
 * For a deadline use af_with_timeout(). A cancel does not undo what open(2) has
 * done, or does later: with "w" the file may be created or truncated.
 *
 * Up to 16 opens of a loop run at the same time; others wait for one of them.
 * Their threads are neither the workers of af_loop_set_workers() nor those of
 * af_work(), so opens that hang hold up only opens. If no thread can be started,
 * the call itself waits.
 */
AFIO_MUST_USE
struct af_future *af_file_open_async(struct af_loop *loop, const char *path,
				     const char *mode);

/**
 * Takes the file out of a future of af_file_open_async(), or of a chain that has
 * its outcome. It is the caller's from then on, for af_file_close(). A file that
 * nobody takes is closed when the future is freed.
 *
 * @return the file; NULL if it was taken before, for a future that is pending,
 *         that failed or that is of another kind, and for NULL
 */
struct af_file *af_future_take_file(struct af_future *f);

/**
 * Ends a future of af_future_new() with success, and with a file that
 * af_future_take_file() returns. For functions of the program that open files,
 * such as one that connects by a protocol of its own.
 *
 * @param file on success the future owns it, and closes it if nobody takes it
 * @return 0; -EALREADY if the future is done; -EINVAL if it was not made by
 *         af_future_new(), or file is NULL. On failure the file remains the
 *         caller's.
 */
int af_future_resolve_file(struct af_future *f, struct af_file *file);

/**
 * Makes a file from a bufferevent: TLS, a filter, one end of a pair, a socket
 * with a rate limit. The file takes over its callbacks, EV_READ and its read
 * watermarks. Bytes go through the bufferevent's own buffers. A plain socket is
 * better passed to af_file_new().
 *
 * @param bev   a bufferevent on the loop's base; on success the file owns it
 *              and frees it when it is closed (with BEV_OPT_CLOSE_ON_FREE that
 *              closes the descriptor). With AFIO_KEEP_FD the caller keeps it:
 *              closing the file restores everything except the callbacks, and
 *              puts buffered bytes back into its input.
 * @param flags 0 or AFIO_KEEP_FD
 * @return the file; or NULL with errno, and bev remains the caller's:
 *         EINVAL    loop or bev is NULL, or a flag is unknown
 *         EPERM     the loop belongs to another thread
 *         ECANCELED the loop was freed
 *         ENOMEM
 *
 * Such a file differs from others in these points.
 *
 * Writes:
 * - A write is done when its bytes have left the bufferevent and all
 *   bufferevents below it. If it ends early, at its deadline or by a cancel,
 *   its count includes up to 16 KiB that the bufferevent has not sent yet. They
 *   are sent a little later, so the count is exact unless the connection fails
 *   before that.
 * - The bufferevent of a socket raises SIGPIPE when the peer has left, as
 *   libevent does; the signal kills a program that does not ignore it.
 *
 * Reads:
 * - The bufferevent reads only while the loop runs and a read is pending. So a
 *   read with a zero timeout returns only what has been read before. To poll,
 *   use a 1 ms timeout rather than zero.
 * - The bufferevent reads ahead up to 64 KiB, or up to its own high watermark;
 *   a filter may add more at once.
 *
 * Waiting:
 * - Only the bufferevent of a plain socket without a rate limit can move to
 *   another base. While a file over any other bufferevent has operations
 *   pending, an af_await() in a libevent callback fails with -ENOTSUP.
 * - An operation on such a file that has to wait while such an af_await() is
 *   under way fails with -ENOTSUP itself. It loses no byte, and can be started
 *   again. So can an af_file_each_line() or the like that was between two calls
 *   of its function when the af_await() began.
 *
 * Closing:
 * - af_file_close() ends the stream with bufferevent_flush(BEV_FINISHED).
 *   Unsent bytes are then sent in the background, until 30 s have passed, the
 *   loop is freed or the connection fails.
 * - libevent closes the descriptor of a bufferevent in the next turn of its base,
 *   also after af_file_finish().
 * - TLS: neither af_file_close() nor bufferevent_free() sends a close_notify;
 *   call SSL_shutdown() first.
 * - Closing a TCP socket that has unread bytes resets the connection, and the
 *   peer may lose the last bytes that were sent to it. With TLS 1.3 this can
 *   happen to a client that only writes, because servers send session tickets
 *   (unless SSL_CTX_set_num_tickets(ctx, 0) was called). Call SSL_shutdown()
 *   and read to end of file before closing. The file does not do this itself,
 *   because libevent does not say who owns the descriptor.
 *
 * Events and errors:
 *
 * | the bufferevent                       | the file                        |
 * |---------------------------------------|---------------------------------|
 * | has a TLS error, or its TLS stream
 *   ends without close_notify             | fails with -EIO, or what errno
 *                                           happens to be; for details see
 *                                           bufferevent_get_openssl_error() |
 * | is TLS over another bufferevent, and
 *   ends without close_notify             | its writes fail with -EPIPE     |
 * | is TLS whose peer leaves during the
 *   handshake, or speaks no TLS           | its writes fail with -EPIPE     |
 * | is TLS that cannot connect, see
 *   bufferevent_socket_connect()          | its reads fail with that error;
 *                                           if none is pending, its writes
 *                                           fail with -EPIPE                |
 * | reports an error of reading, other
 *   than ENOMEM, while bytes wait in its
 *   own output, and is not one end of a
 *   pair                                  | its writes fail with -EPIPE     |
 * | reports a timeout that
 *   bufferevent_set_timeouts() set        | fails with -ETIMEDOUT, once     |
 * | reports an event without
 *   BEV_EVENT_READING or _WRITING         | takes it for both directions    |
 * | is a filter that returns BEV_ERROR    | does not notice, because libevent
 *                                           does not report it; call
 *                                           bufferevent_trigger_event() in
 *                                           the filter                      |
 *
 * Make the file before bufferevent_socket_connect() is called: a connect that
 * fails earlier is not reported again.
 *
 * A missing close_notify can be reported as end of file. With TLS over another
 * bufferevent, call bufferevent_openssl_set_allow_dirty_shutdown(). With TLS
 * over a descriptor, set SSL_OP_IGNORE_UNEXPECTED_EOF on the SSL. Since
 * libevent 2.1.13 that call works over a descriptor, too; older versions do not
 * recognise how OpenSSL 3 reports the missing close_notify.
 */
AFIO_MUST_USE
struct af_file *af_file_from_bufferevent(struct af_loop *loop,
					 struct bufferevent *bev,
					 unsigned flags)
	AFIO_MALLOC(af_file_close);

/**
 * Reads bytes.
 *
 * @param size  how many bytes at most; 0: all up to end of file, also with
 *              AFIO_FULL. Check a length that a peer has sent before passing
 *              it: 0 would read the whole stream.
 * @param flags 0; or AFIO_FULL for exactly size bytes
 * @return a future; the bytes are in af_future_data():
 *
 * | happens                                   | outcome                     |
 * |-------------------------------------------|-----------------------------|
 * | data, not FULL                            | success, 1..size bytes      |
 * | size bytes, FULL                          | success, size bytes         |
 * | end of file, some data (FULL, or size 0)  | success, the data, AFIO_EOF |
 * | end of file, none; every read after it    | success, 0 bytes, AFIO_EOF  |
 * | deadline, some data                       | success, the data,
 *                                               AFIO_TIMEDOUT               |
 * | deadline, none                            | -ETIMEDOUT                  |
 * | read error, some data, not FULL and       | success, the data,
 *   size > 0                                    AFIO_ERROR; once all data is
 *                                               read, the next read fails
 *                                               with the error              |
 * | read error, some data, FULL or size 0     | that error; the data stays in
 *                                               the file                    |
 * | cancelled                                 | -ECANCELED; the bytes
 *                                               gathered stay in the file   |
 */
AFIO_MUST_USE
struct af_future *af_file_read(struct af_file *file, size_t size,
			       unsigned flags, const struct timeval *timeout);

/**
 * Reads a line, with its newline. A NUL is a byte like any other.
 *
 * @param size     the longest line to return, in bytes. If a line is longer,
 *                 this read returns its first size bytes with AFIO_TRUNCATED,
 *                 and the next read continues it. A last line of exactly size
 *                 bytes without a newline has AFIO_TRUNCATED as well; the next
 *                 read then returns 0 bytes with AFIO_EOF. 0: a line may be of
 *                 any length and takes that much memory.
 * @param sizehint how long lines usually are, in bytes; 0: unknown. It affects
 *                 speed only.
 * @param flags    0; or AFIO_FULL: at the deadline, fail with -ETIMEDOUT and
 *                 leave an incomplete line in the file, rather than return it
 *                 with AFIO_TIMEDOUT
 * @return a future. The last line may lack its newline; it then has AFIO_EOF.
 *         If a read error follows part of a line: with AFIO_FULL, the future
 *         fails with that error, and the part stays in the file; without
 *         AFIO_FULL, it returns the part, with AFIO_ERROR. All other outcomes
 *         are those of af_file_read().
 */
AFIO_MUST_USE
struct af_future *af_file_readline(struct af_file *file, size_t size,
				   size_t sizehint, unsigned flags,
				   const struct timeval *timeout);

/**
 * Reads up to and including a delimiter: af_file_readline() for any delimiter.
 *
 * @param delim     the delimiter's bytes, which are copied
 * @param delim_len its length in bytes; 0 is -EINVAL
 * @param size      as in af_file_readline(). A piece never splits a delimiter,
 *                  so it may be shorter than size. A delimiter that is longer
 *                  than size is returned whole.
 * @param flags     as in af_file_readline()
 * @return a future, as from af_file_readline()
 */
AFIO_MUST_USE
struct af_future *af_file_read_until(struct af_file *file, const void *delim,
				     size_t delim_len, size_t size,
				     unsigned flags,
				     const struct timeval *timeout);

/** Some bytes, for example a delimiter; len is not 0. */
struct af_text {
	const void *data;
	size_t len;
};

/**
 * Reads up to and including the first of several texts, the delimiters: to
 * answer prompts, for example. af_future_match() returns which one it was.
 *
 * | several of the texts                      | the one that is found       |
 * |-------------------------------------------|-----------------------------|
 * | are in the input                          | the one that ends first     |
 * | end at the same byte                      | the longest of them         |
 * | are equal                                 | the first in the list       |
 *
 * So it does not matter in which pieces the input arrives. If a text is the
 * beginning of another one, only the shorter one can be found.
 *
 * @param texts the delimiters, which are copied
 * @param n     how many; 0 is -EINVAL, and so is an empty text
 * @param size  as in af_file_readline(). A piece never splits a text that a
 *              later read would find, so it may be shorter than size. A text
 *              that is longer than size is returned whole.
 * @param flags as in af_file_readline()
 * @return a future, as from af_file_readline()
 */
AFIO_MUST_USE
struct af_future *af_file_read_until_any(struct af_file *file,
					 const struct af_text *texts, size_t n,
					 size_t size, unsigned flags,
					 const struct timeval *timeout);

/**
 * Returns a copy of the next bytes and leaves them in the file: the next read
 * returns them again. It has a place in the queue of reads.
 *
 * @param size how many bytes to wait for and to return at most; not 0
 * @return a future with the copy, see af_future_data():
 *
 * | happens                           | outcome                             |
 * |-----------------------------------|-------------------------------------|
 * | size bytes                        | success, size bytes                 |
 * | a message shorter than size       | success, that message               |
 * | end of file                       | success, what there is, AFIO_EOF    |
 * | deadline, some data               | success, the data, AFIO_TIMEDOUT    |
 * | deadline, none                    | -ETIMEDOUT                          |
 * | read error, some data             | success, the data, AFIO_ERROR; once
 *                                       all data is read, the next read
 *                                       fails with the error                |
 * | read error, none                  | that error; the next read fails
 *                                       with it, too                        |
 * | size 0                            | -EINVAL                             |
 * | a file with AFIO_UNBUFFERED       | -ENOTSUP                            |
 */
AFIO_MUST_USE
struct af_future *af_file_peek(struct af_file *file, size_t size,
			       const struct timeval *timeout);

/**
 * Puts bytes in front of those that the next read returns, as ungetc(3) does.
 * They need not be bytes that were read. After end of file, reads return these
 * bytes first and then end of file again.
 *
 * On disk, this moves the file's position back by len. A later call may move
 * the descriptor's position to that place, for example a write, af_file_seek()
 * or af_file_close(). The bytes are then dropped, and reads return what is on
 * disk there. With AFIO_UNBUFFERED, every read may do that.
 *
 * @param data the bytes, which are copied
 * @param len  how many; only memory limits it
 * @return 0; or, and nothing has changed:
 *         -EBUSY     reads are pending, or a worker thread is using the file
 *         -EINVAL    file or data is NULL; or, on disk, len is more than the
 *                    position
 *         -EBADF     the descriptor is not open for reading
 *         -ECANCELED the loop was freed
 *         -ENOMEM
 */
int af_file_unread(struct af_file *file, const void *data, size_t len);

/**
 * Limits how many bytes are read from the descriptor beyond those that
 * operations asked for; 64 KiB unless set. While no read is pending, nothing is
 * read.
 *
 * | operation                       | reads                                  |
 * |---------------------------------|----------------------------------------|
 * | one with a size                 | at most `bytes` more than it needs     |
 * | one without: a line of any
 *   length, all there is            | at most `bytes` at a time              |
 * | any, on a bufferevent           | until its input buffer holds `bytes`,
 *                                     or up to one piece more                |
 *
 * In a library built with --disable-direct-events, libevent may read 4096 bytes
 * more.
 *
 * @param bytes the limit; above 64 KiB it has an effect on bufferevents only.
 *              To read nothing ahead, see AFIO_UNBUFFERED.
 * @return 0; -EINVAL if file is NULL or bytes is 0
 */
int af_file_set_read_ahead(struct af_file *file, size_t bytes);

/**
 * Returns the read-ahead limit in bytes; 0 for NULL. On a bufferevent, the
 * program's own high watermark may have made it smaller.
 */
size_t af_file_read_ahead(const struct af_file *file);

/**
 * Limits how many bytes an operation without a size of its own may gather: a
 * read of all there is (size 0), a line or a record of any length, a line of
 * af_file_each_line(). If it gathers more than that, it fails with
 * -EMSGSIZE, and the bytes stay in the file: read them in pieces, or close the
 * file. Set it where the peer is not trusted. An operation with a size may
 * gather that size, whatever the limit is.
 *
 * @param bytes the limit; 0: none. Initially it is that of the loop, see
 *              af_loop_set_file_limit()
 * @return 0; -EINVAL for NULL and for SIZE_MAX
 */
int af_file_set_limit(struct af_file *file, size_t bytes);

/** Returns the limit in bytes; 0 if there is none, and for NULL. */
size_t af_file_limit(const struct af_file *file);

/**
 * Lets reading go on after end of file, as clearerr(3) does.
 *
 * | the file is                           | then                            |
 * |---------------------------------------|---------------------------------|
 * | a terminal, after ^D                  | the next read waits for input   |
 * | a FIFO whose writers have all left    | the next read waits for another
 *                                           writer, or returns its bytes    |
 * | not at its end, or on disk            | nothing changes                 |
 *
 * @return 0; or, and nothing has changed:
 *         -ENOTSUP   the end is final: a socket, a bufferevent, an anonymous
 *                    pipe without writers, a terminal whose other side is
 *                    closed
 *         -EINVAL    file is NULL
 *         -ECANCELED the loop was freed
 *         -EMFILE, -ENFILE, -ENOMEM, or another error of open(2): a FIFO has to
 *                    be opened again
 */
int af_file_clear_eof(struct af_file *file);

/**
 * A function that af_file_each_line(), af_file_each_chunk() and
 * af_file_follow() call. It runs from the loop, like a continuation, and may
 * call anything, including af_await(); it may close the file or cancel the
 * operation.
 *
 * @param data  the bytes, valid during the call; no NUL follows
 * @param len   how many
 * @param flags 0; or AFIO_EOF: the last line, which lacks its newline.
 *              af_file_follow() passes AFIO_EOF for any incomplete line,
 *              AFIO_TRUNCATED for a piece of a line that the next call
 *              continues, and AFIO_RESTARTED.
 * @return 0 to go on; 1 to stop with success, leaving the rest in the file; a
 *         negative errno to fail with it
 */
typedef int (*af_each_fn)(const char *data, size_t len, unsigned flags,
			  void *arg);

/**
 * Calls fn for every line, with its newline, up to end of file. Lines are not
 * copied, and need no allocation or future of their own. The last line may lack
 * its newline. Nothing is read while fn runs, so a slow fn slows the writer
 * down. A line is passed whole, and takes as much memory as it is long; for
 * untrusted input use af_file_set_limit(), or af_file_readline() with a size.
 *
 * It has no timeout: use af_with_timeout(), or cancel the future. Other reads of
 * the file queue behind it, so an af_await() of one in fn would not end.
 *
 * @param fn  see af_each_fn; NULL is -EINVAL
 * @param arg passed to fn
 * @return one future for all lines; af_future_count() is how many bytes fn got:
 *
 * | happens               | outcome                                         |
 * |-----------------------|-------------------------------------------------|
 * | end of file           | success, AFIO_EOF                               |
 * | fn returned 1         | success; the rest stays in the file             |
 * | fn returned an error  | that error; the rest stays in the file          |
 * | read error            | that error; the rest stays in the file          |
 * | cancelled             | -ECANCELED; the rest stays in the file, and fn
 *                           is not called again                             |
 */
AFIO_MUST_USE
struct af_future *af_file_each_line(struct af_file *file, af_each_fn fn,
				    void *arg);

/**
 * Calls fn with whatever has arrived, in pieces of any length; otherwise like
 * af_file_each_line().
 */
AFIO_MUST_USE
struct af_future *af_file_each_chunk(struct af_file *file, af_each_fn fn,
				     void *arg);

/** What af_file_each_async() passes in each call of its function. */
enum af_each {
	/** A line, with its newline. */
	AFIO_EACH_LINE,
	/** Whatever has arrived, in pieces of any length. */
	AFIO_EACH_CHUNK,
	/**
	 * One message of a message socket, which may be empty; or, of another
	 * source of records, see af_file_new(), what one read returns.
	 */
	AFIO_EACH_RECORD,
};

/**
 * A function that af_file_each_async() calls. Like an af_each_fn it runs from
 * the loop and may call anything; it may close the file or cancel the
 * operation.
 *
 * @param data  the bytes; no NUL follows. They are valid until the future that
 *              fn returns is done, so that fn may write them with AFIO_BORROW;
 *              if it returns NULL, only during the call. An af_all() of several
 *              writes is done with the first failure, while others go on: let
 *              them borrow only under an af_all_settled().
 * @param len   how many
 * @param flags 0; or AFIO_EOF: the last line, which lacks its newline
 * @return a future, whose reference passes to the library: what to wait for
 *         before the next call; or NULL to go on at once
 */
typedef struct af_future *(*af_each_async_fn)(const char *data, size_t len,
					      unsigned flags, void *arg);

/**
 * Calls fn for every line, chunk or record up to end of file, and waits for the
 * future that fn returns before it goes on. Meanwhile nothing is read from the
 * descriptor, so a slow consumer slows the writer down. Otherwise like
 * af_file_each_line().
 *
 * @param what see enum af_each
 * @param fn   see af_each_async_fn
 * @param arg  passed to fn
 * @return one future, the whole; af_future_count() is how many bytes fn got:
 *
 * | happens                      | outcome                                  |
 * |------------------------------|------------------------------------------|
 * | end of file                  | success, AFIO_EOF, once the last future
 *                                  of fn is done                            |
 * | a future of fn fails         | that error; the rest stays in the file   |
 * | a future of fn waits for the
 *   whole, or is the whole       | -EDEADLK; the rest stays in the file     |
 * | read error                   | that error, once the last future of fn is
 *                                  done; the rest stays in the file         |
 * | a line or record exceeds
 *   af_file_set_limit()          | -EMSGSIZE; it stays in the file          |
 * | cancelled, the file closed,
 *   the loop freed               | -ECANCELED; fn's pending future is
 *                                  cancelled; the rest stays in the file    |
 * | AFIO_EACH_RECORD of a stream
 *   of bytes                     | -ENOTSUP                                 |
 * | fn is NULL, what is unknown  | -EINVAL                                  |
 *
 * A piece that fn got does not return to the file, even if its future fails or
 * is cancelled, and it counts. To stop early, cancel the whole or return a
 * future that has failed. A pipe is a source of records if its reading end has
 * O_DIRECT, see fcntl(2); pipe2(2) sets that on the writing end only.
 */
AFIO_MUST_USE
struct af_future *af_file_each_async(struct af_file *file, enum af_each what,
				     af_each_async_fn fn, void *arg);

/**
 * A flag of af_file_follow(): the first bytes after the file was truncated or
 * replaced.
 */
#define AFIO_RESTARTED 0x10u

/** Options of af_file_follow(). All zero is the default. */
struct af_follow_options {
	/**
	 * Begin at the present end of the file, which may be inside a line. A
	 * file that is put at the path later is read from its beginning.
	 */
	bool from_end;
	/** Fail with -ENOENT if the path does not exist at the call. */
	bool must_exist;
	/** Pass an incomplete line at the end of the file on, with AFIO_EOF. */
	bool parts;
	/**
	 * The longest line to pass on in one piece, in bytes; each piece of a
	 * longer one but the last has AFIO_TRUNCATED. 0: the limit of
	 * af_loop_set_file_limit(); without one, a line may be of any length
	 * and takes that much memory.
	 */
	size_t max_line;
	/**
	 * How often to look at the file, in addition to notifications; not
	 * zero. Needed where the kernel does not notice all writes, as on a
	 * network file system, and for changes through mmap(2). NULL: never, or
	 * every second where there are no notifications.
	 */
	const struct timeval *poll;
	/** Zero. */
	uint64_t reserved[4];
};

/**
 * Follows a growing file, such as a log, as `tail -n +1 -F` does: calls fn for
 * every line from the beginning of the file, and then for every one that is
 * added. It does not end by
 * itself; fn returns 1 to stop it.
 *
 * | happens                        | fn is called                            |
 * |--------------------------------|-----------------------------------------|
 * | a line is complete             | with it and its newline                 |
 * | a line is incomplete           | not before the rest has come; with
 *                                    options->parts, at once, with AFIO_EOF  |
 * | the file is shorter than what
 *   was read: truncated            | with an incomplete last line, AFIO_EOF;
 *                                    then from the beginning of the file,
 *                                    the first time with AFIO_RESTARTED      |
 * | another file is at the path    | with what is left in the old one, its
 *                                    incomplete last line with AFIO_EOF; then
 *                                    from the beginning of the new one, the
 *                                    first time with AFIO_RESTARTED          |
 * | no file is at the path         | for what is added to the old one, if
 *                                    there was one, until a new one appears  |
 *
 * fn may slow the reading down, by af_await() in it: it is not called again
 * before it has returned, and nothing more is read meanwhile. There is no
 * position from which to resume after a restart of the program.
 *
 * An empty file at the path is not followed until there is something in it,
 * because the writer may still be using the old one. If a file is put at the
 * path, then renamed within its directory and replaced by the next one before
 * it was read, it is read nevertheless, in its turn. This needs inotify, and
 * works only if one process at a time renames and creates these files.
 *
 * If a file is truncated, and has grown beyond what was read by the time this
 * is noticed, the truncation is not detected. Where there are no notifications,
 * and the file is replaced twice between two looks, the first of the new files
 * is missed. If the path is a symbolic link, or its directory does not exist or
 * is replaced, or another process has leased the file, the path is looked at
 * every second.
 *
 * stat(2) and open(2) of the path are called on this thread and may wait for a
 * slow file system; the lines are read as from any file on disk. In addition to
 * the descriptor of the file, it needs one more, and one for each new file.
 *
 * @param path    of a regular file, which may not exist yet; copied
 * @param options NULL: the defaults
 * @param fn      see af_each_fn
 * @param arg     passed to fn
 * @return one future for all lines; af_future_count() is how many bytes fn got,
 *         even while it is pending:
 *
 * | happens                        | outcome                                 |
 * |--------------------------------|-----------------------------------------|
 * | fn returned 1                  | success                                 |
 * | fn returned an error           | that error                              |
 * | cancelled, the loop freed      | -ECANCELED                              |
 * | options->must_exist, and the
 *   path does not exist            | -ENOENT                                 |
 * | the path is, or becomes, a
 *   directory                      | -EISDIR                                 |
 * | the path is, or becomes,
 *   another file that is not
 *   regular                        | -ENOTSUP                                |
 * | open(2) or read(2) fails       | that error                              |
 * | loop, path or fn is NULL; poll
 *   is not positive or normalised;
 *   reserved is not zero           | -EINVAL                                 |
 */
AFIO_MUST_USE
struct af_future *af_file_follow(struct af_loop *loop, const char *path,
				 const struct af_follow_options *options,
				 af_each_fn fn, void *arg);

/**
 * Writes bytes: as many as possible at once, directly from buf, and the rest
 * when the descriptor can take more.
 *
 * @param buf   the bytes. The call copies those it cannot write at once, so the
 *              caller may reuse buf when it returns. With AFIO_BORROW nothing
 *              is copied, and buf must not change until the future is done.
 * @param len   how many bytes
 * @param flags any of AFIO_FULL, AFIO_BORROW and AFIO_MORE. With AFIO_FULL the
 *              future is done when all bytes are written, without it when some
 *              are. If a part is written at the deadline, that is a success,
 *              too: check af_future_count() or AFIO_TIMEDOUT
 * @return a future; af_future_count() is how many bytes were written, and while
 *         the future is pending how many so far:
 *
 * | happens                       | outcome                                  |
 * |-------------------------------|------------------------------------------|
 * | some written, not FULL        | success, that count                      |
 * | all written, FULL             | success, len                             |
 * | deadline, some written (FULL) | success, that count, AFIO_TIMEDOUT       |
 * | deadline, none written        | -ETIMEDOUT, count 0                      |
 * | cancelled                     | -ECANCELED, the count so far             |
 * | the reader has left           | -EPIPE, the count so far                 |
 * | len 0                         | success, 0, when it is its turn          |
 *
 * After any outcome, no further byte of buf is sent. SIGPIPE is never raised,
 * whatever its disposition, except over a bufferevent. A write to an on-disk
 * file or a bufferevent may still send bytes that it has counted, see above.
 */
AFIO_MUST_USE
struct af_future *af_file_write(struct af_file *file, const void *buf,
				size_t len, unsigned flags,
				const struct timeval *timeout);

/**
 * Writes the contents of an evbuffer without copying them. They move to the
 * operation: buf is empty when the call returns. Once the future is done, the
 * bytes that were not written are in af_future_buffer(). If the call fails with
 * -EINVAL, -EPERM or -EBADF, buf is unchanged.
 *
 * A buffer may hold parts of files that libevent would send by sendfile(2):
 * those of evbuffer_add_file() under EVBUFFER_FLAG_DRAINS_TO_FD. They are read
 * into memory in this call, which waits for the disk; af_file_copy() does not.
 *
 * @param buf   the evbuffer, which stays the caller's; NULL or frozen is
 *              -EINVAL
 * @param flags any of AFIO_FULL and AFIO_MORE, as in af_file_write()
 * @return a future, as from af_file_write()
 */
AFIO_MUST_USE
struct af_future *af_file_write_buffer(struct af_file *file,
				       struct evbuffer *buf, unsigned flags,
				       const struct timeval *timeout);

/**
 * Reads bytes at an offset of an on-disk file, as pread(2) does. It has no place
 * in the queue of reads, and neither uses nor changes the file's position and
 * its buffered bytes: any number of these may be under way at once, in any
 * order, beside the other operations. Bytes that are in the page cache are read
 * at once; worker threads read all others, up to 256 KiB at a time.
 *
 * @param size   how many bytes at most; 0: all up to end of file
 * @param offset of the first byte, in bytes from the beginning of the file
 * @param flags  0; or AFIO_FULL for exactly size bytes
 * @return a future; the bytes are in af_future_data():
 *
 * | happens                                   | outcome                     |
 * |-------------------------------------------|-----------------------------|
 * | data, not FULL                            | success, 1..size bytes      |
 * | size bytes, FULL                          | success, size bytes         |
 * | end of file, some data (FULL, or size 0)  | success, the data, AFIO_EOF |
 * | end of file at offset, or before it       | success, 0 bytes, AFIO_EOF  |
 * | deadline, some data (FULL, or size 0)     | success, the data,
 *                                               AFIO_TIMEDOUT               |
 * | deadline, none                            | -ETIMEDOUT                  |
 * | read error, some data, not FULL and
 *   size > 0                                  | success, the data,
 *                                               AFIO_ERROR; a read behind
 *                                               the data finds the error    |
 * | read error, some data, FULL or size 0     | that error                  |
 * | cancelled, the file closed, detached or
 *   finished                                  | -ECANCELED                  |
 * | size 0, and more bytes than
 *   af_file_set_limit() allows                | -EMSGSIZE                   |
 * | the file is not on disk; devices without
 *   a position, such as /dev/zero, may do     | -ESPIPE                     |
 * | offset is negative                        | -EINVAL                     |
 * | offset is more than the system's off_t
 *   can hold                                  | -EOVERFLOW                  |
 *
 * Bytes that were read for an operation that fails are dropped; they can be read
 * again. A worker thread that is reading for one that ends early does not delay
 * it. With a zero timeout only what is in the page cache is read. In a file that
 * was opened with O_DIRECT, any offset and size may be read.
 */
AFIO_MUST_USE
struct af_future *af_file_read_at(struct af_file *file, size_t size,
				  int64_t offset, unsigned flags,
				  const struct timeval *timeout);

/**
 * Writes bytes at an offset of an on-disk file, as pwrite(2) does: the
 * counterpart of af_file_read_at(). Several that overlap are written in any
 * order. Bytes that were read ahead before are still buffered, and later reads
 * return them as they were.
 *
 * On Linux, a file that was opened with O_APPEND ("a" for af_file_open()) gets
 * the bytes at its end, whatever the offset, see pwrite(2). With O_DIRECT, the
 * offset and len must be multiples of what the disk demands, else -EINVAL; buf
 * may be anywhere.
 *
 * @param buf    the bytes. The call copies those it cannot write at once; with
 *               AFIO_BORROW nothing is copied, and buf must not change until
 *               the future is done
 * @param offset of the first byte, in bytes from the beginning of the file. At
 *               the end the file grows; beyond it, bytes of value 0 fill the gap
 * @param flags  any of AFIO_FULL and AFIO_BORROW. With AFIO_FULL the future is
 *               done when all bytes are written, without it when some are
 * @return a future; af_future_count() is how many bytes were written, and while
 *         the future is pending how many so far:
 *
 * | happens                       | outcome                                  |
 * |-------------------------------|------------------------------------------|
 * | some written, not FULL        | success, that count                      |
 * | all written, FULL             | success, len                             |
 * | deadline, some written (FULL) | success, that count, AFIO_TIMEDOUT       |
 * | deadline, none written        | -ETIMEDOUT, count 0                      |
 * | cancelled, the file closed,
 *   detached or finished          | -ECANCELED, the count so far             |
 * | beyond the largest file size,
 *   RLIMIT_FSIZE                  | -EFBIG, the count so far; no SIGXFSZ     |
 * | the disk is full              | -ENOSPC, the count so far                |
 * | len 0                         | success, 0                               |
 * | the file is not on disk; a
 *   device such as /dev/null may do | -ESPIPE                                |
 * | offset is negative            | -EINVAL                                  |
 * | offset is more than the
 *   system's off_t can hold       | -EOVERFLOW                               |
 *
 * If it ends early, by its deadline or a cancel, while a worker thread is
 * writing for it, these bytes, up to 256 KiB, are in the count. If writing them
 * fails later, the next write of the file's queue, af_file_sync() or
 * af_file_finish() reports the error; these wait for the thread, too.
 */
AFIO_MUST_USE
struct af_future *af_file_write_at(struct af_file *file, const void *buf,
				   size_t len, int64_t offset, unsigned flags,
				   const struct timeval *timeout);

/**
 * Copies bytes from one file to another, in the kernel (splice(2)) where it
 * can. It has a place in the queue of reads of `from` and in the queue of
 * writes of `to`, and begins when it is first in both.
 *
 * @param count how many bytes; negative: up to end of file
 * @return a future; af_future_count() is how many bytes were written, and while
 *         the future is pending how many so far:
 *
 * | happens                          | outcome                                |
 * |----------------------------------|----------------------------------------|
 * | count bytes                      | success                                |
 * | end of `from`                    | success, that count, AFIO_EOF          |
 * | deadline, some written           | success, that count, AFIO_TIMEDOUT     |
 * | deadline, none                   | -ETIMEDOUT                             |
 * | the reader of `to` has left      | -EPIPE, the count so far               |
 * | reading or writing fails         | that error, the count so far           |
 * | cancelled                        | -ECANCELED, the count so far           |
 *
 * Bytes read but not yet written remain in `from`.
 *
 * | `from` and `to` are                   | copy                              |
 * |---------------------------------------|-----------------------------------|
 * | the same socket or terminal           | works: it echoes                  |
 * | the same on-disk file or FIFO         | -EINVAL: it would not end; of two
 *                                           files on it, for count -1 only    |
 * | files of different loops              | -EINVAL                           |
 */
AFIO_MUST_USE
struct af_future *af_file_copy(struct af_file *from, struct af_file *to,
			       int64_t count, const struct timeval *timeout);

/**
 * Copies from a to b and from b to a at the same time, each up to end of file:
 * a proxy between two sockets, or between a socket and a bufferevent or the
 * master of a pty.
 *
 * When one side has ended, the writing half of the other one is shut down, as
 * by af_file_shutdown() with SHUT_WR, and the other direction goes on. A file
 * whose halves cannot be shut down separately stays open: a pty, a terminal,
 * most bufferevents. Its peer learns of the end only when the program closes
 * the file, so give such a proxy a timeout.
 *
 * @param timeout for the whole
 * @return a future, the whole. af_future_count() is how many bytes were written
 *         in both directions together, even while it is pending.
 *         af_future_part() with 0 is the copy from a to b, with 1 that from b
 *         to a; each has its own count and outcome, see af_file_copy(). The
 *         whole:
 *
 * | happens                          | outcome                                |
 * |----------------------------------|----------------------------------------|
 * | both directions have ended       | success, that count, AFIO_EOF          |
 * | deadline, some written           | success, that count, AFIO_TIMEDOUT     |
 * | deadline, none                   | -ETIMEDOUT                             |
 * | a direction fails: the reader of
 *   its target has left (-EPIPE),
 *   reading or writing fails         | that error, that count; the other
 *                                      direction is cancelled                 |
 * | cancelled, a file closed, the
 *   loop freed                       | -ECANCELED, that count                 |
 * | a file that is not open in both
 *   directions                       | -EBADF                                 |
 * | a is b, or of another loop       | -EINVAL                                |
 *
 * Bytes read but not yet written remain in the file that they were read from.
 */
AFIO_MUST_USE
struct af_future *af_file_copy_both(struct af_file *a, struct af_file *b,
				    const struct timeval *timeout);

/**
 * Moves the position of an on-disk file, as lseek(2) does, and drops buffered
 * bytes.
 *
 * @param offset in bytes
 * @param whence SEEK_SET; SEEK_CUR, from the end of what reads returned;
 *               SEEK_END; or another value that lseek(2) accepts
 * @return the new position in bytes; or
 *         -EBUSY     operations are pending, or a worker thread is still using
 *                    the file for one that ended early
 *         -ESPIPE    not an on-disk file; a device such as /dev/null may do
 *         -EINVAL    file is NULL, or as lseek(2)
 *         -ECANCELED the loop was freed
 *         or another error of lseek(2)
 */
int64_t af_file_seek(struct af_file *file, int64_t offset, int whence);

/**
 * Returns the size of a regular file in bytes, from fstat(2), which may wait
 * for a slow file system.
 *
 * @return the size; -ESPIPE: not a regular file; -EINVAL: file is NULL;
 *         -ECANCELED: the loop was freed
 */
int64_t af_file_size(struct af_file *file);

/**
 * Flushes an on-disk file to its disk with fsync(2). It has a place in the
 * queue of writes. Once begun, the flush continues even if the operation ends
 * early, by its deadline or a cancel.
 *
 * @return a future. It fails with the error of fsync(2), such as -EIO, or that
 *         of an earlier write whose bytes were counted; with -EINVAL if the
 *         file is not on disk
 */
AFIO_MUST_USE
struct af_future *af_file_sync(struct af_file *file,
			       const struct timeval *timeout);

/**
 * Shuts down one or both halves of a socket's connection, as shutdown(2) does.
 *
 * | how       | effect                                                       |
 * |-----------|--------------------------------------------------------------|
 * | SHUT_WR   | shuts the writing half once the writes queued before it have
 *               ended, or now if there are none; later writes fail with
 *               -EPIPE                                                       |
 * | SHUT_RD   | shuts the reading half now; reads return what has arrived,
 *               then end of file                                             |
 * | SHUT_RDWR | both                                                         |
 *
 * @return 0: it was shut down, or will be; a later failure is not reported. Or
 *         -EINVAL    file is NULL, or how is not one of these
 *         -ENOTSOCK  not a socket
 *         -ENOTSUP   a bufferevent, except SHUT_WR on one over a
 *                    bufferevent_pair (on TLS, call SSL_shutdown()); a layer,
 *                    except SHUT_WR, see af_file_set_layer()
 *         -ENOTCONN  not connected
 *         -ECANCELED the loop was freed
 *         -ENOMEM    only where it has to wait for writes
 */
int af_file_shutdown(struct af_file *file, int how);

/**
 * Waits until the other side has left, without reading or writing. Any number
 * of these may wait for one file; together they use one descriptor.
 *
 * @return a future that succeeds in these cases, at once if the other side has
 *         left already:
 *
 * | the file is                   | succeeds when                            |
 * |-------------------------------|------------------------------------------|
 * | the writing end of a pipe     | no process has its reading end open      |
 * | the reading end of a pipe     | no process has its writing end open;
 *                                   data may be left to read                 |
 * | a socket                      | the peer has closed it or shut its writing
 *                                   half, which looks the same from here; or
 *                                   both halves were shut here; data may be
 *                                   left to read                             |
 * | the master of a pty           | no process has the terminal open         |
 * | a terminal                    | its master was closed, or its line hung
 *                                   up                                       |
 * | a bufferevent                 | the same holds for the socket below it; or
 *                                   it has reported an end or an error, such
 *                                   as TLS's close_notify, for which a read
 *                                   must be pending. Before it is connected,
 *                                   only such a report counts.               |
 *
 * Keep the descriptor open until the file is closed: once another part of the
 * program has closed it, such as evhttp, the kernel reports nothing more.
 *
 * Where the system has no POLLRDHUP, as POSIX does not, a peer that shut only
 * its writing half, or closed a TCP connection, is noticed once what it had sent
 * is read. A peer that vanishes without sending anything is not noticed. On the
 * reading end of a FIFO that has had no writer yet, the future waits until one
 * has opened and closed it. After a local SHUT_RD, the future completes only
 * once both halves are shut.
 *
 * It fails with:
 *         -ECANCELED the file was closed, or its loop freed
 *         -EBADF     the descriptor was found closed
 *         -ENOTSUP   the file has no other side (on-disk file, device,
 *                    eventfd), or the kernel does not report that it has left
 *                    (datagram socket)
 *         -EMFILE, -ENFILE, -ENOMEM
 *         -EINVAL    file is NULL
 */
AFIO_MUST_USE
struct af_future *af_file_hangup(struct af_file *file);

/**
 * Waits until no byte has been read from a file, or written to it, for some
 * time: to close a connection on which nothing happens. What counts is a byte
 * that operations on this file have moved; what a peer sends while no read is
 * pending does not. Any number of these may be pending.
 *
 * As a future, it can be raced with others. A deadline for a whole request is
 * af_with_timeout().
 *
 * @param time how long. The future may be done up to a quarter of it later,
 *             because the clock is not read with every byte; never earlier. NULL
 *             is -EINVAL
 * @return a future:
 *
 * | happens                               | outcome                          |
 * |---------------------------------------|----------------------------------|
 * | no byte for that time                 | success; the file stays open     |
 * | a zero time                           | success, at once                 |
 * | the file is closed, detached or
 *   finished, cancelled, the loop freed   | -ECANCELED                       |
 */
AFIO_MUST_USE
struct af_future *af_file_idle(struct af_file *file,
			       const struct timeval *time);

/**
 * Waits until the kernel has everything that was written, and closes the
 * descriptor. Unlike af_file_close(), it reports whether bytes that writes have
 * counted were lost: a worker thread may still be writing them, or a
 * bufferevent may hold them. It has a place in the queue of writes. The file
 * itself remains, until af_file_close() frees it and returns 0.
 *
 * @param timeout zero: closes only if nothing is left to wait for
 * @return a future. If a write fails, its own future reports that, and the file
 *         is closed nevertheless.
 *
 * | happens                               | outcome                          |
 * |---------------------------------------|----------------------------------|
 * | the kernel has everything             | success; closed                  |
 * | counted bytes were lost               | that error, such as -ENOSPC;
 *                                           closed                           |
 * | close(2) fails                        | that error; closed               |
 * | finished already                      | success, at once                 |
 * | deadline                              | -ETIMEDOUT; stays open           |
 * | a bufferevent's own timeout           | -ETIMEDOUT; stays open           |
 * | cancelled                             | -ECANCELED; stays open           |
 * | the file is closed, or its loop freed | -ECANCELED                       |
 *
 * While it stays open, writes go on, including those queued behind the future,
 * and the file can be finished again. When it is closed:
 *
 * | what                                  | then                             |
 * |---------------------------------------|----------------------------------|
 * | pending operations, including writes
 *   queued behind the future              | fail with -ECANCELED             |
 * | another af_file_finish() that is
 *   pending                               | succeeds                         |
 * | the peer                              | sees the end                     |
 * | AFIO_KEEP_FD                          | the caller has its descriptor or
 *                                           bufferevent back                 |
 * | a worker thread reads the file        | the loop closes its descriptor when
 *                                           the thread is done               |
 * | af_file_fd(), operations and all that
 *   needs the descriptor, from then on    | -EBADF                           |
 *
 * By then, a bufferevent's output has been sent. The bytes that it adds at its
 * end, such as the last bytes of a filter, are sent in the background, as after
 * af_file_close().
 */
AFIO_MUST_USE
struct af_future *af_file_finish(struct af_file *file,
				 const struct timeval *timeout);

/**
 * Takes the descriptor out of a file and frees the file. Pending operations
 * fail with -ECANCELED. The descriptor gets its old blocking mode back.
 *
 * @param unread an evbuffer to which the buffered bytes are appended; with NULL
 *               they are dropped. For an on-disk file nothing is appended: the
 *               descriptor's position is moved back instead.
 * @return the descriptor, which the caller owns from now on; or an error, and
 *         the file stays as it is, with its pending operations:
 *         -EINVAL file is NULL, is over a bufferevent, or has a layer
 *         -EBADF  after af_file_finish()
 *         -EBUSY  a worker thread is using the file
 *         -ENOMEM no memory for the bytes in unread
 */
int af_file_detach(struct af_file *file, struct evbuffer *unread);

/**
 * Closes a file and frees it; NULL does nothing. Pending operations fail with
 * -ECANCELED. May be called after the file's loop was freed.
 *
 * close(2) is called on this thread. On a network file system it may wait for
 * written bytes to be flushed, unless af_file_sync() has done that before; and
 * that of a socket with SO_LINGER, for its bytes to be sent. If a
 * worker thread is using the file, the loop closes the descriptor when the
 * thread is done, and an error of its write is lost; to get that error, call
 * af_file_finish() first.
 *
 * @return 0; or the negative errno of close(2), and the file is closed
 *         nevertheless
 */
int af_file_close(struct af_file *file);

/**
 * Returns the descriptor: the one passed to af_file_new(), that of
 * af_file_open(), or the bufferevent's (-1 if it has none). The file still owns
 * it. -EINVAL if file is NULL; -EBADF after af_file_finish().
 */
int af_file_fd(const struct af_file *file);

/**
 * Returns the loop that the file was made with. After af_loop_free() of that
 * loop, the pointer may only be compared. NULL for NULL.
 */
struct af_loop *af_file_loop(const struct af_file *file);

/**
 * Sets and returns a pointer of the program's own, such as to the state of a
 * connection. The library only stores it. NULL before it is set, and for NULL.
 */
void af_file_set_data(struct af_file *file, void *data);
void *af_file_data(const struct af_file *file);

#ifdef __cplusplus
}
#endif

#endif
