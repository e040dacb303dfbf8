/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/listener.h
 *
 * Listeners: sockets that wait for connections. Every connection becomes a
 * file.
 *
 * A listener accepts only while an af_listener_accept() or af_listener_each()
 * is pending. Until then connections wait in the kernel, as many as the
 * backlog; and the listener has no event on the base, so af_loop_run() does not
 * wait for it.
 *
 * Errors of accept(2) that concern one connection only are passed over:
 * ECONNABORTED, EPROTO, EPERM and those of the network. If descriptors or memory
 * run out (EMFILE, ENFILE, ENOBUFS, ENOMEM), no connection is lost: the listener
 * pauses until one of its files is closed, or for 100 ms, and tries again. It
 * does so, too, if accept(2) returns 32 errors of the first kind in a row.
 *
 * Threads: call these functions on the thread of the listener's loop only.
 */
#ifndef ASYNCFILE_LISTENER_H
#define ASYNCFILE_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <asyncfile/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct af_file;
struct af_future;
struct af_listener;
struct af_loop;

/**
 * A function that is asked whether to keep a connection, before there is a file.
 * It runs from the loop, like a continuation, and may call anything. Until it
 * has returned, the listener accepts nothing else; a deadline of an
 * af_listener_accept() that passes meanwhile ends that.
 *
 * @param peer the address of the other end, valid during the call
 * @param len  its length in bytes
 * @param arg  filter_arg of the options
 * @return true: keep it; false: close it at once
 */
typedef bool (*af_accept_filter_fn)(const struct sockaddr *peer, socklen_t len,
				    void *arg);

/** How to listen. Zero, the default, of all fields is fine for a server. */
struct af_listen_options {
	/** AF_INET, AF_INET6 or AF_UNIX: only such addresses; 0: any. */
	int family;
	/** SOCK_STREAM (also 0); or, for a Unix socket, SOCK_SEQPACKET. */
	int type;
	/**
	 * How many connections may wait to be accepted, see listen(2); 0:
	 * SOMAXCONN. The system may have a lower limit.
	 */
	int backlog;
	/**
	 * An IPv6 socket takes IPv4 connections, too; with host NULL there is
	 * then one socket only. Otherwise each socket takes its own family, and
	 * does not depend on a setting of the system.
	 */
	bool dual_stack;
	/**
	 * Do not set SO_REUSEADDR. A server cannot then be started again while
	 * the system remembers connections of the one before.
	 */
	bool no_reuse_address;
	/**
	 * SO_REUSEPORT: several sockets may listen on one port, for example one
	 * for each thread, and share the connections. -ENOTSUP where there is
	 * no such option. Ignored for a Unix socket.
	 */
	bool reuse_port;
	/**
	 * Accept a connection only once its peer has sent something: by
	 * TCP_DEFER_ACCEPT, after about a second in any case; or by FreeBSD's
	 * dataready filter. Ignored where neither exists, and for a Unix socket.
	 */
	bool wait_for_data;
	/** TCP_NODELAY of the accepted files. */
	bool no_delay;
	/** SO_KEEPALIVE of the accepted files. */
	bool keep_alive;
	/**
	 * Fail with EADDRINUSE if the path of a Unix socket exists, even if no
	 * socket is bound to it any more.
	 */
	bool keep_stale;
	/** Do not remove the path of a Unix socket in the end. */
	bool keep_path;
	/**
	 * The permissions of the path of a Unix socket, at most 0777; 0: as the
	 * umask has it. It has them before anyone can connect. Some systems
	 * ignore them; those of the directory always count.
	 */
	unsigned mode;
	/**
	 * Flags of the accepted files, see af_file_new(): AFIO_UNBUFFERED,
	 * AFIO_RECEIVE_FDS.
	 */
	unsigned file_flags;
	/**
	 * How many accepted files may be open at a time; 0: any number. The
	 * listener then pauses until one of them is closed.
	 */
	size_t max_connections;
	/** See af_accept_filter_fn; NULL: keep all. */
	af_accept_filter_fn filter;
	/** Passed to filter. */
	void *filter_arg;
	/** Must be zero. */
	uint64_t reserved[8];
};

