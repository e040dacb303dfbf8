/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/datagram.h
 *
 * Datagram sockets: UDP, and Unix sockets of type SOCK_DGRAM. Messages are sent
 * to an address, and received together with the address of their sender.
 *
 * These functions work on every file over a datagram socket: one made by
 * af_datagram_open(), by af_connect() with SOCK_DGRAM, or by af_file_new(). On
 * other files they fail with -ENOTSUP. af_file_read() and af_file_write() work
 * on such a file, too, see file.h; all of them have places in the same two
 * queues. af_file_receive_from() and af_file_each_datagram() queue as reads,
 * af_file_send_to() as a write.
 *
 * No message that the kernel has accepted for this socket is lost by an
 * operation that ends early, at its deadline, by a cancel or because memory runs
 * out: it stays in the socket or in the file, for the next operation. Only after
 * af_file_shutdown() with SHUT_RD, an empty message may count as the end, and
 * those behind it are then not received.
 *
 * The sender of a message is known to the operation that takes the first byte
 * of the message. If a read, or an af_file_receive_from() with a size, has left
 * the rest of a message in the file, the next operation gets that rest without
 * an address. This also tells it from the beginning of another message. If
 * af_file_peek() or af_file_unread() has put bytes into the file, they have no
 * address, either.
 *
 * An ICMP answer to an earlier datagram, such as "port unreachable", makes the
 * next operation on a connected UDP socket fail, once, with -ECONNREFUSED or
 * another error of ICMP: the pending read, the next read or the next write. A
 * send that fails so has sent nothing. The file is still usable. On a UDP
 * socket that is not connected, the kernel does not report such answers, unless
 * the program sets IP_RECVERR. It must then read the error queue, too, see
 * ip(7): as long as something is in there, the kernel wakes the file again and
 * again.
 *
 * For af_file_idle(), a message that one of these functions has sent or received
 * counts, even an empty one.
 *
 * Descriptors that come with a message of a Unix socket are closed by
 * af_file_receive_from() and af_file_each_datagram(). So they refuse a file that
 * keeps descriptors, by AFIO_RECEIVE_FDS or af_file_receive_fds(), with -ENOTSUP.
 *
 * Threads: call these functions on the thread of the file's loop only.
 */
#ifndef ASYNCFILE_DATAGRAM_H
#define ASYNCFILE_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <asyncfile/attributes.h>
#include <asyncfile/file.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Options of af_datagram_open(). All zero is the default. Those of UDP have no
 * effect on a Unix socket, and those of IPv6 none on an IPv4 socket.
 */
struct af_datagram_options {
	/**
	 * AF_INET, AF_INET6 or AF_UNIX. 0: that of the host; without a host,
	 * AF_INET, or AF_INET6 with dual_stack.
	 */
	int family;
	/** SO_BROADCAST: messages may be sent to a broadcast address. */
	bool broadcast;
	/**
	 * SO_REUSEADDR: several sockets may have the same address, if all of
	 * them ask for it. For receivers of one multicast group.
	 */
	bool reuse_address;
	/**
	 * SO_REUSEPORT: several sockets may have the same address, and on Linux
	 * each message goes to one of them.
	 */
	bool reuse_port;
	/**
	 * An IPv6 socket on every address handles IPv4, too, whose addresses
	 * are then like ::ffff:192.0.2.1. Otherwise it handles IPv6 only,
	 * whatever the system's default.
	 */
	bool dual_stack;
	/**
	 * Messages that are sent to a multicast group are not delivered to
	 * members on this machine.
	 */
	bool no_multicast_loop;
	/** Hops of what is sent, 1 to 255. 0: the system's default. */
	int ttl;
	/** Hops of what is sent to multicast groups, 1 to 255. 0: 1. */
	int multicast_ttl;
	/**
	 * The index, see if_nametoindex(3), of the interface on which messages
	 * to multicast groups are sent. 0: the system's choice.
	 */
	unsigned interface;
	/** Flags for af_file_new(), other than AFIO_KEEP_FD. */
	unsigned file_flags;
	/** Zero. */
	uint64_t reserved[8];
};

