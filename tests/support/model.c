/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model: compares each future's end with what the headers promise for it,
 * and each byte read with those written. It knows no program and no choice.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "support/model.h"

struct model model;

void model_fail(const char *file, int line, const char *condition,
		const struct node *node)
{
	static const char *const names[] = { "read",  "readline", "write",
					     "sleep", "maker",	  "chain",
					     "all",   "any",	  "timed" };

	ck_abort_msg("AF_TEST_SEED=%" PRIu64 " step %u: %s %u: error %d, count "
		     "%zu: not true at %s:%d: %s",
		     model.seed, model.step, node ? names[node->kind] : "-",
		     node ? node->id : 0, node ? node->error : 0,
		     node ? node->count : 0, file, line, condition);
	abort();
}

unsigned char model_byte(const struct node *node, size_t offset)
{
	unsigned char byte;

	if (offset % 37 == 36)
		return '\n';
	byte = (unsigned char)((node->id * 2654435761u + offset * 40503u) >> 5);
	return byte == '\n' ? 0 : byte;
}

void model_wrote(struct node *node)
{
	*node->stream->last = node;
	node->stream->last = &node->next;
}

/* Whether a write is done, so that its count is final. */
static bool is_counted(struct node *write)
{
	if (!write->counted && write->f && af_future_is_done(write->f)) {
		write->counted = true;
		write->count = af_future_count(write->f);
	}
	return write->counted;
}

void model_forget(struct node *node)
{
	if (node->kind == WRITE)
		must(is_counted(node), node);
	node->f = NULL;
}

/* Passes over the writes of which all has been read. */
static struct node *first_write(struct stream *s)
{
	struct node *write;

	while ((write = s->first) && is_counted(write)) {
		must(s->taken <= write->count, write);
		if (s->taken < write->count)
			break;
		s->taken = 0;
		s->first = write->next;
		if (!s->first)
			s->last = &s->first;
	}
	return s->first;
}

bool model_is_drained(struct stream *s)
{
	return !first_write(s);
}

static void take(struct node *read, const char *data, size_t len)
{
	struct stream *s = read->stream;

	for (size_t i = 0; i < len; i++) {
		struct node *write = first_write(s);

		must(write && s->taken < write->size, read);
		must((unsigned char)data[i] == model_byte(write, s->taken),
		     read);
		s->taken++;
	}
}

void model_cancel(struct node *node)
{
	for (; node && !node->canceled && !node->ended;
	     node = node->n_parts > 0 ? node->parts[0] : NULL) {
		node->canceled = true;
		for (unsigned i = 1; i < node->n_parts; i++)
			model_cancel(node->parts[i]);
	}
}

/* How a read that succeeded may look. */
static void end_read(struct node *node, struct af_future *done)
{
	unsigned flags = af_future_flags(done);
	size_t len = SIZE_MAX;
	const char *data = af_future_data(done, &len);
	bool whole = node->kind == LINE && len > 0 && data[len - 1] == '\n';

	must(data && len == node->count && data[len] == '\0', node);
	must(node->size == 0 || len <= node->size, node);
	take(node, data, len);
	if (node->kind == LINE) {
		const char *newline = memchr(data, '\n', len);

		must(!newline || newline == data + len - 1, node);
	}
	switch (flags) {
	case 0:
		must(len > 0, node);
		must(node->kind == READ || whole, node);
		must(node->kind == LINE || !node->full || len == node->size,
		     node);
		break;
	case AFIO_EOF:
		must(!node->stream->writer, node);
		must(!whole && model_is_drained(node->stream), node);
		break;
	case AFIO_TIMEDOUT:
		must(node->timed && len > 0 && !whole, node);
		must(node->kind == LINE ? !node->full : node->full, node);
		break;
	default:
		must(flags == AFIO_TRUNCATED && node->kind == LINE, node);
		must(len == node->size && !whole, node);
	}
}

