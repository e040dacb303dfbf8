/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits for descriptors that are no files of the library: every outcome, on
 * every backend of libevent, beside others' events on the same descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/scratch.h"

static struct rig rig;

/* Bit 0: without epoll; bit 1: without poll. */
#define BACKENDS 4
#define WAYS (BACKENDS * EVERY_WAY)

static void choose_backend(int i)
{
	if (i & 1)
		setenv("EVENT_NOEPOLL", "1", 1);
	if (i & 2)
		setenv("EVENT_NOPOLL", "1", 1);
}

static void open_rig(int i)
{
	choose_backend(i / EVERY_WAY);
	rig_open(&rig, i % EVERY_WAY);
}

static struct af_future *readable(int fd)
{
	return af_wait_fd(rig.loop, fd, EV_READ, NULL);
}

static struct af_future *writable(int fd)
{
	return af_wait_fd(rig.loop, fd, EV_WRITE, NULL);
}

static void expect_pending(struct af_future *f)
{
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
}

static void expect_done(struct af_future *f, int error)
{
	ck_assert_int_eq(af_future_error(f), error);
	af_future_unref(f);
}

static void expect_no_byte_touched(void)
{
	char buf[3];

	get(rig.in, buf, sizeof buf);
	ck_assert_mem_eq(buf, "abc", sizeof buf);
	ck_assert_int_eq(fcntl(rig.in, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(fcntl(rig.out, F_GETFL) & O_NONBLOCK, 0);
}

START_TEST(wait_to_read_ends_when_bytes_come)
{
	struct af_future *f;

	open_rig(_i);
	f = readable(rig.in);
	expect_pending(f);
	put_text(rig.out, "abc");
	expect_count(&rig, f, 0, 0);
	expect_done(readable(rig.in), 0);
	expect_no_byte_touched();
	f = readable(rig.in);
	expect_pending(f);
	af_future_cancel(f);
	expect_done(f, -ECANCELED);
	rig_close(&rig);
}
END_TEST

/* Takes what there is, until as much fits again as there was in the beginning. */
static void drain(size_t len)
{
	char buf[4096];
	ssize_t n;

	for (; len > 0; len -= (size_t)n) {
		n = read(rig.in, buf, len < sizeof buf ? len : sizeof buf);
		ck_assert_int_gt(n, 0);
	}
}

START_TEST(wait_to_write_ends_when_there_is_room)
{
	struct af_future *f;
	size_t len;

	choose_backend(_i / EVERY_WAY_BUT_TCP);
	rig_open(&rig, _i % EVERY_WAY_BUT_TCP);
	expect_done(writable(rig.out), 0);
	len = stuff(rig.out);
	f = writable(rig.out);
	expect_pending(f);
	drain(len);
	expect_count(&rig, f, 0, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(hang_up_and_error_are_ready)
{
	struct af_future *f;
	int fds[2];

	open_rig(_i);
	f = readable(rig.in);
	expect_pending(f);
	rig_hang_up(&rig);
	expect_count(&rig, f, 0, 0);
	expect_done(readable(rig.in), 0);
	/* A writer that nobody reads from any more, with no room left. */
	if (rig.kind != KIND_TCP) {
		make_pair(rig.kind, fds);
		stuff(fds[1]);
		f = writable(fds[1]);
		expect_pending(f);
		close(fds[0]);
		expect_count(&rig, f, 0, 0);
		expect_done(writable(fds[1]), 0);
		close(fds[1]);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(deadline_ends_a_wait_in_time)
{
	struct af_future *f;
	int64_t start;

	open_rig(_i);
	start = now_us();
	f = af_wait_fd(rig.loop, rig.in, EV_READ, MS(5));
	expect_error(&rig, f, -ETIMEDOUT);
	expect_elapsed(start, 5);
	f = af_wait_fd(rig.loop, rig.in, EV_READ, MS(30000));
	put_text(rig.out, "abc");
	expect_count(&rig, f, 0, 0);
	expect_no_byte_touched();
	rig_close(&rig);
}
END_TEST

static void put_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	put_text(rig.out, "abc");
	/* TCP has a delay, if a short one. */
	if (rig.kind == KIND_TCP)
		poll(&(struct pollfd){ .fd = rig.in, .events = POLLIN }, 1, -1);
}

/*
 * A busy program is late: what is ready then counts, though libevent has not
 * reported it. Both timers are due in one turn.
 */
START_TEST(deadline_of_a_busy_program_takes_what_came)
{
	struct af_future *f;

	open_rig(_i);
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, put_late, NULL,
			MS(1));
	f = af_wait_fd(rig.loop, rig.in, EV_READ, MS(10));
	spin(30);
	expect_count(&rig, f, 0, 0);
	expect_no_byte_touched();
	rig_close(&rig);
}
END_TEST

/* Nothing reports that; the deadline finds it. */
START_TEST(deadline_of_a_wait_whose_descriptor_was_closed_fails_ebadf)
{
	struct af_future *f;

	open_rig(_i);
	f = af_wait_fd(rig.loop, rig.in, EV_READ, MS(2));
	ck_assert_int_eq(close(rig.in), 0);
	rig.in = -1;
	expect_error(&rig, f, -EBADF);
	rig_close(&rig);
}
END_TEST

START_TEST(zero_timeout_asks_once)
{
	open_rig(_i);
	expect_done(af_wait_fd(rig.loop, rig.in, EV_READ, MS(0)), -ETIMEDOUT);
	expect_done(af_wait_fd(rig.loop, rig.out, EV_WRITE, MS(0)), 0);
	put_text(rig.out, "abc");
	if (rig.kind == KIND_TCP)
		expect_count(&rig, readable(rig.in), 0, 0);
	expect_done(af_wait_fd(rig.loop, rig.in, EV_READ, MS(0)), 0);
	expect_no_byte_touched();
	rig_close(&rig);
}
END_TEST

/* epoll(7) refuses these. */
START_TEST(disk_files_and_their_like_are_ready_at_once)
{
	static const char *const paths[] = { "file", ".", "/dev/null",
					     "/dev/zero" };
	int fd;

	open_rig(_i * EVERY_WAY);
	make_file("file", "", 0600);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		ck_assert_int_ge(fd, 0);
		expect_done(readable(fd), 0);
		expect_done(writable(fd), 0);
		expect_done(af_wait_fd(rig.loop, fd, EV_READ, MS(0)), 0);
		close(fd);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(descriptor_that_is_not_open_fails_ebadf)
{
	int fd;

	open_rig(_i * EVERY_WAY);
	fd = dup(rig.in);
	close(fd);
	expect_error(&rig, readable(fd), -EBADF);
	expect_error(&rig, writable(-1), -EBADF);
	expect_error(&rig, af_wait_fd(rig.loop, fd, EV_READ, MS(0)), -EBADF);
	rig_close(&rig);
}
END_TEST

static void *wait_elsewhere(void *arg)
{
	ck_assert_int_eq(af_future_error(readable(rig.in)), -EPERM);
	return arg;
}

START_TEST(wait_of_nonsense_or_of_another_thread_fails)
{
	static const short nonsense[] = {
		0,	   EV_READ | EV_WRITE,	 EV_TIMEOUT,
		EV_SIGNAL, EV_READ | EV_PERSIST, EV_READ | EV_ET,
		EV_CLOSED
	};
	struct timeval odd = { 0, 1000000 };
	pthread_t thread;

	open_rig(0);
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
		expect_error(&rig,
			     af_wait_fd(rig.loop, rig.in, nonsense[i], NULL),
			     -EINVAL);
	expect_error(&rig, af_wait_fd(rig.loop, rig.in, EV_READ, MS(-1)),
		     -EINVAL);
	expect_error(&rig, af_wait_fd(rig.loop, rig.in, EV_READ, &odd),
		     -EINVAL);
	expect_error(&rig, af_wait_fd(NULL, rig.in, EV_READ, NULL), -EINVAL);
	pthread_create(&thread, NULL, wait_elsewhere, NULL);
	pthread_join(thread, NULL);
	rig_close(&rig);
}
END_TEST

#define CROWD 10

START_TEST(many_wait_for_one_descriptor_in_both_directions)
{
	struct af_future *reads[CROWD], *writes[CROWD];
	size_t len;
	int fds[2];

	choose_backend(_i);
	rig_open(&rig, WAY(KIND_SOCKETPAIR, DRIVE_AWAIT));
	len = stuff(rig.in);
	fds[0] = rig.out;
	fds[1] = rig.in;
	for (int i = 0; i < CROWD; i++) {
		reads[i] = readable(fds[1]);
		writes[i] = writable(fds[1]);
	}
	expect_pending(reads[0]);
	af_future_cancel(reads[3]);
	af_future_cancel(writes[7]);
	put_text(rig.out, "abc");
	for (int i = 0; i < CROWD; i++)
		expect_error(&rig, reads[i], i == 3 ? -ECANCELED : 0);
	expect_pending(writes[0]);
	rig.in = fds[0];
	drain(len);
	rig.in = fds[1];
	for (int i = 0; i < CROWD; i++)
		expect_error(&rig, writes[i], i == 7 ? -ECANCELED : 0);
	expect_no_byte_touched();
	rig_close(&rig);
}
END_TEST

/* The program's own event on that descriptor, on the same base. */
struct beside {
	struct stage stage;
	struct event *event;
	int fds[2];
	int calls;
	struct af_future *early;
};

static void take_one(evutil_socket_t fd, short what, void *arg)
{
	struct beside *beside = arg;
	char c;

	(void)what;
	get((int)fd, &c, 1);
	if (++beside->calls == 3)
		event_del(beside->event);
}

/* The one that waited before, and one from here. */
static void await_beside(void *arg)
{
	struct beside *beside = arg;
	struct af_future *f =
		af_wait_fd(beside->stage.loop, beside->fds[0], EV_READ, NULL);
	struct af_future *g = af_wait_fd(beside->stage.loop, beside->fds[0],
					 EV_READ, MS(20000));
	int calls = beside->calls;

	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	put_text(beside->fds[1], "abc");
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_await(g), 0);
	ck_assert_int_eq(af_await(beside->early), 0);
	if (contexts[beside->stage.context].private)
		ck_assert_int_eq(beside->calls, calls);
	af_future_unref(f);
	af_future_unref(g);
}

START_TEST(wait_from_anywhere_leaves_the_programs_events_alone)
{
	struct beside beside = { .calls = 0 };
	struct af_future *later;
	struct event_base *base;

	choose_backend(_i / CONTEXT_COUNT);
	stage_open(&beside.stage, (enum context)(_i % CONTEXT_COUNT));
	base = af_loop_base(beside.stage.loop);
	make_pair(KIND_PIPE, beside.fds);
	beside.event = event_new(base, beside.fds[0], EV_READ | EV_PERSIST,
				 take_one, &beside);
	event_add(beside.event, NULL);
	beside.early =
		af_wait_fd(beside.stage.loop, beside.fds[0], EV_READ, NULL);
	later = af_wait_fd(beside.stage.loop, beside.stage.door_out, EV_READ,
			   MS(50));
	stage_play(&beside.stage, await_beside, &beside);
	ck_assert_int_eq(beside.calls, 3);
	/* One that stays pending moves there and back, too. */
	ck_assert(af_future_is_done(later));
	af_future_unref(later);
	af_future_unref(beside.early);
	event_free(beside.event);
	close(beside.fds[0]);
	close(beside.fds[1]);
	stage_close(&beside.stage);
}
END_TEST

/* What becomes of a descriptor's number while a wait for it is pending. */
enum fate { CLOSED, NOW_OF_THE_BASE, NOW_ON_DISK, NOW_A_PIPE, FATES };

struct closed {
	struct stage stage;
	enum fate fate;
	struct af_future *wait;
	int fd, new_out; /* -1: no pipe took its place */
};

static void lose(struct closed *closed)
{
	int fds[2];

	closed->new_out = -1;
	if (closed->fate == NOW_A_PIPE) {
		make_pair(KIND_PIPE, fds);
		closed->new_out = fds[1];
	} else if (closed->fate == NOW_ON_DISK) {
		fds[0] = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		ck_assert_int_ge(fds[0], 0);
	}
	if (closed->fate <= NOW_OF_THE_BASE) {
		close(closed->fd);
		return;
	}
	ck_assert_int_eq(dup2(fds[0], closed->fd), closed->fd);
	ck_assert_int_eq(fcntl(closed->fd, F_SETFD, FD_CLOEXEC), 0);
	close(fds[0]);
}

static void await_a_moment(struct closed *closed)
{
	struct af_future *f = af_sleep(closed->stage.loop, MS(1));

	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

/* The wait stays on a base that it need not leave, and never ends there. */
static void await_beside_a_lost_one(void *arg)
{
	struct closed *closed = arg;

	/* The first one makes a base, whose descriptor takes a free number. */
	if (closed->fate != NOW_OF_THE_BASE)
		await_a_moment(closed);
	lose(closed);
	await_a_moment(closed);
	await_a_moment(closed);
	if (!contexts[closed->stage.context].private) {
		ck_assert(!af_future_is_done(closed->wait));
		af_future_cancel(closed->wait);
	}
	if (closed->new_out >= 0)
		put_text(closed->new_out, "abc");
}

static void ignore_epoll(int severity, const char *message)
{
	ck_assert_msg(!strncmp(message, "Epoll ADD", strlen("Epoll ADD")),
		      "%d: %s", severity, message);
}

/*
 * With epoll(7), which notices that a descriptor is closed when it is added.
 * select(2) fails for all others, too, and a change list adds it to a base where
 * it is not.
 */
START_TEST(wait_whose_descriptor_was_closed_holds_up_no_other)
{
	struct closed closed = { .fate = (enum fate)(_i / CONTEXT_COUNT) };
	int fds[2], error = 0;

	event_set_log_callback(ignore_epoll);
	stage_open(&closed.stage, (enum context)(_i % CONTEXT_COUNT));
	if (strcmp(event_base_get_method(af_loop_base(closed.stage.loop)),
		   "epoll") != 0) {
		stage_close(&closed.stage);
		return;
	}
	make_pair(KIND_PIPE, fds);
	closed.fd = fds[0];
	closed.wait = af_wait_fd(closed.stage.loop, closed.fd, EV_READ, NULL);
	stage_play(&closed.stage, await_beside_a_lost_one, &closed);
	if (!contexts[closed.stage.context].private)
		error = -ECANCELED;
	else if (closed.fate <= NOW_OF_THE_BASE)
		error = -EBADF;
	expect_done(closed.wait, error);
	if (closed.fate > NOW_OF_THE_BASE)
		close(closed.fd);
	if (closed.new_out >= 0)
		close(closed.new_out);
	close(fds[1]);
	stage_close(&closed.stage);
}
END_TEST

START_TEST(loop_freed_while_a_wait_is_pending_cancels_it)
{
	struct af_future *f;

	open_rig(_i);
	f = readable(rig.in);
	expect_pending(f);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	expect_done(f, -ECANCELED);
	put_text(rig.out, "abc");
	expect_no_byte_touched();
	rig_close(&rig);
}
END_TEST

static void note_error(struct af_future *done, void *arg)
{
	*(int *)arg = af_future_error(done);
	expect_error(&rig,
		     af_wait_fd(af_future_loop(done), rig.in, EV_READ, NULL),
		     -ECANCELED);
}

START_TEST(wait_begun_while_the_loop_is_freed_fails_ecanceled)
{
	int error = 0;

	open_rig(0);
	af_on_done(readable(rig.in), note_error, &error);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(error, -ECANCELED);
	rig_close(&rig);
}
END_TEST

START_TEST(dump_names_the_wait_and_its_descriptor)
{
	char *text = NULL, words[40];
	struct af_future *f, *full;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	open_rig(0);
	f = af_wait_fd(rig.loop, rig.in, EV_READ, MS(20000));
	stuff(rig.out);
	full = writable(rig.out);
	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	fclose(out);
	snprintf(words, sizeof words, "wait fd %d, to read, ", rig.in);
	ck_assert_ptr_nonnull(strstr(text, words));
	ck_assert_ptr_nonnull(strstr(text, " left, for "));
	snprintf(words, sizeof words, "wait fd %d, to write, ", rig.out);
	ck_assert_ptr_nonnull(strstr(text, words));
	free(text);
	af_future_cancel(f);
	expect_done(f, -ECANCELED);
	af_future_cancel(full);
	expect_done(full, -ECANCELED);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/wait_fd");
	TCase *tc = scratch_case(s, "wait for a descriptor");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(wait_to_read_ends_when_bytes_come, WAYS);
	ADD(wait_to_write_ends_when_there_is_room,
	    BACKENDS * EVERY_WAY_BUT_TCP);
	ADD(hang_up_and_error_are_ready, WAYS);
	ADD(deadline_ends_a_wait_in_time, WAYS);
	ADD(deadline_of_a_busy_program_takes_what_came, WAYS);
	/* With epoll: others report that a descriptor is not open. */
	ADD(deadline_of_a_wait_whose_descriptor_was_closed_fails_ebadf,
	    EVERY_WAY);
	ADD(zero_timeout_asks_once, WAYS);
	ADD(disk_files_and_their_like_are_ready_at_once, BACKENDS);
	ADD(descriptor_that_is_not_open_fails_ebadf, BACKENDS);
	tcase_add_test(tc, wait_of_nonsense_or_of_another_thread_fails);
	ADD(many_wait_for_one_descriptor_in_both_directions, BACKENDS);
	ADD(wait_from_anywhere_leaves_the_programs_events_alone,
	    BACKENDS * CONTEXT_COUNT);
	ADD(wait_whose_descriptor_was_closed_holds_up_no_other,
	    FATES * CONTEXT_COUNT);
	ADD(loop_freed_while_a_wait_is_pending_cancels_it, WAYS);
	tcase_add_test(tc, wait_begun_while_the_loop_is_freed_fails_ecanceled);
	tcase_add_test(tc, dump_names_the_wait_and_its_descriptor);
	return s;
}
