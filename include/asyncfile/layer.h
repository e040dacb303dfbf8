/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file asyncfile/layer.h
 *
 * Layers: a protocol between a file and its socket, such as TLS. The layer's
 * functions move the bytes, and the file does all else: queues, deadlines,
 * lines, copies, waits. libasyncfile-tls is made with this.
 */
#ifndef ASYNCFILE_LAYER_H
#define ASYNCFILE_LAYER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <asyncfile/attributes.h>
#include <asyncfile/future.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evbuffer;
struct af_file;

/**
 * Gives the bytes that the peer has sent, from the socket and from what the
 * layer holds.
 *
 * | returns               | when                                              |
 * |-----------------------|---------------------------------------------------|
 * | 1..len                | there are bytes; more may follow                  |
 * | 0                     | the peer has said that no more will come          |
 * | -EAGAIN               | the socket has no more bytes, and the layer holds
 *                           none: it is called again when there are some      |
 * | another negative errno| the stream is broken                              |
 *
 * After 0 or an error it must return the same again.
 */
typedef ssize_t (*af_layer_read_fn)(void *arg, void *buf, size_t len);

/**
 * Takes bytes that are to be sent, and need not send them yet.
 *
 * @return 1..len, how many it has taken, which it need not limit to what the
 *         socket has room for, but to about 64 KiB; -EAGAIN if it can take none
 *         before the peer has sent something, and it is called again when the
 *         socket can be read; or another negative errno
 */
typedef ssize_t (*af_layer_write_fn)(void *arg, const void *buf, size_t len);

/**
 * Does a step without bytes of the program, see struct af_layer.
 *
 * @return 0 or a negative errno
 */
typedef int (*af_layer_step_fn)(void *arg);

/**
 * The functions of a layer, usually a constant. They are called on the thread
 * of the file's loop, may not block nor raise a signal (so use send(2) with
 * MSG_DONTWAIT and MSG_NOSIGNAL), and may call no function of this library.
 * Several files may use the same struct; each has its own arg.
 *
 * | field    | what it is                                                     |
 * |----------|----------------------------------------------------------------|
 * | read     | see af_layer_read_fn                                           |
 * | write    | see af_layer_write_fn                                          |
 * | flush    | sends what was taken: 0 when all of it is with the kernel;
 *              -EAGAIN if the socket has no room, and it is called again when
 *              it has; -EPIPE if the peer has left; another negative errno    |
 * | finish   | takes the layer's own last bytes, such as a goodbye, which
 *              flush then sends. It may receive bytes, which read returns
 *              later. Called at most once, and write is not called after it.
 *              NULL: there are none                                           |
 * | release  | frees arg. The descriptor is closed by then. NULL: nothing is
 *              to be freed                                                    |
 * | reserved | must be zero                                                   |
 */
struct af_layer {
	af_layer_read_fn read;
	af_layer_write_fn write;
	af_layer_step_fn flush;
	af_layer_step_fn finish;
	af_free_fn release;
	uint64_t reserved[8];
};

/**
 * Puts a layer between a file and its stream socket. From then on all reads and
 * writes of the file, and the operations that are made of them, go through it.
 *
 * Such a file differs from others in these points:
 *
 * - A write is done when its bytes are with the kernel. If it ends early, at
 *   its deadline or by a cancel, its count includes bytes that the layer has
 *   taken, about 64 KiB at most, and that are sent later, while the file is
 *   open. If that fails, the next write, or af_file_finish(), reports it. If it
 *   ends early because the file is closed, they are not counted, and those that
 *   are unsent are lost.
 * - af_file_shutdown() with SHUT_WR calls finish, and leaves the socket open.
 *   SHUT_RD and SHUT_RDWR are -ENOTSUP.
 * - af_file_finish() calls finish once all bytes were sent, and waits for its
 *   bytes, too. If it then runs out of time, the file stays open, but can only
 *   be read. af_file_close() calls finish only if no byte is unsent, and does not
 *   wait.
 * - af_file_hangup() ends when read has returned 0, too.
 * - af_file_detach() is -EINVAL.
 * - It can be waited for everywhere, as that of a socket can.
 *
 * @param layer  must live as long as the file, and must not change
 * @param arg    for its functions; on success the file owns it
 * @param unread an evbuffer to which the buffered bytes are appended, for the
 *               layer to read first. NULL: -EBUSY if there are any
 * @return 0; or, with nothing changed,
 *         -EINVAL    file or layer is NULL, a function is missing, reserved is
 *                    not zero
 *         -EALREADY  the file has a layer
 *         -EBUSY     operations are pending
 *         -ENOTSOCK  not a stream socket, or a bufferevent
 *         -ENOTSUP   a file with AFIO_UNBUFFERED, or one that keeps
 *                    descriptors, see AFIO_RECEIVE_FDS
 *         -EBADF     after af_file_finish()
 *         -ECANCELED the loop was freed
 *         -ENOMEM
 */
int af_file_set_layer(struct af_file *file, const struct af_layer *layer,
		      void *arg, struct evbuffer *unread);

/**
 * Returns the arg of a file's layer.
 *
 * @return arg, if the file has this layer; NULL if it has none or another one,
 *         and for NULL
 */
void *af_file_layer(const struct af_file *file, const struct af_layer *layer);

#ifdef __cplusplus
}
#endif

#endif
