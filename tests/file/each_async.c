/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_each_async(): one piece at a time, nothing read while its
 * future is pending, and every way in which one of the two ends the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#include "support/harness.h"
#include "support/pattern.h"
#include "support/system.h"

static struct rig rig;

/* What fn got, a bar after each piece, and a letter for flags. */
static char text[4096];
static size_t text_len, calls;
static struct af_future *whole;

/* What fn does at a call, if not NULL: it returns what fn returns. */
static struct af_future *(*answer)(size_t call);
/* A future of the program that fn has returned, and the piece it was for. */
static struct af_future *gift;
static const char *piece;
static size_t piece_len;
static int n_cancelled;
/* Whether fn returns the whole itself, or a group of it. */
static bool in_group;

static struct af_future *take(const char *data, size_t len, unsigned flags,
			      void *arg)
{
	ck_assert_ptr_eq(arg, &rig);
	ck_assert_uint_lt(text_len + len + 2, sizeof text);
	memcpy(text + text_len, data, len);
	text_len += len;
	if (flags)
		text[text_len++] = flags == AFIO_EOF ? '$' : '?';
	text[text_len++] = '|';
	text[text_len] = '\0';
	piece = data;
	piece_len = len;
	return answer ? answer(++calls) : NULL;
}

static void open_reader(int way)
{
	rig_open(&rig, way);
	rig_reader(&rig);
	text[0] = '\0';
	text_len = calls = 0;
	n_cancelled = 0;
	answer = NULL;
	gift = NULL;
}

static struct af_future *each(enum af_each what)
{
	whole = af_file_each_async(rig.reader, what, take, &rig);
	return whole;
}

static void note_cancel(struct af_future *f, void *arg)
{
	(void)f;
	(void)arg;
	n_cancelled++;
}

static struct af_future *make_gift(void)
{
	gift = af_future_new(rig.loop, note_cancel, NULL);
	return af_future_ref(gift);
}

static void drop_gift(void)
{
	af_future_unref(gift);
	gift = NULL;
}

static void resolve_gift(void)
{
	struct af_future *f = gift;

	gift = NULL;
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	af_future_unref(f);
}

static struct af_future *answer_gift(size_t call)
{
	(void)call;
	return make_gift();
}

static struct af_future *answer_done(size_t call)
{
	struct af_future *f = make_gift();

	(void)call;
	resolve_gift();
	return f;
}

/* Turns the loop until fn has returned a future that is pending. */
static void until_gift(void)
{
	while (!gift)
		ck_assert_int_eq(af_await_for(whole, MS(1)), -ETIMEDOUT);
}

static void expect_ended(struct af_future *f, int error, size_t count)
{
	ck_assert_int_eq(drive(&rig, f), error);
	ck_assert_uint_eq(af_future_count(f), count);
	ck_assert_uint_eq(af_future_flags(f), error ? 0 : AFIO_EOF);
	af_future_unref(f);
}

