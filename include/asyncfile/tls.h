/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/tls.h
 *
 * TLS over the files of libasyncfile, with OpenSSL: a library of its own,
 * libasyncfile-tls. asyncfile.h does not include this header.
 *
 * A connection is a file like others: lines, deadlines, copies, af_await()
 * everywhere. TLS is a layer on it, see asyncfile/layer.h, so all that is said
 * there holds. Apart from that:
 *
 * | happens                              | then                               |
 * |--------------------------------------|------------------------------------|
 * | the peer says goodbye (close_notify) | end of file; writes go on          |
 * | the connection ends without that: the
 *   peer broke down, or somebody cut the
 *   stream short                         | reads fail with -ECONNRESET, after
 *                                          all that had come                  |
 * | a record was changed on the way, or
 *   the peer reports an error            | reads fail with -EPROTO, writes
 *                                          with -EPIPE                        |
 * | af_file_finish()                     | says goodbye, then closes          |
 * | af_file_shutdown() with SHUT_WR      | says goodbye; reads go on          |
 * | af_file_close()                      | says goodbye if nothing is unsent
 *                                          and the socket has room            |
 * | the peer has left                    | a write fails with -EPIPE, without
 *                                          SIGPIPE                            |
 *
 * With TLS 1.3 a client is connected before the server has looked at its
 * certificate: if the server does not accept it, the client's first read fails
 * with -EPROTO.
 */
#ifndef ASYNCFILE_TLS_H
#define ASYNCFILE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include <asyncfile/attributes.h>

