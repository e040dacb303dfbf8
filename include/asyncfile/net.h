/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/net.h
 *
 * Connections: addresses of sockets, the addresses of names, and af_connect().
 *
 * Names and Unix sockets. Where a function has a host and a service:
 *
 * | host               | service            | means                          |
 * |--------------------|--------------------|--------------------------------|
 * | "www.example"      | "https" or "443"   | a name, looked up by
 *                                             getaddrinfo(3)                 |
 * | "192.0.2.1", "::1",
 *   "fe80::1%eth0"     | "https" or "443"   | an address                     |
 * | NULL               | "443"              | this machine, see the function |
 * | "/run/server"      | NULL               | a Unix socket with this path   |
 * | "@server"          | NULL               | a Unix socket in the abstract
 *                                             namespace, on Linux            |
 *
 * getaddrinfo(3) may wait for a name server, or for a file. It is called on a
 * thread of the library, up to 16 at the same time for each loop; others wait
 * for one of them. These threads do nothing else, so a name server that does
 * not answer holds up no file and no work. A numeric host with a numeric
 * service needs no thread and no time.
 *
 * Threads: call these functions on the thread of the loop only, except
 * af_address_text().
 */
#ifndef ASYNCFILE_NET_H
#define ASYNCFILE_NET_H

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
struct af_loop;

/**
 * Writes the text of an address, for logs and users:
 *
 * | address                        | text                                     |
 * |--------------------------------|------------------------------------------|
 * | IPv4                           | 192.0.2.1:80                             |
 * | IPv6                           | [2001:db8::1]:80, [fe80::1%eth0]:80      |
 * | Unix socket with a path        | /run/server                              |
 * | Unix socket, abstract          | @server                                  |
 * | Unix socket without a name     | unnamed                                  |
 * | any other family               | unknown                                  |
 *
 * Control characters and backslashes in names are written as \xHH. Asks no name
 * server. May be called on any thread.
 *
 * @param len  the length of the address in bytes
 * @param buf  where to write the text and a NUL; if it is too small, what fits
 * @param size of buf in bytes; 512 is enough for every address. 0: buf may be
 *             NULL
 * @return the length of the whole text without the NUL, as from snprintf(3);
 *         -EINVAL if address is NULL, or buf is NULL and size is not 0
 */
int af_address_text(const struct sockaddr *address, socklen_t len, char *buf,
		    size_t size);

/**
 * Return the address of the other end of a socket, see getpeername(2), and of
 * this end, see getsockname(2).
 *
 * @param ret     set to the address
 * @param ret_len set to its length in bytes; NULL: not wanted
 * @return 0; or
 *         -ENOTSOCK  not a socket
 *         -ENOTCONN  not connected
 *         -EINVAL    file or ret is NULL; or the connection was shut down, on
 *                    some systems
 *         -EBADF     after af_file_finish(); or a bufferevent without a socket
 *         -ECANCELED the loop was freed
 */
int af_file_peer_address(const struct af_file *file,
			 struct sockaddr_storage *ret, socklen_t *ret_len);
int af_file_local_address(const struct af_file *file,
			  struct sockaddr_storage *ret, socklen_t *ret_len);

/**
 * Returns an address of a future's result: the one that af_connect() reached,
 * the peer of af_listener_accept(), the sender of af_file_receive_from(), those
 * that af_resolve() has found.
 *
 * @param i       which one, from 0
 * @param ret_len set to its length in bytes; NULL: not wanted
 * @return the address, which lives as long as the future; NULL past the last
 *         one, for a future that is pending, that failed or that is of another
 *         kind, and for NULL
 */
const struct sockaddr *af_future_address(const struct af_future *f, size_t i,
					 socklen_t *ret_len);

/** Options of af_resolve(). All zero is the default. */
struct af_resolve_options {
	int family; /**< AF_INET or AF_INET6; 0, AF_UNSPEC: both */
	int type;   /**< of the socket, such as SOCK_STREAM; 0: any. It matters
			   only if a service has a name */
	bool passive; /**< to listen or bind: a host of NULL means any address,
			   0.0.0.0 and ::, not the loopback addresses */
	uint64_t reserved[8]; /**< must be zero */
};

/**
 * Finds the addresses of a host, by getaddrinfo(3), off the loop's thread.
 *
 * @param host    see above; NULL: the loopback addresses. Copied
 * @param service see above; NULL: port 0. Copied
 * @param options NULL: the defaults
 * @param timeout the deadline; NULL: none. Zero: finds only what needs no name
 *                server and no file, such as a numeric host and service
 * @return a future. On success af_future_count() is how many addresses there
 *         are, and af_future_address() each of them. af_connect() would try
 *         them in this order: as getaddrinfo(3) has sorted them, but IPv6 and
 *         IPv4 in turns (RFC 8305).
 *
 * | happens                        | outcome                                 |
 * |--------------------------------|-----------------------------------------|
 * | there are addresses            | success, each of them once              |
 * | there is no such host or
 *   service, or no address of that
 *   family                         | -ENOENT                                 |
 * | the name server does not
 *   answer getaddrinfo(3), or no
 *   thread can be started          | -EAGAIN                                 |
 * | the name server refuses        | -EIO                                    |
 * | deadline                       | -ETIMEDOUT, at once                     |
 * | cancelled, or the loop freed   | -ECANCELED, at once                     |
 * | host or service is longer than
 *   NI_MAXHOST, or the path does
 *   not fit into an address        | -ENAMETOOLONG                           |
 * | a family that has no names     | -EAFNOSUPPORT                           |
 * | host and service are NULL, a
 *   Unix socket has a service or
 *   another family, the type is
 *   unknown, the timeout is not
 *   valid, reserved is not zero    | -EINVAL                                 |
 * | the loop belongs to another
 *   thread                         | -EPERM                                  |
 *
 * af_connect_error() is a text for users. A lookup that was left by a deadline
 * or a cancel goes on in its thread until getaddrinfo(3) gives up.
 */
