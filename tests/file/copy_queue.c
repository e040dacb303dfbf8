/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A copy's place in two queues, and what becomes of it when one of them ends; a
 * loop that goes on or sleeps while it waits; and many of them at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "support/copies.h"

#define ALL_BUT_TCP ((WAYS - 3) * DRIVE_COUNT)

START_TEST(copy_has_its_place_in_both_queues)
{
	struct af_future *reads[2], *writes[3], *copies[3];

	open_way(_i);
	writes[0] = writing("<");
	reads[0] = reading(2);
	copies[0] = copying(4, NULL);
	writes[1] = writing("|");
	reads[1] = reading(2);
	copies[1] = copying(2, NULL);
	copies[2] = copying(2, NULL);
	writes[2] = writing(">");
	turn(&rig);
	ck_assert(af_future_is_done(writes[0]));
	ck_assert(!af_future_is_done(writes[1]));
	put_text(rig.out, "aabbbbccddee");
	expect_count(&rig, writes[2], 1, 0);
	expect_count(&rig, copies[0], 4, 0);
	expect_count(&rig, copies[1], 2, 0);
	expect_count(&rig, copies[2], 2, 0);
	expect_text(&rig, reads[0], "aa", 0);
	expect_text(&rig, reads[1], "cc", 0);
	expect_count(&rig, writes[0], 1, 0);
	expect_count(&rig, writes[1], 1, 0);
	expect_sunk("<bbbb|ddee>");
	close_way();
}
END_TEST

/* First at its source, and not yet at its target. */
START_TEST(copy_behind_a_write_holds_up_the_reads)
{
	struct af_future *write, *copy, *read;
	struct af_file *reader;

	open_way(_i);
	write = af_file_write(target, data, LEN, AFIO_FULL | AFIO_BORROW, NULL);
	copy = copying(3, NULL);
	read = reading(3);
	put_text(rig.out, "abcdef");
	for (int i = 0; i < 5; i++)
		turn(&rig);
	ck_assert(!af_future_is_done(copy));
	ck_assert(!af_future_is_done(read));
	expect_error(&rig, copying(3, MS(5)), -ETIMEDOUT);
	reader = af_file_new(rig.loop, sink, AFIO_KEEP_FD);
	expect_data_pattern(&rig, af_file_read(reader, LEN, AFIO_FULL, NULL),
			    LEN, 0, 0);
	expect_count(&rig, write, LEN, 0);
	expect_count(&rig, copy, 3, 0);
	expect_text(&rig, read, "def", 0);
	expect_text(&rig, af_file_read(reader, 3, AFIO_FULL, NULL), "abc", 0);
	ck_assert_int_eq(af_file_close(reader), 0);
	close_way();
}
END_TEST

/* First at its target, and not yet at its source. */
START_TEST(copy_behind_a_read_holds_up_the_writes)
{
	struct af_future *write, *copy, *read;

	open_way(_i);
	read = reading(4);
	copy = copying(2, NULL);
	write = writing("!");
	put_text(rig.out, "abc");
	for (int i = 0; i < 5; i++)
		turn(&rig);
	ck_assert(!af_future_is_done(write));
	expect_sink_is_empty();
	put_text(rig.out, "def");
	expect_count(&rig, write, 1, 0);
	expect_text(&rig, read, "abcd", 0);
	expect_count(&rig, copy, 2, 0);
	expect_sunk("ef!");
	close_way();
}
END_TEST

/*
 * One that ends lets the next begin, and so on, but not on the stack. Index: the
 * way; the drivers take turns.
 */
START_TEST(copies_queued_deep_all_end)
{
	struct af_future *f = NULL, *all;
	struct af_file *reader;
	const size_t n = 30000;

	open_way(_i * DRIVE_COUNT + _i % DRIVE_COUNT);
	reader = af_file_new(rig.loop, sink, AFIO_KEEP_FD);
	all = af_file_read(reader, n, AFIO_FULL, NULL);
	for (size_t i = 0; i < n; i++) {
		af_future_unref(f);
		f = copying(1, NULL);
	}
	put_pattern(rig.out, n, 0);
	expect_count(&rig, f, 1, 0);
	expect_data_pattern(&rig, all, n, 0, 0);
	ck_assert_int_eq(af_file_close(reader), 0);
	close_way();
}
END_TEST

/* The end of one of the files, or of all. */