START_TEST(each_async_without_futures_gets_every_line)
{
	open_reader(_i);
	put_text(rig.out, "one\n\nthree");
	rig_hang_up(&rig);
	expect_ended(each(AFIO_EACH_LINE), 0, 10);
	ck_assert_str_eq(text, "one\n|\n|three$|");
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(each_async_with_done_futures_goes_on_at_once)
{
	open_reader(_i);
	answer = answer_done;
	put_text(rig.out, "one\n\nthree");
	rig_hang_up(&rig);
	expect_ended(each(AFIO_EACH_LINE), 0, 10);
	ck_assert_str_eq(text, "one\n|\n|three$|");
	rig_close(&rig);
}
END_TEST

static struct af_future *nap(size_t call)
{
	return af_sleep(rig.loop, MS(call % 2));
}

START_TEST(each_async_waits_for_each_future)
{
	open_reader(_i);
	answer = nap;
	put_text(rig.out, "one\ntwo\nthree\nfour\nfi");
	rig_hang_up(&rig);
	expect_ended(each(AFIO_EACH_LINE), 0, 21);
	ck_assert_str_eq(text, "one\n|two\n|three\n|four\n|fi$|");
	rig_close(&rig);
}
END_TEST

/* While its future is pending, no piece is passed on. */
START_TEST(each_async_passes_nothing_on_while_a_future_is_pending)
{
	open_reader(_i);
	answer = answer_gift;
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	until_gift();
	put_text(rig.out, "three\n");
	ck_assert_int_eq(af_await_for(whole, MS(5)), -ETIMEDOUT);
	ck_assert_str_eq(text, "one\n|");
	ck_assert_uint_eq(piece_len, 4);
	ck_assert_mem_eq(piece, "one\n", 4);
	resolve_gift();
	until_gift();
	ck_assert_str_eq(text, "one\n|two\n|");
	answer = NULL;
	resolve_gift();
	rig_hang_up(&rig);
	expect_ended(whole, 0, 14);
	ck_assert_str_eq(text, "one\n|two\n|three\n|");
	rig_close(&rig);
}
END_TEST

static int unread_in(int fd)
{
	int n = -1;

	ck_assert_int_eq(ioctl(fd, FIONREAD, &n), 0);
	return n;
}

/* What is written after the piece was read stays in the kernel. */
START_TEST(each_async_reads_nothing_while_a_future_is_pending)
{
	open_reader(_i);
	answer = answer_gift;
	put_text(rig.out, "first\n");
	each(_i % 2 ? AFIO_EACH_LINE : AFIO_EACH_CHUNK);
	until_gift();
	put_text(rig.out, "second\n");
	ck_assert_int_eq(af_await_for(whole, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(unread_in(af_file_fd(rig.reader)), 7);
	answer = NULL;
	resolve_gift();
	rig_hang_up(&rig);
	expect_ended(whole, 0, 13);
	ck_assert_str_eq(text, "first\n|second\n|");
	rig_close(&rig);
}
END_TEST

START_TEST(each_async_at_the_end_succeeds_once_its_last_future_is_done)
{
	open_reader(_i);
	answer = answer_gift;
	put_text(rig.out, "one\ntwo");
	rig_hang_up(&rig);
	each(AFIO_EACH_LINE);
	until_gift();
	resolve_gift();
	until_gift();
	ck_assert_str_eq(text, "one\n|two$|");
	ck_assert_int_eq(af_await_for(whole, MS(5)), -ETIMEDOUT);
	ck_assert(!af_future_is_done(whole));
	answer = NULL;
	resolve_gift();
	expect_ended(whole, 0, 7);
	rig_close(&rig);
}
END_TEST

/*
 * The peer leaves bytes unread, which is a reset here. Index: the rest, an
 * incomplete line, stays in the file; or there is none.
 */
START_TEST(each_async_at_a_read_error_fails_once_its_last_future_is_done)
{
	bool rest = _i / DRIVE_COUNT;

	open_reader(WAY(KIND_SOCKETPAIR, _i % DRIVE_COUNT));
	answer = answer_gift;
	put_text(af_file_fd(rig.reader), "unread");
	put_text(rig.out, rest ? "one\npart" : "one\n");
	each(AFIO_EACH_LINE);
	until_gift();
	rig_hang_up(&rig);
	ck_assert_int_eq(af_await_for(whole, MS(5)), -ETIMEDOUT);
	ck_assert(!af_future_is_done(whole));
	answer = NULL;
	resolve_gift();
	expect_ended(whole, -ECONNRESET, 4);
	ck_assert_str_eq(text, "one\n|");
	if (rest)
		expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "part",
			    AFIO_ERROR);
	rig_close(&rig);
}
END_TEST

static struct af_future *fail_second(size_t call)
{
	struct af_future *f = af_future_new(rig.loop, NULL, NULL);

	if (call == 2)
		ck_assert_int_eq(af_future_fail(f, -EPROTO), 0);
	else
		ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	return f;
}

START_TEST(each_async_given_a_failed_future_fails_with_its_error)
{
	open_reader(_i);
	answer = fail_second;
	put_text(rig.out, "one\ntwo\nthree\n");
	expect_ended(each(AFIO_EACH_LINE), -EPROTO, 8);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL),
		    "three\n", 0);
	rig_close(&rig);
}
END_TEST

