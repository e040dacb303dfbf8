/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of a child's descriptors: those it is given, at the numbers they were
 * given, in any order; and none besides.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/inside.h"
#include "support/scratch.h"

#define FDS(...)                                                               \
	.fds = (const struct af_fd_map[]){ __VA_ARGS__ },                      \
	.n_fds = sizeof((const struct af_fd_map[]){ __VA_ARGS__ }) /           \
		 sizeof(struct af_fd_map)

/* Files to tell descriptors by: at the numbers from first on. */
static void open_files(int first, int n)
{
	char name[16];

	for (int i = first; i < first + n; i++) {
		snprintf(name, sizeof name, "%d", i);
		int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		ck_assert_int_ge(fd, 0);
		if (fd == i)
			continue;
		ck_assert_int_eq(dup2(fd, i), i);
		ck_assert_int_eq(fcntl(i, F_SETFD, FD_CLOEXEC), 0);
		close(fd);
	}
}

static void close_files(int first, int n)
{
	for (int i = first; i < first + n; i++)
		ck_assert_int_eq(close(i), 0);
}

/* Adds what the child should say of a descriptor that was our fd. */
static void add_expected(char *expected, size_t size, int fd)
{
	size_t len = strlen(expected);
	struct stat status;

	ck_assert_int_eq(fstat(fd, &status), 0);
	snprintf(expected + len, size - len, "%llu %llu\n",
		 (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
}

/* Asks what each child_fd is, and what else there is. */
static void expect_mapped(struct rig *rig, const struct af_fd_map *fds,
			  size_t n_fds)
{
	char questions[32][16], expected[2048] = "";
	const char *argv[40] = { inside_path() };
	int last = 2;

	for (size_t i = 0; i < n_fds; i++) {
		snprintf(questions[i], sizeof questions[i], "file:%d",
			 fds[i].child_fd);
		argv[i + 1] = questions[i];
		add_expected(expected, sizeof expected, fds[i].fd);
	}
	argv[n_fds + 1] = "fds";
	strcat(expected, "0 1 2 ");
	for (size_t i = 0; i < n_fds; i++) {
		int next = INT_MAX;

		for (size_t j = 0; j < n_fds; j++)
			if (fds[j].child_fd > last && fds[j].child_fd < next)
				next = fds[j].child_fd;
		sprintf(expected + strlen(expected), "%d ", next);
		last = next;
	}
	strcat(expected, "\n");
	expect_says(rig, argv, WITH(.fds = fds, .n_fds = n_fds), expected);
	for (size_t i = 0; i < n_fds; i++)
		ck_assert_int_eq(fcntl(fds[i].fd, F_GETFD), FD_CLOEXEC);
}

/* Wherever the test program's own descriptors are, these are free. */
#define BASE 50

/* The numbers collide with each other and with those that a start opens. */
START_TEST(map_of_eighteen_in_reverse_gives_each_its_number)
{
	struct af_fd_map fds[18];
	struct rig rig;

	rig_open(&rig, 0);
	open_files(BASE, 18);
	for (int i = 0; i < 18; i++)
		fds[i] = (struct af_fd_map){ BASE + i, BASE + 17 - i };
	expect_mapped(&rig, fds, 18);
	/* To the numbers of our own pipes, and of the one for the error. */
	for (int i = 0; i < 18; i++)
		fds[i] = (struct af_fd_map){ BASE + i, 20 - i };
	expect_mapped(&rig, fds, 18);
	/* Copies are made of the last two, at numbers of the others. */
	for (int i = 0; i < 18; i++)
		fds[i] = (struct af_fd_map){ BASE + i, 3 + i };
	fds[16].child_fd = BASE + 17;
	fds[17].child_fd = BASE + 16;
	expect_mapped(&rig, fds, 18);
	close_files(BASE, 18);
	rig_close(&rig);
}
END_TEST

START_TEST(map_of_overlapping_numbers_gives_each_its_own)
{
	static const struct af_fd_map maps[][3] = {
		{ { BASE, BASE + 1 },
		  { BASE + 1, BASE + 2 },
		  { BASE + 2, BASE } },
		{ { BASE, BASE + 1 }, { BASE + 1, BASE }, { BASE, 9 } },
		{ { BASE, BASE }, { BASE, BASE + 1 }, { BASE, BASE + 2 } },
		{ { BASE, BASE + 2 }, { BASE, BASE + 1 }, { BASE, BASE } },
		{ { BASE + 1, BASE }, { BASE, 3 }, { BASE + 2, 4 } },
		{ { BASE + 2, 3 }, { BASE + 1, 4 }, { BASE, 500 } },
	};
	struct rig rig;

	rig_open(&rig, 0);
	open_files(BASE, 3);
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
		expect_mapped(&rig, maps[i], 3);
	close_files(BASE, 3);
	rig_close(&rig);
}
END_TEST

/* The number that the pipe for the error has in the parent. */
START_TEST(map_onto_the_error_pipe_still_tells_the_error)
{
	const char *const argv[] = { "./missing", NULL };
	struct rig rig;

	rig_open(&rig, 0);
	open_files(BASE, 2);
	for (int target = 3; target < BASE; target++)
		expect_refused(&rig, argv,
			       WITH(ALL_PIPES, FDS({ BASE, target },
						   { BASE + 1, target + 1 })),
			       ENOENT);
	close_files(BASE, 2);
	rig_close(&rig);
}
END_TEST

START_TEST(map_takes_standard_descriptors_too)
{
	char expected[256] = "";
	struct rig rig;

	rig_open(&rig, 0);
	for (int fd = 2; fd >= 0; fd--)
		add_expected(expected, sizeof expected, fd);
	strcat(expected, "0 1 2 5 6 7 \n");
	expect_says(&rig, ASK("file:5", "file:6", "file:7", "fds"),
		    WITH(.in.kind = AFIO_NULL, .err.kind = AFIO_STDOUT,
			 FDS({ 2, 5 }, { 1, 6 }, { 0, 7 })),
		    expected);
	rig_close(&rig);
}
END_TEST

START_TEST(map_with_bad_numbers_is_refused)
{
	const char *const *argv = HELPER("exit", "0");
	struct rlimit limit;
	char text[64];
	int closed;
	struct rig rig;

	rig_open(&rig, 0);
	closed = fcntl(rig.in, F_DUPFD, 200);
	close(closed);
	snprintf(text, sizeof text, "fd %d: Bad file descriptor", closed);
	expect_reason(&rig, argv, WITH(ALL_PIPES, FDS({ closed, 5 })), EBADF,
		      text);
	expect_reason(&rig, argv, WITH(ALL_PIPES, FDS({ -1, 5 })), EBADF,
		      "fd -1: Bad file descriptor");
	expect_refused(&rig, argv, WITH(FDS({ INT_MAX, 5 })), EBADF);
	expect_reason(&rig, argv, WITH(FDS({ rig.in, -1 })), EINVAL,
		      "fd -1: Invalid argument");
	for (int fd = 0; fd < 3; fd++)
		expect_refused(&rig, argv, WITH(FDS({ rig.in, fd })), EINVAL);
	expect_refused(&rig, argv, WITH(FDS({ rig.in, 5 }, { rig.out, 5 })),
		       EINVAL);
	expect_reason(&rig, argv,
		      WITH(FDS({ rig.in, 7 }, { rig.out, 7 }, { rig.in, 8 },
			       { rig.out, 8 }, { -1, 9 })),
		      EINVAL, "fd 7: Invalid argument");
	expect_refused(&rig, argv, WITH(.n_fds = 1), EINVAL);
	/* The limit is as good as any: it is the child that finds out. */
	getrlimit(RLIMIT_NOFILE, &limit);
	snprintf(text, sizeof text, "fd %d: Bad file descriptor",
		 (int)limit.rlim_cur);
	expect_reason(&rig, argv,
		      WITH(ALL_PIPES, FDS({ rig.in, (int)limit.rlim_cur })),
		      EBADF, text);
	expect_refused(&rig, argv, WITH(ALL_PIPES, FDS({ rig.in, INT_MAX })),
		       EBADF);
	rig_close(&rig);
}
END_TEST

START_TEST(closefrom_keeps_lower_ones_as_they_are)
{
	struct rig rig;

	rig_open(&rig, 0);
	/* Whoever started the test may have left some open. */
	for (int fd = 3; fd < 1024; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (int fd = BASE; fd < BASE + 6; fd++)
		ck_assert_int_eq(dup2(rig.in, fd), fd);
	fcntl(BASE + 1, F_SETFD, FD_CLOEXEC);
	expect_says(&rig, ASK("fds"), NULL, "0 1 2 \n");
	expect_says(&rig, ASK("fds"), WITH(.closefrom = 3), "0 1 2 \n");
	expect_says(&rig, ASK("fds"), WITH(.closefrom = BASE + 3),
		    "0 1 2 50 52 \n");
	expect_says(&rig, ASK("fds"),
		    WITH(.closefrom = BASE + 3,
			 FDS({ BASE + 4, BASE + 4 }, { rig.out, BASE + 1 })),
		    "0 1 2 50 51 52 54 \n");
	expect_says(&rig, ASK("fds"), WITH(.closefrom = INT_MAX),
		    "0 1 2 50 52 53 54 55 \n");
	close_files(BASE, 6);
	rig_close(&rig);
}
END_TEST

START_TEST(closefrom_below_three_is_invalid)
{
	struct rig rig;

	rig_open(&rig, 0);
	for (int from = -1; from < 3; from++)
		if (from != 0)
			expect_reason(&rig, ASK("fds"), WITH(.closefrom = from),
				      EINVAL,
				      "option closefrom: Invalid argument");
	rig_close(&rig);
}
END_TEST

/* What lies open in the program when a test starts, apart from 0, 1 and 2. */
static void save_stdio(int saved[3])
{
	for (int fd = 0; fd < 3; fd++) {
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
		ck_assert_int_ge(saved[fd], 100);
	}
}

static void restore_stdio(const int saved[3])
{
	for (int fd = 0; fd < 3; fd++) {
		ck_assert_int_eq(dup2(saved[fd], fd), fd);
		close(saved[fd]);
	}
}

/*
 * In the parent any of 0, 1 and 2 is closed, so that what a start
 * opens would get those numbers.
 */
static const char *talk_with_some_closed(struct rig *rig)
{
	struct af_process *process;
	struct af_future *f;
	const char *error = NULL;

	process = af_spawn(
		rig->loop, ASK("fds", "eof"),
		WITH(ALL_PIPES, FDS({ BASE, BASE + 1 }, { BASE + 1, 4 })));
	if (!process)
		return "not started";
	af_process_close_stdin(process);
	f = af_file_read(af_process_stdout(process), 0, 0, NULL);
	if (drive(rig, f) != 0 ||
	    strcmp(af_future_data(f, NULL), "0 1 2 4 51 \nend\n") != 0)
		error = "pipes";
	af_future_unref(f);
	f = af_process_wait(process, NULL);
	if (drive(rig, f) != 0 || af_future_status(f) != 0)
		error = "wait";
	af_future_unref(f);
	af_process_free(process);

	process = af_spawn(rig->loop, ASK("ttys", "fds"),
			   WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY,
				.err.kind = AFIO_STDOUT, FDS({ BASE, 3 })));
	if (!process)
		return "not started with a terminal";
	f = af_file_read(af_process_stdout(process), 0, 0, NULL);
	if (drive(rig, f) != 0 ||
	    strcmp(af_future_data(f, NULL), "012\r\n0 1 2 3 \r\n") != 0)
		error = "terminal";
	af_future_unref(f);
	f = af_process_wait(process, NULL);
	if (drive(rig, f) != 0 || af_future_status(f) != 0)
		error = "wait for one with a terminal";
	af_future_unref(f);
	af_process_free(process);
	return error;
}

START_TEST(spawn_with_some_of_stdio_closed_works)
{
	const char *error;
	int saved[3];
	struct rig rig;

	save_stdio(saved);
	rig_open(&rig, 0);
	open_files(BASE, 2);
	for (int fd = 0; fd < 3; fd++)
		if (_i & 1 << fd)
			close(fd);
	error = talk_with_some_closed(&rig);
	for (int fd = 0; fd < 3 && !error; fd++)
		if (_i & 1 << fd && fcntl(fd, F_GETFD) >= 0)
			error = "something is left there";
	restore_stdio(saved);
	ck_assert_msg(!error, "%s", error);
	close_files(BASE, 2);
	rig_close(&rig);
}
END_TEST

/* Inherited ones that are closed stay closed, also when others are mapped. */
START_TEST(spawn_inheriting_what_is_closed_leaves_it_closed)
{
	char expected[256] = "closed\nclosed\n";
	int saved[3], out[2];
	char got[256];
	ssize_t n;
	struct af_process *process;
	struct rig rig;

	save_stdio(saved);
	rig_open(&rig, 0);
	open_files(BASE, 1);
	make_pair(KIND_PIPE, out);
	add_expected(expected, sizeof expected, BASE);
	strcat(expected, "1 3 \n");
	close(0);
	close(2);
	process = af_spawn(rig.loop, ASK("file:0", "file:2", "file:3", "fds"),
			   WITH(.out = TO_FD(out[1]), FDS({ BASE, 3 })));
	restore_stdio(saved);
	ck_assert_ptr_nonnull(process);
	close(out[1]);
	expect_exit(&rig, process, 0);
	n = read(out[0], got, sizeof got - 1);
	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	ck_assert_str_eq(got, expected);
	close(out[0]);
	close_files(BASE, 1);
	rig_close(&rig);
}
END_TEST

/* Whatever other threads open and close meanwhile. */
static atomic_bool over;

static void *open_and_close(void *arg)
{
	(void)arg;
	while (!over) {
		int fds[8];

		for (int i = 0; i < 8; i++)
			fds[i] = dup(2);
		for (int i = 0; i < 8; i++)
			close(fds[i]);
	}
	return NULL;
}

START_TEST(spawn_while_threads_open_descriptors_gives_exactly_its_own)
{
	pthread_t threads[2];
	struct rig rig;

	rig_open(&rig, 0);
	open_files(BASE, 1);
	over = false;
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, open_and_close, NULL);
	for (int i = 0; i < 200; i++)
		expect_says(&rig, HELPER("dump-fds", "63"),
			    WITH(FDS({ BASE, 60 })), "0\n1\n2\n60\n");
	over = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	close_files(BASE, 1);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/descriptors");
	TCase *tc = scratch_case(s, "map");

	tcase_add_test(tc, map_of_eighteen_in_reverse_gives_each_its_number);
	tcase_add_test(tc, map_of_overlapping_numbers_gives_each_its_own);
	tcase_add_test(tc, map_onto_the_error_pipe_still_tells_the_error);
	tcase_add_test(tc, map_takes_standard_descriptors_too);
	tcase_add_test(tc, map_with_bad_numbers_is_refused);

	tc = scratch_case(s, "closefrom");
	tcase_add_test(tc, closefrom_keeps_lower_ones_as_they_are);
	tcase_add_test(tc, closefrom_below_three_is_invalid);

	tc = scratch_case(s, "closed");
	tcase_add_loop_test(tc, spawn_with_some_of_stdio_closed_works, 0, 8);
	tcase_add_test(tc, spawn_inheriting_what_is_closed_leaves_it_closed);

	tc = scratch_case(s, "threads");
	tcase_add_test(
		tc, spawn_while_threads_open_descriptors_gives_exactly_its_own);
	return s;
}
