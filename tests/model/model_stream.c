/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How operations on streams may end, by the tables of asyncfile/file.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/stream.h"

/* The error of a write whose reader has left. */
static bool may_break(const struct stream *to, int error)
{
	/* Of TLS, what errno happens to be. */
	if (to->rough && to->foreign)
		return true;
	if (to->exact || error == -EPIPE)
		return error == -EPIPE;
	return error == -ECONNRESET || error == -EIO ||
	       (to->endless && (error == -ECONNREFUSED || error == -ENOTCONN));
}

/* Errors that have to do with the other end, or with an option. */
bool model_stream_error(const struct node *node)
{
	const struct stream *s = node->stream, *to = node->to;
	int error = node->error;

	if (error == -EBADF)
		return node->barred;
	if (error == -EMSGSIZE && node->kind == WRITE)
		return to->messages && node->size > 65536;
	if (error == -EMSGSIZE)
		return node->kind <= EACH && node->kind != PEEK &&
		       s->limit > 0 && (node->size == 0 || node->kind == EACH);
	if (error == -ENOTSUP)
		/* Or it was called on the private base of a wait. */
		return (node->kind == PEEK && s->unbuffered) ||
		       (s && s->fixed) || (to && to->fixed);
	if (node->stopped && error == node->stopped)
		return true;
	if (error == -EPIPE && to &&
	    (to->shut || to->halved || to->finishing[1]))
		return true;
	if (to && to->gone[0] && !to->disk && may_break(to, error))
		return true;
	if (s && s->back && error == -ECONNRESET)
		return s->gone[1];
	/* There was no farewell. */
	return s && s->rough && s->gone[1];
}

/* Whether this can be the end of the stream. */
static bool may_be_over(const struct node *node, struct place place)
{
	struct stream *s = node->stream;

	if (s->disk)
		return node->kind == PEEK || s->n_taken >= node->known;
	if (place.write && place.write->kind == EMPTY &&
	    (!s->endless || s->deaf))
		return true;
	return s->gone[1] && (s->drops || stream_is_over(&place));
}

/* The texts of an UNTIL; a line is read up to the first one. */
static const struct af_text texts[3][2] = {
	{ { "\r\n", 2 }, { NULL, 0 } },
	{ { "\n", 1 }, { "\r\n", 2 } },
	{ { "\r\r\n", 3 }, { "\r\n", 2 } },
};

const struct af_text *model_texts(unsigned which)
{
	return texts[which % 3];
}

/* Which text ends after len bytes, the longest; or -1. */
static int text_at(const struct node *node, const char *data, size_t len)
{
	const struct af_text *set = texts[node->texts];
	int found = -1;

	if (node->kind != UNTIL)
		return len > 0 && data[len - 1] == '\n' ? 0 : -1;
	if (len == 0 || data[len - 1] != '\n')
		return -1;
	for (int i = 0; i < 2; i++)
		if (set[i].len > 0 && set[i].len <= len &&
		    memcmp(data + len - set[i].len, set[i].data, set[i].len) ==
			    0 &&
		    (found < 0 || set[i].len > set[found].len))
			found = i;
	return found;
}

/* Of a line or a piece up to a text: whether it is whole. */
static bool check_piece(const struct node *node, struct af_future *done,
			const char *data, size_t len)
{
	int found = text_at(node, data, len);
	const char *p = data;

	while (len > 0 && (p = memchr(p, '\n', len - 1 - (size_t)(p - data)))) {
		p++;
		must(text_at(node, data, (size_t)(p - data)) < 0, node);
	}
	if (node->kind == UNTIL && node->texts > 0)
		must(af_future_match(done) == found, node);
	else
		must(af_future_match(done) == -1, node);
	return found >= 0;
}

static void check_flags(struct node *node, unsigned flags, size_t len,
			bool whole, struct place place)
{
	bool piece = node->kind == LINE || node->kind == UNTIL;

	switch (flags) {
	case 0:
		must(len > 0 || (node->size == 0 && node->kind == PEEK), node);
		must(!piece || whole, node);
		if ((node->kind == PEEK && !node->stream->messages) ||
		    (node->kind == READ && node->full))
			must(len == node->size, node);
		break;
	case AFIO_EOF:
		must(!whole && may_be_over(node, place), node);
		break;
	case AFIO_TIMEDOUT:
		must(node->timed && len > 0 && !whole, node);
		must(piece ? !node->full : node->full, node);
		break;
	case AFIO_TRUNCATED:
		must(piece || (node->kind == READ && !node->full &&
			       node->stream->messages),
		     node);
		must(node->size > 0 && !whole, node);
		must(!piece || node->kind == LINE ? len == node->size
						  : len + 2 >= node->size,
		     node);
		break;
	default:
		must(flags == AFIO_ERROR && len > 0, node);
		must(node->stream->fixed ||
			     ((node->stream->rough || node->stream->back) &&
			      node->stream->gone[1]),
		     node);
	}
}

/* How many bytes of a message are left; 0: unknown. */
static size_t message_left(struct place *place)
{
	const struct stream *s = place->stream;

	if (!s->messages || s->mixed || stream_is_over(place) ||
	    place->write->kind != WRITE)
		return 0;
	return place->write->size - place->offset;
}

static bool is_byte(char byte, short expected)
{
	return expected < 0 || (unsigned char)byte == expected;
}

/* A plain read of a datagram without bytes, which others skip. */
static bool is_empty_message(const struct node *node, size_t len,
			     unsigned flags)
{
	struct stream *s = node->stream;
	const struct node *empty = stream_empty(s);

	if (!empty || !s->endless || node->kind != READ || node->full)
		return false;
	must(empty->passed || (len == 0 && flags == 0), node);
	if (len > 0 || flags)
		return false;
	stream_take_empty(s);
	return true;
}

