/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files as such: what can be made one, whose descriptor it is, what becomes of
 * the description that others share, and the ends: close, detach, and a loop
 * that is freed first.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/harness.h"

static struct rig rig;

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

/* Expects that af_file_new() says no and leaves fd alone. */
static void expect_refused(struct af_loop *loop, int fd, unsigned flags,
			   int error)
{
	errno = 0;
	ck_assert_ptr_null(af_file_new(loop, fd, flags));
	ck_assert_int_eq(errno, error);
}

START_TEST(new_nonsense_fails_and_leaves_the_descriptor)
{
	int closed, dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	rig_open(&rig, _i);
	closed = dup(rig.in);
	close(closed);
	expect_refused(NULL, rig.in, 0, EINVAL);
	expect_refused(rig.loop, rig.in, AFIO_FULL, EINVAL);
	expect_refused(rig.loop, rig.in, 1u << 31, EINVAL);
	expect_refused(rig.loop, -1, 0, EBADF);
	expect_refused(rig.loop, closed, 0, EBADF);
	expect_refused(rig.loop, dir, 0, EISDIR);
	ck_assert_int_eq(close(dir), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(nothing_with_null_does_no_harm)
{
	rig_open(&rig, _i);
	ck_assert_int_eq(af_file_close(NULL), 0);
	ck_assert_int_eq(af_file_detach(NULL, NULL), -EINVAL);
	ck_assert_int_eq(af_file_fd(NULL), -EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(operation_in_wrong_direction_fails_ebadf)
{
	struct evbuffer *buf = evbuffer_new();

	rig_open(&rig, _i);
	rig_reader(&rig);
	rig_writer(&rig);
	evbuffer_add_printf(buf, "abc");
	expect_error(&rig, af_file_write(rig.reader, "x", 1, 0, NULL), -EBADF);
	expect_error(&rig, af_file_write_buffer(rig.reader, buf, 0, NULL),
		     -EBADF);
	expect_error(&rig, af_file_read(rig.writer, 1, 0, NULL), -EBADF);
	expect_error(&rig, af_file_readline(rig.writer, 0, 0, 0, MS(0)),
		     -EBADF);
	expect_error(&rig, af_file_read_until(rig.writer, "x", 1, 0, 0, NULL),
		     -EBADF);
	evbuffer_free(buf);
	rig_close(&rig);
}
END_TEST

/* A canary takes the number that was freed; nobody may close it. */
static void expect_canary_lives(int fd)
{
	struct stat before, after;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int canary = null;

	if (null != fd) {
		canary = fcntl(null, F_DUPFD_CLOEXEC, fd);
		close(null);
	}
	ck_assert_int_eq(canary, fd);
	ck_assert_int_eq(fstat(canary, &before), 0);
	turn(&rig);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	rig_close(&rig);
	ck_assert_int_eq(fstat(canary, &after), 0);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(close(canary), 0);
}

START_TEST(close_with_pending_cancels_and_closes_once)
{
	struct af_future *f[2];
	int fd;

	rig_open(&rig, _i);
	fd = rig.in;
	rig_reader(&rig);
	ck_assert_int_eq(af_file_fd(rig.reader), fd);
	f[0] = af_file_readline(rig.reader, 0, 0, 0, MS(10000));
	f[1] = read_some(0);
	put_text(rig.out, "abc");
	turn(&rig);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	expect_error(&rig, f[0], -ECANCELED);
	expect_error(&rig, f[1], -ECANCELED);
	expect_canary_lives(fd);
}
END_TEST

static void count_call(struct af_future *done, void *arg)
{
	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	++*(int *)arg;
}

static void use_while_closed(const void *buf, size_t len, void *arg)
{
	(void)buf;
	(void)len;
	ck_assert_int_eq(af_file_detach(rig.writer, NULL), -EBUSY);
	expect_error(&rig, af_file_write(rig.writer, "x", 1, 0, NULL),
		     -ECANCELED);
	++*(int *)arg;
}

START_TEST(use_in_a_cleanup_function_of_a_close_fails)
{
	struct evbuffer *buf = evbuffer_new();
	int calls = 0;

	rig_open(&rig, _i);
	stuff(rig.out);
	rig_writer(&rig);
	evbuffer_add_reference(buf, "abc", 3, use_while_closed, &calls);
	af_future_unref(af_file_write_buffer(rig.writer, buf, 0, NULL));
	evbuffer_free(buf);
	ck_assert_int_eq(calls, 0);
	ck_assert_int_eq(af_file_close(rig.writer), 0);
	ck_assert_int_eq(calls, 1);
	rig.writer = NULL;
	rig_close(&rig);
}
END_TEST

START_TEST(close_tells_continuations_later)
{
	struct af_future *f;
	int calls = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	f = read_some(0);
	af_on_done(af_future_ref(f), count_call, &calls);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	ck_assert_int_eq(calls, 0);
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(calls, 1);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static struct af_future *close_reader(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	return NULL;
}

START_TEST(close_in_own_continuation_cancels_the_rest)
{
	struct af_future *first, *second;

	rig_open(&rig, _i);
	rig_reader(&rig);
	first = af_then(af_file_read(rig.reader, 2, AFIO_FULL, NULL),
			close_reader, NULL);
	second = read_some(0);
	put_text(rig.out, "aab");
	expect_text(&rig, first, "aa", 0);
	expect_error(&rig, second, -ECANCELED);
	turn(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(close_keeping_the_descriptor_leaves_it_open)
{
	struct af_file *file;

	rig_open(&rig, _i);
	file = af_file_new(rig.loop, rig.in, AFIO_KEEP_FD);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(af_file_fd(file), rig.in);
	put_text(rig.out, "abc");
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "abc", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	put_text(rig.out, "def");
	expect_text(&rig, af_file_read(rig_reader(&rig), 9, 0, NULL), "def", 0);
	rig_close(&rig);
}
END_TEST

/*
 * By a mistake of the program's, which is told each time; of a pipe by close
 * only, because the file has a descriptor of its own.
 */
START_TEST(operation_on_what_the_program_closed_fails_ebadf)
{
	rig_open(&rig, _i);
	rig_reader(&rig);
	rig_writer(&rig);
	ck_assert_int_eq(close(af_file_fd(rig.reader)), 0);
	ck_assert_int_eq(close(af_file_fd(rig.writer)), 0);
	for (int round = 0; rig.kind != KIND_PIPE && round < 2; round++) {
		expect_error(&rig, read_some(3), -EBADF);
		expect_error(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL),
			     -EBADF);
		expect_error(&rig, af_file_hangup(rig.reader), -EBADF);
		expect_error(&rig, af_file_write(rig.writer, "a", 1, 0, NULL),
			     -EBADF);
		expect_error(&rig, af_file_hangup(rig.writer), -EBADF);
		expect_error(&rig,
			     af_file_copy(rig.reader, rig.writer, -1, NULL),
			     -EBADF);
	}
	ck_assert_int_eq(af_file_close(rig.reader), -EBADF);
	ck_assert_int_eq(af_file_close(rig.writer), -EBADF);
	rig.reader = rig.writer = NULL;
	rig_close(&rig);
}
END_TEST

/* What there is, if not a line, is read and stays in the file. */
static void leave_unread(void)
{
	expect_error(&rig, af_file_readline(rig.reader, 0, 0, AFIO_FULL, MS(0)),
		     -ETIMEDOUT);
}

/* Detaches the reader and puts its descriptor back. */
static void detach(struct evbuffer *unread)
{
	rig.in = af_file_detach(rig.reader, unread);
	rig.reader = NULL;
}

static void expect_unread(struct evbuffer *unread, const char *text)
{
	evbuffer_add(unread, "", 1);
	ck_assert_str_eq((const char *)evbuffer_pullup(unread, -1), text);
	evbuffer_free(unread);
}

START_TEST(detach_with_pending_returns_descriptor_and_unread)
{
	struct evbuffer *unread = evbuffer_new();
	struct af_future *f;
	char rest[4] = "";
	int fd;

	rig_open(&rig, _i);
	fd = rig.in;
	rig_reader(&rig);
	evbuffer_add_printf(unread, "before ");
	put_text(rig.out, "line\nabc");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "line\n",
		    0);
	leave_unread();
	f = af_file_read(rig.reader, 9, AFIO_FULL, NULL);
	detach(unread);
	ck_assert_int_eq(rig.in, fd);
	expect_error(&rig, f, -ECANCELED);
	expect_unread(unread, "before abc");
	put_text(rig.out, "def");
	get(rig.in, rest, 3);
	ck_assert_str_eq(rest, "def");
	rig_close(&rig);
}
END_TEST

START_TEST(detach_leaves_the_blocking_mode)
{
	rig_open(&rig, _i);
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		ck_assert_int_eq(fcntl(rig.in, F_SETFL, flags), 0);
		rig_reader(&rig);
		put_text(rig.out, "abc");
		expect_text(&rig, read_some(3), "abc", 0);
		detach(NULL);
		ck_assert_int_eq(fcntl(rig.in, F_GETFL) & O_NONBLOCK, flags);
		ck_assert_int_eq(fcntl(rig.in, F_GETFD), FD_CLOEXEC);
	}
	rig_close(&rig);
}
END_TEST

/* Another holder of the description never sees O_NONBLOCK. */
START_TEST(shared_description_stays_as_it_is)
{
	unsigned flags = _i % 2 ? AFIO_KEEP_FD : 0;
	int in_flags, out_flags, fds[2];
	struct af_file *files[2];

	rig_open(&rig, _i / 2);
	in_flags = fcntl(rig.in, F_GETFL);
	out_flags = fcntl(rig.out, F_GETFL);
	for (int i = 0; i < 2; i++) {
		fds[i] = fcntl(i ? rig.out : rig.in, F_DUPFD_CLOEXEC, 0);
		files[i] = af_file_new(rig.loop, fds[i], flags);
		ck_assert_ptr_nonnull(files[i]);
	}
	for (int round = 0; round < 2; round++) {
		ck_assert_int_eq(fcntl(rig.in, F_GETFL), in_flags);
		ck_assert_int_eq(fcntl(rig.out, F_GETFL), out_flags);
		expect_error(&rig, af_file_read(files[0], 1, 0, MS(5)),
			     -ETIMEDOUT);
		expect_count(&rig, af_file_write(files[1], "abc", 3, 0, NULL),
			     3, 0);
		expect_text(&rig, af_file_read(files[0], 9, 0, NULL), "abc", 0);
	}
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_file_close(files[i]), 0);
		if (flags & AFIO_KEEP_FD)
			ck_assert_int_eq(close(fds[i]), 0);
	}
	ck_assert_int_eq(fcntl(rig.in, F_GETFL), in_flags);
	ck_assert_int_eq(fcntl(rig.out, F_GETFL), out_flags);
	rig_close(&rig);
}
END_TEST

/* A program that makes files of what it inherited, uses them, and crashes. */
static void use_and_crash(int in, int out)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *reader = af_file_new(loop, in, 0);
	struct af_file *writer = af_file_new(loop, out, 0);

	if (!reader || !writer)
		_exit(1);
	af_future_unref(af_file_write(writer, "abc", 3, AFIO_FULL, NULL));
	af_await_for(af_file_read(reader, 9, AFIO_FULL, NULL), MS(5));
	kill(getpid(), SIGKILL);
}

/* Killed in the middle, the program can restore no flag. */
START_TEST(shared_description_survives_a_crash)
{
	int in_flags, out_flags, status;
	pid_t pid;

	rig_open(&rig, _i);
	in_flags = fcntl(rig.in, F_GETFL);
	out_flags = fcntl(rig.out, F_GETFL);
	pid = fork();
	if (pid == 0)
		use_and_crash(rig.in, rig.out);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(fcntl(rig.in, F_GETFL), in_flags);
	ck_assert_int_eq(fcntl(rig.out, F_GETFL), out_flags);
	rig_close(&rig);
}
END_TEST

/* The same of a terminal, which is one description for all three. */
START_TEST(shared_terminal_survives_a_crash)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int tty, flags, status;
	pid_t pid;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master) | unlockpt(master), 0);
	tty = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(tty, 0);
	flags = fcntl(tty, F_GETFL);
	pid = fork();
	if (pid == 0)
		use_and_crash(tty, dup(tty));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(fcntl(tty, F_GETFL), flags);
	close(tty);
	close(master);
}
END_TEST