START_TEST(each_async_whose_future_fails_fails_with_its_error)
{
	open_reader(_i);
	answer = answer_gift;
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	until_gift();
	ck_assert_int_eq(af_future_fail(gift, -EPROTO), 0);
	drop_gift();
	expect_ended(whole, -EPROTO, 4);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "two\n",
		    0);
	rig_close(&rig);
}
END_TEST

/* Not a byte of the rest is lost, and the future is told. */
START_TEST(each_async_cancelled_cancels_its_future)
{
	open_reader(_i);
	answer = answer_gift;
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	until_gift();
	af_future_cancel(whole);
	ck_assert_int_eq(af_future_error(whole), -ECANCELED);
	ck_assert_int_eq(af_future_error(gift), -ECANCELED);
	ck_assert_int_eq(n_cancelled, 1);
	/* The bytes are valid until the future is done, which it has been. */
	drop_gift();
	expect_ended(whole, -ECANCELED, 4);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "two\n",
		    0);
	rig_close(&rig);
}
END_TEST

/* A future that is done keeps its outcome, and the whole is cancelled. */
START_TEST(each_async_cancelled_after_its_future_is_done_leaves_that)
{
	struct af_future *f;

	open_reader(_i);
	answer = answer_gift;
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	until_gift();
	f = af_future_ref(gift);
	resolve_gift();
	af_future_cancel(whole);
	ck_assert_int_eq(af_future_error(f), 0);
	ck_assert_int_eq(n_cancelled, 0);
	af_future_unref(f);
	expect_ended(whole, -ECANCELED, 4);
	ck_assert_str_eq(text, "one\n|");
	rig_close(&rig);
}
END_TEST

static struct af_future *cancel_and_wait(size_t call)
{
	(void)call;
	af_future_cancel(whole);
	return make_gift();
}

START_TEST(each_async_cancelled_by_fn_cancels_what_it_returns)
{
	open_reader(_i);
	answer = cancel_and_wait;
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	ck_assert_int_eq(drive(&rig, whole), -ECANCELED);
	ck_assert_int_eq(drive(&rig, gift), -ECANCELED);
	ck_assert_int_eq(n_cancelled, 1);
	drop_gift();
	expect_ended(whole, -ECANCELED, 4);
	rig_close(&rig);
}
END_TEST

static void close_reader(void)
{
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
}

static struct af_future *close_and_wait(size_t call)
{
	(void)call;
	close_reader();
	return make_gift();
}

START_TEST(each_async_whose_fn_closes_the_file_is_cancelled)
{
	open_reader(_i);
	answer = close_and_wait;
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	expect_ended(whole, -ECANCELED, 4);
	ck_assert_int_eq(n_cancelled, 1);
	drop_gift();
	rig_close(&rig);
}
END_TEST

START_TEST(each_async_whose_file_is_closed_cancels_its_future)
{
	open_reader(_i);
	answer = answer_gift;
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	until_gift();
	close_reader();
	ck_assert_int_eq(af_future_error(whole), -ECANCELED);
	ck_assert_int_eq(n_cancelled, 1);
	drop_gift();
	expect_ended(whole, -ECANCELED, 4);
	rig_close(&rig);
}
END_TEST

