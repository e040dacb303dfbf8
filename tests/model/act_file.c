/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instructions for files: opening, closing, writing, seeking, putting back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>

#include "model/world.h"
#include "support/harness.h"

bool act_open(const uint32_t *arg)
{
	/* To make a pair, the base may have to be run. */
	if (world.level > 1 || world.depth > 0 || model_freed)
		return false;
	world.opening = true;
	stream_open(arg[0], arg[1], arg[2], arg[3]);
	world.opening = false;
	return true;
}

bool act_close(const uint32_t *arg)
{
	struct stream *s = world_stream(arg[0]);

	if (!s)
		return false;
	stream_close(s, s->writer && (arg[1] || !s->reader));
	return true;
}

/* Bytes that were read and not taken go back in front. */
static void put_back(struct af_file *file, struct evbuffer *unread)
{
	size_t len = evbuffer_get_length(unread);

	if (len > 0)
		must(af_file_unread(file, evbuffer_pullup(unread, -1), len) ==
			     0,
		     NULL);
	evbuffer_free(unread);
}

bool act_attach(const uint32_t *arg)
{
	struct stream *s = world_stream(arg[0]);
	struct af_file **end;
	struct evbuffer *unread;
	int fd;

	if (!s || !s->attachable || model_freed)
		return false;
	end = arg[1] ? &s->writer : &s->reader;
	/* The writes before a shutdown would go, and it with them. */
	if (!*end || (arg[1] && s->shut))
		return false;
	stream_cancel(s, arg[1]);
	unread = evbuffer_new();
	fd = af_file_detach(*end, unread);
	if (fd < 0) {
		must((fd == -EBUSY && s->disk) ||
			     (fd == -EBADF && s->finishing[arg[1]]),
		     NULL);
		evbuffer_free(unread);
		return true;
	}
	*end = af_file_new(world.loop, fd, arg[1] ? 0 : s->flags);
	must(*end, NULL);
	/* What a read has met before is told later: the limit stays here. */
	s->mixed |= evbuffer_get_length(unread) > 0;
	/* An end that it has seen is forgotten, and what follows it may come. */
	s->torn |= s->emptied && !arg[1];
	put_back(*end, unread);
	return true;
}

bool act_limit(const uint32_t *arg)
{
	struct stream *s = world_stream(arg[0]);

	if (!s || !s->reader)
		return false;
	must(af_file_set_limit(s->reader, arg[1]) == 0, NULL);
	/* What a read has met before is not known any more: never smaller. */
	if (arg[1] > 0 && (s->limit == 0 || arg[1] < s->limit))
		s->limit = arg[1];
	return true;
}

bool act_shutdown(const uint32_t *arg)
{
	struct stream *s = world_stream(arg[0]);
	int r;

	if (!s || !s->writer || s->finishing[1] || model_freed)
		return false;
	r = af_file_shutdown(s->writer, SHUT_WR);
	must(r == s->shutdown || (r == -ENOTCONN && s->gone[0]), NULL);
	if (r == 0)
		s->shut = s->gone[1] = true;
	return true;
}

/* From where an offset counts: at least, and at most. */
struct origin {
	int64_t least, most;
};

static struct origin find_origin(struct stream *s, bool writes, int whence)
{
	struct origin at = { 0, 0 };

	if (whence == SEEK_END) {
		at.most = (int64_t)stream_most(s);
		at.least = writes ? at.most : (int64_t)s->n_known;
	} else if (whence == SEEK_CUR && writes) {
		at.most = INT64_MAX / 2;
	} else if (whence == SEEK_CUR) {
		at.least = at.most = (int64_t)s->n_taken;
	}
	return at;
}

/* Nothing is pending: the position is known. */
static void check_seek(struct stream *s, bool writes, int64_t offset,
		       int whence, int64_t r)
{
	struct origin at;

	if (!writes)
		stream_settle(s, NULL);
	at = find_origin(s, writes, whence);
	if (r < 0) {
		must(r == -EINVAL && at.least + offset < 0, NULL);
		return;
	}
	must(r >= at.least + offset && r <= at.most + offset, NULL);
	if (!writes)
		stream_seek(s, (size_t)r);
	s->sought[writes] = (unsigned)world.n_nodes;
}