static void drain_sink(size_t len)
{
	expect_pattern(sink, len, 0);
	expect_sink_is_empty();
}

/*
 * There is room and there are bytes when the first one is cancelled: the second
 * is not to begin with them. Index: what ends, a way, and who drives.
 */
START_TEST(copies_cancelled_by_an_end_move_nothing)
{
	struct af_future *first, *second;
	struct evbuffer *unread = evbuffer_new();
	int what = _i / ALL_BUT_TCP, fd, queued;

	open_way(_i % ALL_BUT_TCP);
	first = begin_stuck(NULL);
	second = copying(-1, NULL);
	ck_assert_int_eq(ioctl(sink, FIONREAD, &queued), 0);
	drain_sink((size_t)queued);
	if (what == 0) {
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
	} else if (what == 1) {
		close_target();
	} else if (what == 2) {
		af_loop_free(rig.loop);
	} else {
		struct af_file *file = what == 3 ? rig.reader : target;

		fd = af_file_fd(file);
		ck_assert_int_eq(af_file_detach(file, unread), fd);
		close(fd);
		*(what == 3 ? &rig.reader : &target) = NULL;
	}
	ck_assert_int_eq(af_future_error(first), -ECANCELED);
	ck_assert_uint_eq(af_future_count(first), (size_t)queued);
	ck_assert_int_eq(af_future_error(second), -ECANCELED);
	ck_assert_uint_eq(af_future_count(second), 0);
	if (target && what != 2)
		expect_sink_is_empty();
	af_future_unref(first);
	af_future_unref(second);
	evbuffer_free(unread);
	close_target();
	close_sink();
	if (what == 2) {
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
		rig_hang_up(&rig);
		rig.loop = NULL;
	}
	rig_close(&rig);
}
END_TEST

START_TEST(copy_whose_source_is_detached_loses_nothing)
{
	struct evbuffer *unread = evbuffer_new();
	unsigned char *got = malloc(LEN);
	struct af_future *f;
	size_t count, n;
	int fd;

	open_way(_i);
	f = begin_stuck(NULL);
	fd = af_file_detach(rig.reader, unread);
	rig.reader = NULL;
	count = expect_end(f, -ECANCELED, 0);
	expect_pattern(sink, count, 0);
	n = evbuffer_get_length(unread);
	/* A slow target has it read ahead no more than this. */
	ck_assert_uint_le(n, 65536 + 4096);
	ck_assert_int_eq(evbuffer_remove(unread, got, n), (int)n);
	ck_assert_uint_eq(pattern_match(got, n, count), n);
	evbuffer_free(unread);
	free(got);
	rig.in = fd;
	rig_reader(&rig);
	expect_rest(count + n);
	close_way();
}
END_TEST

/* The loop. */

/* Sockets that would block are used as if they did not. */
START_TEST(copy_does_not_block_the_loop)
{
	struct af_future *f;

	open_way(_i);
	f = copying(-1, NULL);
	expect_count(&rig, af_sleep(rig.loop, MS(5)), 0, 0);
	ck_assert(!af_future_is_done(f));
	feed(&rig, data, LEN, false);
	expect_count(&rig, af_sleep(rig.loop, MS(20)), 0, 0);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	expect_pattern(sink, expect_end(f, -ECANCELED, 0), 0);
	close_way();
}
END_TEST

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	bool *over = arg;

	(void)fd;
	(void)what;
	*over = true;
}

/* How often the loop wakes up in a while in which there is nothing to do. */
static int wake_ups(void)
{
	struct event_base *base = af_loop_base(rig.loop);
	bool over = false;
	int n = 0;

	for (int i = 0; i < 20; i++)
		turn(&rig);
	event_base_once(base, -1, EV_TIMEOUT, on_time, &over, MS(30));
	while (!over) {
		ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
		n++;
	}
	return n;
}