START_TEST(each_async_whose_loop_is_freed_cancels_its_future)
{
	open_reader(_i);
	answer = answer_gift;
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	until_gift();
	close_reader();
	ck_assert_int_eq(af_file_close(rig.writer), 0);
	rig.writer = NULL;
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(whole), -ECANCELED);
	ck_assert_int_eq(af_future_error(gift), -ECANCELED);
	ck_assert_int_eq(n_cancelled, 1);
	drop_gift();
	af_future_unref(whole);
	rig_close(&rig);
}
END_TEST

static struct af_future *free_loop(size_t call)
{
	(void)call;
	af_loop_free(rig.loop);
	rig.loop = NULL;
	return af_sleep(rig.loop, MS(1));
}

START_TEST(each_async_whose_fn_frees_the_loop_is_cancelled)
{
	open_reader(WAY(KIND_PIPE, DRIVE_AWAIT));
	answer = free_loop;
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	ck_assert_int_eq(af_await(whole), -ECANCELED);
	af_future_unref(whole);
	close_reader();
	rig_close(&rig);
}
END_TEST

/* Waits for both, which can end only after fn has returned. */
static struct af_future *await_whole(size_t call)
{
	ck_assert_int_eq(af_await(whole), -EDEADLK);
	return call == 1 ? af_sleep(rig.loop, MS(1)) : NULL;
}

START_TEST(await_of_the_whole_in_fn_is_a_deadlock)
{
	open_reader(_i);
	answer = await_whole;
	put_text(rig.out, "one\ntwo\n");
	rig_hang_up(&rig);
	expect_ended(each(AFIO_EACH_LINE), 0, 8);
	ck_assert_uint_eq(calls, 2);
	rig_close(&rig);
}
END_TEST

static struct af_future *answer_whole(size_t call)
{
	struct af_future *parts[] = { af_future_ref(whole) };

	(void)call;
	return in_group ? af_all(rig.loop, parts, 1) : parts[0];
}

START_TEST(each_async_given_what_waits_for_it_is_a_deadlock)
{
	open_reader(_i / 2);
	in_group = _i % 2;
	answer = answer_whole;
	put_text(rig.out, "one\ntwo\n");
	expect_ended(each(AFIO_EACH_LINE), -EDEADLK, 4);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "two\n",
		    0);
	rig_close(&rig);
}
END_TEST

/* A continuation waits for the whole, which waits for that continuation. */
static void await_in_continuation(struct af_future *done, void *arg)
{
	int *ret_r = arg;

	(void)done;
	*ret_r = af_await(whole);
}

static struct af_future *pass_gift(struct af_future *done, void *arg)
{
	await_in_continuation(done, arg);
	return NULL;
}

static int awaited;

static struct af_future *answer_chain(size_t call)
{
	(void)call;
	return af_then(make_gift(), pass_gift, &awaited);
}

START_TEST(await_of_the_whole_in_its_own_chain_is_a_deadlock)
{
	open_reader(_i);
	answer = answer_chain;
	awaited = 1;
	put_text(rig.out, "one\n");
	rig_hang_up(&rig);
	each(AFIO_EACH_LINE);
	until_gift();
	answer = NULL;
	resolve_gift();
	expect_ended(whole, 0, 4);
	ck_assert_int_eq(awaited, -EDEADLK);
	rig_close(&rig);
}
END_TEST

static struct af_future *await_and_nap(size_t call)
{
	struct af_future *f = af_sleep(rig.loop, MS(1));

	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	return call % 2 ? af_sleep(rig.loop, MS(1)) : NULL;
}

START_TEST(each_async_whose_fn_awaits_goes_on_in_order)
{
	open_reader(_i);
	answer = await_and_nap;
	put_text(rig.out, "one\ntwo\nthree\n");
	rig_hang_up(&rig);
	expect_ended(each(AFIO_EACH_LINE), 0, 14);
	ck_assert_str_eq(text, "one\n|two\n|three\n|");
	rig_close(&rig);
}
END_TEST

/* The bytes are sent from where they were read. */
static struct af_file *sink;
static size_t sent;

