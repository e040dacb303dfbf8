/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of children in a cgroup of their own: they start there, and a stop
 * reaches all that they have started, in whatever session.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/cgroup.h"
#include "support/denied.h"
#include "support/nobody.h"
#include "support/offers.h"

static int make_cgroup(void)
{
	int fd = offers_clone3() ? cgroup_make() : -1;

	if (fd < 0)
		fprintf(stderr, "skipped: no cgroup can be made\n");
	return fd;
}

/* The last part of its path, as the child sees it. */
static void expect_inside(struct rig *rig, const struct af_spawn_options *more)
{
	struct af_spawn_options options = *more;
	struct af_process *process;
	struct af_future *f;
	char name[64];

	options.out.kind = AFIO_PIPE;
	process = start(rig, ASK("cgroup"), &options);
	f = af_file_read(af_process_stdout(process), 0, 0, NULL);
	ck_assert_int_eq(drive(rig, f), 0);
	snprintf(name, sizeof name, "asyncfile.%d\n", (int)getpid());
	ck_assert_ptr_nonnull(strstr(af_future_data(f, NULL), name));
	af_future_unref(f);
	expect_exit(rig, process, 0);
}

static int do_nothing(void *arg)
{
	(void)arg;
	return 0;
}

START_TEST(cgroup_is_where_the_child_starts)
{
	int fd = make_cgroup();
	struct rig rig;

	if (fd < 0)
		return;
	rig_open(&rig, 0);
	expect_inside(&rig, WITH(.cgroup_fd = &fd));
	expect_inside(&rig, WITH(.cgroup_fd = &fd, .before_exec = do_nothing));
	if (can_be_nobody())
		expect_inside(&rig, WITH(.cgroup_fd = &fd, AS_NOBODY,
					 .program = THE_PROGRAM));
	rig_close(&rig);
	cgroup_remove(fd);
}
END_TEST

START_TEST(cgroup_that_is_none_is_refused)
{
	char text[64];
	int fd, root;
	struct rig rig;

	rig_open(&rig, 0);
	snprintf(text, sizeof text, "cgroup %d: Bad file descriptor", rig.in);
	expect_reason(&rig, ASK("umask"), WITH(ALL_PIPES, .cgroup_fd = &rig.in),
		      EBADF, text);
	fd = make_cgroup();
	if (fd >= 0) {
		/* The root one, which cannot be killed. */
		root = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		snprintf(text, sizeof text,
			 "cgroup %d: Function not implemented", root);
		expect_reason(&rig, ASK("umask"),
			      WITH(ALL_PIPES, .cgroup_fd = &root), ENOSYS,
			      text);
		close(root);
		cgroup_remove(fd);
	}
	rig_close(&rig);
}
END_TEST

/* A failure in the child is reported from there, too. */
START_TEST(cgroup_of_a_child_that_fails_is_left_empty)
{
	int fd = make_cgroup();
	struct rig rig;

	if (fd < 0)
		return;
	rig_open(&rig, 0);
	expect_reason(&rig, ASK("umask"),
		      WITH(ALL_PIPES, .cgroup_fd = &fd, .cwd = "/nowhere"),
		      ENOENT, "chdir /nowhere: No such file or directory");
	rig_close(&rig);
	cgroup_remove(fd);
}
END_TEST

/* Something that it has started writes to stdout as long as it lives. */
static struct af_process *start_with_stray(struct rig *rig, const int *cgroup,
					   const char *command)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	struct af_process *process =
		start(rig, argv,
		      WITH(.in = TO_FD(rig->in), .out.kind = AFIO_PIPE,
			   .cgroup_fd = cgroup));

	expect_text(rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "up\n", 0);
	return process;
}

/* cat waits for the input, which does not end before the test does. */
#define STRAY "exec 3<&0; setsid sh -c 'echo up; exec cat <&3' & "

/* Index: the grace, of which the first is none. */
START_TEST(cgroup_is_stopped_as_a_whole)
{
	const struct timeval graces[] = { { 0, 0 }, { 0, 20000 }, { 600, 0 } };
	int fd = make_cgroup();
	struct af_process *process;
	struct rig rig;

	if (fd < 0)
		return;
	rig_open(&rig, 0);
	process = start_with_stray(&rig, &fd, STRAY "wait");
	expect_status(&rig, af_process_stop(process, &graces[_i]),
		      _i == 0 ? SIGKILL : SIGTERM);
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "", AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
	cgroup_remove(fd);
}
END_TEST

