/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time is shared: whatever work comes in rows, a timer of the program fires in
 * between, as often as there is time for. And nothing of a loop runs in a child
 * by fork(2) that goes on with the base.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/fairness.h"

static struct rig rig;

static void work_long(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	spin(1);
}

static void post_long(void *arg)
{
	(void)arg;
	spin(1);
}

/* Longer than the timer may wait. */
enum { ROW = 200 };

/* Others may have had the processor for most of that time. */
static void await_row(void)
{
	expect_error(&rig, af_sleep(rig.loop, MS(ROW)), 0);
	while (!is_enough())
		expect_error(&rig, af_sleep(rig.loop, MS(TICK_MS)), 0);
}

START_TEST(row_of_continuations_lets_timers_fire)
{
	struct af_future *f;

	rig_open(&rig, _i);
	start_timer(&rig);
	f = af_future_new(rig.loop, NULL, NULL);
	for (int i = 0; i < ROW; i++)
		af_on_done(af_sleep(rig.loop, MS(0)), work_long, NULL);
	af_on_done(af_future_ref(f), work_long, NULL);
	af_future_resolve(f, NULL, NULL);
	af_future_unref(f);
	await_row();
	stop_timer();
	rig_close(&rig);
}
END_TEST

START_TEST(row_of_posts_lets_timers_fire)
{

	rig_open(&rig, _i);
	start_timer(&rig);
	for (int i = 0; i < ROW; i++)
		ck_assert_int_eq(af_loop_post(rig.loop, post_long, NULL), 0);
	await_row();
	stop_timer();
	rig_close(&rig);
}
END_TEST

static int slow_us;

static int on_piece(const char *data, size_t len, unsigned flags, void *arg)
{
	int64_t start = now_us();

	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	while (now_us() - start < slow_us)
		;
	return is_enough();
}

static struct af_future *on_piece_async(const char *data, size_t len,
					unsigned flags, void *arg)
{
	struct af_future *f;
	int stop = on_piece(data, len, flags, NULL);

	if (!stop && !arg)
		return NULL;
	f = af_future_new(rig.loop, NULL, NULL);
	if (stop)
		af_future_fail(f, -EPROTO);
	else
		af_future_resolve(f, NULL, NULL);
	return f;
}

static void feed_lines(int fd)
{
	static char lines[65536];

	memset(lines, '\n', sizeof lines);
	while (write(fd, lines, sizeof lines) > 0)
		;
	_exit(0);
}

/* An endless stream, as of yes(1): lines or chunks, of 1 us or 1 ms. */
static void play_endless(int i, struct af_future *(*begin)(bool chunks),
			 int error)
{
	bool chunks = i / DRIVE_COUNT & 1;
	struct af_future *f;
	pid_t pid;

	rig_open(&rig, i % DRIVE_COUNT);
	rig_reader(&rig);
	pid = fork();
	if (pid == 0)
		feed_lines(rig.out);
	slow_us = i / DRIVE_COUNT & 2 ? 1000 : 1;
	start_timer(&rig);
	f = begin(chunks);
	ck_assert_int_eq(drive(&rig, f), error);
	af_future_unref(f);
	stop_timer();
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	rig_hang_up(&rig);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rig_close(&rig);
}

static struct af_future *begin_each(bool chunks)
{
	return chunks ? af_file_each_chunk(rig.reader, on_piece, NULL)
		      : af_file_each_line(rig.reader, on_piece, NULL);
}

START_TEST(endless_stream_lets_timers_fire)
{
	play_endless(_i, begin_each, 0);
}
END_TEST

/* Of each_async, whose function returns NULL, or futures that are done. */
static struct af_future *begin_each_async(bool chunks)
{
	return af_file_each_async(rig.reader,
				  chunks ? AFIO_EACH_CHUNK : AFIO_EACH_LINE,
				  on_piece_async, NULL);
}

