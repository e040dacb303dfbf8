/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_idle(): what counts as a byte moved, on every kind of file,
 * and when it ends.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/contexts.h"
#include "support/scratch.h"
#include "support/system.h"

static struct rig rig;

static void expect_done(struct af_future *f, int error)
{
	ck_assert_msg(af_future_error(f) == error, "%s",
		      strerror(-af_future_error(f)));
	af_future_unref(f);
}

START_TEST(file_without_a_byte_is_idle_after_that_time)
{
	struct af_future *read;
	int64_t start;

	rig_open(&rig, _i);
	rig_reader(&rig);
	start = now_us();
	expect_count(&rig, af_file_idle(rig.reader, MS(8)), 0, 0);
	expect_elapsed(start, 8);
	/* A read that waits is no byte. */
	read = af_file_read(rig.reader, 1, 0, NULL);
	start = now_us();
	expect_count(&rig, af_file_idle(rig.reader, MS(8)), 0, 0);
	expect_elapsed(start, 8);
	/* Nor are bytes that nobody reads; and the file stays open. */
	put_text(rig.out, "abc");
	expect_text(&rig, read, "a", 0);
	expect_count(&rig, af_file_idle(rig.reader, MS(8)), 0, 0);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "bc", 0);
	rig_close(&rig);
}
END_TEST

/* How a test moves a byte now and then. */
static struct {
	int left;
	bool writes;
	bool late;    /* perhaps so late that the file was idle before */
	int64_t last; /* when it did so */
	struct event *event;
} ticks;

static void on_moved(struct af_future *done, void *arg)
{
	(void)arg;
	ck_assert_int_eq(af_future_error(done), 0);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	if (ticks.left-- == 0) {
		event_del(ticks.event);
		return;
	}
	ticks.late |= now_us() - ticks.last >= 40000;
	ticks.last = now_us();
	if (ticks.writes) {
		af_on_done(af_file_write(arg, "x", 1, 0, NULL), on_moved, NULL);
		return;
	}
	put_text(rig.out, "x");
	af_on_done(af_file_read(arg, 1, 0, NULL), on_moved, NULL);
}

static void start_ticks(struct af_file *file, bool writes, int n)
{
	ticks.left = n;
	ticks.writes = writes;
	ticks.late = false;
	ticks.last = now_us();
	ticks.event = event_new(af_loop_base(rig.loop), -1, EV_PERSIST, on_tick,
				file);
	event_add(ticks.event, MS(20));
}

START_TEST(bytes_put_it_off)
{
	struct af_future *f;
	bool writes = _i % 2;
	struct af_file *file;

	rig_open(&rig, _i / 2);
	file = writes ? rig_writer(&rig) : rig_reader(&rig);
	f = af_file_idle(file, MS(60));
	start_ticks(file, writes, 6);
	ck_assert_int_eq(drive(&rig, f), 0);
	/* A tick that came too late has put nothing off. */
	if (ticks.left > 0 || ticks.late)
		fprintf(stderr, "skipped: this machine is too slow\n");
	else
		expect_elapsed(ticks.last, 60);
	af_future_unref(f);
	event_free(ticks.event);
	rig_close(&rig);
}
END_TEST

/* A bufferevent sends bytes that a write has counted a little later. */
START_TEST(bytes_counted_at_the_end_of_a_write_put_it_off)
{
	struct bufferevent *bev;
	struct af_future *idle;
	struct af_file *file;
	int64_t start;
	int fds[2];

	rig_open_loop(&rig, (enum driver)_i);
	ck_assert_int_eq(cloexec_socketpair(SOCK_STREAM, fds), 0);
	ck_assert_int_eq(evutil_make_socket_nonblocking(fds[0]), 0);
	bev = bufferevent_socket_new(af_loop_base(rig.loop), fds[0],
				     BEV_OPT_CLOSE_ON_FREE);
	file = af_file_from_bufferevent(rig.loop, bev, 0);
	idle = af_file_idle(file, MS(60));
	expect_count(&rig, af_sleep(rig.loop, MS(30)), 0, 0);
	start = now_us();
	if (af_future_is_done(idle))
		start -= 60000; /* a slow machine: the write is too late */
	expect_count(&rig, af_file_write(file, "abc", 3, 0, MS(0)), 3, 0);
	expect_count(&rig, idle, 0, 0);
	expect_elapsed(start, 60);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(close(fds[1]), 0);
	rig_close(&rig);
}
END_TEST

