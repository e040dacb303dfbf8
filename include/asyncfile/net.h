/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/net.h
 *
 * The addresses of sockets.
 *
 * Threads: call these functions on the thread of the loop only, except
 * af_address_text().
 */
#ifndef ASYNCFILE_NET_H
#define ASYNCFILE_NET_H

#include <stddef.h>
#include <sys/socket.h>

#include <asyncfile/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct af_file;
struct af_future;

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

/**
 * Returns why an operation on the network failed, as a text for users: what
 * was tried, and the error of each.
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