/**
 * Closes a listener and frees it; NULL does nothing. Pending operations on it
 * fail with -ECANCELED. Connections that are waiting in the kernel are closed by
 * it; accepted files stay open. The path of a Unix socket is removed, see
 * af_listen(). May be called after the loop was freed, and by a function that
 * af_listener_each() has called.
 */
void af_listener_close(struct af_listener *listener);

/**
 * Listens on the addresses of a host.
 *
 * | host                       | listens on                                   |
 * |----------------------------|----------------------------------------------|
 * | NULL                       | every address of this machine                |
 * | "192.0.2.1", "2001:db8::1",
 *   "fe80::1%eth0"             | that address                                 |
 * | any other name             | all its addresses that this machine has      |
 * | "/path"                    | a Unix socket                                |
 * | "@name"                    | a Unix socket in Linux's abstract namespace  |
 *
 * There is one socket for each address, all of the same port. Addresses of a
 * family that the system does not have are left out, if there are others.
 *
 * A numeric host, and NULL, never wait. For any other name, this call waits for
 * the name server; af_listen_async() does not.
 *
 * A Unix socket's path. It is removed by af_listener_stop() and
 * af_listener_close(), unless it is another file by then, or keep_path is set;
 * and never in a child by fork(2). If it exists already:
 *
 * | the path is                            | then                             |
 * |----------------------------------------|----------------------------------|
 * | a socket of a process that runs        | EADDRINUSE                       |
 * | a socket that no process has any more  | it is replaced, unless keep_stale |
 * | any other file                         | EADDRINUSE                       |
 *
 * Nobody is connected to in order to find that out. A file beside it, with
 * ".lock" added to its name, is locked and removed again meanwhile. So of several
 * programs that start at the same moment one gets the path, and no path of a
 * running one is ever removed, if all of them use this function without
 * keep_stale. Where the lock cannot be made, and on systems without flock(2), an
 * old path is not replaced: EADDRINUSE.
 *
 * @param service a port, such as "80"; a name of one, such as "http"; "0" or
 *                NULL for a port that the system chooses, see
 *                af_listener_address(). For a Unix socket, NULL
 * @param options NULL for the defaults
 * @return the listener; or NULL with errno, and af_listen_error() has the text:
 *         EADDRINUSE    another socket has that port or path
 *         EACCES        the port needs a privilege, or the path a permission
 *         EADDRNOTAVAIL this machine has no such address
 *         ENOENT        no such name or service; no such directory
 *         EAGAIN        the name server does not answer
 *         ENAMETOOLONG  the path, or the abstract name, is too long: the limit
 *                       is about 100 bytes
 *         EINVAL        loop is NULL, an option is not valid, or a Unix socket
 *                       was given a service
 *         ENOTSUP       reuse_port, where the system does not have it
 *         EPERM         the loop belongs to another thread
 *         ECANCELED     the loop was freed
 *         EMFILE, ENFILE, ENOMEM, or another error of socket(2), bind(2),
 *         listen(2)
 */
AFIO_MUST_USE
struct af_listener *af_listen(struct af_loop *loop, const char *host,
			      const char *service,
			      const struct af_listen_options *options)
	AFIO_MALLOC(af_listener_close);

/**
 * Does what af_listen() does, but looks names up on a thread.
 *
 * @param host, service copied
 * @param options       copied, except what they point to
 * @return a future. On success af_future_take_listener() is the listener; on
 *         failure af_connect_error() is the text:
 *
 * | happens                               | outcome                          |
 * |---------------------------------------|----------------------------------|
 * | the listener is made                  | success                          |
 * | af_listen() would fail                | its errno, negated               |
 * | cancelled, the loop freed             | -ECANCELED, at once              |
 *
 * A numeric host, NULL and a Unix socket need no thread: the future is done when
 * the call returns. For a deadline use af_with_timeout().
 */
AFIO_MUST_USE
struct af_future *af_listen_async(struct af_loop *loop, const char *host,
				  const char *service,
				  const struct af_listen_options *options);