/* One flag is for all: each has its own time nevertheless. */
START_TEST(several_at_once_end_at_their_own_times)
{
	struct af_future *a, *b, *c;

	rig_open(&rig, _i);
	rig_reader(&rig);
	a = af_file_idle(rig.reader, MS(5));
	b = af_file_idle(rig.reader, MS(50));
	c = af_file_idle(rig.reader, MS(20000));
	expect_count(&rig, a, 0, 0);
	ck_assert(!af_future_is_done(c));
	expect_count(&rig, b, 0, 0);
	af_future_cancel(c);
	expect_done(c, -ECANCELED);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	rig_close(&rig);
}
END_TEST

enum way_to_end { BY_CLOSE, BY_DETACH, BY_FINISH, BY_FREE, WAYS_TO_END };

START_TEST(file_that_ends_cancels_it)
{
	enum way_to_end how = (enum way_to_end)(_i % WAYS_TO_END);
	struct af_future *a, *b, *hangup;

	rig_open(&rig, _i / WAYS_TO_END);
	rig_reader(&rig);
	a = af_file_idle(rig.reader, MS(20000));
	hangup = af_file_hangup(rig.reader);
	b = af_file_idle(rig.reader, MS(20000));
	switch (how) {
	case BY_CLOSE:
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
		break;
	case BY_DETACH:
		close(af_file_detach(rig.reader, NULL));
		rig.reader = NULL;
		break;
	case BY_FINISH:
		/* It needs a direction to write. */
		if (rig.kind == KIND_PIPE) {
			af_file_close(rig.reader);
			rig.reader = NULL;
			break;
		}
		expect_count(&rig, af_file_finish(rig.reader, NULL), 0, 0);
		break;
	default:
		af_loop_free(rig.loop);
		rig.loop = NULL;
	}
	expect_done(a, -ECANCELED);
	expect_done(b, -ECANCELED);
	expect_done(hangup, -ECANCELED);
	rig_close(&rig);
}
END_TEST

static void *idle_elsewhere(void *arg)
{
	expect_done(af_file_idle(rig.reader, MS(1)), -EPERM);
	return arg;
}

START_TEST(idle_of_nonsense_or_elsewhere_fails)
{
	struct timeval odd = { 0, 1000000 }, long_time = { 0, 0 };
	struct af_future *f;
	pthread_t thread;

	rig_open(&rig, 0);
	rig_reader(&rig);
	expect_done(af_file_idle(NULL, MS(1)), -EINVAL);
	expect_done(af_file_idle(rig.reader, NULL), -EINVAL);
	expect_done(af_file_idle(rig.reader, MS(-1)), -EINVAL);
	expect_done(af_file_idle(rig.reader, &odd), -EINVAL);
	expect_done(af_file_idle(rig.reader, MS(0)), 0);
	long_time.tv_sec = (time_t)1 << (sizeof(time_t) * 8 - 2);
	f = af_file_idle(rig.reader, &long_time);
	expect_count(&rig, af_sleep(rig.loop, MS(2)), 0, 0);
	af_future_cancel(f);
	expect_done(f, -ECANCELED);
	pthread_create(&thread, NULL, idle_elsewhere, NULL);
	pthread_join(thread, NULL);
	rig_close(&rig);
}
END_TEST

static int take_line(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)flags;
	(void)arg;
	return len == 2;
}

/*
 * Also bytes that move in the kernel, and in lines. The time is so long that a
 * busy machine does not matter.
 */
START_TEST(copies_and_lines_count)
{
	struct af_future *f, *op;
	struct af_file *to;
	int fds[2];
	int64_t start;

	rig_open(&rig, WAY(_i, DRIVE_AWAIT));
	rig_reader(&rig);
	make_pair(KIND_PIPE, fds);
	to = af_file_new(rig.loop, fds[1], 0);
	f = af_file_idle(to, MS(600));
	expect_count(&rig, af_sleep(rig.loop, MS(20)), 0, 0);
	start = now_us();
	op = af_file_copy(rig.reader, to, 3, NULL);
	put_text(rig.out, "abc");
	expect_count(&rig, op, 3, 0);
	expect_count(&rig, f, 0, 0);
	expect_elapsed(start, 600);
	f = af_file_idle(rig.reader, MS(600));
	expect_count(&rig, af_sleep(rig.loop, MS(20)), 0, 0);
	start = now_us();
	op = af_file_each_line(rig.reader, take_line, NULL);
	put_text(rig.out, "abc\nd\n");
	expect_count(&rig, op, 6, 0);
	expect_count(&rig, f, 0, 0);
	expect_elapsed(start, 600);
	ck_assert_int_eq(af_file_close(to), 0);
	close(fds[0]);
	rig_close(&rig);
}
END_TEST