/* What can be known of a loop that is being freed. */
struct orphan {
	int calls, inner_error, new_errno;
};

static void note_orphan(struct af_future *done, void *arg)
{
	struct orphan *orphan = arg;
	struct af_future *f = read_some(1);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	orphan->calls++;
	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	ck_assert_int_eq(af_await(f), -ECANCELED);
	orphan->inner_error = af_future_error(f);
	af_future_unref(f);
	errno = 0;
	ck_assert_ptr_null(af_file_new(rig.loop, fd, 0));
	orphan->new_errno = errno;
	close(fd);
}

START_TEST(loop_freed_with_pending_cancels_and_refuses_more)
{
	struct evbuffer *unread = evbuffer_new();
	struct orphan orphan = { 0 };
	struct af_future *f;

	rig_open(&rig, _i);
	rig_reader(&rig);
	rig_writer(&rig);
	expect_count(&rig, af_file_write(rig.writer, "abc", 3, 0, NULL), 3, 0);
	leave_unread();
	f = af_file_readline(rig.reader, 0, 0, 0, NULL);
	af_on_done(af_future_ref(f), note_orphan, &orphan);
	turn(&rig);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(orphan.calls, 1);
	ck_assert_int_eq(orphan.inner_error, -ECANCELED);
	ck_assert_int_eq(orphan.new_errno, ECANCELED);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_int_eq(af_await(f), -ECANCELED);
	af_future_unref(f);
	f = af_file_write(rig.writer, "x", 1, 0, NULL);
	ck_assert_int_eq(af_await(f), -ECANCELED);
	af_future_unref(f);
	detach(unread);
	expect_unread(unread, "abc");
	rig_close(&rig);
}
END_TEST