static struct af_future *send_on(const char *data, size_t len, unsigned flags,
				 void *arg)
{
	(void)flags;
	(void)arg;
	sent += len;
	return af_file_write(sink, data, len, AFIO_FULL | AFIO_BORROW, NULL);
}

static void open_sink(int ends[2])
{
	make_pair(KIND_PIPE, ends);
	sink = af_file_new(rig.loop, ends[1], 0);
	ck_assert_ptr_nonnull(sink);
	sent = 0;
}

START_TEST(each_async_can_write_its_pieces_without_a_copy)
{
	const size_t len = (size_t)2 << 20;
	unsigned char *data = malloc(len);
	struct af_file *end;
	struct af_future *arrived;
	int ends[2];

	ck_assert_ptr_nonnull(data);
	pattern_fill(data, len, 0);
	open_reader(_i / 2);
	open_sink(ends);
	end = af_file_new(rig.loop, ends[0], 0);
	feed(&rig, data, len, true);
	whole = af_file_each_async(rig.reader,
				   _i % 2 ? AFIO_EACH_LINE : AFIO_EACH_CHUNK,
				   send_on, NULL);
	arrived = af_file_read(end, len, AFIO_FULL, NULL);
	expect_ended(whole, 0, len);
	expect_data_pattern(&rig, arrived, len, 0, 0);
	ck_assert_int_eq(af_file_close(sink), 0);
	ck_assert_int_eq(af_file_close(end), 0);
	rig_close(&rig);
	free(data);
}
END_TEST

/* A chain that a cancel reaches, and that goes on all the same. */
static struct af_future *later_look;

static struct af_future *keep_looking(struct af_future *done, void *arg)
{
	(void)arg;
	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	return af_future_ref(later_look);
}

static struct af_future *answer_stubborn(size_t call)
{
	(void)call;
	return af_catch(make_gift(), keep_looking, NULL);
}

/* Another read needs room meanwhile, where the piece is. */
START_TEST(each_async_cancelled_keeps_the_bytes_until_the_future_is_done)
{
	const size_t len = 600000;
	char *data = malloc(len);
	struct af_future *rest;

	ck_assert_ptr_nonnull(data);
	memset(data, 'b', len);
	open_reader(_i);
	answer = answer_stubborn;
	later_look = af_future_new(rig.loop, NULL, NULL);
	put_text(rig.out, "one\ntwo\n");
	each(AFIO_EACH_LINE);
	until_gift();
	af_future_cancel(whole);
	ck_assert_int_eq(n_cancelled, 1);
	drop_gift();
	feed(&rig, data, len, true);
	rest = af_file_read(rig.reader, 0, 0, NULL);
	ck_assert_int_eq(drive(&rig, rest), 0);
	ck_assert_uint_eq(af_future_count(rest), len + 4);
	af_future_unref(rest);
	close_reader();
	ck_assert_mem_eq(piece, "one\n", 4);
	ck_assert_int_eq(af_future_resolve(later_look, NULL, NULL), 0);
	af_future_unref(later_look);
	expect_ended(whole, -ECANCELED, 4);
	rig_close(&rig);
	free(data);
}
END_TEST

START_TEST(each_async_with_a_limit_fails_on_a_longer_line)
{
	open_reader(_i);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 5), 0);
	answer = nap;
	put_text(rig.out, "four\ntoo long\n");
	expect_ended(each(AFIO_EACH_LINE), -EMSGSIZE, 5);
	expect_text(&rig, af_file_read(rig.reader, 9, AFIO_FULL, NULL),
		    "too long\n", 0);
	rig_close(&rig);
}
END_TEST

/* Messages */

static int far_end;

