/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Collecting one stream: a read of what is kept, and then one read after the
 * other, whose bytes are dropped. Knows neither the pipeline nor other streams.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>

#include "file/file.h"
#include "pipeline/collect.h"
#include "pipeline/pipeline.h"

#define DROP_SIZE 65536

/*
 * The file, once the read is over. AFIO_PROCESS may have taken it by then, and
 * nothing is left for us; NULL.
 */
static struct af_file *collect_file(const struct afi_collect *collect)
{
	return *collect->place == collect->file ? collect->file : NULL;
}

static void collect_on_dropped(struct af_future *done, void *arg);

static void collect_drop_more(struct afi_collect *collect)
{
	struct af_file *file = collect_file(collect);

	if (!file) {
		collect->over(collect, 0);
		return;
	}
	af_future_unref(collect->drop);
	collect->drop = af_file_read(file, DROP_SIZE, 0, NULL);
	afi_pipeline_expect(collect->whole, collect->drop, collect_on_dropped,
			    collect);
}

static void collect_on_dropped(struct af_future *done, void *arg)
{
	struct afi_collect *collect = arg;
	struct af_future *whole = collect->whole;
	int error = af_future_error(done);

	if (whole->done)
		;
	else if (error && error != -ECANCELED)
		collect->over(collect, error);
	else if (error || af_future_flags(done) & AFIO_EOF)
		collect->over(collect, 0);
	else
		collect_drop_more(collect);
	af_future_unref(whole);
}

/* A read that failed has left in the file what came before the error. */
static void collect_before_error(struct afi_collect *collect)
{
	static const struct timeval now;
	struct af_file *file = collect_file(collect);

	if (!file)
		return;
	af_future_unref(collect->read);
	collect->read = af_file_read(file, collect->max, 0, &now);
}

/* Of a byte more than is kept, which stays for the next read. */
static void collect_on_peek(struct af_future *done, void *arg)
{
	struct afi_collect *collect = arg;
	struct af_future *whole = collect->whole;
	int error = af_future_error(done);

	if (whole->done) {
		;
	} else if (error && error != -ECANCELED) {
		collect->over(collect, error);
	} else if (error || af_future_count(done) == 0) {
		collect->over(collect, 0);
	} else if (collect->overflow == AFIO_OVERFLOW_FAIL) {
		collect->over(collect, -EMSGSIZE);
	} else {
		collect->truncated = true;
		collect_drop_more(collect);
	}
	af_future_unref(whole);
}

static void collect_on_read(struct af_future *done, void *arg)
{
	struct afi_collect *collect = arg;
	struct af_future *whole = collect->whole;
	int error = af_future_error(done);

	if (whole->done) {
		;
	} else if (error && error != -ECANCELED) {
		collect_before_error(collect);
		collect->over(collect, error);
	} else if (error || af_future_flags(done) & AFIO_EOF) {
		collect->over(collect, 0);
	} else {
		/* It is full. Without a limit, only the end of file ends it. */
		afi_pipeline_expect(whole, collect->peek, collect_on_peek,
				    collect);
	}
	af_future_unref(whole);
}

void afi_collect_start(struct afi_collect *collect, size_t max)
{
	struct af_file *file = *collect->place;

	if (max == 0)
		max = file->limit ? file->limit : SIZE_MAX;
	collect->file = file;
	collect->max = max;
	if (max < SIZE_MAX) {
		collect->read = af_file_read(file, max, AFIO_FULL, NULL);
		/* Before what the program reads next. */
		collect->peek = af_file_peek(file, 1, NULL);
	} else {
		collect->read = af_file_read(file, 0, 0, NULL);
	}
	afi_pipeline_expect(collect->whole, collect->read, collect_on_read,
			    collect);
}

bool afi_collect_stop(struct afi_collect *collect)
{
	struct af_future *f = collect->read;

	if (f && !f->done)
		f->ops->expire(f);
	return !f || af_future_flags(f) & AFIO_EOF ||
	       af_future_flags(collect->peek) & AFIO_EOF;
}

void afi_collect_result(struct afi_collect *collect, const char **ret,
			size_t *ret_len)
{
	const char *data = af_future_data(collect->read, ret_len);

	*ret = data ? data : "";
	af_future_cancel(collect->peek);
	af_future_cancel(collect->drop);
}

void afi_collect_clear(struct afi_collect *collect)
{
	af_future_unref(collect->read);
	af_future_unref(collect->peek);
	af_future_unref(collect->drop);
}