static void *use_from_another_thread(void *arg)
{
	const struct rig *other = arg;
	struct af_file *file;
	struct af_future *f;

	errno = 0;
	file = af_file_new(other->loop, other->out, 0);
	ck_assert_ptr_null(file);
	ck_assert_int_eq(errno, EPERM);
	errno = 0;
	file = af_file_open(other->loop, "/dev/null", "r");
	ck_assert_ptr_null(file);
	ck_assert_int_eq(errno, EPERM);
	f = af_file_peek(other->reader, 1, NULL);
	ck_assert_int_eq(af_future_error(f), -EPERM);
	af_future_unref(f);
	return NULL;
}

static int never_line(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	ck_abort_msg("called with %p", arg);
	return 0;
}

static struct af_future *never_piece(const char *data, size_t len,
				     unsigned flags, void *arg)
{
	never_line(data, len, flags, arg);
	return NULL;
}

static void expect_eperm(struct af_future *f)
{
	ck_assert_int_eq(af_future_error(f), -EPERM);
	ck_assert_uint_eq(af_future_count(f), 0);
	af_future_unref(f);
}

static void *operate_from_another_thread(void *arg)
{
	const struct rig *other = arg;
	struct evbuffer *buf = evbuffer_new();

	expect_eperm(af_file_read(other->reader, 1, 0, NULL));
	expect_eperm(af_file_readline(other->reader, 0, 0, 0, NULL));
	expect_eperm(af_file_read_until(other->reader, "b", 1, 0, 0, NULL));
	expect_eperm(af_file_write(other->writer, "x", 1, 0, NULL));
	evbuffer_add(buf, "x", 1);
	expect_eperm(af_file_write_buffer(other->writer, buf, 0, NULL));
	evbuffer_free(buf);
	expect_eperm(af_file_copy(other->reader, other->writer, 1, NULL));
	expect_eperm(af_file_each_async(other->reader, AFIO_EACH_LINE,
					never_piece, NULL));
	expect_eperm(af_file_copy_both(other->reader, other->writer, NULL));
	expect_eperm(af_file_follow(other->loop, "/dev/null", NULL, never_line,
				    NULL));
	return NULL;
}