/**
 * Opens a datagram socket and gives it an address.
 *
 * | host         | service        | the socket                               |
 * |--------------|----------------|------------------------------------------|
 * | "192.0.2.1",
 *   "::1",
 *   "fe80::1%eth0" | "5353"       | UDP, on that address and port            |
 * | any of these | NULL or "0"    | UDP, on a free port                      |
 * | NULL         | "5353"         | UDP, on every address of the family      |
 * | NULL         | NULL           | UDP, every address, a free port: a
 *                                   client's. With AF_UNIX: a Unix socket
 *                                   with a free abstract name; where there
 *                                   are no such names, without a name        |
 * | "/path"      | NULL           | a Unix socket at that path               |
 * | "@name"      | NULL           | a Unix socket with that abstract name
 *                                   (Linux)                                  |
 *
 * A path is not removed, neither before nor afterwards: call unlink(2). A Unix
 * socket without a name can send, but nobody can answer it.
 *
 * It waits for nothing, and asks no name server: use af_resolve() for names.
 * af_file_local_address() is the address that the socket has got. The descriptor
 * is close-on-exec, and above 2.
 *
 * @param options NULL: the defaults
 * @return the file, for af_file_close(); or NULL with errno:
 *         EINVAL        loop is NULL; host or service is not numeric, or not of
 *                       the family; a Unix socket with a service; a number of
 *                       hops is not 0 to 255; reserved is not zero; file_flags
 *                       has AFIO_KEEP_FD or an unknown flag
 *         EADDRINUSE    another socket has that address, or the path exists
 *         EADDRNOTAVAIL it is not an address of this machine
 *         EACCES        no permission for the port or the path
 *         EAFNOSUPPORT  the system does not have the family
 *         ENAMETOOLONG  the path or name is too long for a Unix socket
 *         ENOENT        the folder of the path does not exist
 *         ENODEV        there is no interface of that index
 *         ENOTSUP       the system has no SO_REUSEPORT
 *         ECANCELED     the loop was freed
 *         EPERM         the loop belongs to another thread
 *         EMFILE, ENFILE, ENOMEM, or another error of socket(2), setsockopt(2)
 *                       or bind(2)
 */
AFIO_MUST_USE
struct af_file *af_datagram_open(struct af_loop *loop, const char *host,
				 const char *service,
				 const struct af_datagram_options *options)
	AFIO_MALLOC(af_file_close);

/**
 * Sends one message, which may be empty. It is sent whole, or not at all.
 *
 * @param buf    the message. If it cannot be sent at once, the call copies it;
 *               with AFIO_BORROW nothing is copied, and buf must not change
 *               until the future is done. NULL only if len is 0
 * @param len    how many bytes; 0 sends an empty message, unlike in
 *               af_file_write()
 * @param to     where to, copied; NULL: the peer to which the socket is
 *               connected
 * @param to_len its length in bytes; ignored if `to` is NULL
 * @param flags  0 or AFIO_BORROW
 * @return a future; af_future_count() is len on success, otherwise 0:
 *
 * | happens                          | outcome                               |
 * |----------------------------------|---------------------------------------|
 * | the kernel has the message       | success                               |
 * | no room in the socket, or in the
 *   queue of a Unix receiver         | waits for room                        |
 * | no room in the queue of the
 *   network interface (ENOBUFS)      | waits, and tries again 1 to 50 ms
 *                                      apart                                 |
 * | deadline                         | -ETIMEDOUT; -ENOBUFS, if the last try
 *                                      failed so. Nothing was sent           |
 * | cancelled                        | -ECANCELED; nothing was sent          |
 * | the message is too long for the
 *   socket                           | -EMSGSIZE                             |
 * | `to` is NULL, and the socket is
 *   not connected                    | -EDESTADDRREQ or -ENOTCONN            |
 * | an ICMP answer to an earlier
 *   message, see above               | -ECONNREFUSED or another error of
 *                                      ICMP; nothing was sent                |
 * | no Unix socket is at the path    | -ENOENT, or -ECONNREFUSED if nobody has
 *                                      it open any more                      |
 * | a broadcast address, without
 *   options->broadcast               | -EACCES                               |
 * | after af_file_shutdown() with
 *   SHUT_WR                          | -EPIPE, without SIGPIPE               |
 * | not a datagram socket            | -ENOTSUP                              |
 * | buf is NULL and len is not 0; an
 *   unknown flag; to_len is not the
 *   length of an address             | -EINVAL                               |
 *
 * or fails with another error of sendmsg(2), such as -ENETUNREACH. Success does
 * not mean that the message arrives: UDP may lose it at any time.
 *
 * Sent to an address, a message to a Unix receiver whose queue is full is tried
 * again 1 to 50 ms apart, because the kernel does not report when there is
 * room; on a connected Unix socket it does.
 */
AFIO_MUST_USE
struct af_future *af_file_send_to(struct af_file *file, const void *buf,
				  size_t len, const struct sockaddr *to,
				  socklen_t to_len, unsigned flags,
				  const struct timeval *timeout);

