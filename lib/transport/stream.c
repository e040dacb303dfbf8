/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of pipes, sockets and terminals. A bufferevent wakes the file;
 * the library moves the bytes, because libevent reads 4096 at a time, raises
 * SIGPIPE on pipes, and sends what is left of a write after its timeout.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container.h"
#include "base/fd.h"
#include "base/nonblock.h"
#include "base/pipe.h"
#include "transport/arrived.h"
#include "transport/descriptor.h"
#include "transport/message.h"
#include "transport/reopen.h"
#include "transport/stream.h"
#include "transport/wake.h"

/* The most bytes to peek at for the end of a line. */
#define PEEK_MAX 1024

struct stream {
	struct af_file file;
	struct afi_wake wake;
};

static struct afi_wake *stream_wake(const struct af_file *file)
{
	return &AFI_CONTAINER(file, struct stream, file)->wake;
}

static ssize_t stream_read(struct af_file *file, void *buf, size_t len)
{
	return afi_wake_read(stream_wake(file), buf, len);
}

static int stream_move(struct afi_watch *watch)
{
	return afi_wake_move(AFI_CONTAINER(watch, struct afi_wake, watch));
}

static int stream_want(struct af_file *file, enum afi_direction direction)
{
	struct afi_wake *wake = stream_wake(file);
	int r = afi_wake_add(wake, direction);

	if (r == 0)
		afi_loop_watch(file->loop, &wake->watch, stream_move);
	return r;
}

static void stream_unwant(struct af_file *file, enum afi_direction direction)
{
	afi_wake_del(stream_wake(file), direction);
	afi_wake_stopped(stream_wake(file), direction);
}

static size_t stream_held(const struct af_file *file)
{
	return afi_wake_held(stream_wake(file));
}

static int stream_move_held(struct af_file *file, struct evbuffer *buf)
{
	return afi_wake_move_held(stream_wake(file), buf);
}

static void stream_release(struct af_file *file)
{
	afi_wake_close(stream_wake(file));
}

static size_t stream_span(struct af_file *file, const char *last, size_t n)
{
	char data[PEEK_MAX];
	const char *found;
	ssize_t len;

	if (!file->is_socket)
		return 1;
	len = recv(file->fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
	if (len <= 0)
		return 1; /* the read reports why */
	for (size_t i = 0; i < n; i++) {
		found = memchr(data, last[i], (size_t)len);
		len = found ? found - data + 1 : len;
	}
	return (size_t)len;
}

static int stream_can_shutdown(const struct af_file *file, int how)
{
	(void)how;
	return file->is_socket ? 0 : -ENOTSOCK;
}

static int stream_shutdown(struct af_file *file, int how)
{
	return shutdown(file->fd, how) < 0 ? -errno : 0;
}

static int stream_hangup_fd(const struct af_file *file)
{
	return file->fd;
}

static bool stream_can_splice(const struct af_file *file,
			      enum afi_direction direction)
{
	int mode;

	(void)direction;
	/* With a terminal, splice(2) does not report a hang-up. */
	if (file->is_tty)
		return false;
	if (!file->is_socket)
		return true;
	/* splice(2) has no flag like MSG_DONTWAIT for sockets. */
	mode = fcntl(file->fd, F_GETFL);
	return mode >= 0 && mode & O_NONBLOCK;
}

static struct af_file *stream_make(const struct af_file *like,
				   const struct afi_transport *transport)
{
	struct af_file *file = afi_file_new(like, sizeof(struct stream));

	if (!file)
		return NULL;
	file->transport = transport;
	if (afi_wake_open(stream_wake(file), file) < 0) {
		free(file);
		return NULL;
	}
	return file;
}

/* A FIFO that is opened again waits for another writer. 0 or -errno. */
static int stream_open_fifo(struct af_file *file)
{
	struct afi_wake *wake = stream_wake(file), before = *wake;
	int fd = file->fd, mode = fcntl(file->user_fd, F_GETFL), r;

	file->fd = mode < 0 ? -errno : afi_reopen(fd, mode);
	r = file->fd;
	if (r >= 0) {
		*wake = (struct afi_wake){ 0 };
		r = afi_wake_open(wake, file);
	}
	if (r < 0) {
		if (file->fd >= 0)
			close(file->fd);
		file->fd = fd;
		*wake = before;
		return r;
	}
	afi_wake_close(&before);
	afi_nonblock_release(file->nonblock);
	file->nonblock = NULL;
	file->by_call = false;
	if (fd != file->user_fd)
		close(fd);
	return 0;
}

static int stream_clear_eof(struct af_file *file)
{
	int r;

	if (file->is_socket)
		return -ENOTSUP;
	if (!afi_fd_is_hung_up(file->fd))
		return 0;
	r = file->is_fifo ? afi_pipe_has_name(file->fd) : 0;
	if (r <= 0)
		return r < 0 ? r : -ENOTSUP;
	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (file->wanted[i])
			stream_unwant(file, i);
	return stream_open_fifo(file);
}

/* Common to byte streams, records and message sockets. */
#define STREAM_TABLE                                                           \
	.read = stream_read, .write = afi_descriptor_write,                    \
	.want = stream_want, .unwant = stream_unwant,                          \
	.release = stream_release, .span = stream_span,                        \
	.can_shutdown = stream_can_shutdown, .shutdown = stream_shutdown,      \
	.hangup_fd = stream_hangup_fd, .clear_eof = stream_clear_eof,          \
	.part_fills = true

/* What libevent has read by itself. */
#define STREAM_HELD .held = stream_held, .move_held = stream_move_held

/* No can_splice: splice(2) would join records. */
static const struct afi_transport stream_records = {
	STREAM_TABLE,
	STREAM_HELD,
	.fill = afi_message_fill_record,
};

static int stream_look(struct af_file *file, size_t room)
{
	int r;

	if (file->is_bytes || file->is_socket || file->is_tty)
		return 0;
	r = afi_message_is_packet(file->fd, room);
	file->is_bytes = r == 0;
	if (r == 1)
		file->transport = &stream_records;
	return r == -ENODATA ? 0 : r;
}

struct af_file *afi_stream_new(const struct af_file *like)
{
	static const struct afi_transport transport = {
		STREAM_TABLE,
		STREAM_HELD,
		.can_splice = stream_can_splice,
		.look = stream_look,
	};

	return stream_make(like, &transport);
}

struct af_file *afi_stream_new_records(const struct af_file *like)
{
	return stream_make(like, &stream_records);
}

/* No can_splice: splice(2) would join messages. */
struct af_file *afi_stream_new_messages(const struct af_file *like)
{
	static const struct afi_transport seqpacket = {
		STREAM_TABLE,
		STREAM_HELD,
		.fill = afi_message_fill,
	};
	static const struct afi_transport datagram = {
		STREAM_TABLE,
		.fill = afi_message_fill_datagram,
		.held = afi_arrived_held,
		.move_held = afi_arrived_move_held,
		.destroy = afi_arrived_destroy,
	};

	return stream_make(like, like->is_datagram ? &datagram : &seqpacket);
}
