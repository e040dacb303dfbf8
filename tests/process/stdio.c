/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of where a child's three streams can lead, and that what leads nowhere
 * is refused.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <pthread.h>
#include <unistd.h>

#include "support/children.h"
#include "support/scratch.h"

/* Puts fd in the place of the program's own number; returns the old one. */
static int displace(int number, int fd)
{
	int old = fcntl(number, F_DUPFD_CLOEXEC, 100);

	ck_assert_int_ge(old, 0);
	ck_assert_int_eq(dup2(fd, number), number);
	return old;
}

static void restore(int number, int old)
{
	ck_assert_int_eq(dup2(old, number), number);
	close(old);
}

START_TEST(spawn_without_options_inherits_all_three)
{
	int fds[3], old[3];
	struct rig rig;

	rig_open(&rig, 0);
	for (int i = 0; i < 3; i++) {
		fds[i] = open_file((const char[]){ (char)('0' + i), '\0' });
		old[i] = displace(i, fds[i]);
	}
	expect_exit(&rig, start(&rig, HELPER("stamp"), NULL), 0);
	for (int i = 0; i < 3; i++) {
		restore(i, old[i]);
		close(fds[i]);
	}
	expect_file("0", "0");
	expect_file("1", "1");
	expect_file("2", "2");
	rig_close(&rig);
}
END_TEST

/* Both are the parent's, one by default and one by name. */
START_TEST(spawn_with_default_and_inherited_streams_gives_the_parents)
{
	static const enum af_stdio_kind kinds[] = { AFIO_DEFAULT,
						    AFIO_INHERIT };
	struct af_process *process;
	int old, out;
	struct rig rig;

	ck_assert_int_eq(AFIO_DEFAULT, 0);
	ck_assert_int_ne(AFIO_INHERIT, 0);
	rig_open(&rig, 0);
	for (size_t i = 0; i < 2; i++) {
		out = open_file("out");
		old = displace(1, out);
		process = start(&rig, HELPER("echo", "said"),
				WITH(.out.kind = kinds[i]));
		restore(1, old);
		close(out);
		ck_assert_ptr_null(af_process_stdout(process));
		expect_exit(&rig, process, 0);
		expect_file("out", "said\n");
		unlink("out");
	}
	rig_close(&rig);
}
END_TEST