AFIO_MUST_USE
struct af_future *af_resolve(struct af_loop *loop, const char *host,
			     const char *service,
			     const struct af_resolve_options *options,
			     const struct timeval *timeout);

/** Options of af_connect(). All zero is the default. */
struct af_connect_options {
	int family; /**< AF_INET, AF_INET6 or AF_UNIX; 0, AF_UNSPEC: any */
	int type;   /**< SOCK_STREAM, the default; SOCK_DGRAM: a datagram socket
		       that talks to this peer only; SOCK_SEQPACKET: of a Unix
		       socket */
	/**
	 * The source: a host of this machine as above, and perhaps a port.
	 * NULL: the system's choice. Addresses of a family without a source are
	 * not tried. A Unix socket: the name that the peer sees. A path must not
	 * exist; it is removed again if the connection fails, and stays
	 * otherwise.
	 */
	const char *local_host, *local_service;
	/** How long an address is given before the next one is tried, too, see
	    RFC 8305; NULL: 250 ms. Zero: all at the same time. */
	const struct timeval *attempt_delay;
	bool no_delay;	     /**< TCP: send small writes at once, TCP_NODELAY */
	bool keep_alive;     /**< ask an idle peer now and then, SO_KEEPALIVE */
	unsigned file_flags; /**< as for af_file_new(), such as
				  AFIO_UNBUFFERED; not AFIO_KEEP_FD */
	uint64_t reserved[8]; /**< must be zero */
};

/**
 * Connects to a host, and makes a file of the connection.
 *
 * The addresses are tried in the order of af_resolve(), several at the same
 * time (Happy Eyeballs, RFC 8305): the next one is tried 250 ms after the one
 * before it, or at once when one has failed. The first that answers is the
 * result, and the other sockets are closed. A peer may see such a connection
 * that is closed at once.
 *
 * @param host    see above; NULL: the loopback addresses. Copied
 * @param service see above; required, except for a Unix socket. Copied
 * @param options NULL: the defaults. Copied
 * @param timeout the deadline of the whole, of the lookup, too; NULL: none but
 *                the system's, some minutes for each address. Zero: tries what
 *                can be done without waiting: numeric addresses, once each
 * @return a future. On success af_future_take_file() is the file, and
 *         af_future_address() with index 0 the address that has answered. A
 *         file that nobody takes is closed with the future.
 *
 * | happens                        | outcome                                 |
 * |--------------------------------|-----------------------------------------|
 * | an address answers             | success                                 |
 * | all addresses fail             | the error of the last one that answered,
 *                                    such as -ECONNREFUSED; if none was
 *                                    reached, such as -ENETUNREACH           |
 * | TCP connects a socket to
 *   itself, which happens where
 *   nobody listens                 | -ECONNREFUSED of that address           |
 * | the queue of a Unix socket is
 *   full                           | it is tried again until the deadline    |
 * | there is no such host, service
 *   or path                        | -ENOENT                                 |
 * | the lookup of host or
 *   local_host fails               | the error of af_resolve()               |
 * | there is no source for any
 *   address, or none of that
 *   machine                        | -EADDRNOTAVAIL                          |
 * | local_service, or the path of
 *   local_host, is in use          | -EADDRINUSE                             |
 * | deadline                       | -ETIMEDOUT                              |
 * | cancelled, or the loop freed   | -ECANCELED; nothing is left open        |
 * | service is NULL with a host; a
 *   Unix socket has a service or
 *   another family; local_host is
 *   of another kind than host; an
 *   option or the timeout is not
 *   valid                          | -EINVAL                                 |
 * | the loop belongs to another
 *   thread                         | -EPERM                                  |
 *
 * af_connect_error() is a text for users. It says what became of each address,
 * also at the deadline, where af_with_timeout() would not: pass the timeout.
 *
 * Success with SOCK_DGRAM means only that there is a route. The path of a Unix
 * socket is looked up on this thread. The descriptor is in non-blocking mode,
 * which matters to a program that takes it out by af_file_detach().
 */
AFIO_MUST_USE
struct af_future *af_connect(struct af_loop *loop, const char *host,
			     const char *service,
			     const struct af_connect_options *options,
			     const struct timeval *timeout);

/**
 * Returns why an operation on the network failed, or a chain that has its
 * outcome, as a text for users: what was tried, and the error of each.
 *
 *     example.invalid: Name or service not known
 *     [2001:db8::1]:80: Network is unreachable; 192.0.2.1:80: no answer
 *
 * @return the text, which lives as long as the future; "" for a success, for a
 *         future that is pending, for one of another kind, for NULL, and if
 *         there was no memory for it
 */
const char *af_connect_error(const struct af_future *f);

#ifdef __cplusplus
}
#endif

#endif