static void open_messages(int type, int driver)
{
	int fds[2];

	rig_open_loop(&rig, (enum driver)driver);
	ck_assert_int_eq(cloexec_socketpair(type, fds), 0);
	rig.reader = af_file_new(rig.loop, fds[0], 0);
	ck_assert_ptr_nonnull(rig.reader);
	far_end = fds[1];
	text[0] = '\0';
	text_len = calls = 0;
	n_cancelled = 0;
	answer = nap;
	gift = NULL;
}

static struct af_future *fail_third(size_t call)
{
	struct af_future *f = af_future_new(rig.loop, NULL, NULL);

	if (call < 3)
		ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	else
		ck_assert_int_eq(af_future_fail(f, -EPROTO), 0);
	return f;
}

START_TEST(each_async_gets_every_message_even_an_empty_one)
{
	open_messages(SOCK_DGRAM, _i);
	ck_assert_int_eq(send(far_end, "one\n+", 5, 0), 5);
	ck_assert_int_eq(send(far_end, "", 0, 0), 0);
	ck_assert_int_eq(send(far_end, "three", 5, 0), 5);
	answer = fail_third;
	expect_ended(each(AFIO_EACH_RECORD), -EPROTO, 10);
	ck_assert_str_eq(text, "one\n+||three|");
	close(far_end);
	rig_close(&rig);
}
END_TEST

/* One that waits for a future, and one whose future has failed. */
static struct af_future *fail_at_once(size_t call)
{
	struct af_future *f = fail_third(call);

	return call == 2 ? (af_future_unref(f), make_gift()) : f;
}

START_TEST(each_async_waits_after_an_empty_message_and_ends_at_one)
{
	open_messages(SOCK_DGRAM, _i);
	ck_assert_int_eq(send(far_end, "one", 3, 0), 3);
	ck_assert_int_eq(send(far_end, "", 0, 0), 0);
	ck_assert_int_eq(send(far_end, "", 0, 0), 0);
	ck_assert_int_eq(send(far_end, "four", 4, 0), 4);
	answer = fail_at_once;
	whole = each(AFIO_EACH_RECORD);
	until_gift();
	ck_assert_str_eq(text, "one||");
	resolve_gift();
	expect_ended(whole, -EPROTO, 3);
	ck_assert_str_eq(text, "one|||");
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "four", 0);
	close(far_end);
	rig_close(&rig);
}
END_TEST

START_TEST(each_async_gets_every_seqpacket)
{
	open_messages(SOCK_SEQPACKET, _i);
	ck_assert_int_eq(send(far_end, "one", 3, 0), 3);
	ck_assert_int_eq(send(far_end, "two", 3, 0), 3);
	close(far_end);
	expect_ended(each(AFIO_EACH_RECORD), 0, 6);
	ck_assert_str_eq(text, "one|two|");
	rig_close(&rig);
}
END_TEST

START_TEST(each_async_with_a_limit_fails_on_a_longer_message)
{
	open_messages(SOCK_SEQPACKET, _i);
	ck_assert_int_eq(af_file_set_limit(rig.reader, 3), 0);
	ck_assert_int_eq(send(far_end, "one", 3, 0), 3);
	ck_assert_int_eq(send(far_end, "four", 4, 0), 4);
	expect_ended(each(AFIO_EACH_RECORD), -EMSGSIZE, 3);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "four", 0);
	close(far_end);
	rig_close(&rig);
}
END_TEST

#ifdef O_DIRECT
static void make_packet_pipe(int fds[2])
{
	ck_assert_int_eq(pipe2(fds, O_DIRECT | O_CLOEXEC), 0);
	/* pipe2(2) sets it for the other end only. */
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_DIRECT), 0);
}
#else
static void make_packet_pipe(int fds[2])
{
	ck_abort_msg("no packet pipes here: %p", (void *)fds);
}
#endif

