/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures for which memory runs out late: while one is to wait for another that
 * has a waiter already, while a result becomes an evbuffer, at a deadline, or
 * for bytes that are on the way. The library is built into this program, with
 * its calls of malloc() and the others renamed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "support/children.h"
#include "support/memory.h"
#include "support/offers.h"
#include "support/system.h"

static struct rig rig;
static int ends;

static void count_end(struct af_future *done, void *arg)
{
	(void)done;
	++*(int *)arg;
}

/* A pending future with a waiter: for another one, memory is needed. */
static struct af_future *nap(void)
{
	struct af_future *f = af_sleep(rig.loop, MS(1));

	af_on_done(af_future_ref(f), count_end, &ends);
	return f;
}

static struct af_future *return_nap(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return nap();
}

static struct af_future *nap_for_line(const char *data, size_t len,
				      unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	return nap();
}

static struct af_future *make_nap(void *arg)
{
	int *left = arg;

	return --*left >= 0 ? nap() : NULL;
}

static struct af_future *begin_chain(void)
{
	return af_then(af_sleep(rig.loop, MS(0)), return_nap, NULL);
}

static struct af_future *begin_map(void)
{
	static int left;

	left = 3;
	return af_map(rig.loop, make_nap, &left, 2, 0);
}

static struct af_future *begin_each(void)
{
	put_text(rig.out, "one\ntwo\n");
	rig_hang_up(&rig);
	return af_file_each_async(rig.reader, AFIO_EACH_LINE, nap_for_line,
				  NULL);
}

static struct af_future *begin_group(void)
{
	struct af_future *parts[] = { nap(), nap() };

	return af_all(rig.loop, parts, 2);
}

static struct af_future *catch_timeout(struct af_future *done, void *arg)
{
	(void)arg;
	return af_future_error(done) == -ETIMEDOUT ? nap() : NULL;
}

static struct af_future *begin_timeout(void)
{
	struct af_future *f = af_future_new(rig.loop, NULL, NULL);

	return af_catch(af_with_timeout(f, MS(1)), catch_timeout, NULL);
}

static struct af_future *begin_idle(void)
{
	return af_file_idle(rig.reader, MS(2));
}

/* In which its bytes are is looked at below. */
static struct af_future *begin_small(void)
{
	put_text(rig.out, "abc");
	return af_file_read(rig.reader, 3, AFIO_FULL, NULL);
}

static struct af_future *begin_large(void)
{
	put_pattern(rig.out, 2000, 0);
	return af_file_read(rig.reader, 2000, AFIO_FULL, NULL);
}

/* Longer than the buffer is at first. */
static struct af_future *begin_line(void)
{
	static char line[200000];

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	if (!enlarge_pipe(rig.out, 1 << 20))
		return af_sleep(rig.loop, MS(0));
	put(rig.out, line, sizeof line);
	return af_file_readline(rig.reader, 0, 0, 0, NULL);
}

/* Of a file, whose bytes libevent has not read. */
static struct af_future *begin_part(void)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	struct evbuffer *buf;
	struct af_future *f;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	unlink(path);
	if (!offers_sendfile()) {
		close(fd);
		return af_sleep(rig.loop, MS(0));
	}
	memory.watched = false;
	ck_assert_int_eq(ftruncate(fd, 100), 0);
	buf = evbuffer_new();
	evbuffer_set_flags(buf, EVBUFFER_FLAG_DRAINS_TO_FD);
	ck_assert_int_eq(evbuffer_add_file(buf, fd, 0, 100), 0);
	rig_writer(&rig);
	memory.watched = true;
	f = af_file_write_buffer(rig.writer, buf, AFIO_FULL, NULL);
	evbuffer_free(buf);
	return f;
}

static ssize_t give_some(void *buf, size_t len, void *arg)
{
	int *left = arg;

	ck_assert_uint_ge(len, 100);
	if (--*left < 0)
		return 0;
	memset(buf, 'x', 100);
	return 100;
}

static struct af_pipe *pipeline;

static struct af_future *begin_feed(void)
{
	static int left;
	const struct af_communicate_options options = {
		.input_kind = AFIO_INPUT_CALLBACK,
		.input_fn = give_some,
		.input_arg = &left,
	};

	left = 3;
	pipeline = af_pipe_spawn(
		rig.loop, CHAIN(HELPER("cat")),
		WITH(.in.kind = AFIO_PIPE, .out.kind = AFIO_NULL));
	return pipeline ? af_pipe_communicate(pipeline, &options)
			: af_failed(rig.loop, -errno);
}

static struct af_future *(*const begins[])(void) = {
	begin_chain,   begin_map,  begin_each,	begin_group,
	begin_timeout, begin_idle, begin_small, begin_large,
	begin_line,    begin_feed, begin_part,
};
#define BEGINS ((int)(sizeof begins / sizeof *begins))

static void end_pipeline(void)
{
	struct af_future *f;

	if (!pipeline)
		return;
	f = af_pipe_stop(pipeline, MS(0));
	expect_error(&rig, f, 0);
	af_pipe_close(pipeline);
	pipeline = NULL;
}

/* A result without memory for its buffer has none, and keeps its bytes. */
static void expect_buffer(struct af_future *f)
{
	size_t len;
	const char *data = af_future_data(f, &len);
	struct evbuffer *buf = af_future_buffer(f);

	if (!data)
		return;
	ck_assert(buf || memory.failed > 0);
	if (!buf)
		return;
	ck_assert_uint_eq(evbuffer_get_length(buf), len);
	ck_assert_mem_eq(evbuffer_pullup(buf, -1), data, len);
}

/* The i-th allocation fails; false: there are not so many. */
static bool play(struct af_future *(*begin)(void), size_t i)
{
	struct af_future *f;
	int r;

	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	rig_reader(&rig);
	memory.n = memory.failed = 0;
	memory.from = i;
	memory.until = i + 1;
	memory.watched = true;
	f = begin();
	r = af_await(f);
	if (r == 0)
		expect_buffer(f);
	memory.watched = false;
	ck_assert_msg(r == 0 || (r == -ENOMEM && memory.failed > 0),
		      "allocation %zu: %s", i, strerror(-r));
	af_future_unref(f);
	end_pipeline();
	rig_close(&rig);
	return memory.failed > 0;
}

START_TEST(future_whose_memory_runs_out_late_fails_enomem)
{
	size_t i = 0;
	long live;

	event_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free);
	event_set_log_callback(expect_cause);
	do
		live = memory.live;
	while (play(begins[_i], i++) && memory.live == live);
	ck_assert_int_eq(memory.live, live);
	ck_assert_uint_ge(i, 2);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/out_of_memory");
	TCase *tc = test_case(s, "late");

	tcase_add_loop_test(tc, future_whose_memory_runs_out_late_fails_enomem,
			    0, BEGINS);
	return s;
}