static struct af_future *begin_each_async_done(bool chunks)
{
	return af_file_each_async(rig.reader,
				  chunks ? AFIO_EACH_CHUNK : AFIO_EACH_LINE,
				  on_piece_async, &rig);
}

START_TEST(endless_stream_of_each_async_lets_timers_fire)
{
	const int variants = 4 * DRIVE_COUNT;

	play_endless(_i % variants,
		     _i < variants ? begin_each_async : begin_each_async_done,
		     -EPROTO);
}
END_TEST

/* Every line once, however often the row was interrupted. */
static size_t n_lines;

static int count_line(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	ck_assert_uint_eq(len, 1 + n_lines % 7);
	ck_assert_int_eq(data[len - 1], '\n');
	n_lines++;
	if (n_lines % 1000 == 0)
		spin(1);
	return 0;
}

START_TEST(interrupted_lines_are_all_there)
{
	static char text[200000];
	struct af_future *f;
	size_t len = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	for (size_t n = 0; len + 8 < sizeof text; n++) {
		memset(text + len, 'x', n % 7);
		len += n % 7;
		text[len++] = '\n';
	}
	feed(&rig, text, len, true);
	n_lines = 0;
	f = af_file_each_line(rig.reader, count_line, NULL);
	expect_count(&rig, f, len, AFIO_EOF);
	ck_assert_uint_eq(
		n_lines / 7 * 28 + n_lines % 7 * (n_lines % 7 + 1) / 2, len);
	rig_close(&rig);
}
END_TEST

static void on_alarm(int number)
{
	(void)number;
	spin(1);
}

static int count_piece(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	++*(int *)arg;
	return 0;
}

/* The turn may be over between any two steps: also at the end of a stream. */
START_TEST(last_line_is_passed_on_however_late_it_is)
{
	const struct itimerval often = { { 0, 1150 }, { 0, 1150 } };
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	int64_t since = now_us();
	struct af_future *f;
	int pieces, fds[2];

	rig_open_loop(&rig, _i);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &often, NULL);
	/* As many as there is time for: signals take nearly all of it. */
	for (int i = 0; i < 700 && now_us() - since < 2000000; i++) {
		make_pair(KIND_PIPE, fds);
		put_text(fds[1], "no newline");
		close(fds[1]);
		rig.reader = af_file_new(rig.loop, fds[0], 0);
		pieces = 0;
		f = af_file_each_line(rig.reader, count_piece, &pieces);
		expect_count(&rig, f, 10, AFIO_EOF);
		ck_assert_int_eq(pieces, 1);
		ck_assert_int_eq(af_file_close(rig.reader), 0);
	}
	rig.reader = NULL;
	setitimer(ITIMER_REAL, &never, NULL);
	signal(SIGALRM, SIG_IGN); /* one may be on its way */
	rig_close(&rig);
}
END_TEST

/* Fork */

static struct event_base *base;
static pid_t parent, child;
static int *runs_in_child, runs;

static void quit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	event_base_loopbreak(base);
}

static void note(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	if (getpid() == parent)
		runs++;
	else
		++*runs_in_child;
}

static void note_post(void *arg)
{
	note(NULL, arg);
}

static void fork_now(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	child = fork();
	if (child > 0)
		return;
	event_reinit(base);
	event_base_once(base, -1, EV_TIMEOUT, quit, NULL, MS(60));
}

enum { READY, WAITER, SLEEP, POST, WAIT, TIMEOUT, FORK_COUNT };

static void start_for_parent(struct af_loop *loop, struct af_future *first,
			     int what)
{
	const char *const argv[] = { "sleep", "0.02", NULL };
	struct af_process *process;

	switch (what) {
	case READY:
		af_on_done(af_sleep(loop, MS(0)), note, NULL);
		break;
	case WAITER:
		af_on_done(af_future_ref(first), note, NULL);
		break;
	case SLEEP:
		af_on_done(af_sleep(loop, MS(20)), note, NULL);
		break;
	case POST:
		af_loop_post(loop, note_post, NULL);
		break;
	case WAIT:
		process = af_spawn(loop, argv, NULL);
		af_on_done(af_process_wait(process, NULL), note, NULL);
		af_process_free(process);
		break;
	default:
		first = af_future_new(loop, NULL, NULL);
		af_on_done(af_with_timeout(first, MS(20)), note, NULL);
	}
}