START_TEST(each_async_gets_every_packet_of_a_packet_pipe)
{
	int fds[2];

	if (!have_linux("packet pipes"))
		return;
	open_messages(SOCK_DGRAM, _i);
	close(far_end);
	close_reader();
	make_packet_pipe(fds);
	rig.reader = af_file_new(rig.loop, fds[0], 0);
	ck_assert_ptr_nonnull(rig.reader);
	put_text(fds[1], "one");
	put_text(fds[1], "two");
	close(fds[1]);
	expect_ended(each(AFIO_EACH_RECORD), 0, 6);
	ck_assert_str_eq(text, "one|two|");
	rig_close(&rig);
}
END_TEST

/* A source of records that is neither a socket nor a pipe. */
static void open_records(int fd, int driver)
{
	open_messages(SOCK_DGRAM, driver);
	close(far_end);
	close_reader();
	ck_assert_int_ge(fd, 0);
	rig.reader = af_file_new(rig.loop, fd, 0);
	ck_assert_ptr_nonnull(rig.reader);
	answer = answer_gift;
}

/* The sum of what is added while the future is pending is the next record. */
START_TEST(each_async_gets_every_count_of_an_eventfd)
{
	const uint64_t counts[] = { 3, 5, 6 };
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t got;

	open_records(fd, _i);
	put(fd, &counts[0], sizeof *counts);
	each(AFIO_EACH_RECORD);
	until_gift();
	ck_assert_uint_eq(piece_len, sizeof got);
	memcpy(&got, piece, sizeof got);
	ck_assert_uint_eq(got, 3);
	put(fd, &counts[1], sizeof *counts);
	put(fd, &counts[2], sizeof *counts);
	ck_assert_int_eq(af_await_for(whole, MS(5)), -ETIMEDOUT);
	ck_assert_uint_eq(calls, 1);
	resolve_gift();
	until_gift();
	ck_assert_uint_eq(piece_len, sizeof got);
	memcpy(&got, piece, sizeof got);
	ck_assert_uint_eq(got, 11);
	af_future_cancel(whole);
	drop_gift();
	expect_ended(whole, -ECANCELED, 2 * sizeof got);
	rig_close(&rig);
}
END_TEST

static void expect_signal(int number)
{
	struct signalfd_siginfo got;

	until_gift();
	ck_assert_uint_eq(piece_len, sizeof got);
	memcpy(&got, piece, sizeof got);
	ck_assert_uint_eq(got.ssi_signo, number);
}

START_TEST(each_async_gets_every_signal_of_a_signalfd)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	open_records(fd, _i);
	raise(SIGUSR1);
	each(AFIO_EACH_RECORD);
	expect_signal(SIGUSR1);
	raise(SIGUSR2);
	resolve_gift();
	expect_signal(SIGUSR2);
	af_future_cancel(whole);
	drop_gift();
	expect_ended(whole, -ECANCELED, 2 * sizeof(struct signalfd_siginfo));
	rig_close(&rig);
}
END_TEST

static void expect_no_records(struct af_file *file)
{
	ck_assert_ptr_nonnull(file);
	expect_error(&rig,
		     af_file_each_async(file, AFIO_EACH_RECORD, take, &rig),
		     -ENOTSUP);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "one\ntwo\n", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_uint_eq(calls, 0);
}

