/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport of pipes, sockets and terminals. A bufferevent wakes the file;
 * the library moves the bytes, because libevent reads 4096 at a time, raises
 * SIGPIPE on pipes, and sends what is left of a write after its timeout.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/container.h"
#include "base/fd.h"
#include "base/nonblock.h"
#include "base/pipe.h"
#include "transport/arrived.h"
#include "file/fill.h"
#include "transport/descriptor.h"
#include "transport/layer.h"
#include "transport/message.h"
#include "transport/reopen.h"
#include "transport/scm.h"
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

/* Reads descriptors, too; libevent may have read bytes without, before that. */
static ssize_t stream_read_fds(struct af_file *file, void *buf, size_t len)
{
	ssize_t r;

	if (afi_wake_held(stream_wake(file)) == 0)
		return afi_scm_read(file, buf, len);
	r = stream_read(file, buf, len);
	if (r > 0)
		afi_fds_add(file, (size_t)r, NULL, 0);
	return r;
}

/* What is read ahead would have descriptors that are meant for later bytes. */
static ssize_t stream_fill_fds(struct af_file *file, size_t want)
{
	bool unbuffered = file->unbuffered;
	ssize_t r;

	if (afi_scm_is_ahead(file))
		file->unbuffered = true;
	r = afi_fill_by_read(file, want);
	file->unbuffered = unbuffered;
	/* A read ends behind a set. */
	if (r > 0 && file->fds->came)
		file->drained[AFI_READ] = false;
	return r;
}

