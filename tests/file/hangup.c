/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_hangup(): on every kind that has another side, with every
 * backend of libevent, and from every place where a program may wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/children.h"
#include "support/contexts.h"
#include "support/fifo.h"
#include "support/kinds.h"
#include "support/system.h"

static struct rig rig;

static void expect_pending(struct af_future *f)
{
	turn(&rig);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
}

static bool is_socket(const struct af_file *file)
{
	struct stat st;

	return fstat(af_file_fd(file), &st) == 0 && S_ISSOCK(st.st_mode);
}

ROW(writer_leaving_is_told_with_data_unread)
{
	struct af_future *f = af_file_hangup(rig.reader);

	send_text(&rig, "abc");
	expect_pending(f);
	leave(&rig);
	if (is_socket(rig.reader) && !have_linux("data before an end"))
		return;
	expect_count(&rig, f, 0, 0);
	if (!(kind_played()->traits & DROPS))
		expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "abc",
			    AFIO_EOF);
	expect_count(&rig, af_file_hangup(rig.reader), 0, 0);
}

ROW(writer_leaving_during_a_read_is_told)
{
	struct af_future *f = af_file_hangup(rig.reader);
	struct af_future *read = af_file_read(rig.reader, 9, 0, NULL);

	expect_pending(f);
	leave(&rig);
	expect_count(&rig, f, 0, 0);
	expect_text(&rig, read, "", AFIO_EOF);
}

ROW(reader_leaving_is_told_without_a_write)
{
	struct af_future *f = af_file_hangup(rig.writer);

	expect_pending(f);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	expect_count(&rig, f, 0, 0);
}

ROW(hangup_cancelled_fails_and_others_go_on)
{
	struct af_future *a = af_file_hangup(rig.reader);
	struct af_future *b = af_file_hangup(rig.reader);

	expect_pending(a);
	af_future_cancel(a);
	expect_error(&rig, a, -ECANCELED);
	expect_pending(b);
	leave(&rig);
	expect_count(&rig, b, 0, 0);
}

ROW(hangup_of_a_closed_file_fails_canceled)
{
	struct af_future *a = af_file_hangup(rig.reader);
	struct af_future *b = af_file_hangup(rig.reader);

	expect_pending(a);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	expect_error(&rig, a, -ECANCELED);
	expect_error(&rig, b, -ECANCELED);
}

START_TEST(hangup_is_told_when_the_pipe_is_full)
{
	static const char data[1 << 20];
	struct af_future *f, *write;

	rig_open(&rig, _i);
	rig_writer(&rig);
	write = af_file_write(rig.writer, data, sizeof data,
			      AFIO_FULL | AFIO_BORROW, NULL);
	f = af_file_hangup(rig.writer);
	expect_pending(f);
	ck_assert_int_eq(close(rig.in), 0);
	rig.in = -1;
	expect_count(&rig, f, 0, 0);
	ck_assert_int_eq(drive(&rig, write), -EPIPE);
	af_future_unref(write);
	rig_close(&rig);
}
END_TEST