static void end_write(struct node *node, struct af_future *done)
{
	unsigned flags = af_future_flags(done);

	must(!node->counted || node->count == af_future_count(done), node);
	must(node->count <= node->size, node);
	must(!node->stream->reader || node->error != -EPIPE, node);
	if (flags == AFIO_TIMEDOUT)
		must(node->timed && node->count > 0, node);
	else
		must(flags == 0, node);
	if (node->error == 0 && flags == 0 && node->full)
		must(node->count == node->size, node);
	if (node->error == 0 && node->size > 0)
		must(node->count > 0, node);
	if (node->error == -ETIMEDOUT)
		must(node->count == 0, node);
	free(node->borrowed);
	node->borrowed = NULL;
}

static bool same_end(const struct node *node, const struct node *part)
{
	return part->ended && node->error == part->error &&
	       (node->kind == ALL || node->count == part->count);
}

static void end_link(struct node *node)
{
	struct node *source = node->parts[0];
	bool wanted = node->on & (source->error ? ON_FAILURE : ON_SUCCESS);

	/* Made while the loop was being freed. */
	if (model.freed && node->error == -ECANCELED)
		return;
	must(source->ended && node->calls <= 1, node);
	must(node->on != ON_BOTH || node->calls == 1, node);
	must(node->canceled || model.freed || node->calls == wanted, node);
	must(same_end(node, node->parts[node->n_parts - 1]) ||
		     ((node->canceled || model.freed) &&
		      node->error == -ECANCELED),
	     node);
}

static void end_group(struct node *node)
{
	unsigned same = 0, good = 0;

	for (unsigned i = 0; i < node->n_parts; i++) {
		same += same_end(node, node->parts[i]);
		good += node->parts[i]->ended && node->parts[i]->error == 0;
	}
	if (node->error == -ECANCELED && (node->canceled || model.freed))
		return;
	if (node->kind == TIMED && node->error == -ETIMEDOUT)
		return;
	must(same > 0, node);
	must(node->kind != ALL || node->error || good == node->n_parts, node);
}

/* Which errors an operation may have: here nothing goes wrong by itself. */
static void check_error(const struct node *node)
{
	switch (node->error) {
	case 0:
		break;
	case -ETIMEDOUT:
		must(node->timed && node->kind <= WRITE, node);
		break;
	case -ECANCELED:
		must(node->canceled || model.freed, node);
		break;
	case -EPIPE:
		must(node->kind == WRITE, node);
		break;
	default:
		must(node->kind == MAKER && node->given, node);
	}
}

void model_end(struct af_future *done, void *arg)
{
	struct node *node = arg;

	must(!node->ended && node->ran == 0, node);
	must(af_future_is_done(done), node);
	node->error = af_future_error(done);
	node->count = af_future_count(done);
	if (node->kind <= MAKER)
		check_error(node);
	if (node->kind <= LINE && node->error == 0)
		end_read(node, done);
	if (node->kind == WRITE)
		end_write(node, done);
	if (node->kind == SLEEP && node->error == 0)
		must(now_us() >= node->earliest, node);
	if (node->kind == MAKER && node->given)
		must(node->error == node->gift, node);
	if (node->kind == MAKER && node->error == 0)
		must(af_future_value(done) == node, node);
	if (node->kind == MAKER && !node->given && node->error == -ECANCELED)
		must(model.freed || node->cancels == 1, node);
	if (node->kind == LINK)
		end_link(node);
	if (node->kind > LINK)
		end_group(node);
	node->ended = true;
	node->ran++;
	model.ran++;
}

struct watch {
	struct node *node;
	unsigned order;
};

static void on_done(struct af_future *done, void *arg)
{
	struct watch *watch = arg;
	struct node *node = watch->node;

	must(node->ended && watch->order == node->ran, node);
	must(af_future_error(done) == node->error, node);
	must(af_future_count(done) == node->count, node);
	node->ran++;
	model.ran++;
	free(watch);
}

void model_watch(struct node *node)
{
	struct watch *watch = malloc(sizeof *watch);

	*watch = (struct watch){ node, node->added++ };
	model.added++;
	af_on_done(af_future_ref(node->f), on_done, watch);
}