static int stream_move(struct afi_watch *watch)
{
	struct afi_wake *wake = AFI_CONTAINER(watch, struct afi_wake, watch);
	int r = afi_wake_move(wake);

	afi_wake_rest(wake);
	return r;
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
	afi_fds_free(file->fds);
	file->fds = NULL;
	file->keeps_fds = false;
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

static size_t stream_span_fds(struct af_file *file, const char *last, size_t n)
{
	return file->unbuffered || afi_scm_is_ahead(file)
		       ? stream_span(file, last, n)
		       : SIZE_MAX;
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
	if (file->keeps_fds)
		file->fds = afi_fds_new();
	if ((file->keeps_fds && !file->fds) ||
	    afi_wake_open(stream_wake(file), file) < 0) {
		afi_fds_free(file->fds);
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
	.write = afi_descriptor_write, .want = stream_want,                    \
	.unwant = stream_unwant, .release = stream_release,                    \
	.can_shutdown = stream_can_shutdown, .shutdown = stream_shutdown,      \
	.hangup_fd = stream_hangup_fd, .clear_eof = stream_clear_eof,          \
	.part_fills = true

/* What libevent has read by itself. */
#define STREAM_HELD .held = stream_held, .move_held = stream_move_held

/* Datagrams that were read together. */
#define STREAM_ARRIVED                                                         \
	.held = afi_arrived_held, .move_held = afi_arrived_move_held,          \
	.destroy = afi_arrived_destroy

/* No can_splice: splice(2) would join records. */
static const struct afi_transport stream_records = {
	STREAM_TABLE,	     STREAM_HELD,
	.read = stream_read, .fill = afi_message_fill_record,
	.span = stream_span,
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

static const struct afi_transport stream_bytes = {
	STREAM_TABLE,
	STREAM_HELD,
	.read = stream_read,
	.span = stream_span,
	.can_splice = stream_can_splice,
	.look = stream_look,
};

/* Of sockets that keep descriptors. splice(2) closes those that come. */
static const struct afi_transport stream_bytes_fds = {
	STREAM_TABLE,
	STREAM_HELD,
	.read = stream_read_fds,
	.fill = stream_fill_fds,
	.span = stream_span_fds,
	.can_splice = stream_can_splice,
};

/* No can_splice: splice(2) would join messages. */
static const struct afi_transport stream_seqpacket = {
	STREAM_TABLE,	     STREAM_HELD,
	.read = stream_read, .fill = afi_message_fill,
	.span = stream_span,
};

static const struct afi_transport stream_seqpacket_fds = {
	STREAM_TABLE,	     STREAM_HELD,
	.read = stream_read, .fill = afi_message_fill_fds,
	.span = stream_span,
};

static const struct afi_transport stream_datagram = {
	STREAM_TABLE,	     STREAM_ARRIVED,
	.read = stream_read, .fill = afi_message_fill_datagram,
	.span = stream_span,
};

static const struct afi_transport stream_datagram_fds = {
	STREAM_TABLE,	     STREAM_ARRIVED,
	.read = stream_read, .fill = afi_message_fill_datagram_fds,
	.span = stream_span,
};

struct af_file *afi_stream_new(const struct af_file *like)
{
	return stream_make(like,
			   like->keeps_fds ? &stream_bytes_fds : &stream_bytes);
}

struct af_file *afi_stream_new_records(const struct af_file *like)
{
	return stream_make(like, &stream_records);
}

struct af_file *afi_stream_new_messages(const struct af_file *like)
{
	if (!like->is_datagram)
		return stream_make(like, like->keeps_fds ? &stream_seqpacket_fds
							 : &stream_seqpacket);
	return stream_make(like, like->keeps_fds ? &stream_datagram_fds
						 : &stream_datagram);
}

int afi_stream_keep_fds(struct af_file *file)
{
	const struct afi_transport *to = NULL;
	int r;

	if (file->keeps_fds)
		return 0;
	if (file->transport == &stream_bytes)
		to = &stream_bytes_fds;
	else if (file->transport == &stream_seqpacket)
		to = &stream_seqpacket_fds;
	else if (file->transport == &stream_datagram)
		to = &stream_datagram_fds;
	if (!to || !file->is_socket || !afi_scm_is_unix(file->fd))
		return -ENOTSUP;
	r = afi_wake_only(stream_wake(file));
	if (r < 0)
		return r;
	file->fds = afi_fds_new();
	if (!file->fds)
		return -ENOMEM;
	file->transport = to;
	file->keeps_fds = true;
	return 0;
}

static ssize_t stream_write_layer(struct af_file *file, const struct iovec *iov,
				  int n)
{
	bool deaf = file->layer->deaf;
	ssize_t r = afi_layer_write(file, iov, n);

	if (deaf == file->layer->deaf)
		return r;
	if (file->wanted[AFI_WRITE])
		stream_unwant(file, AFI_WRITE);
	afi_wake_write_by_read(stream_wake(file), !deaf);
	return r;
}

static void stream_release_layer(struct af_file *file)
{
	afi_layer_release(file);
	stream_release(file);
}

/* No can_splice: splice(2) would pass the layer by. */
static const struct afi_transport stream_layered = {
	.read = afi_layer_read,
	.fill = afi_layer_fill,
	.write = stream_write_layer,
	.want = stream_want,
	.unwant = stream_unwant,
	.held = stream_held,
	.release = stream_release_layer,
	.commit = afi_layer_commit,
	.is_sending = afi_layer_is_sending,
	.take_late_error = afi_layer_take_late_error,
	.can_shutdown = afi_layer_can_shutdown,
	.shutdown = afi_layer_shutdown,
	.farewell = afi_layer_farewell,
	.hangup_fd = stream_hangup_fd,
	.has_left = afi_layer_has_left,
	.destroy = afi_layer_destroy,
};

int afi_stream_set_layer(struct af_file *file, struct afi_layer *layer,
			 struct evbuffer *held)
{
	struct afi_wake *wake = stream_wake(file), before;
	int r;

	for (int i = AFI_READ; i <= AFI_WRITE; i++)
		if (file->wanted[i])
			stream_unwant(file, i);
	before = *wake;
	/* From here on, only the layer may read from the socket. */
	file->layer = layer;
	*wake = (struct afi_wake){ 0 };
	r = afi_wake_open(wake, file);
	if (r == 0)
		r = afi_wake_move_held(&before, held);
	if (r < 0) {
		if (wake->bev)
			afi_wake_close(wake);
		*wake = before;
		file->layer = NULL;
		return r;
	}
	afi_wake_close(&before);
	file->transport = &stream_layered;
	/* Nothing may use it as a socket any more. */
	file->is_socket = false;
	return 0;
}