/* The parent's 0, 1 and 2 in each order as the child's. */
START_TEST(spawn_with_permuted_descriptors_gives_each_its_own)
{
	static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
					 { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
					 { 1, 1, 0 }, { 2, 0, 0 } };
	const int *order = orders[_i];
	int fds[3], old[3];
	char text[2] = "";
	struct rig rig;

	rig_open(&rig, 0);
	for (int i = 0; i < 3; i++) {
		text[0] = (char)('0' + i);
		fds[i] =
			open(text, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
		old[i] = displace(i, fds[i]);
		close(fds[i]);
	}
	expect_exit(&rig,
		    start(&rig, HELPER("stamp"),
			  WITH(.in = TO_FD(order[0]), .out = TO_FD(order[1]),
			       .err = TO_FD(order[2]))),
		    0);
	for (int i = 0; i < 3; i++) {
		char file[2] = { (char)('0' + i), '\0' }, expected[4] = "";

		restore(i, old[i]);
		for (int target = 0, n = 0; target < 3; target++)
			if (order[target] == i)
				expected[n++] = (char)('0' + target);
		expect_file(file, expected);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_pipes_connects_each_stream)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	process = start(&rig, HELPER("tag", "err"), WITH(ALL_PIPES));
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), "out", 3,
				   AFIO_FULL, NULL),
		     3, 0);
	af_process_close_stdin(process);
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "out", AFIO_EOF);
	expect_text(&rig, af_file_read(af_process_stderr(process), 0, 0, NULL),
		    "err\n", AFIO_EOF);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_without_pipes_has_no_files)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	process = start(&rig, HELPER("exit", "0"),
			WITH(.in.kind = AFIO_NULL, .out = TO_FD(rig.out),
			     .err.kind = AFIO_STDOUT));
	ck_assert_ptr_null(af_process_stdin(process));
	ck_assert_ptr_null(af_process_stdout(process));
	ck_assert_ptr_null(af_process_stderr(process));
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_null_streams_gives_dev_null)
{
	struct rig rig;

	rig_open(&rig, 0);
	expect_says(&rig, HELPER("dump-link", "0"), WITH(.in.kind = AFIO_NULL),
		    "/dev/null");
	expect_says(&rig, HELPER("dump-link", "2"), WITH(.err.kind = AFIO_NULL),
		    "/dev/null");
	expect_exit(&rig,
		    start(&rig, HELPER("dump-link", "1", "2"),
			  WITH(.out.kind = AFIO_NULL, .err = TO_FD(rig.out))),
		    0);
	rig_hang_up(&rig);
	expect_text(&rig, af_file_read(rig_reader(&rig), 0, 0, NULL),
		    "/dev/null", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_descriptors_leaves_them_to_the_caller)
{
	int fd_flags, flags;
	struct rig rig;

	rig_open(&rig, 0);
	fd_flags = fcntl(rig.out, F_GETFD);
	flags = fcntl(rig.out, F_GETFL);
	expect_exit(&rig,
		    start(&rig, HELPER("both", "3"),
			  WITH(.in = TO_FD(rig.in), .out = TO_FD(rig.out),
			       .err = TO_FD(rig.out))),
		    0);
	ck_assert_int_eq(fcntl(rig.out, F_GETFD), fd_flags);
	ck_assert_int_eq(fcntl(rig.out, F_GETFL), flags);
	expect_pattern(rig.in, 3, 0);
	rig_hang_up(&rig);
	expect_pattern_to_eof(rig.in, 3, 0);
	rig_close(&rig);
}
END_TEST

/* What is non-blocking is so for all who hold it; a start may not change it. */
START_TEST(spawn_with_nonblocking_descriptors_leaves_them_so)
{
	struct af_process *process;
	int in_flags, out_flags;
	struct rig rig;

	rig_open(&rig, 0);
	ck_assert_int_eq(fcntl(rig.in, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(fcntl(rig.out, F_SETFL, O_NONBLOCK | O_APPEND), 0);
	in_flags = fcntl(rig.in, F_GETFL);
	out_flags = fcntl(rig.out, F_GETFL);
	process = start(&rig, HELPER("both", "3"),
			WITH(.in = TO_FD(rig.in), .out = TO_FD(rig.out),
			     .err = TO_FD(rig.out)));
	ck_assert_int_eq(fcntl(rig.in, F_GETFL), in_flags);
	ck_assert_int_eq(fcntl(rig.out, F_GETFL), out_flags);
	expect_exit(&rig, process, 0);
	ck_assert_int_eq(fcntl(rig.in, F_GETFL), in_flags);
	ck_assert_int_eq(fcntl(rig.out, F_GETFL), out_flags);
	expect_pattern(rig.in, 3, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_paths_reads_creates_and_truncates)
{
	struct stat status;
	struct rig rig;

	rig_open(&rig, 0);
	umask(027);
	make_file("in", "text", 0600);
	make_file("err", "what is longer than its successor", 0600);
	expect_exit(&rig,
		    start(&rig, HELPER("tag", "tag"),
			  WITH(.cwd = "/",
			       .in = { .kind = AFIO_PATH, .path = "in" },
			       .out = { .kind = AFIO_PATH, .path = "created" },
			       .err = { .kind = AFIO_PATH, .path = "err" })),
		    0);
	expect_file("created", "text");
	expect_file("err", "tag\n");
	ck_assert_int_eq(stat("created", &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0640);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_bad_path_is_refused)
{
	const char *const *argv = HELPER("exit", "0");
	struct rig rig;

	rig_open(&rig, 0);
	expect_refused(&rig, argv,
		       WITH(.in = { .kind = AFIO_PATH, .path = "missing" }),
		       ENOENT);
	expect_refused(&rig, argv,
		       WITH(.in.kind = AFIO_PIPE, .err.kind = AFIO_PIPE,
			    .out = { .kind = AFIO_PATH, .path = "no/where" }),
		       ENOENT);
	expect_refused(&rig, argv,
		       WITH(.err = { .kind = AFIO_PATH, .path = "." }), EISDIR);
	expect_refused(&rig, argv, WITH(.in.kind = AFIO_PATH), EINVAL);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_bad_descriptor_is_refused)
{
	const char *const *argv = HELPER("exit", "0");
	struct rig rig;
	int closed;

	rig_open(&rig, 0);
	closed = fcntl(rig.in, F_DUPFD, 200);
	close(closed);
	expect_refused(&rig, argv, WITH(.in = TO_FD(closed)), EBADF);
	expect_refused(&rig, argv, WITH(.out = TO_FD(-1)), EBADF);
	expect_refused(&rig, argv, WITH(.err = TO_FD(INT_MAX)), EBADF);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_with_stderr_as_stdout_merges_them)
{
	const char *const *argv = HELPER("both", "5");
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, 0);
	process = start(&rig, argv,
			WITH(.out.kind = AFIO_PIPE, .err.kind = AFIO_STDOUT));
	ck_assert_ptr_null(af_process_stderr(process));
	expect_data_pattern(
		&rig,
		af_file_read(af_process_stdout(process), 5, AFIO_FULL, NULL), 5,
		0, 0);
	expect_data_pattern(
		&rig, af_file_read(af_process_stdout(process), 0, 0, NULL), 5,
		0, AFIO_EOF);
	expect_exit(&rig, process, 0);
	expect_exit(&rig,
		    start(&rig, HELPER("tag", "tag"),
			  WITH(.in.kind = AFIO_NULL, .err.kind = AFIO_STDOUT,
			       .out = { .kind = AFIO_PATH, .path = "merged" })),
		    0);
	expect_file("merged", "tag\n");
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_reading_another_process_takes_its_stdout)
{
	struct af_process *first, *second;
	struct rig rig;

	rig_open(&rig, _i);
	first = start(&rig, HELPER("echo", "hello"),
		      WITH(.out.kind = AFIO_PIPE));
	second = start(&rig, HELPER("cat"),
		       WITH(.in = { .kind = AFIO_PROCESS, .process = first },
			    .out.kind = AFIO_PIPE));
	ck_assert_ptr_null(af_process_stdout(first));
	ck_assert_ptr_null(af_process_stdin(second));
	expect_text(&rig, af_file_read(af_process_stdout(second), 0, 0, NULL),
		    "hello\n", AFIO_EOF);
	expect_exit(&rig, second, 0);
	expect_exit(&rig, first, 0);
	rig_close(&rig);
}
END_TEST

/* Were there a copy in the parent, the writer would never hear of it. */
START_TEST(spawn_reader_that_leaves_ends_its_writer)
{
	struct af_process *first, *second;
	struct rig rig;

	rig_open(&rig, _i);
	first = start(&rig, HELPER("endless"), WITH(.out.kind = AFIO_PIPE));
	second = start(&rig, HELPER("sink", "10"),
		       WITH(.in = { .kind = AFIO_PROCESS, .process = first }));
	expect_exit(&rig, second, 0);
	expect_status(&rig, af_process_wait(first, NULL), SIGPIPE);
	af_process_free(first);
	rig_close(&rig);
}
END_TEST

static void expect_busy(struct rig *rig, struct af_process *first, int error)
{
	errno = 0;
	ck_assert_ptr_null(af_spawn(
		rig->loop, HELPER("cat"),
		WITH(.in = { .kind = AFIO_PROCESS, .process = first })));
	ck_assert_int_eq(errno, error);
}

START_TEST(spawn_reading_a_process_being_read_is_busy)
{
	struct af_process *first;
	struct af_future *pending;
	struct rig rig;

	rig_open(&rig, 0);
	first = start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));
	pending = af_file_read(af_process_stdout(first), 1, 0, NULL);
	expect_busy(&rig, first, EBUSY);
	expect_count(&rig,
		     af_file_write(af_process_stdin(first), "ab", 2, AFIO_FULL,
				   NULL),
		     2, 0);
	expect_text(&rig, pending, "a", 0);
	expect_busy(&rig, first, EBUSY);
	af_process_close_stdin(first);
	expect_text(&rig, af_file_read(af_process_stdout(first), 0, 0, NULL),
		    "b", AFIO_EOF);
	expect_exit(&rig, first, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_reading_a_process_whose_loop_was_freed_is_busy)
{
	struct af_loop *other = af_loop_new(NULL);
	struct af_process *first;
	struct af_future *f;
	struct rig rig;

	rig_open(&rig, 0);
	first = af_spawn(other, HELPER("echo", "lost"),
			 WITH(.out.kind = AFIO_PIPE));
	ck_assert_ptr_nonnull(first);
	f = af_process_wait(first, NULL);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	af_loop_free(other);
	expect_busy(&rig, first, EBUSY);
	af_process_free(first);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_failing_on_another_process_leaves_its_stdout)
{
	struct af_process *first;
	struct rig rig;

	rig_open(&rig, 0);
	first = start(&rig, HELPER("echo", "kept"),
		      WITH(.out.kind = AFIO_PIPE));
	errno = 0;
	ck_assert_ptr_null(af_spawn(
		rig.loop, (const char *const[]){ "./no", NULL },
		WITH(.in = { .kind = AFIO_PROCESS, .process = first })));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_ptr_nonnull(af_process_stdout(first));
	expect_text(&rig, af_file_read(af_process_stdout(first), 0, 0, NULL),
		    "kept\n", AFIO_EOF);
	expect_exit(&rig, first, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(spawn_reading_a_process_without_pipe_is_invalid)
{
	struct af_process *first;
	struct rig rig;

	rig_open(&rig, 0);
	first = start(&rig, HELPER("exit", "0"), NULL);
	expect_busy(&rig, first, EINVAL);
	expect_busy(&rig, NULL, EINVAL);
	expect_exit(&rig, first, 0);
	rig_close(&rig);
}
END_TEST

/* A child of the program's own that has said "hello" to a socket. */
static struct af_process *adopt_talker(struct rig *rig)
{
	struct af_process *process;
	int fds[2];
	pid_t pid;

	make_pair(KIND_SOCKETPAIR, fds);
	pid = fork();
	if (pid == 0) {
		put_text(fds[1], "hello\n");
		_exit(0);
	}
	close(fds[1]);
	process = af_process_adopt(rig->loop, pid, -1, fds[0], -1);
	ck_assert_ptr_nonnull(process);
	return process;
}

START_TEST(spawn_reading_an_adopted_process_takes_its_socket)
{
	struct af_process *first, *second;
	struct rig rig;

	rig_open(&rig, _i);
	first = adopt_talker(&rig);
	errno = 0;
	ck_assert_ptr_null(af_spawn(
		rig.loop, (const char *const[]){ "./no", NULL },
		WITH(.in = { .kind = AFIO_PROCESS, .process = first })));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_ptr_nonnull(af_process_stdout(first));
	second = start(&rig, HELPER("cat"),
		       WITH(.in = { .kind = AFIO_PROCESS, .process = first },
			    .out.kind = AFIO_PIPE));
	ck_assert_ptr_null(af_process_stdout(first));
	expect_text(&rig, af_file_read(af_process_stdout(second), 0, 0, NULL),
		    "hello\n", AFIO_EOF);
	expect_exit(&rig, first, 0);
	expect_exit(&rig, second, 0);
	rig_close(&rig);
}
END_TEST

static ssize_t layer_read(void *arg, void *buf, size_t len)
{
	(void)arg;
	(void)buf;
	(void)len;
	return -EAGAIN;
}

static ssize_t layer_write(void *arg, const void *buf, size_t len)
{
	(void)arg;
	(void)buf;
	return (ssize_t)len;
}

static int layer_flush(void *arg)
{
	(void)arg;
	return 0;
}

/* What is on the socket is not what the file reads. */
START_TEST(spawn_reading_a_process_through_a_layer_is_invalid)
{
	static const struct af_layer layer = { .read = layer_read,
					       .write = layer_write,
					       .flush = layer_flush };
	struct af_process *first;
	struct rig rig;

	rig_open(&rig, _i);
	first = adopt_talker(&rig);
	ck_assert_int_eq(
		af_file_set_layer(af_process_stdout(first), &layer, NULL, NULL),
		0);
	expect_busy(&rig, first, EINVAL);
	expect_error(&rig,
		     af_spawn_async(rig.loop, HELPER("cat"),
				    WITH(.in = { .kind = AFIO_PROCESS,
						 .process = first })),
		     -EINVAL);
	ck_assert_ptr_nonnull(af_process_stdout(first));
	expect_exit(&rig, first, 0);
	rig_close(&rig);
}
END_TEST

static void *spawn_elsewhere(void *first)
{
	struct af_loop *loop = af_loop_new(NULL);

	errno = 0;
	ck_assert_ptr_null(af_spawn(
		loop, HELPER("cat"),
		WITH(.in = { .kind = AFIO_PROCESS, .process = first })));
	ck_assert_int_eq(errno, EPERM);
	af_loop_free(loop);
	return NULL;
}

START_TEST(spawn_reading_a_process_of_another_thread_is_eperm)
{
	struct af_process *first;
	pthread_t thread;
	struct rig rig;

	rig_open(&rig, 0);
	first = start(&rig, HELPER("echo", "kept"),
		      WITH(.out.kind = AFIO_PIPE));
	ck_assert_int_eq(pthread_create(&thread, NULL, spawn_elsewhere, first),
			 0);
	pthread_join(thread, NULL);
	expect_text(&rig, af_file_read(af_process_stdout(first), 0, 0, NULL),
		    "kept\n", AFIO_EOF);
	expect_exit(&rig, first, 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/stdio");
	TCase *tc = scratch_case(s, "streams");

	tcase_add_test(tc, spawn_without_options_inherits_all_three);
	tcase_add_test(
		tc, spawn_with_default_and_inherited_streams_gives_the_parents);
	tcase_add_loop_test(
		tc, spawn_with_permuted_descriptors_gives_each_its_own, 0, 8);
	tcase_add_test(tc, spawn_with_pipes_connects_each_stream);
	tcase_add_test(tc, spawn_without_pipes_has_no_files);
	tcase_add_test(tc, spawn_with_null_streams_gives_dev_null);
	tcase_add_test(tc, spawn_with_descriptors_leaves_them_to_the_caller);
	tcase_add_test(tc, spawn_with_nonblocking_descriptors_leaves_them_so);
	tcase_add_test(tc, spawn_with_paths_reads_creates_and_truncates);
	tcase_add_test(tc, spawn_with_bad_path_is_refused);
	tcase_add_test(tc, spawn_with_bad_descriptor_is_refused);
	tcase_add_test(tc, spawn_with_stderr_as_stdout_merges_them);
	tcase_add_loop_test(tc, spawn_reading_another_process_takes_its_stdout,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, spawn_reader_that_leaves_ends_its_writer, 0,
			    DRIVE_COUNT);
	tcase_add_test(tc, spawn_reading_a_process_being_read_is_busy);
	tcase_add_test(tc, spawn_failing_on_another_process_leaves_its_stdout);
	tcase_add_test(tc, spawn_reading_a_process_without_pipe_is_invalid);
	tcase_add_test(tc,
		       spawn_reading_a_process_whose_loop_was_freed_is_busy);
	tcase_add_loop_test(tc,
			    spawn_reading_an_adopted_process_takes_its_socket,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    spawn_reading_a_process_through_a_layer_is_invalid,
			    0, DRIVE_COUNT);
	tcase_add_test(tc, spawn_reading_a_process_of_another_thread_is_eperm);
	return s;
}