START_TEST(child_that_goes_on_runs_nothing_of_the_loop)
{
	struct af_future *first;
	struct af_loop *loop;
	int status;

	runs_in_child = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	parent = getpid();
	base = event_base_new();
	loop = af_loop_new(base);
	first = af_future_new(loop, NULL, NULL);
	af_on_done(af_future_ref(first), fork_now, NULL);
	af_future_resolve(first, NULL, NULL);
	start_for_parent(loop, first, _i);
	event_base_once(base, -1, EV_TIMEOUT, quit, NULL, MS(200));
	event_base_dispatch(base);
	if (getpid() != parent)
		_exit(0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(*runs_in_child, 0);
	ck_assert_int_eq(runs, 1);
	af_future_unref(first);
	af_loop_free(loop);
	event_base_free(base);
	munmap(runs_in_child, sizeof(int));
}
END_TEST

static void fork_once(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	if (getpid() == parent && child == 0)
		child = fork();
}

static void free_loop(struct af_future *done, void *arg)
{
	(void)done;
	af_loop_free(arg);
}

/*
 * A child that leaves a continuation that af_loop_free() runs. Index: how many
 * others there are; and whether that is called in a continuation.
 */
START_TEST(free_in_a_child_ends_and_runs_nothing)
{
	struct af_loop *loop;
	int status, n = _i / 2;

	runs_in_child = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	parent = getpid();
	child = 0;
	base = event_base_new();
	loop = af_loop_new(base);
	af_on_done(af_future_new(loop, NULL, NULL), fork_once, NULL);
	for (int i = 0; i < n; i++)
		af_on_done(af_future_new(loop, NULL, NULL), note, NULL);
	if (_i % 2) {
		af_on_done(af_sleep(loop, MS(0)), free_loop, loop);
		event_base_dispatch(base);
	} else {
		af_loop_free(loop);
	}
	if (getpid() != parent)
		_exit(0);
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(*runs_in_child, 0);
	ck_assert_int_eq(runs, n);
	event_base_free(base);
	munmap(runs_in_child, sizeof(int));
}
END_TEST

/* A child that leaves its continuation, under af_loop_run(). */
START_TEST(run_in_a_child_ends_with_ebadf)
{
	struct af_loop *loop = af_loop_new(NULL);
	int r, status;

	base = af_loop_base(loop);
	runs_in_child = &runs;
	parent = getpid();
	af_on_done(af_sleep(loop, MS(0)), fork_now, NULL);
	af_on_done(af_sleep(loop, MS(20)), note, NULL);
	r = af_loop_run(loop);
	if (getpid() != parent)
		_exit(r == -EBADF && runs == 0 ? 0 : 1);
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(runs, 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	af_loop_free(loop);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("loop/fair");
	TCase *tc = test_case(s, "time");

	tcase_add_loop_test(tc, row_of_continuations_lets_timers_fire, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, row_of_posts_lets_timers_fire, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, endless_stream_lets_timers_fire, 0,
			    4 * DRIVE_COUNT);
	tcase_add_loop_test(tc, endless_stream_of_each_async_lets_timers_fire,
			    0, 8 * DRIVE_COUNT);
	tcase_add_loop_test(tc, last_line_is_passed_on_however_late_it_is, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, interrupted_lines_are_all_there, 0,
			    DRIVE_COUNT);

	tc = test_case(s, "fork");
	tcase_add_loop_test(tc, child_that_goes_on_runs_nothing_of_the_loop, 0,
			    FORK_COUNT);
	tcase_add_test(tc, run_in_a_child_ends_with_ebadf);
	tcase_add_loop_test(tc, free_in_a_child_ends_and_runs_nothing, 0, 8);
	return s;
}