static void end_read(struct node *node, struct af_future *done)
{
	struct stream *s = node->stream;
	struct place place = stream_place(s);
	size_t len = SIZE_MAX, longest = node->kind == UNTIL ? 3 : 0;
	const char *data = af_future_data(done, &len);
	size_t left = message_left(&place);
	bool whole = false;

	s->reads--;
	if (node->error) {
		must(!data, node);
		return;
	}
	must(data && len == node->count && data[len] == '\0', node);
	if (is_empty_message(node, len, af_future_flags(done)))
		return;
	if (node->kind == LINE || node->kind == UNTIL)
		whole = check_piece(node, done, data, len);
	must(node->size == 0 || len <= node->size || (whole && len <= longest),
	     node);
	for (size_t i = 0; i < len; i++) {
		must(is_byte(data[i], node->kind == PEEK
					      ? stream_look(&place, node)
					      : stream_take(s, node)),
		     node);
	}
	/* One message, or its beginning. */
	if (left > 0 && (node->kind == PEEK || !node->full) &&
	    (node->kind == PEEK || node->kind == READ)) {
		must(len == (left < node->size ? left : node->size), node);
		must(af_future_flags(done) == (len < left && node->kind == READ
						       ? AFIO_TRUNCATED
						       : 0),
		     node);
	}
	if (node->kind != PEEK)
		place = stream_place(s);
	check_flags(node, af_future_flags(done), len, whole, place);
}

void model_piece(struct node *node, const char *data, size_t len,
		 unsigned flags)
{
	const char *newline = memchr(data, '\n', len);
	struct place place = stream_place(node->stream);
	size_t left = message_left(&place);

	must(left == 0 || node->lines || len == left, node);
	must(!node->ended && !node->stopped && len > 0, node);
	for (size_t i = 0; i < len; i++)
		must(is_byte(data[i], stream_take(node->stream, node)), node);
	node->size += len;
	if (flags == AFIO_EOF)
		must(node->lines && !newline &&
			     may_be_over(node, stream_place(node->stream)),
		     node);
	else if (node->lines)
		must(flags == 0 && newline == data + len - 1, node);
	else
		must(flags == 0, node);
}

static void end_each(struct node *node, struct af_future *done)
{
	unsigned flags = af_future_flags(done);

	node->stream->reads--;
	must(node->count == node->size, node);
	if (node->error)
		return;
	if (node->stopped == 1)
		must(flags == 0, node);
	else
		must(flags == AFIO_EOF && !node->stopped &&
			     may_be_over(node, stream_place(node->stream)),
		     node);
}

void model_spoil(struct node *node)
{
	if (node->borrowed)
		memset(node->borrowed, '!', node->size);
	free(node->borrowed);
	node->borrowed = NULL;
}

void model_end_write(struct node *node, struct af_future *done)
{
	unsigned flags = af_future_flags(done);

	stream_count(node, done);
	must(node->count == af_future_count(done), node);
	must(node->count <= node->size, node);
	must(node->taken <= node->count || node->to->disk, node);
	if (flags == AFIO_TIMEDOUT)
		must(node->timed && node->full && node->count > 0 &&
			     node->count < node->size,
		     node);
	else
		must(flags == 0, node);
	if (node->error == 0 && flags == 0 && node->full)
		must(node->count == node->size, node);
	if (node->error == 0 && node->size > 0)
		must(node->count > 0, node);
	if (node->to->messages)
		must(node->count == 0 || node->count == node->size, node);
	must(node->count == 0 || !node->too_late, node);
	if (node->error == -ETIMEDOUT)
		must(node->count == 0, node);
	model_spoil(node);
}

static void end_copy(struct node *node, struct af_future *done)
{
	unsigned flags = af_future_flags(done);

	stream_count(node, done);
	must(node->count == 0 || !node->too_late, node);
	must(node->count == af_future_count(done), node);
	must(node->count <= node->size && node->n_fetched <= node->count, node);
	stream_fetch(node, node->count);
	node->stream->reads--;
	if (node->error == -ETIMEDOUT)
		must(node->count == 0, node);
	if (node->error)
		return;
	if (flags == AFIO_TIMEDOUT)
		must(node->timed && node->count > 0 && node->count < node->size,
		     node);
	else if (flags == AFIO_EOF)
		must(may_be_over(node, stream_place(node->stream)), node);
	else
		must(flags == 0 && node->count == node->size, node);
	/* It has passed the end on. */
	node->to->shut |= node->is_half && flags == AFIO_EOF;
}

void model_settle(struct node *node, struct af_future *done)
{
	if (node->settled)
		return;
	node->settled = true;
	node->error = af_future_error(done);
	if (node->kind == COPY) {
		end_copy(node, done);
	} else {
		node->count = af_future_count(done);
		if (node->kind == EACH)
			end_each(node, done);
		else
			end_read(node, done);
	}
}

/* Both parts are done, whichever function runs first. */
void model_end_both(struct node *node, struct af_future *done)
{
	unsigned flags = af_future_flags(done), same = 0, ended = 0;
	size_t count = 0;

	for (unsigned i = 0; i < node->n_parts; i++) {
		struct node *part = node->parts[i];

		must(part->ended || af_future_is_done(part->keep), node);
		model_settle(part, part->keep);
		count += part->count;
		same += part->error == node->error;
		ended += part->error == 0;
	}
	must(node->count == count, node);
	if (node->error == -ETIMEDOUT)
		must(count == 0, node);
	else if (node->error == 0 && flags == AFIO_TIMEDOUT)
		must(node->timed && count > 0, node);
	else if (node->error == 0)
		must(flags == AFIO_EOF && ended == 2, node);
	else
		must(same > 0 || node->n_parts == 0, node);
}