/* Also what is left when the child has ended by itself. */
START_TEST(cgroup_is_stopped_after_the_childs_end)
{
	int fd = make_cgroup();
	struct af_process *process;
	struct rig rig;

	if (fd < 0)
		return;
	rig_open(&rig, 0);
	process = start_with_stray(&rig, &fd, STRAY "exit 3");
	/* The descriptor is the program's again. */
	close(fd);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(3));
	expect_status(&rig, af_process_stop(process, MS(1)), EXITED(3));
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "", AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
	cgroup_remove(-1);
}
END_TEST

/* The stages end by SIGTERM, and the stray, which left their groups, does not. */
START_TEST(cgroup_of_a_pipeline_is_stopped_as_a_whole)
{
	const char *const argv[] = { "sh", "-c", STRAY "wait", NULL };
	const char *const *const stages[] = { argv, NULL };
	int fd = make_cgroup();
	struct af_pipe *pipe;
	struct rig rig;

	if (fd < 0)
		return;
	rig_open(&rig, 0);
	pipe = af_pipe_spawn(rig.loop, stages,
			     WITH(.in = TO_FD(rig.in), .out.kind = AFIO_PIPE,
				  .cgroup_fd = &fd));
	ck_assert_ptr_nonnull(pipe);
	expect_text(&rig, af_pipe_readline(pipe, 0, 0, 0, NULL), "up\n", 0);
	expect_status(&rig, af_pipe_stop(pipe, MS(600000)), SIGTERM);
	expect_text(&rig, af_pipe_read(pipe, 0, 0, NULL), "", AFIO_EOF);
	af_pipe_close(pipe);
	rig_close(&rig);
	cgroup_remove(fd);
}
END_TEST

/* A stop that only asks kills nobody. */
START_TEST(cgroup_is_not_killed_by_a_stop_without_grace)
{
	int fd = make_cgroup();
	struct af_process *process;
	struct rig rig;

	if (fd < 0)
		return;
	rig_open(&rig, 0);
	process = start_with_stray(&rig, &fd, STRAY "wait");
	expect_status(&rig, af_process_stop(process, NULL), SIGTERM);
	expect_error(&rig,
		     af_file_read(af_process_stdout(process), 1, 0, MS(50)),
		     -ETIMEDOUT);
	rig_hang_up(&rig);
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "", AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
	cgroup_remove(fd);
}
END_TEST

/* Leaves something in a session of its own, and waits before its program. */
static int leave_a_stray(void *arg)
{
	(void)arg;
	if (fork() == 0) {
		setsid();
		for (int fd = 0; fd < 100; fd++)
			if (fd != 5)
				close(fd);
		/* Not for ever, if nobody kills it. */
		if (write(5, "x", 1) == 1)
			poll(NULL, 0, 60000);
		_exit(0);
	}
	for (;;)
		pause();
}

START_TEST(cgroup_of_a_start_that_is_cancelled_is_killed)
{
	int fd = make_cgroup(), up[2];
	struct pollfd end = { .events = POLLIN };
	struct af_future *f;
	struct rig rig;
	char byte;

	if (fd < 0)
		return;
	rig_open(&rig, 0);
	make_pair(KIND_PIPE, up);
	f = af_spawn_async(rig.loop, HELPER("pause"),
			   WITH(.fds = &(struct af_fd_map){ up[1], 5 },
				.n_fds = 1, .cgroup_fd = &fd,
				.before_identity = leave_a_stray));
	get(up[0], &byte, 1);
	close(up[1]);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	end.fd = up[0];
	ck_assert_int_eq(poll(&end, 1, 20000), 1);
	ck_assert_int_eq(read(up[0], &byte, 1), 0);
	close(up[0]);
	while (library_threads() > 0)
		sched_yield();
	rig_close(&rig);
	cgroup_remove(fd);
}
END_TEST

/* Its rights when it started the child count. */
static int try_stop_as_nobody(void)
{
	int fd = make_cgroup();
	struct af_process *process;
	struct rig rig;

	if (fd < 0)
		return 0;
	rig_open(&rig, 0);
	process = start_with_stray(&rig, &fd, STRAY "wait");
	if (seteuid(nobody) < 0)
		return 1;
	/* The child, which is still root's, cannot be signalled. */
	expect_status(&rig, af_process_stop(process, MS(0)), SIGKILL);
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "", AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
	if (seteuid(0) < 0)
		return 2;
	cgroup_remove(fd);
	return 0;
}

START_TEST(cgroup_is_stopped_by_who_could_start_it)
{
	if (is_root())
		expect_in_fork(try_stop_as_nobody);
}
END_TEST

/* What clone3(2) fails with, the last two of which are about no cgroup. */
static const struct {
	int error, reported;
	bool clone;
} clones[] = {
	{ ENOSYS, ENOSYS, false }, /* before Linux 5.3, or a sandbox */
	{ E2BIG, ENOSYS, false },  /* before Linux 5.7 */
	{ EBUSY, EBUSY, false },   { EAGAIN, EAGAIN, true },
	{ ENOMEM, ENOMEM, true },
};
#define N_CLONES ((int)(sizeof clones / sizeof *clones))
static int clones_i;