#ifdef __cplusplus
extern "C" {
#endif

struct af_connect_options;
struct af_file;
struct af_future;
struct af_loop;
struct af_tls;
struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
struct ssl_st;	   /* OpenSSL's SSL */

/**
 * What connections have in common. All zero: a client that trusts the system's
 * authorities.
 *
 * | field          | what it is                                               |
 * |----------------|----------------------------------------------------------|
 * | ca_file        | the authorities to trust instead of the system's, in a PEM
 *                    file. A server trusts none but these                     |
 * | ca_path        | the same, in a folder as of openssl-rehash(1)            |
 * | cert_file      | the own certificate and those that lead to its authority,
 *                    in this order, in a PEM file. A server needs one         |
 * | key_file       | its key in a PEM file, not encrypted. NULL: it is in
 *                    cert_file                                                |
 * | alpn           | protocols, such as "h2", the best first, ended by NULL.
 *                    NULL: none. A server refuses a client that offers others
 *                    only                                                     |
 * | name           | client: the name that the server's certificate must have,
 *                    instead of the host that is connected to                 |
 * | no_verify      | client: accepts any certificate, and so any server       |
 * | verify_client  | server: refuses clients that have no certificate of an
 *                    authority in ca_file or ca_path                          |
 * | context        | an OpenSSL context of the program's, for all that is not
 *                    here. It is not changed, and its sessions are not kept.
 *                    Its callbacks may call no function of this library.
 *                    With it, only name, no_verify and, for a client, alpn may
 *                    be set                                                   |
 * | reserved       | must be zero                                             |
 */
struct af_tls_options {
	const char *ca_file;
	const char *ca_path;
	const char *cert_file;
	const char *key_file;
	const char *const *alpn;
	const char *name;
	bool no_verify;
	bool verify_client;
	struct ssl_ctx_st *context;
	uint64_t reserved[8];
};

/* Needed by AFIO_MALLOC; described below. */
void af_tls_free(struct af_tls *tls);

/**
 * Make what clients and what servers need: certificates and options, and the
 * sessions that a client resumes. Make it once, not for each connection.
 *
 * Versions before TLS 1.2 and renegotiation are off; with options->context, only
 * renegotiation is. A client keeps the newest session of each of the 64 servers,
 * by name and port, that it was connected to last, and resumes it the next time,
 * which saves half of the handshake. One of TLS 1.3 is used once; a server sends
 * new ones.
 *
 * Reads the files in this call, and so waits for the disk.
 *
 * @param options NULL: all zero, which only a client can have
 * @param text    for why it failed, such as "/etc/key.pem: No such file or
 *                directory"; "" on success. NULL: not wanted
 * @param size    of text in bytes; 256 is enough for most
 * @return what the functions below need; any thread may use it, and several at
 *         the same time. NULL with errno:
 *         EINVAL a server without a certificate; options that do not go
 *                together; a protocol that is empty or longer than 255 bytes;
 *                reserved is not zero; or the content of a file is not valid:
 *                no certificate, a key that is encrypted or of another one
 *         ENOMEM
 *         or an error of open(2)
 */
AFIO_MUST_USE
struct af_tls *af_tls_client_new(const struct af_tls_options *options,
				 char *text, size_t size)
	AFIO_MALLOC(af_tls_free);
AFIO_MUST_USE
struct af_tls *af_tls_server_new(const struct af_tls_options *options,
				 char *text, size_t size)
	AFIO_MALLOC(af_tls_free);

/** Frees it; connections that were made with it go on. NULL is fine. */
void af_tls_free(struct af_tls *tls);

/**
 * Connects to a server, as af_connect() does, and begins TLS.
 *
 * @param host    as for af_connect(), and the name that the certificate must
 *                have: a name, which is also sent to the server (SNI), or an IP
 *                address, which is not. NULL: localhost. For a Unix socket the
 *                options of tls need a name, or no_verify
 * @param options as for af_connect(); NULL: all zero
 * @param tls     from af_tls_client_new(). NULL: one that trusts the system's
 *                authorities, made for this connection, which costs some
 *                milliseconds each time
 * @param timeout for all of it, see asyncfile.h
 * @return a future. On success af_future_take_file() is the connection. Else
 *         af_connect_error() says why, as a text for users:
 *
 * | happens                                  | error       | text              |
 * |------------------------------------------|-------------|-------------------|
 * | af_connect() fails                       | its error   | its text          |
 * | the certificate is not of an authority, is
 *   expired, or has another name             | -EACCES     | example.org:
 *     certificate verify failed (self-signed certificate)                     |
 * | the other side speaks no TLS, or reports
 *   an error: it has no protocol in common   | -EPROTO     | example.org:
 *     handshake: wrong version number                                         |
 * | it closes the connection                 | -ECONNRESET | example.org:
 *     handshake: the peer has closed the connection                           |
 * | the deadline                             | -ETIMEDOUT  | example.org:
 *     handshake: no answer                                                    |
 * | cancelled, or the loop freed             | -ECANCELED  |                   |
 * | loop is NULL, tls is not a client's, host
 *   cannot be verified (it begins with a dot,
 *   for example), timeout is not valid       | -EINVAL     |                   |
 * | the loop belongs to another thread       | -EPERM      |                   |
 *
 * After a failure or a cancel at any time, the connection is closed.
 */
AFIO_MUST_USE
struct af_future *af_connect_tls(struct af_loop *loop, const char *host,
				 const char *service,
				 const struct af_connect_options *options,
				 struct af_tls *tls,
				 const struct timeval *timeout);

/**
 * Begins TLS on a connection that is open already, as its client, for protocols
 * with a command such as STARTTLS.
 *
 * Bytes that the file has buffered are the first ones of the handshake, so they
 * cannot be taken for bytes that TLS has protected: what an attacker has
 * inserted behind the server's answer fails the handshake, with -EPROTO.
 *
 * @param file    a connected stream socket without pending operations, from
 *                af_connect(), af_file_new() or the like. It is the future's
 *                from this call on, also if that fails, except with -EPERM
 * @param name    as host in af_connect_tls(); NULL: the options of tls have a
 *                name, or no_verify
 * @param tls     as in af_connect_tls()
 * @return a future. On success af_future_take_file() is the file, the same
 *         pointer, with its data (af_file_data()) and limits. Else the file is
 *         closed, with errors and texts as those of af_connect_tls(), and
 *
 * | happens                                          | error                   |
 * |--------------------------------------------------|-------------------------|
 * | file has pending operations                      | -EBUSY                  |
 * | file is not a stream socket, or a bufferevent    | -ENOTSOCK               |
 * | it has TLS already                               | -EALREADY               |
 * | it has AFIO_UNBUFFERED or AFIO_RECEIVE_FDS       | -ENOTSUP                |
 */
AFIO_MUST_USE
struct af_future *af_start_tls(struct af_file *file, const char *name,
			       struct af_tls *tls,
			       const struct timeval *timeout);

/**
 * Begins TLS as the server, on a connection that was accepted. Bytes that the
 * file has buffered are the first ones of the handshake, as for af_start_tls();
 * so a server may use af_file_peek() to find out whether a client speaks TLS.
 *
 * @param file as for af_start_tls()
 * @param tls  from af_tls_server_new()
 * @return a future, as from af_start_tls(). The text names the peer's address:
 *         "192.0.2.1:4711: handshake: no answer". A client's certificate that
 *         is missing or not accepted is -EACCES or -EPROTO.
 */
AFIO_MUST_USE
struct af_future *af_accept_tls(struct af_file *file, struct af_tls *tls,
				const struct timeval *timeout);

/**
 * Returns the protocol that client and server have agreed on, such as "h2".
 *
 * @return a text that lives as long as the file; "" if there is none, for a file
 *         without TLS, and for NULL
 */
const char *af_tls_alpn(const struct af_file *file);

/**
 * Returns whether the connection has resumed an earlier session. False for a
 * file without TLS, and for NULL.
 */
bool af_tls_is_resumed(const struct af_file *file);

/**
 * Returns OpenSSL's object of a connection, to ask it questions, such as for the
 * peer's certificate or the cipher. Do not read, write or shut down with it.
 *
 * @return the object, which belongs to the file; NULL for a file without TLS,
 *         and for NULL
 */
struct ssl_st *af_tls_ssl(const struct af_file *file);

#ifdef __cplusplus
}
#endif

#endif