START_TEST(copy_that_waits_lets_the_loop_sleep)
{
	struct af_future *copy, *write;

	open_way(_i);
	/* Its source can be read, but its target is not ready: it is full; */
	copy = begin_stuck(NULL);
	ck_assert_int_lt(wake_ups(), 20);
	af_future_cancel(copy);
	expect_pattern(sink, expect_end(copy, -ECANCELED, 0), 0);
	/* or somebody else's turn it is. */
	write = af_file_write(target, data, LEN, AFIO_FULL | AFIO_BORROW, NULL);
	copy = copying(-1, NULL);
	ck_assert_int_lt(wake_ups(), 20);
	af_future_cancel(write);
	af_future_unref(write);
	af_future_unref(copy);
	close_way();
	/* Its target can be written, but its source is not ready. */
	open_way(_i);
	copy = copying(-1, NULL);
	put_text(rig.out, "abc");
	ck_assert_int_lt(wake_ups(), 20);
	expect_sunk("abc");
	af_future_unref(copy);
	write = writing("x");
	ck_assert_int_lt(wake_ups(), 20);
	af_future_unref(write);
	close_way();
}
END_TEST

/* Many. */

#define MANY 100

START_TEST(copies_at_once_are_all_whole)
{
	struct af_file *from[MANY], *to[MANY];
	struct af_future *copies[MANY];
	int outs[MANY], ins[MANY], fds[2];

	rig_open_loop(&rig, _i);
	for (int i = 0; i < MANY; i++) {
		make_pair(i % 2 ? KIND_PIPE : KIND_SOCKETPAIR, fds);
		from[i] = af_file_new(rig.loop, fds[0], 0);
		outs[i] = fds[1];
		make_pair(i % 3 ? KIND_PIPE : KIND_SOCKETPAIR, fds);
		to[i] = af_file_new(rig.loop, fds[1], 0);
		ins[i] = fds[0];
		copies[i] = af_file_copy(from[i], to[i], -1, NULL);
	}
	for (int i = MANY - 1; i >= 0; i--) {
		put_pattern(outs[i], 1000 + (size_t)i, (size_t)i);
		close(outs[i]);
	}
	for (size_t i = 0; i < MANY; i++) {
		expect_count(&rig, copies[i], 1000 + i, AFIO_EOF);
		expect_pattern(ins[i], 1000 + i, i);
		close(ins[i]);
		ck_assert_int_eq(af_file_close(from[i]), 0);
		ck_assert_int_eq(af_file_close(to[i]), 0);
	}
	rig_close(&rig);
}
END_TEST

#define RING 5

/* Ten times round, and the same bytes are where they began. */
START_TEST(copies_in_a_ring_pass_it_all_on)
{
	struct af_file *in[RING], *out[RING];
	struct af_future *copies[RING];
	int fds[2];

	rig_open_loop(&rig, _i);
	for (int i = 0; i < RING; i++) {
		make_pair(KIND_PIPE, fds);
		if (i == 0)
			put_pattern(fds[1], 1000, 0);
		in[i] = af_file_new(rig.loop, fds[0], 0);
		out[i] = af_file_new(rig.loop, fds[1], 0);
	}
	for (int i = 0; i < RING; i++)
		copies[i] =
			af_file_copy(in[i], out[(i + 1) % RING], 10000, NULL);
	for (int i = 0; i < RING; i++)
		expect_count(&rig, copies[i], 10000, 0);
	expect_data_pattern(&rig, af_file_read(in[0], 1000, AFIO_FULL, NULL),
			    1000, 0, 0);
	for (int i = 0; i < RING; i++) {
		ck_assert_int_eq(af_file_close(in[i]), 0);
		ck_assert_int_eq(af_file_close(out[i]), 0);
	}
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/copy_queue");
	TCase *tc = test_case(s, "queues");

	pattern_fill(data, LEN, 0);
#define ADD(test) tcase_add_loop_test(tc, test, 0, ALL_WAYS)
	ADD(copy_has_its_place_in_both_queues);
	ADD(copy_behind_a_write_holds_up_the_reads);
	ADD(copy_behind_a_read_holds_up_the_writes);
	tcase_add_loop_test(tc, copies_queued_deep_all_end, 0, WAYS);
	tcase_add_loop_test(tc, copies_cancelled_by_an_end_move_nothing, 0,
			    5 * ALL_BUT_TCP);
	ADD(copy_whose_source_is_detached_loses_nothing);

	tc = test_case(s, "loop");
	ADD(copy_does_not_block_the_loop);
	ADD(copy_that_waits_lets_the_loop_sleep);

	tc = test_case(s, "many");
	tcase_add_loop_test(tc, copies_at_once_are_all_whole, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, copies_in_a_ring_pass_it_all_on, 0,
			    DRIVE_COUNT);
	return s;
}
