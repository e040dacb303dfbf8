/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_future_count() of operations that are pending: how many bytes have been
 * written, or passed to a function, so far.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "support/harness.h"
#include "support/pattern.h"

#define LARGE ((size_t)8 << 20)

static struct rig rig;
static unsigned char *data;

static void open_large(int way)
{
	rig_open(&rig, way);
	rig_writer(&rig);
	data = malloc(LARGE);
	pattern_fill(data, LARGE, 0);
}

static void close_large(void)
{
	free(data);
	rig_close(&rig);
}

/* It goes on as bytes are read, and tells how far it is. */
static void expect_progress(struct af_future *f)
{
	size_t before = af_future_count(f), taken = 0, now;

	ck_assert(!af_future_is_done(f));
	ck_assert(before > 0 && before < LARGE);
	do {
		expect_pattern(rig.in, 4096, taken);
		taken += 4096;
		turn(&rig);
		now = af_future_count(f);
		ck_assert(now >= before && now >= taken && now < LARGE);
	} while (now == before);
	rig_reader(&rig);
	expect_data_pattern(
		&rig, af_file_read(rig.reader, LARGE - taken, AFIO_FULL, NULL),
		LARGE - taken, taken, 0);
	expect_count(&rig, f, LARGE, 0);
}

START_TEST(write_pending_tells_how_far_it_is)
{
	open_large(_i);
	expect_progress(af_file_write(rig.writer, data, LARGE,
				      AFIO_FULL | AFIO_BORROW, NULL));
	close_large();
}
END_TEST

START_TEST(write_buffer_pending_tells_how_far_it_is)
{
	struct evbuffer *buf = evbuffer_new();

	open_large(_i);
	evbuffer_add(buf, data, LARGE);
	expect_progress(af_file_write_buffer(rig.writer, buf, AFIO_FULL, NULL));
	evbuffer_free(buf);
	close_large();
}
END_TEST

START_TEST(copy_pending_tells_how_far_it_is)
{
	struct af_file *from;
	struct af_future *f;
	int fds[2];

	open_large(_i);
	make_pair(KIND_SOCKETPAIR, fds);
	from = af_file_new(rig.loop, fds[0], 0);
	rig.reader = af_file_new(rig.loop, fds[1], 0);
	/* Its other end is written by the loop, too. */
	af_future_unref(af_file_write(rig.reader, data, LARGE,
				      AFIO_FULL | AFIO_BORROW, NULL));
	f = af_file_copy(from, rig.writer, (int64_t)LARGE, NULL);
	while (af_future_count(f) == 0)
		turn(&rig);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	af_future_cancel(f);
	/* As many as it said have arrived; and no more. */
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	expect_pattern(rig.in, af_future_count(f), 0);
	af_future_unref(f);
	ck_assert_int_eq(af_file_close(from), 0);
	close_large();
}
END_TEST

/* What a function has got, and what the future counts after it. */
static size_t got, counted_in_fn;
static struct af_future *whole, *gift;

static int take(const char *bytes, size_t len, unsigned flags, void *arg)
{
	(void)bytes;
	(void)flags;
	(void)arg;
	got += len;
	counted_in_fn = af_future_count(whole);
	return 0;
}

static struct af_future *take_and_wait(const char *bytes, size_t len,
				       unsigned flags, void *arg)
{
	take(bytes, len, flags, arg);
	ck_assert_ptr_null(gift);
	gift = af_future_new(rig.loop, NULL, NULL);
	return af_future_ref(gift);
}

static void resolve_gift(void)
{
	struct af_future *f = gift;

	gift = NULL;
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	af_future_unref(f);
}

static void expect_taken(size_t len)
{
	while (got < len)
		ck_assert_int_eq(af_await_for(whole, MS(1)), -ETIMEDOUT);
	ck_assert_uint_eq(got, len);
	ck_assert_uint_eq(counted_in_fn, len);
	ck_assert_uint_eq(af_future_count(whole), len);
	ck_assert(!af_future_is_done(whole));
}

