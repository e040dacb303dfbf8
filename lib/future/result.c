/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outcome and the result of a future. Changes nothing, except that it makes
 * an evbuffer of the bytes.
 */
#include "config.h"

#include <errno.h>
#include <stdatomic.h>

#include <event2/buffer.h>

#include "future/future.h"

/* A future that is done may have its result from another. */
static const struct af_future *result_of(const struct af_future *f)
{
	return f->source ? f->source : f;
}

bool af_future_is_done(const struct af_future *f)
{
	return f && f->done;
}

struct af_loop *af_future_loop(const struct af_future *f)
{
	/* Without a base the loop has been freed. */
	return f && f->loop && f->loop->home ? f->loop : NULL;
}

int af_future_error(const struct af_future *f)
{
	if (!f)
		return -EINVAL;
	return f->done ? f->error : -EINPROGRESS;
}

unsigned af_future_flags(const struct af_future *f)
{
	return f && f->done ? result_of(f)->flags : 0;
}

const char *af_future_data(const struct af_future *f, size_t *ret_len)
{
	if (!f || !f->done || f->error || !result_of(f)->data)
		return NULL;
	if (ret_len)
		*ret_len = result_of(f)->count;
	return result_of(f)->data;
}

static void result_release_chunk(const void *data, size_t len, void *chunk)
{
	(void)data;
	(void)len;
	afi_chunk_put(NULL, chunk);
}

struct evbuffer *af_future_buffer(struct af_future *f)
{
	struct af_future *owner;
	int r;

	if (!f || !f->done)
		return NULL;
	owner = afi_future_owner(f);
	if (owner->buffer || !owner->data || f->error)
		return owner->buffer;
	owner->buffer = evbuffer_new();
	if (!owner->buffer || owner->count == 0)
		return owner->buffer;
	if (owner->chunk) {
		atomic_fetch_add(&owner->chunk->refs, 1);
		r = evbuffer_add_reference(owner->buffer, owner->data,
					   owner->count, result_release_chunk,
					   owner->chunk);
		if (r < 0)
			afi_chunk_put(NULL, owner->chunk);
	} else {
		r = evbuffer_add(owner->buffer, owner->data, owner->count);
	}
	if (r < 0) {
		evbuffer_free(owner->buffer);
		owner->buffer = NULL;
	}
	return owner->buffer;
}

size_t af_future_count(const struct af_future *f)
{
	if (!f || f->done)
		return f ? result_of(f)->count : 0;
	return f->ops->progress ? f->ops->progress(f) : 0;
}

void *af_future_value(const struct af_future *f)
{
	if (!f || !f->done)
		return NULL;
	f = result_of(f);
	return f->ops && f->ops->value ? f->ops->value(f) : NULL;
}

int af_future_status(const struct af_future *f)
{
	if (!f || !f->done)
		return -1;
	f = result_of(f);
	return f->ops && f->ops->has_match ? -1 : f->status;
}

int af_future_match(const struct af_future *f)
{
	if (!f || !f->done || f->error)
		return -1;
	f = result_of(f);
	return f->ops->has_match ? f->status : -1;
}

const struct af_output *af_future_output(const struct af_future *f)
{
	if (!f || !f->done)
		return NULL;
	f = result_of(f);
	return f->ops && f->ops->output ? f->ops->output(f) : NULL;
}
