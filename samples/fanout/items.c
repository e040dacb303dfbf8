/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The items. One is read only when the caller asks for it. This bounds the
 * memory, and slows down a writer that is too fast. items_total() looks further
 * ahead for the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asyncfile.h>

#include "block.h"
#include "items.h"
#include "message.h"
#include "plan.h"

/* The kernel allows no longer argument, so a longer line is an error. */
#define MAX_LINE ((size_t)128 * 1024)
/* How far ahead to look for the end. */
#define MAX_AHEAD ((size_t)1024 * 1024)

struct items {
	struct af_loop *loop;
	const struct plan *plan;
	struct af_file *in; /* the file that is being read, or NULL */
	size_t n_opened;    /* files so far, with this one */
	size_t n_args;	    /* arguments so far */
	size_t count;	    /* items of this file so far */
	size_t n_blocks;    /* so far */
	uint64_t bytes;	    /* in all items so far */
	uint64_t total;	    /* 0: unknown */
};

/* Files */

static const char *file_name(const struct items *items)
{
	const char *path;

	if (items->n_opened == 0)
		return "arguments";
	path = items->plan->files[items->n_opened - 1];
	return strcmp(path, "-") == 0 ? "stdin" : path;
}

/* For a file on disk, the total is known from the beginning. */
static int open_next(struct items *items)
{
	const char *path = items->plan->files[items->n_opened++];
	int64_t size;

	af_file_close(items->in);
	items->count = 0;
	items->in =
		strcmp(path, "-") == 0
			? af_file_new(items->loop, STDIN_FILENO, AFIO_KEEP_FD)
			: af_file_open(items->loop, path, "r");
	if (!items->in)
		return -errno;
	size = af_file_size(items->in);
	if (size > 0 && items->n_opened == items->plan->n_files &&
	    items->plan->n_args == 0)
		items->total =
			items->bytes +
			(uint64_t)(size - af_file_seek(items->in, 0, SEEK_CUR));
	return 0;
}

/* The first file is opened here, so that its errors are found first. */
struct items *items_open(struct af_loop *loop, const struct plan *plan)
{
	struct items *items = calloc(1, sizeof(*items));
	size_t i;
	int r = 0;

	if (!items) {
		message_error("items", ENOMEM);
		return NULL;
	}
	items->loop = loop;
	items->plan = plan;
	if (plan->n_files > 0)
		r = open_next(items);
	else
		for (i = 0; i < plan->n_args; i++)
			items->total += strlen(plan->args[i]) + 1;
	if (r < 0) {
		message_error(file_name(items), r);
		items_close(items);
		return NULL;
	}
	return items;
}

/* Reading */

static struct af_future *read_file(struct items *items)
{
	const struct plan *plan = items->plan;
	const struct af_text end = { plan->record_end, plan->record_end_len };

	if (plan->pipe)
		return block_read(items->in, plan->block, &end);
	if (plan->nul)
		return af_file_read_until(items->in, "", 1, MAX_LINE, 0, NULL);
	return af_file_readline(items->in, MAX_LINE, 80, 0, NULL);
}

static bool is_end(const struct items *items, const struct af_future *read)
{
	if (items->plan->pipe)
		return block_size(af_future_value(read)) == 0;
	return af_future_count(read) == 0;
}

/* At the end of a file the next one has its turn. */
static struct af_future *read_over(struct af_future *read, void *arg)
{
	struct items *items = arg;
	int r;

	if (!is_end(items, read))
		return NULL;
	if (items->plan->pipe)
		block_free(af_future_value(read));
	if (items->n_opened == items->plan->n_files) {
		af_file_close(items->in);
		items->in = NULL;
		return items_next(items);
	}
	r = open_next(items);
	return r < 0 ? af_failed(items->loop, r) : items_next(items);
}

/* An argument is the value of the future; NULL at the end. */
struct af_future *items_next(struct items *items)
{
	const struct plan *plan = items->plan;
	char *arg = NULL;

	if (items->in)
		return af_then(read_file(items), read_over, items);
	if (items->n_args < plan->n_args)
		arg = plan->args[items->n_args++];
	return af_succeeded(items->loop, arg, NULL);
}

/* Taking */

/* Whether a line can be an argument: 0, or the error. */
static int find_flaw(const struct items *items, const struct af_future *line,
		     const char *data, size_t len)
{
	if (af_future_flags(line) & AFIO_TRUNCATED)
		return -E2BIG;
	return !items->plan->nul && memchr(data, '\0', len) ? -EBADMSG : 0;
}

static void complain_item(const struct items *items, int error)
{
	char *place;

	if (asprintf(&place, "%s, %s %zu", file_name(items),
		     items->plan->nul ? "item" : "line", items->count) < 0)
		return;
	message_error(place, error);
	free(place);
}

static char *take_line(struct items *items, const struct af_future *line)
{
	size_t len = 0;
	const char *data = af_future_data(line, &len);
	int flaw = find_flaw(items, line, data, len);
	char *text;

	items->count++;
	items->bytes += len;
	if (flaw < 0) {
		complain_item(items, flaw);
		return NULL;
	}
	if (data[len - 1] == (items->plan->nul ? '\0' : '\n'))
		len--;
	text = strndup(data, len);
	if (!text)
		complain_item(items, ENOMEM);
	return text;
}

static char *take_text(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		message_error("a job", ENOMEM);
	return copy;
}

int items_take(struct items *items, struct af_future *read, struct item *item)
{
	void *value = af_future_value(read);
	uint64_t before = items->bytes;
	char number[24];

	if (af_future_error(read) < 0) {
		message_error(file_name(items), af_future_error(read));
		return -1;
	}
	if (!items->in && !value) {
		items->total = items->bytes;
		return 0;
	}
	if (items->in && items->plan->pipe) {
		item->block = value;
		items->bytes += block_size(value);
		snprintf(number, sizeof(number), "%zu", ++items->n_blocks);
		item->text = take_text(number);
	} else if (items->in) {
		item->text = take_line(items, read);
	} else {
		item->text = take_text(value);
		items->bytes += strlen(value) + 1;
	}
	item->bytes = (size_t)(items->bytes - before);
	return item->text ? 1 : -1;
}

void item_clear(struct item *item)
{
	free(item->text);
	block_free(item->block);
}

/* A peek with a zero timeout has AFIO_EOF if the end has arrived. */
uint64_t items_total(struct items *items)
{
	static const struct timeval at_once = { 0 };
	const struct plan *plan = items->plan;
	struct af_future *ahead;

	if (items->total > 0 || !items->in || plan->pipe ||
	    items->n_opened < plan->n_files || plan->n_args > 0)
		return items->total;
	ahead = af_file_peek(items->in, MAX_AHEAD, &at_once);
	if (af_future_flags(ahead) & AFIO_EOF)
		items->total = items->bytes + af_future_count(ahead);
	af_future_unref(ahead);
	return items->total;
}

void items_close(struct items *items)
{
	if (items)
		af_file_close(items->in);
	free(items);
}
