/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks: one read of so many bytes, and one up to the end of a record. The
 * bytes stay in the futures of these reads until the job has taken them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile.h>

#include "block.h"

struct reading {
	struct af_file *from;
	struct af_text record_end;
	struct block *block;
};

/* The block becomes the value of the chain. */
static struct af_future *deliver(struct reading *reading,
				 struct af_future *last)
{
	struct af_loop *loop = af_future_loop(last);
	struct block *block = reading->block;

	free(reading);
	if (af_future_error(last) == 0)
		return af_succeeded(loop, block, NULL);
	block_free(block);
	return NULL;
}

static struct af_future *rest_over(struct af_future *rest, void *arg)
{
	return deliver(arg, rest);
}

static bool is_whole(struct af_future *head, const struct af_text *end)
{
	size_t len = 0;
	const char *data = af_future_data(head, &len);

	return !data || (af_future_flags(head) & AFIO_EOF) || end->len == 0 ||
	       (len >= end->len &&
		memcmp(data + len - end->len, end->data, end->len) == 0);
}

static struct af_future *head_over(struct af_future *head, void *arg)
{
	struct reading *reading = arg;
	const struct af_text *end = &reading->record_end;

	if (is_whole(head, end))
		return deliver(reading, head);
	reading->block->parts[1] = af_file_read_until(reading->from, end->data,
						      end->len, 0, 0, NULL);
	return af_finally(af_future_ref(reading->block->parts[1]), rest_over,
			  reading);
}

struct af_future *block_read(struct af_file *from, size_t size,
			     const struct af_text *record_end)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	struct block *block = calloc(1, sizeof(*block));

	if (!reading || !block) {
		free(reading);
		free(block);
		return af_failed(af_file_loop(from), -ENOMEM);
	}
	*reading = (struct reading){ from, *record_end, block };
	block->parts[0] = af_file_read(from, size, AFIO_FULL, NULL);
	return af_finally(af_future_ref(block->parts[0]), head_over, reading);
}

size_t block_size(const struct block *block)
{
	return af_future_count(block->parts[0]) +
	       af_future_count(block->parts[1]);
}

void block_free(struct block *block)
{
	if (!block)
		return;
	af_future_unref(block->parts[0]);
	af_future_unref(block->parts[1]);
	free(block);
}