START_TEST(operation_of_another_thread_is_not_permitted_and_takes_nothing)
{
	pthread_t thread;

	rig_open(&rig, _i);
	put_text(rig.out, "abc");
	put_text(rig.in, "ghi");
	rig_reader(&rig);
	rig_writer(&rig);
	/* Some are in the file, and some on the descriptor. */
	leave_unread();
	put_text(af_file_fd(rig.writer), "\ndef");
	ck_assert_int_eq(pthread_create(&thread, NULL,
					operate_from_another_thread, &rig),
			 0);
	pthread_join(thread, NULL);
	turn(&rig);
	expect_text(&rig, af_file_read(rig.reader, 7, AFIO_FULL, NULL),
		    "abc\ndef", 0);
	expect_text(&rig, af_file_read(rig.writer, 9, 0, NULL), "ghi", 0);
	expect_error(&rig, af_file_read(rig.reader, 1, 0, MS(5)), -ETIMEDOUT);
	rig_close(&rig);
}
END_TEST

START_TEST(file_of_another_threads_loop_is_not_permitted)
{
	pthread_t thread;

	rig_open(&rig, WAY(KIND_PIPE, 0));
	rig_reader(&rig);
	ck_assert_int_eq(
		pthread_create(&thread, NULL, use_from_another_thread, &rig),
		0);
	pthread_join(thread, NULL);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/file");
	TCase *tc = test_case(s, "new");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(new_nonsense_fails_and_leaves_the_descriptor);
	ADD(nothing_with_null_does_no_harm);
	tcase_add_loop_test(tc, operation_in_wrong_direction_fails_ebadf,
			    WAY(KIND_PIPE, 0), WAY(KIND_PIPE, DRIVE_COUNT));
	tcase_add_loop_test(tc, shared_description_stays_as_it_is, 0,
			    2 * EVERY_WAY);
	for (int kind = 0; kind < KIND_COUNT; kind++)
		tcase_add_loop_test(tc, shared_description_survives_a_crash,
				    WAY(kind, DRIVE_AWAIT),
				    WAY(kind, DRIVE_AWAIT) + 1);
	tcase_add_test(tc, shared_terminal_survives_a_crash);

	tc = test_case(s, "ends");
	ADD(close_with_pending_cancels_and_closes_once);
	ADD(close_tells_continuations_later);
	ADD(close_in_own_continuation_cancels_the_rest);
	ADD(close_keeping_the_descriptor_leaves_it_open);
	ADD(operation_on_what_the_program_closed_fails_ebadf);
	ADD(detach_with_pending_returns_descriptor_and_unread);
	ADD(detach_leaves_the_blocking_mode);
	ADD(loop_freed_with_pending_cancels_and_refuses_more);
	tcase_add_test(tc, file_of_another_threads_loop_is_not_permitted);
	tcase_add_loop_test(
		tc,
		operation_of_another_thread_is_not_permitted_and_takes_nothing,
		WAY(KIND_SOCKETPAIR, 0), EVERY_WAY);
	tcase_add_loop_test(tc, use_in_a_cleanup_function_of_a_close_fails, 0,
			    EVERY_WAY_BUT_TCP);
	return s;
}
