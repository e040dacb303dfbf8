/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams: the bytes between a writer and a reader. A copy takes its bytes from
 * one stream, and is a write on the other. It knows no rule about outcomes.
 */
#include <stdlib.h>

#include "model/stream.h"

/*
 * Now and then "\r\n", "\r\r\n" or a newline alone; otherwise neither of the
 * two.
 */
unsigned char stream_byte(const struct node *write, size_t offset)
{
	unsigned char byte;

	switch (offset % 111) {
	case 36:
	case 73:
	case 110:
		return '\n';
	case 72:
	case 108:
	case 109:
		return '\r';
	}
	byte = (unsigned char)((write->id * 2654435761u + offset * 40503u) >>
			       5);
	return byte == '\n' || byte == '\r' ? 0 : byte;
}

void stream_finish(struct stream *s, bool writes)
{
	s->finishing[writes] = s->gone[writes] = true;
	if (s->back)
		s->back->finishing[!writes] = s->back->gone[!writes] = true;
}

void stream_finished(struct stream *s, bool writes)
{
	s->finished[writes] = true;
	if (s->back)
		s->back->finished[!writes] = true;
}

/* Such a read may take the empty messages, and show nothing. */
static void skip_empty(struct stream *s)
{
	s->skips = true;
	for (struct node *write = s->first; write; write = write->next)
		write->passed = true;
}

void stream_add_read(struct stream *s, struct node *read)
{
	bool plain = read->kind == READ
			     ? !read->full
			     : read->kind == PEEK ||
				       (read->kind == EACH && !read->lines);

	if (s->reads == 0 && stream_is_drained(s))
		s->mixed = false;
	if (s->reads == 0)
		s->skips = false;
	if (!plain)
		s->mixed = true;
	if (!plain || read->kind != READ)
		skip_empty(s);
	s->reads++;
	*s->last_read = read;
	s->last_read = &read->next_read;
}

void stream_add(struct stream *s, struct node *write)
{
	write->to = s;
	write->counted = write->too_late; /* 0 */
	*s->last = write;
	s->last = &write->next;
	if (!s->first)
		s->first = write;
}

void stream_count(struct node *write, struct af_future *done)
{
	if (write->counted)
		return;
	write->counted = true;
	write->count = af_future_count(done);
	write->to->n_counted += write->count;
	/* The rest of one that ended early may still be on its way to a disk. */
	if (af_future_error(done) == 0 && !write->timed)
		write->to->n_known = write->to->n_counted;
}

/* Whether a write is done, so that its count is final. */
static bool is_counted(struct node *write)
{
	if (!write->counted && write->keep && af_future_is_done(write->keep))
		stream_count(write, write->keep);
	return write->counted;
}

size_t stream_most(struct stream *s)
{
	size_t n = 0;

	for (struct node *write = s->all; write; write = write->next)
		if (!is_counted(write) && n < SIZE_MAX / 4)
			n += write->size < SIZE_MAX / 4 ? write->size
							: SIZE_MAX / 4;
	return n + s->n_counted;
}

/* Passes over the writes of which all has been read. */
static struct node *first_write(struct stream *s)
{
	struct node *write;

	while ((write = s->first)) {
		write->taken += s->skip;
		s->skip = 0;
		if (!is_counted(write) || write->taken < write->count ||
		    write->kind == EMPTY)
			break;
		s->skip = write->taken - write->count;
		must(s->skip == 0 || s->disk, write);
		write->taken = write->count;
		s->first = write->next;
	}
	return s->first;
}

bool stream_is_drained(struct stream *s)
{
	struct place place = stream_place(s);

	return stream_is_over(&place);
}

void stream_add_empty(struct stream *s, struct node *empty)
{
	stream_add(s, empty);
	empty->counted = true;
	s->emptied = true;
	empty->passed = s->reads > 0 && s->skips;
}

struct node *stream_empty(struct stream *s)
{
	struct node *write = first_write(s);

	return write && write->kind == EMPTY ? write : NULL;
}

void stream_take_empty(struct stream *s)
{
	s->first = s->first->next;
}

bool stream_is_written(struct stream *s)
{
	for (struct node *write = s->first; write; write = write->next)
		if (!is_counted(write))
			return true;
	return false;
}

void stream_put_back(struct stream *s, struct node *unread)
{
	first_write(s);
	unread->to = s;
	unread->counted = true;
	unread->count = unread->size;
	unread->next = s->first;
	if (!s->first)
		s->last = &unread->next;
	s->first = unread;
	s->n_counted += unread->size;
	s->n_known += unread->size;
	s->mixed = true;
}

/* Even if it is not reported yet. */
void stream_settle(struct stream *s, const struct node *copy)
{
	struct node *read = s->reading;

	for (; read && read != copy; read = read->next_read) {
		if (read->ended)
			continue;
		must(read->keep && af_future_is_done(read->keep), read);
		model_settle(read, read->keep);
	}
	if (read)
		s->reading = read;
}

void stream_seek(struct stream *s, size_t position)
{
	for (struct node *write = s->all; write; write = write->next)
		write->taken = 0;
	s->first = s->all;
	s->skip = s->n_taken = position;
}

void stream_fetch(struct node *copy, size_t n)
{
	if (n > copy->n_fetched)
		stream_settle(copy->stream, copy);
	/* A power of two: it grows when it is full. */
	while (copy->n_fetched < n) {
		size_t i = copy->n_fetched;

		if ((i & (i - 1)) == 0)
			copy->fetched = realloc(
				copy->fetched, (i ? 2 * i : 1) * sizeof(short));
		must(copy->fetched, copy);
		copy->fetched[i] = stream_take(copy->stream, copy);
		copy->n_fetched++;
	}
}

struct place stream_place(struct stream *s)
{
	struct node *write = first_write(s);

	return (struct place){ s, write, write ? write->taken : 0 };
}

bool stream_is_over(struct place *place)
{
	struct node *write = place->write;

	while (write && is_counted(write) && place->offset >= write->count) {
		/* Of a seqpacket socket, it is the end. */
		if (write->kind == EMPTY && !place->stream->endless)
			return true;
		write = place->write = write->next;
		place->offset = write ? write->taken : 0;
	}
	return !write;
}

short stream_look(struct place *place, const struct node *reader)
{
	struct node *write;

	if (stream_is_over(place) && place->stream->torn)
		return -1;
	write = place->write;
	must(write && place->offset <
			      (write->counted ? write->count : write->size),
	     reader);
	if (write->kind != COPY)
		return stream_byte(write, place->offset++);
	stream_fetch(write, place->offset + 1);
	return write->fetched[place->offset++];
}

short stream_take(struct stream *s, struct node *reader)
{
	struct place place = stream_place(s);
	short byte = stream_look(&place, reader);

	if (place.write) {
		s->first = place.write;
		place.write->taken++;
		if (place.write->kind != UNREAD)
			reader->moved = place.write->at;
	}
	s->n_taken++;
	return byte;
}