/**
 * Receives one message and the address of its sender.
 *
 * @param size  how many bytes of the message at most; the rest stays in the
 *              file. 0: the whole message, of any length up to
 *              af_file_set_limit()
 * @param flags 0
 * @return a future. The bytes are in af_future_data(), and the sender is
 *         af_future_address() with 0:
 *
 * | happens                          | outcome                               |
 * |----------------------------------|---------------------------------------|
 * | a message                        | success, the whole of it              |
 * | a message longer than size       | success, size bytes, AFIO_TRUNCATED;
 *                                      the next read continues it            |
 * | the rest of a message that an
 *   earlier operation began          | the same, but af_future_address() is
 *                                      NULL                                  |
 * | an empty message                 | success, 0 bytes, without AFIO_EOF    |
 * | the sender has no address, as a
 *   Unix socket that is not bound    | success; the address is AF_UNIX
 *                                      without a name                        |
 * | size 0, and a message longer than
 *   the limit of the file            | -EMSGSIZE; the message stays, for a
 *                                      read with a size                      |
 * | deadline                         | -ETIMEDOUT                            |
 * | cancelled                        | -ECANCELED                            |
 * | after af_file_shutdown() with
 *   SHUT_RD                          | success, 0 bytes, AFIO_EOF            |
 * | an ICMP answer, see above        | -ECONNREFUSED or another error of ICMP;
 *                                      the next operation goes on            |
 * | not a datagram socket, or a file
 *   that keeps descriptors           | -ENOTSUP                              |
 * | an unknown flag                  | -EINVAL                               |
 *
 * Only the message that is returned is taken from the socket.
 */
AFIO_MUST_USE
struct af_future *af_file_receive_from(struct af_file *file, size_t size,
				       unsigned flags,
				       const struct timeval *timeout);

/**
 * A function that af_file_each_datagram() calls for a message. It runs from the
 * loop, like a continuation, and may call anything, including af_await(); it may
 * close the file or cancel the operation.
 *
 * @param data     the message, valid during the call; no NUL follows
 * @param len      its length in bytes, which may be 0
 * @param from     the address of its sender, valid during the call; NULL: the
 *                 bytes are what another operation has left of a message
 * @param from_len its length in bytes
 * @param flags    0; or AFIO_TRUNCATED: the kernel has cut the message, which
 *                 was longer than 64 KiB. On Linux this does not happen
 * @return 0 to go on; 1 to stop with success; a negative errno to fail with it
 */
typedef int (*af_datagram_fn)(const char *data, size_t len,
			      const struct sockaddr *from, socklen_t from_len,
			      unsigned flags, void *arg);

/**
 * Calls fn for every message, without a future for each. From a UDP socket, up
 * to 8 messages are read by one system call, recvmmsg(2), where there is one; a
 * buffer of 64 KiB for each exists only while they are passed on. When the
 * operation ends, messages that were read and not passed on stay in the file,
 * each with its sender, for the next operation. With AFIO_UNBUFFERED one message
 * is read at a time, so that they stay in the socket.
 *
 * Nothing is read while fn runs. It has no timeout: use af_with_timeout(), or
 * cancel the future. The limit of af_file_set_limit() does not apply.
 *
 * @param fn  see af_datagram_fn; NULL is -EINVAL
 * @param arg passed to fn
 * @return one future for all messages; af_future_count() is how many fn got,
 *         even while it is pending:
 *
 * | happens                          | outcome                               |
 * |----------------------------------|---------------------------------------|
 * | fn returned 1                    | success                               |
 * | fn returned an error             | that error                            |
 * | after af_file_shutdown() with
 *   SHUT_RD                          | success, AFIO_EOF                     |
 * | an ICMP answer, see above        | -ECONNREFUSED or another error of ICMP;
 *                                      call it again to go on                |
 * | another read error               | that error                            |
 * | cancelled, the file closed, the
 *   loop freed                       | -ECANCELED; fn is not called again    |
 * | not a datagram socket, or a file
 *   that keeps descriptors           | -ENOTSUP                              |
 */
AFIO_MUST_USE
struct af_future *af_file_each_datagram(struct af_file *file, af_datagram_fn fn,
					void *arg);

/**
 * Join and leave a multicast group, see MCAST_JOIN_GROUP of RFC 3678. A socket
 * also leaves its groups when it is closed. It receives what is sent to the
 * group and to its own port, so it is usually bound to every address (host
 * NULL), with reuse_address where several programs on the machine may join.
 * Linux delivers messages of all groups that any socket of the machine has
 * joined; to get those of one group only, bind the socket to the group's
 * address.
 *
 * @param group     the address of the group, of which the port is ignored
 * @param len       its length in bytes
 * @param interface the index of the interface, see if_nametoindex(3); 0: the
 *                  system's choice
 * @return 0; or, and nothing has changed:
 *         -EINVAL        file or group is NULL; group is not a multicast
 *                        address, or not of the family of the socket
 *         -EADDRINUSE    join: a member already
 *         -EADDRNOTAVAIL leave: not a member
 *         -ENODEV        there is no such interface, or none that can
 *         -ENOBUFS       join: a member of too many groups; on Linux see
 *                        igmp_max_memberships in /proc/sys/net/ipv4
 *         -ENOTSUP       not a UDP socket; or a system without MCAST_JOIN_GROUP
 *         -EBADF         after af_file_finish()
 *         -ECANCELED     the loop was freed
 *         or another error of setsockopt(2)
 */
int af_file_join_group(struct af_file *file, const struct sockaddr *group,
		       socklen_t len, unsigned interface);
int af_file_leave_group(struct af_file *file, const struct sockaddr *group,
			socklen_t len, unsigned interface);

#ifdef __cplusplus
}
#endif

#endif