static void open_each(int way)
{
	rig_open(&rig, way);
	rig_reader(&rig);
	got = counted_in_fn = 0;
	gift = NULL;
}

/* Index: by lines, or by chunks. An incomplete line does not count yet. */
START_TEST(each_pending_tells_how_many_bytes_fn_got)
{
	bool lines = _i % 2;

	open_each(_i / 2);
	whole = lines ? af_file_each_line(rig.reader, take, NULL)
		      : af_file_each_chunk(rig.reader, take, NULL);
	ck_assert_uint_eq(af_future_count(whole), 0);
	put_text(rig.out, "one\n");
	expect_taken(4);
	put_text(rig.out, "two\nth");
	expect_taken(lines ? 8 : 10);
	rig_hang_up(&rig);
	expect_count(&rig, whole, 10, AFIO_EOF);
	rig_close(&rig);
}
END_TEST

/* A piece counts from its call on, not only when its future is done. */
START_TEST(each_async_pending_tells_how_many_bytes_fn_got)
{
	open_each(_i);
	whole = af_file_each_async(rig.reader, AFIO_EACH_LINE, take_and_wait,
				   NULL);
	ck_assert_uint_eq(af_future_count(whole), 0);
	put_text(rig.out, "one\ntwo\nth");
	expect_taken(4);
	resolve_gift();
	expect_taken(8);
	resolve_gift();
	rig_hang_up(&rig);
	expect_taken(10);
	resolve_gift();
	expect_count(&rig, whole, 10, AFIO_EOF);
	rig_close(&rig);
}
END_TEST

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

/* What stands on a write that has come some way; and what reads. */
START_TEST(others_that_are_pending_tell_nothing)
{
	struct af_future *wholes[4], *f, *part;

	open_large(_i);
	f = af_file_write(rig.writer, data, LARGE, AFIO_FULL | AFIO_BORROW,
			  NULL);
	while (af_future_count(f) == 0)
		turn(&rig);
	part = af_future_ref(f);
	wholes[0] = af_all(rig.loop, &part, 1);
	wholes[1] = af_shield(af_future_ref(f));
	wholes[2] = af_with_timeout(af_future_ref(f), MS(60000));
	wholes[3] = af_sleep(rig.loop, MS(60000));
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(af_future_count(wholes[i]), 0);
	af_future_cancel(f);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(drive(&rig, wholes[i]), -ECANCELED);
		af_future_unref(wholes[i]);
	}
	af_future_cancel(wholes[3]);
	af_future_unref(wholes[3]);
	af_future_unref(f);
	close_large();
}
END_TEST

START_TEST(read_pending_tells_nothing_of_what_it_has)
{
	struct af_future *f;

	open_each(_i);
	f = af_file_read(rig.reader, 9, AFIO_FULL, NULL);
	put_text(rig.out, "abc");
	ck_assert_int_eq(af_await_for(f, MS(5)), -ETIMEDOUT);
	ck_assert_uint_eq(af_future_count(f), 0);
	put_text(rig.out, "defghi");
	expect_text(&rig, f, "abcdefghi", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(chain_pending_tells_nothing)
{
	struct af_future *f;

	open_large(_i);
	f = af_then(af_file_write(rig.writer, data, LARGE,
				  AFIO_FULL | AFIO_BORROW, NULL),
		    pass, NULL);
	ck_assert_uint_eq(af_future_count(f), 0);
	af_future_cancel(f);
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	ck_assert_uint_gt(af_future_count(f), 0);
	af_future_unref(f);
	close_large();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/progress");
	TCase *tc = test_case(s, "progress");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(write_pending_tells_how_far_it_is);
	ADD(write_buffer_pending_tells_how_far_it_is);
	ADD(copy_pending_tells_how_far_it_is);
	tcase_add_loop_test(tc, each_pending_tells_how_many_bytes_fn_got, 0,
			    2 * EVERY_WAY);
	ADD(each_async_pending_tells_how_many_bytes_fn_got);
	ADD(chain_pending_tells_nothing);
	ADD(others_that_are_pending_tell_nothing);
	ADD(read_pending_tells_nothing_of_what_it_has);
	return s;
}