/**
 * Takes the listener out of a future of af_listen_async(), or of a chain that
 * has its outcome. It is the caller's from then on, for af_listener_close(). One
 * that nobody takes is closed when the future is freed.
 *
 * @return the listener; NULL if it was taken before, for a future that is
 *         pending, that failed or that is of another kind, and for NULL
 */
struct af_listener *af_future_take_listener(struct af_future *f);

/**
 * Listens on sockets that the program has made: bound, and listening already.
 *
 * A socket in blocking mode has O_NONBLOCK until the listener is closed, which
 * every process that shares it can see: accept(2) has no other way not to wait.
 * Several processes may accept from one socket, each with a listener of its own:
 * before it accepts, a listener sets O_NONBLOCK again if one that was closed in
 * another process has cleared it. A path is not removed in the end.
 *
 * @param fds     the descriptors, all different, which the listener owns from
 *                success on
 * @param n       how many; not 0
 * @param options NULL for the defaults. Those of the sockets themselves (from
 *                family to wait_for_data, keep_stale, keep_path, mode) are
 *                ignored
 * @return the listener; or NULL with errno, and fds remain the caller's:
 *         EINVAL    loop or fds is NULL, n is 0, one is there twice or is not
 *                   listening; or an option is not valid
 *         EBADF     one is not open
 *         ENOTSOCK  one is not a socket
 *         EPERM     the loop belongs to another thread
 *         ECANCELED the loop was freed
 *         ENOMEM
 */
AFIO_MUST_USE
struct af_listener *af_listener_new(struct af_loop *loop, const int *fds,
				    size_t n,
				    const struct af_listen_options *options)
	AFIO_MALLOC(af_listener_close);

/**
 * Listens on sockets that the service manager has passed to this process:
 * systemd's LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, see sd_listen_fds(3). All
 * descriptors that were passed become close-on-exec; the environment is not
 * changed. Call it once for each name: a second call would return another
 * listener for the same descriptors.
 *
 * @param name    FileDescriptorName= of the socket unit: those of that name.
 *                NULL: all
 * @param options as for af_listener_new(), which tells what happens to a socket
 *                in blocking mode
 * @return the listener; or NULL with errno, and af_listen_error() has the text:
 *         ENOENT    no socket was passed to this process, or none of that name
 *         EINVAL    the variables make no sense; one of the descriptors is not a
 *                   listening socket; or as for af_listener_new()
 *         EBADF     one of the descriptors is not open
 *         EPERM, ECANCELED, ENOMEM as for af_listener_new()
 */
AFIO_MUST_USE
struct af_listener *af_listen_inherited(struct af_loop *loop, const char *name,
					const struct af_listen_options *options)
	AFIO_MALLOC(af_listener_close);

/**
 * Returns why the last af_listen(), af_listener_new() or af_listen_inherited()
 * with this loop failed, as a text for users:
 *
 *     bind [::]:80: Permission denied
 *     listen_fds: LISTEN_PID is not this process
 *
 * @return the text, valid until the next of these calls; "" after a success, if
 *         the loop was freed, for NULL, and if there was no memory for it
 */
const char *af_listen_error(const struct af_loop *loop);

/**
 * Accepts one connection. Several may be pending; they get connections in the
 * order of the calls.
 *
 * @return a future. On success af_future_take_file() is the connection, a file
 *         for both directions, and af_future_address() with 0 is the address of
 *         the other end; a file that nobody takes is closed with the future.
 *
 * | happens                               | outcome                          |
 * |---------------------------------------|----------------------------------|
 * | a connection                          | success                          |
 * | deadline                              | -ETIMEDOUT                       |
 * | deadline, while it pauses because
 *   descriptors or memory have run out    | that error, such as -EMFILE      |
 * | cancelled, the listener closed or
 *   stopped, the loop freed               | -ECANCELED                       |
 * | the listener was stopped before       | -EBADF                           |
 * | accept(2) fails for good, for example
 *   because another process has called
 *   shutdown(2)                           | that error                       |
 *
 * With a filter, an operation with a zero timeout is done a moment later: the
 * filter does not run inside this call. Once the deadline has passed, the filter
 * may turn 31 more connections away; the next one ends the operation.
 */