START_TEST(each_async_of_records_of_a_stream_is_not_supported)
{
	FILE *disk = tmpfile();
	struct bufferevent *bev;
	int fds[2];

	open_reader(_i);
	ck_assert_ptr_nonnull(disk);
	put_text(fileno(disk), "one\ntwo\n");
	ck_assert_int_eq(lseek(fileno(disk), 0, SEEK_SET), 0);
	expect_no_records(af_file_new(rig.loop, fileno(disk), AFIO_KEEP_FD));
	fclose(disk);

	ck_assert_int_eq(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, fds),
			 0);
	put_text(fds[1], "one\ntwo\n");
	bev = bufferevent_socket_new(af_loop_base(rig.loop), fds[0],
				     BEV_OPT_CLOSE_ON_FREE);
	expect_no_records(af_file_from_bufferevent(rig.loop, bev, 0));
	close(fds[1]);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(each_async_with_nonsense_is_invalid)
{
	open_reader(_i);
	rig_writer(&rig);
	expect_error(&rig, af_file_each_async(NULL, AFIO_EACH_LINE, take, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_each_async(NULL, AFIO_EACH_RECORD, take, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_each_async(rig.reader, AFIO_EACH_LINE, NULL, NULL),
		     -EINVAL);
	expect_error(
		&rig,
		af_file_each_async(rig.reader, (enum af_each)99, take, NULL),
		-EINVAL);
	expect_error(&rig, each(AFIO_EACH_RECORD), -ENOTSUP);
	if (rig.kind == KIND_PIPE)
		expect_error(&rig,
			     af_file_each_async(rig.writer, AFIO_EACH_CHUNK,
						take, NULL),
			     -EBADF);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/each_async");
	TCase *tc = test_case(s, "each async");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
#define ADD_TWICE(test) tcase_add_loop_test(tc, test, 0, 2 * EVERY_WAY)
#define ADD_DRIVEN(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(each_async_without_futures_gets_every_line);
	ADD(each_async_with_done_futures_goes_on_at_once);
	ADD(each_async_waits_for_each_future);
	ADD(each_async_passes_nothing_on_while_a_future_is_pending);
	ADD(each_async_reads_nothing_while_a_future_is_pending);
	ADD(each_async_at_the_end_succeeds_once_its_last_future_is_done);
	tcase_add_loop_test(
		tc,
		each_async_at_a_read_error_fails_once_its_last_future_is_done,
		0, 2 * DRIVE_COUNT);
	ADD(each_async_given_a_failed_future_fails_with_its_error);
	ADD(each_async_whose_future_fails_fails_with_its_error);
	ADD(each_async_cancelled_cancels_its_future);
	ADD(each_async_cancelled_after_its_future_is_done_leaves_that);
	ADD(each_async_cancelled_by_fn_cancels_what_it_returns);
	ADD(each_async_whose_fn_closes_the_file_is_cancelled);
	ADD(each_async_whose_file_is_closed_cancels_its_future);
	tcase_add_loop_test(
		tc, each_async_whose_loop_is_freed_cancels_its_future,
		WAY(KIND_PIPE, DRIVE_AWAIT), WAY(KIND_PIPE, DRIVE_RUN) + 1);
	tcase_add_test(tc, each_async_whose_fn_frees_the_loop_is_cancelled);
	ADD(await_of_the_whole_in_fn_is_a_deadlock);
	ADD_TWICE(each_async_given_what_waits_for_it_is_a_deadlock);
	ADD(await_of_the_whole_in_its_own_chain_is_a_deadlock);
	ADD(each_async_whose_fn_awaits_goes_on_in_order);
	ADD_TWICE(each_async_can_write_its_pieces_without_a_copy);
	ADD(each_async_cancelled_keeps_the_bytes_until_the_future_is_done);
	ADD(each_async_with_a_limit_fails_on_a_longer_line);
	ADD_DRIVEN(each_async_gets_every_message_even_an_empty_one);
	ADD_DRIVEN(each_async_gets_every_seqpacket);
	ADD_DRIVEN(each_async_with_a_limit_fails_on_a_longer_message);
	ADD_DRIVEN(each_async_gets_every_packet_of_a_packet_pipe);
	ADD_DRIVEN(each_async_gets_every_count_of_an_eventfd);
	ADD_DRIVEN(each_async_gets_every_signal_of_a_signalfd);
	ADD_DRIVEN(each_async_of_records_of_a_stream_is_not_supported);
	ADD(each_async_with_nonsense_is_invalid);
	tcase_add_loop_test(
		tc, each_async_waits_after_an_empty_message_and_ends_at_one, 0,
		DRIVE_COUNT);
	return s;
}