bool act_seek(const uint32_t *arg)
{
	static const int whences[] = { SEEK_SET, SEEK_CUR, SEEK_END };
	struct stream *s = world_disk(arg[0]);
	int64_t offset = arg[4] ? -(int64_t)arg[3] : (int64_t)arg[3], r;
	int whence = whences[arg[2] % 3];
	struct af_file *file;
	bool writes;

	s = s ? s : world_stream(arg[0]);
	if (!s || model_freed)
		return false;
	writes = s->writer && (arg[1] == 0 || !s->reader);
	file = writes ? s->writer : s->reader;
	r = af_file_seek(file, offset, whence);
	if (r == -EBADF)
		must(s->finishing[writes], NULL);
	else if (!s->disk)
		must(r == -ESPIPE, NULL);
	else if (r == -EBUSY)
		must(stream_is_busy(s, writes) || s->finishing[writes] ||
			     stream_ended_early(s, writes, s->sought[writes]),
		     NULL);
	else
		must(!stream_is_busy(s, writes), NULL);
	if (s->disk && r != -EBUSY && r != -EBADF)
		check_seek(s, writes, offset, whence, r);
	return true;
}

bool act_finish(const uint32_t *arg)
{
	struct stream *s = world_stream(arg[0]);
	const struct timeval *time = act_time(arg[2]);
	bool writes = arg[1];
	struct af_file *file;
	struct node *node;

	file = !s ? NULL : writes ? s->writer : s->reader;
	if (!file)
		return false;
	node = world_node(FINISH);
	node->timed = time;
	*(writes ? &node->to : &node->stream) = s;
	stream_cancel(s, writes);
	stream_finish(s, writes);
	world_start(node, af_file_finish(file, time));
	return true;
}

bool act_unread(const uint32_t *arg)
{
	struct stream *s = world_stream(arg[0]);
	struct node *node;
	unsigned char *data;
	int r;

	if (!s || !s->reader || s->finishing[0] || s->disk || s->reads > 0 ||
	    arg[1] == 0 || model_freed)
		return false;
	node = world_node(UNREAD);
	node->size = arg[1];
	data = malloc(node->size);
	for (size_t i = 0; i < node->size; i++)
		data[i] = stream_byte(node, i);
	r = af_file_unread(s->reader, data, node->size);
	must(r == 0, node);
	free(data);
	stream_put_back(s, node);
	return true;
}

static struct af_future *write_buffer(struct af_file *file,
				      const struct node *node, void *data,
				      const struct timeval *time)
{
	struct evbuffer *buffer = evbuffer_new();
	struct af_future *f;

	evbuffer_add(buffer, data, node->size);
	f = af_file_write_buffer(file, buffer, node->full ? AFIO_FULL : 0,
				 time);
	must(evbuffer_get_length(buffer) ==
			     (af_future_error(f) == -EBADF ? node->size : 0) ||
		     model_freed,
	     node);
	evbuffer_free(buffer);
	return f;
}

bool act_write(const uint32_t *arg)
{
	struct stream *s = world_stream(arg[0]);
	const struct timeval *time = act_time(arg[4]);
	struct af_future *f;
	struct node *node;
	unsigned char *data;
	bool borrow = arg[2] == 1;

	if (!s || !s->writer)
		return false;
	node = world_node(WRITE);
	node->to = s;
	node->timed = time;
	node->size = world.bytes < MAX_BYTES ? arg[1] : 1;
	world.bytes += node->size;
	node->full = arg[3];
	data = malloc(node->size + 1);
	for (size_t i = 0; i < node->size; i++)
		data[i] = stream_byte(node, i);
	node->borrowed = borrow ? data : NULL;
	if (arg[2] == 2)
		f = write_buffer(s->writer, node, data, time);
	else
		f = af_file_write(s->writer, data, node->size,
				  (node->full ? AFIO_FULL : 0) |
					  (borrow ? AFIO_BORROW : 0),
				  time);
	if (!borrow) {
		memset(data, '!', node->size);
		free(data);
	}
	world_start(node, f);
	return true;
}

/* The program sends one itself, as a write of no bytes sends none. */
bool act_empty(const uint32_t *arg)
{
	struct stream *s = NULL;
	struct node *node;

	for (uint32_t i = 0; i < N_STREAMS && !s; i++) {
		s = world.streams[(arg[0] + i) % N_STREAMS];
		if (s && !(s->messages && s->writer))
			s = NULL;
	}
	if (!s || s->finishing[1] || stream_is_written(s) || model_freed)
		return false;
	if (send(af_file_fd(s->writer), "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return true;
	node = world_node(EMPTY);
	stream_add_empty(s, node);
	return true;
}
