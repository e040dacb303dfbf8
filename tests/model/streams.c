/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a world opens and closes its streams: pairs of every kind of file of
 * support/kinds.h, and files on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "model/world.h"
#include "support/kinds.h"
#include "support/system.h"

struct stream *world_stream(uint32_t index)
{
	for (uint32_t i = 0; i < N_STREAMS; i++) {
		struct stream *s = world.streams[(index + i) % N_STREAMS];

		if (s && (s->reader || s->writer))
			return s;
	}
	return NULL;
}

struct stream *world_disk(uint32_t index)
{
	for (uint32_t i = 0; i < N_STREAMS; i++) {
		struct stream *s = world.streams[(index + i) % N_STREAMS];

		if (s && s->disk && (s->reader || s->writer))
			return s;
	}
	return NULL;
}

static bool is_of(const struct node *node, const struct stream *s, bool writes)
{
	if (node->kind == HANGUP || node->kind == IDLE)
		return node->stream == s && node->writes == writes;
	return node->kind <= FINISH &&
	       (writes ? node->to == s : node->stream == s);
}

bool stream_is_busy(const struct stream *s, bool writes)
{
	for (size_t i = 0; i < world.n_nodes; i++)
		if (world.nodes[i]->kind <= FINISH &&
		    is_of(world.nodes[i], s, writes) &&
		    model_is_pending(world.nodes[i]))
			return true;
	return false;
}

bool stream_ended_early(const struct stream *s, bool writes, unsigned since)
{
	for (size_t i = since; i < world.n_nodes; i++) {
		const struct node *node = world.nodes[i];

		if (is_of(node, s, writes) &&
		    (node->timed || node->canceled || node->error))
			return true;
	}
	return false;
}

static void cancel_one(const struct stream *s, bool writes)
{
	for (size_t i = 0; i < world.n_nodes; i++) {
		struct node *node = world.nodes[i];

		if (is_of(node, s, writes))
			model_cancel(node);
	}
}

void stream_cancel(const struct stream *s, bool writes)
{
	cancel_one(s, writes);
	if (s->back)
		cancel_one(s->back, !writes);
}

void stream_close(struct stream *s, bool writes)
{
	struct af_file **end = writes ? &s->writer : &s->reader;
	struct af_file *file = *end;

	if (!file)
		return;
	stream_cancel(s, writes);
	if (writes && s->layered && stream_is_written(s))
		s->torn = true;
	*end = NULL;
	s->gone[writes] = true;
	if (s->back) {
		*(writes ? &s->back->reader : &s->back->writer) = NULL;
		s->back->gone[!writes] = true;
	}
	must(af_file_close(file) == 0, NULL);
	if (!writes && s->kept >= 0) {
		must(close(s->kept) == 0, NULL);
		s->kept = -1;
	}
}

/* Makes the reader again, with these flags. */
static void set_flags(struct stream *s, unsigned flags)
{
	int fd = af_file_detach(s->reader, NULL);

	must(fd >= 0, NULL);
	s->reader = af_file_new(world.loop, fd, flags);
	must(s->reader, NULL);
	s->flags = flags;
	s->unbuffered = flags & AFIO_UNBUFFERED;
	s->kept = flags & AFIO_KEEP_FD ? fd : -1;
}

static void open_disk(struct stream *s)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	int fd = mkstemp(path);

	must(fd >= 0, NULL);
	s->disk = true;
	s->reader = af_file_open(world.loop, path, "r");
	s->writer = af_file_open(world.loop, path, "a");
	must(s->reader && s->writer, NULL);
	must(close(fd) == 0 && unlink(path) == 0, NULL);
	s->attachable = true;
	s->shutdown = -ENOTSOCK;
}

static void open_pair(struct stream *s, const struct file_kind *kind)
{
	struct rig rig = { .loop = world.loop, .in = -1, .out = -1 };

	kind->make(&rig);
	s->reader = rig.reader;
	s->writer = rig.writer;
	s->foreign = kind->traits & FOREIGN;
	s->fixed = kind->traits & FIXED_BASE;
	s->messages = kind->traits & MESSAGES;
	s->endless = kind->traits & NO_EOF;
	s->drops = kind->traits & DROPS;
	s->exact = kind->traits & ONE_WAY;
	/* A layer says none where bytes are unsent. */
	s->layered = kind->traits & LAYERED;
	s->rough = kind->say_goodbye || kind->traits & LAYERED;
	s->attachable = !(kind->traits & (FOREIGN | LAYERED));
	if (s->foreign)
		s->shutdown = kind->traits & NO_BUFFER ? 0 : -ENOTSUP;
	else if (kind->traits & (ONE_WAY | PTY))
		s->shutdown = -ENOTSOCK;
}

/* An empty one, in the place of another one. */
static struct stream *stream_new(uint32_t slot)
{
	struct stream **place = &world.streams[slot];
	struct stream *s;

	if (*place) {
		stream_close(*place, false);
		stream_close(*place, true);
	}
	*place = s = calloc(1, sizeof *s);
	world.all = realloc(world.all, (world.n_all + 1) * sizeof *world.all);
	must(s && world.all, NULL);
	world.all[world.n_all++] = s;
	s->last = &s->all;
	s->last_read = &s->reading;
	s->kept = -1;
	return s;
}

/* Two streams, which go through two files in opposite ways. */
static struct stream *open_two_ways(uint32_t slot)
{
	struct stream *s = stream_new(slot), *back = stream_new(slot + 1);
	int fds[2];

	must(cloexec_socketpair(SOCK_STREAM, fds) == 0, NULL);
	s->reader = back->writer = af_file_new(world.loop, fds[0], 0);
	s->writer = back->reader = af_file_new(world.loop, fds[1], 0);
	must(s->reader && s->writer, NULL);
	s->back = back;
	back->back = s;
	return s;
}

static uint32_t slot_of_two_ways(uint32_t index)
{
	return N_ONE_WAY + 2 * (index % 2);
}

struct stream *world_two_ways(uint32_t index, bool writes)
{
	uint32_t slot = slot_of_two_ways(index);
	struct stream *s = world.streams[slot];

	if (!s || !(writes ? s->writer : s->reader))
		s = open_two_ways(slot);
	return s;
}

void stream_open(uint32_t slot, uint32_t n, uint32_t flags, uint32_t ahead)
{
	uint32_t pairs = (uint32_t)n_file_kinds, kind = n % (pairs + 4);
	struct stream *s;

	if (kind < pairs + 2) {
		s = stream_new(slot % N_ONE_WAY);
		if (kind < pairs)
			open_pair(s, &file_kinds[kind]);
		else
			open_disk(s);
	} else {
		s = open_two_ways(slot_of_two_ways(slot));
	}
	if (s->attachable && flags > 0 && flags < 4)
		set_flags(s, (flags & 1 ? AFIO_UNBUFFERED : 0) |
				     (flags & 2 ? AFIO_KEEP_FD : 0));
	if (ahead > 0)
		must(af_file_set_read_ahead(s->reader, ahead) == 0, NULL);
}