static int try_without_clone3(void)
{
	const struct denied clone3 = { "clone3", SYS_clone3, 0, 0, 0 };
	int fd = make_cgroup(), error = clones[clones_i].reported;
	char step[32] = "clone", text[80];
	struct rig rig;

	if (fd < 0 || !deny(&clone3, 1, clones[clones_i].error))
		return 0;
	rig_open(&rig, 0);
	if (!clones[clones_i].clone)
		snprintf(step, sizeof step, "cgroup %d", fd);
	snprintf(text, sizeof text, "%s: %s", step, strerror(error));
	expect_reason(&rig, ASK("umask"), WITH(ALL_PIPES, .cgroup_fd = &fd),
		      error, text);
	expect_exit(&rig, start(&rig, HELPER("exit", "0"), NULL), 0);
	rig_close(&rig);
	cgroup_remove(fd);
	return 0;
}

START_TEST(cgroup_without_clone3_is_an_error)
{
	clones_i = _i;
	expect_in_fork(try_without_clone3);
}
END_TEST

/* It cannot be seen that it is one. */
static int try_without_fstatfs(void)
{
	const struct denied fstatfs_call = { "fstatfs", SYS_fstatfs, 0, 0, 0 };
	int fd = make_cgroup();
	char text[64];
	struct rig rig;

	if (fd < 0 || !deny(&fstatfs_call, 1, EPERM))
		return 0;
	rig_open(&rig, 0);
	snprintf(text, sizeof text, "cgroup %d: Operation not permitted", fd);
	expect_reason(&rig, ASK("umask"), WITH(ALL_PIPES, .cgroup_fd = &fd),
		      EPERM, text);
	rig_close(&rig);
	cgroup_remove(fd);
	return 0;
}

START_TEST(cgroup_that_cannot_be_looked_at_is_refused)
{
	expect_in_fork(try_without_fstatfs);
}
END_TEST

static int try_spawn_as_nobody(void)
{
	int fd = make_cgroup();
	char text[64];
	struct rig rig;

	if (fd < 0)
		return 0;
	rig_open(&rig, 0);
	if (seteuid(nobody) < 0)
		return 1;
	snprintf(text, sizeof text, "cgroup %d: Permission denied", fd);
	expect_reason(&rig, ASK("umask"), WITH(ALL_PIPES, .cgroup_fd = &fd),
		      EACCES, text);
	if (seteuid(0) < 0)
		return 2;
	rig_close(&rig);
	cgroup_remove(fd);
	return 0;
}

START_TEST(cgroup_of_another_user_is_refused)
{
	if (is_root())
		expect_in_fork(try_spawn_as_nobody);
}
END_TEST

START_TEST(cgroup_that_was_removed_need_not_be_killed)
{
	int fd = make_cgroup();
	struct af_process *process;
	struct rig rig;

	if (fd < 0)
		return;
	rig_open(&rig, 0);
	process = start(&rig, HELPER("exit", "3"), WITH(.cgroup_fd = &fd));
	expect_status(&rig, af_process_wait(process, NULL), EXITED(3));
	cgroup_remove(fd);
	expect_status(&rig, af_process_stop(process, MS(0)), EXITED(3));
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/cgroup");
	TCase *tc = test_case(s, "cgroup");

	tcase_add_test(tc, cgroup_is_where_the_child_starts);
	tcase_add_test(tc, cgroup_that_is_none_is_refused);
	tcase_add_test(tc, cgroup_of_a_child_that_fails_is_left_empty);
	tcase_add_loop_test(tc, cgroup_is_stopped_as_a_whole, 0, 3);
	tcase_add_test(tc, cgroup_of_a_pipeline_is_stopped_as_a_whole);
	tcase_add_test(tc, cgroup_is_stopped_after_the_childs_end);
	tcase_add_test(tc, cgroup_is_not_killed_by_a_stop_without_grace);
	tcase_add_test(tc, cgroup_of_a_start_that_is_cancelled_is_killed);
	tcase_add_test(tc, cgroup_is_stopped_by_who_could_start_it);
	tcase_add_loop_test(tc, cgroup_without_clone3_is_an_error, 0, N_CLONES);
	tcase_add_test(tc, cgroup_that_cannot_be_looked_at_is_refused);
	tcase_add_test(tc, cgroup_of_another_user_is_refused);
	tcase_add_test(tc, cgroup_that_was_removed_need_not_be_killed);
	return s;
}