AFIO_MUST_USE
struct af_future *af_listener_accept(struct af_listener *listener,
				     const struct timeval *timeout);

/**
 * A function that af_listener_each() calls. It runs from the loop, like a
 * continuation, and may call anything: it may close the listener or free the
 * loop. It is not called again before it has returned, so one that calls
 * af_await() holds up the next connection.
 *
 * @param file the connection, which is the callee's from here on, for
 *             af_file_close(). af_file_peer_address() is the other end
 * @param arg  as passed to af_listener_each()
 * @return 0 to go on; 1 to stop with success; a negative errno to fail with it
 */
typedef int (*af_accept_fn)(struct af_file *file, void *arg);

/**
 * Calls fn with every connection. Several of these, and af_listener_accept(),
 * may be pending: they take turns.
 *
 * @param fn  see af_accept_fn; NULL is -EINVAL
 * @param arg passed to fn
 * @return one future for all; af_future_count() is how many connections there
 *         were so far:
 *
 * | happens                               | outcome                          |
 * |---------------------------------------|----------------------------------|
 * | fn returned 1                         | success                          |
 * | fn returned an error                  | that error                       |
 * | af_listener_stop()                    | success                          |
 * | cancelled, the listener closed, the
 *   loop freed                            | -ECANCELED                       |
 * | the listener was stopped before       | -EBADF                           |
 * | accept(2) fails for good              | that error                       |
 */
AFIO_MUST_USE
struct af_future *af_listener_each(struct af_listener *listener,
				   af_accept_fn fn, void *arg);

/**
 * Stops a server without losing a connection. What the kernel has queued is
 * still accepted, while an af_listener_each() or af_listener_accept() takes it,
 * though not more than the backlog. Then the sockets are closed, each ends with
 * success, and accepts that are pending fail with -ECANCELED. The future is done
 * when the last accepted file is closed, detached or finished.
 *
 * The path of a Unix socket is removed at once, so that another server can
 * start.
 *
 * @param timeout at the deadline, the sockets are closed if they are still open;
 *                accepted files stay open. Zero: accepts nothing more
 * @return a future; af_future_count() is how many accepted files are open:
 *
 * | happens                               | outcome                          |
 * |---------------------------------------|----------------------------------|
 * | all accepted files are closed         | success                          |
 * | deadline                              | -ETIMEDOUT                       |
 * | cancelled                             | -ECANCELED; it stops nevertheless |
 * | the listener closed, the loop freed   | -ECANCELED                       |
 *
 * The listener itself remains, until af_listener_close() frees it.
 */
AFIO_MUST_USE
struct af_future *af_listener_stop(struct af_listener *listener,
				   const struct timeval *timeout);

/**
 * Returns an address that the listener is bound to, with the port that the
 * system has chosen.
 *
 * @param i       which one, from 0
 * @param ret_len set to its length in bytes; NULL: not wanted
 * @return the address, which lives as long as the listener; NULL past the last
 *         one, and for NULL
 */
const struct sockaddr *af_listener_address(const struct af_listener *listener,
					   size_t i, socklen_t *ret_len);

/**
 * Returns the i-th socket, which the listener still owns; -EINVAL past the last
 * one and for NULL; -EBADF once the listener was stopped.
 */
int af_listener_fd(const struct af_listener *listener, size_t i);

/**
 * Returns how many accepted files are open: neither closed nor detached nor
 * finished. 0 for NULL.
 */
size_t af_listener_connections(const struct af_listener *listener);

/**
 * Returns the loop that the listener was made with. After af_loop_free() of that
 * loop, the pointer may only be compared. NULL for NULL.
 */
struct af_loop *af_listener_loop(const struct af_listener *listener);

/**
 * Sets and returns a pointer of the program's own. The library only stores it.
 * NULL before it is set, and for NULL.
 */
void af_listener_set_data(struct af_listener *listener, void *data);
void *af_listener_data(const struct af_listener *listener);

#ifdef __cplusplus
}
#endif

#endif