START_TEST(hangup_waits_for_the_last_who_holds_it)
{
	struct af_future *f;
	int other;

	rig_open(&rig, _i);
	rig_writer(&rig);
	other = dup(rig.in);
	f = af_file_hangup(rig.writer);
	ck_assert_int_eq(close(rig.in), 0);
	rig.in = -1;
	expect_pending(f);
	ck_assert_int_eq(close(other), 0);
	expect_count(&rig, f, 0, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(hangup_of_a_child_is_told)
{
	struct af_process *process;

	rig_open_loop(&rig, DRIVE_AWAIT);
	process = start(&rig, HELPER("closein"), WITH(ALL_PIPES));
	expect_count(&rig, af_file_hangup(af_process_stdin(process)), 0, 0);
	af_process_close_stdin(process);
	expect_count(&rig, af_file_hangup(af_process_stdout(process)), 0, 0);
	af_future_unref(af_process_wait(process, NULL));
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(hangup_of_a_fifo_waits_for_a_writer_to_come_and_go)
{
	struct af_future *f;
	char path[64];
	int out;

	rig_open_loop(&rig, (enum driver)_i);
	make_fifo(path, sizeof path);
	rig.reader = af_file_open(rig.loop, path, "r");
	ck_assert_ptr_nonnull(rig.reader);
	f = af_file_hangup(rig.reader);
	expect_pending(f);
	out = open(path, O_WRONLY | O_CLOEXEC);
	remove_fifo(path);
	expect_pending(f);
	ck_assert_int_eq(close(out), 0);
	expect_count(&rig, f, 0, 0);
	rig_close(&rig);
}
END_TEST

static void close_it(evutil_socket_t fd, short what, void *arg)
{
	(void)what;
	event_del(*(struct event **)arg);
	close(fd);
}

/*
 * Another part of the program, such as evhttp, sees the end in the same turn and
 * closes the descriptor. Which of the two is first is the kernel's affair.
 */
START_TEST(hangup_of_a_descriptor_that_is_closed_meanwhile_ends)
{
	struct event *event;
	struct af_file *file;
	struct af_future *f;
	int fds[2], r;

	rig_open(&rig, _i);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	event = event_new(af_loop_base(rig.loop), fds[0], EV_READ, close_it,
			  &event);
	event_add(event, NULL);
	file = af_file_new(rig.loop, fds[0], AFIO_KEEP_FD);
	f = af_file_hangup(file);
	close(fds[1]);
	r = drive(&rig, f);
	ck_assert_msg(r == 0 || r == -EBADF, "%d", r);
	af_future_unref(f);
	af_file_close(file);
	event_free(event);
	rig_close(&rig);
}
END_TEST

/* The peer's half is closed: from here it is no different from having left. */
START_TEST(hangup_of_a_half_closed_socket_is_told)
{
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = af_file_hangup(rig.reader);
	expect_pending(f);
	if (have_linux("data before an end"))
		put_text(rig.out, "abc");
	ck_assert_int_eq(shutdown(rig.out, SHUT_WR), 0);
	expect_count(&rig, f, 0, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(hangup_after_shutting_ones_own_half_waits_for_the_peer)
{
	struct af_future *before, *after;

	rig_open(&rig, _i);
	rig_reader(&rig);
	before = af_file_hangup(rig.reader);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_RD), 0);
	after = af_file_hangup(rig.reader);
	expect_pending(before);
	expect_pending(after);
	ck_assert_int_eq(af_file_shutdown(rig.reader, SHUT_WR), 0);
	ck_assert_int_eq(close(rig.out), 0);
	rig.out = -1;
	expect_count(&rig, before, 0, 0);
	expect_count(&rig, after, 0, 0);
	rig_close(&rig);
}
END_TEST

/* Whose own shutdown looks like a peer's that has left. */
START_TEST(hangup_of_a_pair_whose_own_half_is_shut_waits_for_the_peer)
{
	struct bufferevent *bevs[2];
	struct af_file *file, *peer;
	struct af_future *f;

	rig_open_loop(&rig, (enum driver)_i);
	ck_assert_int_eq(bufferevent_pair_new(af_loop_base(rig.loop), 0, bevs),
			 0);
	file = af_file_from_bufferevent(rig.loop, bevs[0], 0);
	peer = af_file_from_bufferevent(rig.loop, bevs[1], 0);
	ck_assert_int_eq(af_file_shutdown(file, SHUT_WR), 0);
	f = af_file_hangup(file);
	expect_pending(f);
	ck_assert_int_eq(af_file_close(peer), 0);
	expect_count(&rig, f, 0, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

static void expect_unsupported(int fd)
{
	struct af_file *file = af_file_new(rig.loop, fd, 0);

	ck_assert_ptr_nonnull(file);
	expect_error(&rig, af_file_hangup(file), -ENOTSUP);
	ck_assert_int_eq(af_file_close(file), 0);
}

START_TEST(hangup_of_what_has_no_other_side_fails_notsup)
{
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	expect_unsupported(open("/dev/null", O_RDWR | O_CLOEXEC));
	expect_unsupported(open(helper_path(), O_RDONLY | O_CLOEXEC));
	ck_assert_int_eq(cloexec_socketpair(SOCK_DGRAM, fds), 0);
	expect_unsupported(fds[0]);
	expect_unsupported(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(hangup_of_a_terminal_that_was_hung_up_before_is_told)
{
	struct af_file *file;
	int fds[2];

	rig_open_loop(&rig, (enum driver)_i);
	make_pty(fds);
	ck_assert_int_eq(close(fds[0]), 0);
	file = af_file_new(rig.loop, fds[1], 0);
	ck_assert_ptr_nonnull(file);
	expect_count(&rig, af_file_hangup(file), 0, 0);
	expect_text(&rig, af_file_read(file, 0, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* Which has no descriptor then, as if it was one of a pair. */
START_TEST(hangup_of_a_bufferevent_not_connected_yet_waits)
{
	struct bufferevent *bev;
	struct af_future *f;
	int fds[2];

	rig_open_loop(&rig, _i);
	bev = bufferevent_socket_new(af_loop_base(rig.loop), -1,
				     BEV_OPT_CLOSE_ON_FREE);
	rig.reader = af_file_from_bufferevent(rig.loop, bev, 0);
	ck_assert_ptr_nonnull(rig.reader);
	f = af_file_hangup(rig.reader);
	expect_pending(f);
	make_pair(KIND_SOCKETPAIR, fds);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(bufferevent_setfd(bev, fds[0]), 0);
	put_text(fds[1], "abc");
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "abc", 0);
	expect_pending(f);
	close(fds[1]);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "", AFIO_EOF);
	expect_count(&rig, f, 0, 0);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	turn(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(hangup_of_null_fails_einval)
{
	rig_open_loop(&rig, DRIVE_AWAIT);
	expect_error(&rig, af_file_hangup(NULL), -EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(hangup_without_descriptors_fails_emfile)
{
	int fds[1024], n = 0;

	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	rig_reader(&rig);
	while (n < 1024 && (fds[n] = dup(rig.out)) >= 0)
		n++;
	if (n < 1024) {
		expect_error(&rig, af_file_hangup(rig.reader), -EMFILE);
		ck_assert_int_eq(close(fds[--n]), 0);
		af_future_unref(af_file_hangup(rig.reader));
	}
	while (n > 0)
		ck_assert_int_eq(close(fds[--n]), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(hangup_pending_when_the_loop_is_freed_fails_canceled)
{
	struct af_future *f;

	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	rig_reader(&rig);
	f = af_file_hangup(rig.reader);
	af_loop_free(rig.loop);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	expect_error(&rig, af_file_hangup(rig.reader), -ECANCELED);
	rig.loop = NULL;
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	ck_assert_int_eq(close(rig.out), 0);
	rig.out = -1;
	rig_close(&rig);
}
END_TEST

/* It costs a descriptor, and only as long as somebody waits. */
START_TEST(hangup_holds_a_descriptor_only_while_awaited)
{
	struct af_future *a, *b;
	int before, during, after;

	if (!have_linux("a descriptor for hang-ups"))
		return;
	rig_open(&rig, WAY(KIND_PIPE, DRIVE_AWAIT));
	rig_reader(&rig);
	before = dup(rig.out);
	close(before);
	a = af_file_hangup(rig.reader);
	b = af_file_hangup(rig.reader);
	during = dup(rig.out);
	close(during);
	ck_assert_int_eq(during, before + 1);
	af_future_cancel(a);
	af_future_cancel(b);
	after = dup(rig.out);
	close(after);
	ck_assert_int_eq(after, before);
	af_future_unref(a);
	af_future_unref(b);
	rig_close(&rig);
}
END_TEST

/* What it waits by is the descriptor with the lowest number that was free. */
START_TEST(hangup_is_not_woken_by_traffic)
{
	struct pollfd ep = { .events = POLLIN };
	struct af_future *f;
	char buf[3];

	if (!have_linux("an event for a hang-up"))
		return;
	rig_open(&rig, WAY(_i, DRIVE_AWAIT));
	rig_reader(&rig);
	ep.fd = dup(rig.out);
	close(ep.fd);
	f = af_file_hangup(rig.reader);
	for (int i = 0; i < 3; i++) {
		put_text(rig.out, "abc");
		ck_assert_int_eq(poll(&ep, 1, 0), 0);
		get(af_file_fd(rig.reader), buf, sizeof buf);
		ck_assert_int_eq(poll(&ep, 1, 0), 0);
	}
	rig_hang_up(&rig);
	ck_assert_int_eq(poll(&ep, 1, 10000), 1);
	expect_count(&rig, f, 0, 0);
	rig_close(&rig);
}
END_TEST

/* Bit 0: without epoll; bit 1: without poll. */
START_TEST(hangup_is_told_by_every_backend)
{
	struct af_future *f, *g;
	int fds[2];

	if (_i & 1)
		setenv("EVENT_NOEPOLL", "1", 1);
	if (_i & 2)
		setenv("EVENT_NOPOLL", "1", 1);
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		rig_open(&rig, WAY(kind, DRIVE_AWAIT));
		rig_reader(&rig);
		make_pair((enum kind)kind, fds);
		rig.writer = af_file_new(rig.loop, fds[1], 0);
		f = af_file_hangup(rig.reader);
		g = af_file_hangup(rig.writer);
		expect_pending(f);
		expect_pending(g);
		ck_assert_int_eq(close(rig.out), 0);
		rig.out = -1;
		expect_count(&rig, f, 0, 0);
		expect_pending(g);
		ck_assert_int_eq(close(fds[0]), 0);
		expect_count(&rig, g, 0, 0);
		rig_close(&rig);
	}
}
END_TEST

struct scene {
	struct rig *rig;
	int out;
	struct af_file *file;
	struct af_future *early;
};

static void hang_up_and_await(void *arg)
{
	struct scene *scene = arg;
	struct af_future *f = af_file_hangup(scene->file);

	ck_assert_int_eq(af_await_for(f, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(close(scene->out), 0);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_await(scene->early), 0);
	af_future_unref(f);
	af_future_unref(scene->early);
	ck_assert_int_eq(af_file_close(scene->file), 0);
}

START_TEST(hangup_is_told_wherever_it_is_awaited)
{
	struct scene scene = { 0 };
	struct stage stage;
	int fds[2];

	make_pair(KIND_PIPE, fds);
	stage_open(&stage, (enum context)_i);
	scene.out = fds[1];
	scene.file = af_file_new(stage.loop, fds[0], 0);
	scene.early = af_file_hangup(scene.file);
	stage_play(&stage, hang_up_and_await, &scene);
	stage_close(&stage);
}
END_TEST

static struct af_file *of_pair, *peer_of_pair;

static struct af_future *begin_hangup(struct af_future *done, void *arg)
{
	(void)done;
	*(struct af_future **)arg = af_file_hangup(of_pair);
	return NULL;
}

static void leave_pair(struct af_future *done, void *arg)
{
	struct af_future **hangup = arg;

	(void)done;
	ck_assert(!af_future_is_done(*hangup));
	ck_assert_int_eq(af_file_close(peer_of_pair), 0);
}

/*
 * A wait in which it begins can end; another one cannot begin. The other end
 * leaves later: while something is pending, a program with threads runs on.
 */
static void await_beside_a_pair(void *arg)
{
	struct af_future *f = af_then(af_sleep(af_file_loop(of_pair), MS(1)),
				      begin_hangup, arg);

	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	f = af_sleep(af_file_loop(of_pair), MS(1));
	ck_assert_int_eq(af_await(f), -ENOTSUP);
	af_future_cancel(f);
	af_future_unref(f);
	af_on_done(af_sleep(af_file_loop(of_pair), MS(20)), leave_pair, arg);
}

START_TEST(hangup_of_a_bufferevent_pair_keeps_it_on_its_base)
{
	struct af_future *hangup = NULL;
	struct bufferevent *bevs[2];
	struct stage stage;

	stage_open(&stage, _i ? RAW_RUN : RAW_AWAIT);
	ck_assert_int_eq(
		bufferevent_pair_new(af_loop_base(stage.loop), 0, bevs), 0);
	of_pair = af_file_from_bufferevent(stage.loop, bevs[0], 0);
	peer_of_pair = af_file_from_bufferevent(stage.loop, bevs[1], 0);
	stage_play(&stage, await_beside_a_pair, &hangup);
	ck_assert_int_eq(af_await(hangup), 0);
	af_future_unref(hangup);
	ck_assert_int_eq(af_file_close(of_pair), 0);
	stage_close(&stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/hangup");
	TCase *tc = test_case(s, "kinds");

	ADD_ROW(tc, writer_leaving_is_told_with_data_unread, NO_EOF);
	ADD_ROW(tc, writer_leaving_during_a_read_is_told, NO_EOF);
	ADD_ROW(tc, reader_leaving_is_told_without_a_write, NO_EOF);
	ADD_ROW(tc, hangup_cancelled_fails_and_others_go_on, NO_EOF);
	ADD_ROW(tc, hangup_of_a_closed_file_fails_canceled, NO_EOF);

	tc = test_case(s, "when");
	tcase_add_loop_test(tc, hangup_is_told_when_the_pipe_is_full, 0,
			    EVERY_WAY);
	tcase_add_loop_test(tc, hangup_waits_for_the_last_who_holds_it, 0,
			    EVERY_WAY);
	tcase_add_test(tc, hangup_of_a_child_is_told);
	tcase_add_loop_test(tc,
			    hangup_of_a_fifo_waits_for_a_writer_to_come_and_go,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(
		tc, hangup_of_a_descriptor_that_is_closed_meanwhile_ends, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(tc, hangup_of_a_half_closed_socket_is_told,
			    WAY(KIND_SOCKETPAIR, 0), EVERY_WAY);
	tcase_add_loop_test(
		tc, hangup_after_shutting_ones_own_half_waits_for_the_peer,
		WAY(KIND_SOCKETPAIR, 0), EVERY_WAY);
	tcase_add_loop_test(
		tc, hangup_of_a_terminal_that_was_hung_up_before_is_told, 0,
		DRIVE_COUNT);
	tcase_add_loop_test(
		tc, hangup_of_a_pair_whose_own_half_is_shut_waits_for_the_peer,
		0, DRIVE_COUNT);
	tcase_add_loop_test(tc, hangup_is_not_woken_by_traffic, 0, KIND_COUNT);

	tc = test_case(s, "errors");
	tcase_add_test(tc, hangup_of_what_has_no_other_side_fails_notsup);
	tcase_add_loop_test(tc, hangup_of_a_bufferevent_not_connected_yet_waits,
			    0, DRIVE_COUNT);
	tcase_add_test(tc, hangup_of_null_fails_einval);
	tcase_add_test(tc, hangup_without_descriptors_fails_emfile);
	tcase_add_test(tc,
		       hangup_pending_when_the_loop_is_freed_fails_canceled);
	tcase_add_test(tc, hangup_holds_a_descriptor_only_while_awaited);

	tc = test_case(s, "where");
	tcase_add_loop_test(tc, hangup_is_told_by_every_backend, 0, 4);
	tcase_add_loop_test(tc, hangup_is_told_wherever_it_is_awaited, 0,
			    CONTEXT_COUNT);
	tcase_add_loop_test(
		tc, hangup_of_a_bufferevent_pair_keeps_it_on_its_base, 0, 2);
	return s;
}