/* A call that moves a byte from one file to the other. */
static void move_by_datagrams(struct af_file *from, struct af_file *to)
{
	expect_count(&rig, af_file_send_to(from, "x", 1, NULL, 0, 0, NULL), 1,
		     0);
	expect_text(&rig, af_file_receive_from(to, 0, 0, NULL), "x", 0);
}

static void move_by_fds(struct af_file *from, struct af_file *to)
{
	int fd = 0;

	expect_count(&rig, af_file_send_fds(from, "x", 1, &fd, 1, 0, NULL), 1,
		     0);
	expect_text(&rig, af_file_receive_fds(to, 1, 1, 0, NULL), "x", 0);
}

START_TEST(datagrams_and_descriptors_count)
{
	struct af_future *parts[2], *both;
	struct af_file *files[2];
	int64_t start;
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(cloexec_socketpair(_i ? SOCK_STREAM : SOCK_DGRAM, fds),
			 0);
	for (int i = 0; i < 2; i++) {
		files[i] = af_file_new(rig.loop, fds[i], 0);
		parts[i] = af_file_idle(files[i], MS(600));
	}
	expect_count(&rig, af_sleep(rig.loop, MS(20)), 0, 0);
	start = now_us();
	(_i ? move_by_fds : move_by_datagrams)(files[0], files[1]);
	/* The first one of the two. */
	both = af_any(rig.loop, parts, 2);
	ck_assert_int_eq(drive(&rig, both), 0);
	expect_elapsed(start, 600);
	af_future_unref(both);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
	rig_close(&rig);
}
END_TEST

static struct stage stage;

static void await_idle(void *arg)
{
	struct af_future *early = arg;
	struct af_future *f = af_file_idle(stage.door, MS(5));
	int64_t start = now_us();

	ck_assert_int_eq(af_await(f), 0);
	expect_elapsed(start, 4);
	ck_assert_int_eq(af_await(early), 0);
	af_future_unref(f);
}

START_TEST(idle_is_awaited_in_every_context)
{
	struct af_file *file;
	struct af_future *early;
	int out;

	stage_open(&stage, (enum context)_i);
	file = stage_file(&stage, KIND_SOCKETPAIR, &out);
	early = af_file_idle(file, MS(5));
	stage_play(&stage, await_idle, early);
	af_future_unref(early);
	ck_assert_int_eq(af_file_close(file), 0);
	close(out);
	stage_close(&stage);
}
END_TEST

START_TEST(idle_beside_a_hangup_ends_alone)
{
	struct af_future *idle, *hangup;

	rig_open(&rig, _i);
	rig_reader(&rig);
	hangup = af_file_hangup(rig.reader);
	idle = af_file_idle(rig.reader, MS(8));
	put_text(rig.out, "x");
	expect_text(&rig, af_file_read(rig.reader, 1, 0, NULL), "x", 0);
	expect_error(&rig, idle, 0);
	ck_assert_int_eq(af_future_error(hangup), -EINPROGRESS);
	rig_hang_up(&rig);
	expect_error(&rig, hangup, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(dump_names_the_file)
{
	char *text = NULL, words[40];
	struct af_future *f;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	rig_open(&rig, 0);
	rig_reader(&rig);
	f = af_file_idle(rig.reader, MS(20000));
	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	fclose(out);
	snprintf(words, sizeof words, "idle fd %d", af_file_fd(rig.reader));
	ck_assert_ptr_nonnull(strstr(text, words));
	free(text);
	af_future_cancel(f);
	expect_done(f, -ECANCELED);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/idle");
	TCase *tc = test_case(s, "idle");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(file_without_a_byte_is_idle_after_that_time, EVERY_WAY);
	ADD(bytes_put_it_off, 2 * EVERY_WAY);
	ADD(bytes_counted_at_the_end_of_a_write_put_it_off, DRIVE_COUNT);
	ADD(several_at_once_end_at_their_own_times, EVERY_WAY);
	ADD(file_that_ends_cancels_it, WAYS_TO_END * EVERY_WAY);
	tcase_add_test(tc, idle_of_nonsense_or_elsewhere_fails);
	ADD(copies_and_lines_count, KIND_COUNT);
	ADD(datagrams_and_descriptors_count, 2);
	ADD(idle_is_awaited_in_every_context, CONTEXT_COUNT);
	ADD(idle_beside_a_hangup_ends_alone, EVERY_WAY);
	tcase_add_test(tc, dump_names_the_file);
	return s;
}
