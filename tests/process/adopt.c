/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of children that change hands: adopted, and released.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/children.h"
#include "support/offers.h"

/* Most tests run once for each driver: _i is the way of the rig. */

/* Starts a child as programs do by themselves; fds are its 0 and 1. */
static pid_t fork_child(const char *const argv[], int in, int out)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (dup2(in, 0) == 0 && dup2(out, 1) == 1)
			execv(argv[0], (char *const *)argv);
		_exit(98);
	}
	return pid;
}

static void expect_blocks(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}

START_TEST(adopt_forked_child_is_like_one_started)
{
	struct af_process *process;
	int in[2], out[2];
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	make_pair(KIND_PIPE, in);
	make_pair(KIND_PIPE, out);
	pid = fork_child(HELPER("cat"), in[0], out[1]);
	close(in[0]);
	close(out[1]);
	process = af_process_adopt(rig.loop, pid, in[1], out[0], -1);
	ck_assert_ptr_nonnull(process);
	ck_assert_int_eq(af_process_pid(process), pid);
	ck_assert_ptr_null(af_process_stderr(process));
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), "hello\n", 6,
				   AFIO_FULL, NULL),
		     6, 0);
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "hello\n", 0);
	ck_assert(!af_process_poll(process, NULL));
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(adopt_with_one_descriptor_for_both_directions_works)
{
	struct af_process *process;
	struct rig rig;
	int pair[2];
	pid_t pid;

	rig_open(&rig, _i);
	make_pair(KIND_SOCKETPAIR, pair);
	pid = fork_child(HELPER("cat"), pair[1], pair[1]);
	close(pair[1]);
	process = af_process_adopt(rig.loop, pid, -1, pair[0], -1);
	ck_assert_ptr_nonnull(process);
	ck_assert_ptr_null(af_process_stdin(process));
	expect_count(&rig,
		     af_file_write(af_process_stdout(process), "a", 1,
				   AFIO_FULL, NULL),
		     1, 0);
	expect_text(&rig, af_file_read(af_process_stdout(process), 1, 0, NULL),
		    "a", 0);
	shutdown(pair[0], SHUT_WR); /* by number: there is only one file */
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(adopt_zombie_gives_its_status)
{
	struct af_process *process;
	struct rusage usage;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	pid = fork_child(HELPER("exit", "7"), 0, 1);
	await_zombie(pid);
	process = af_process_adopt(rig.loop, pid, -1, -1, -1);
	ck_assert_ptr_nonnull(process);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(7));
	ck_assert_int_eq(af_process_usage(process, &usage), 0);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(adopt_then_stop_reaches_its_group)
{
	struct af_process *process;
	struct rig rig;
	int out[2];
	pid_t pid;

	rig_open(&rig, _i);
	make_pair(KIND_PIPE, out);
	pid = fork_child(HELPER("lead", "brood"), rig.in, out[1]);
	close(out[1]);
	process = af_process_adopt(rig.loop, pid, -1, out[0], -1);
	ck_assert_ptr_nonnull(process);
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "up\n", 0);
	expect_status(&rig, af_process_stop(process, MS(600000)), SIGTERM);
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "", AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(adopt_then_free_leaves_it_running_to_be_reaped)
{
	struct af_process *process;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	pid = fork_child(HELPER("hold", "0"), rig.in, 1);
	process = af_process_adopt(rig.loop, pid, -1, -1, -1);
	ck_assert_ptr_nonnull(process);
	af_process_free(process);
	ck_assert_int_eq(kill(pid, 0), 0);
	rig_hang_up(&rig);
	expect_reaped(&rig, pid);
	rig_close(&rig);
}
END_TEST

/* Refused with an error; the rig's descriptor is as it was. */
static void expect_no_adoption(struct rig *rig, pid_t pid, int out_fd,
			       int err_fd, int error)
{
	errno = 0;
	ck_assert_ptr_null(
		af_process_adopt(rig->loop, pid, rig->in, out_fd, err_fd));
	ck_assert_msg(errno == error, "%s, not %s", strerror(errno),
		      strerror(error));
	expect_blocks(rig->in);
}

START_TEST(adopt_of_a_strangers_number_is_echild)
{
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	pid = fork_child(HELPER("exit", "0"), 0, 1);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	expect_no_adoption(&rig, pid, -1, -1, ECHILD);
	expect_no_adoption(&rig, 1, -1, -1, ECHILD);
	expect_no_adoption(&rig, getpid(), -1, -1, ECHILD);
	expect_no_adoption(&rig, getppid(), -1, -1, ECHILD);
	put_text(rig.out, "x");
	get(rig.in, &(char){ 0 }, 1);
	rig_close(&rig);
}
END_TEST

START_TEST(adopt_with_nonsense_leaves_all_to_the_caller)
{
	int directory = open("/", O_RDONLY | O_CLOEXEC), pair[2];
	struct rig rig;
	int status;
	pid_t pid;

	rig_open(&rig, _i);
	make_pair(KIND_SOCKETPAIR, pair);
	pid = fork_child(HELPER("exit", "5"), 0, 1);
	errno = 0;
	ck_assert_ptr_null(af_process_adopt(NULL, pid, -1, -1, -1));
	ck_assert_int_eq(errno, EINVAL);
	expect_no_adoption(&rig, 0, -1, -1, EINVAL);
	expect_no_adoption(&rig, -pid, -1, -1, EINVAL);
	expect_no_adoption(&rig, pid, rig.in, -1, EINVAL);
	expect_no_adoption(&rig, pid, -1, rig.in, EINVAL);
	expect_no_adoption(&rig, pid, pair[0], pair[0], EINVAL);
	expect_no_adoption(&rig, pid, -2, -1, EBADF);
	expect_no_adoption(&rig, pid, pair[0], 9999, EBADF);
	expect_no_adoption(&rig, pid, pair[0], directory, EISDIR);
	expect_blocks(pair[0]);
	close(pair[0]);
	close(pair[1]);
	close(directory);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, EXITED(5));
	rig_close(&rig);
}
END_TEST

static void adopt_too_late(struct af_future *done, void *arg)
{
	struct rig *rig = arg;

	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	expect_no_adoption(rig, getpid(), -1, -1, ECANCELED);
}

START_TEST(adopt_while_loop_is_freed_is_canceled)
{
	struct rig rig;

	rig_open(&rig, _i);
	af_on_done(af_sleep(rig.loop, MS(600000)), adopt_too_late, &rig);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	rig_close(&rig);
}
END_TEST

START_TEST(adopt_short_of_descriptors_is_emfile)
{
	struct af_process *process;
	struct rlimit before, limit;
	struct rig rig;
	bool pidfds = offers_pidfds();
	int status;
	pid_t pid;

	rig_open(&rig, 0);
	pid = fork_child(HELPER("exit", "5"), 0, 1);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)dup(0);
	close((int)limit.rlim_cur);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	errno = 0;
	process = af_process_adopt(rig.loop, pid, -1, -1, -1);
	if (pidfds) {
		ck_assert_ptr_null(process);
		ck_assert_int_eq(errno, EMFILE);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, EXITED(5));
	} else { /* it needs none */
		ck_assert_ptr_nonnull(process);
		expect_exit(&rig, process, 5);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(release_running_child_hands_all_over)
{
	struct af_process *process;
	struct af_future *wait, *read;
	int fds[3], status;
	struct rig rig;
	char echo[5];
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("cat"), WITH(ALL_PIPES));
	pid = af_process_pid(process);
	wait = af_process_wait(process, MS(600000));
	read = af_file_read(af_process_stdout(process), 1, 0, NULL);
	turn(&rig);
	ck_assert_int_eq(take_over(process, fds, NULL), pid);
	expect_error(&rig, wait, -ECANCELED);
	expect_error(&rig, read, -ECANCELED);
	for (int i = 0; i < 3; i++) {
		expect_blocks(fds[i]);
		ck_assert_int_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
	}
	put(fds[0], "alive", 5);
	get(fds[1], echo, 5);
	ck_assert_mem_eq(echo, "alive", 5);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	await_zombie(pid);
	turn(&rig); /* not the loop's any more */
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, EXITED(0));
	rig_close(&rig);
}
END_TEST

START_TEST(release_after_a_line_hands_out_the_rest)
{
	struct evbuffer *unread[3] = { NULL };
	struct af_process *process;
	char rest[10] = "";
	int fds[3], n;
	struct rig rig;
	pid_t pid, other = 5678;

	rig_open(&rig, _i);
	unread[1] = evbuffer_new();
	evbuffer_add(unread[1], "<", 1);
	process = start(&rig, HELPER("echo", "one\ntwo\nlast"),
			WITH(.out.kind = AFIO_PIPE));
	pid = af_process_pid(process);
	await_zombie(pid);
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "one\n", 0);
	/* All or nothing. */
	fds[0] = fds[1] = fds[2] = 1234;
	evbuffer_freeze(unread[1], 0);
	ck_assert_int_eq(af_process_release(process, &other, fds, unread),
			 -ENOMEM);
	evbuffer_unfreeze(unread[1], 0);
	ck_assert_int_eq(other, 5678);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(fds[i], 1234);
	ck_assert_uint_eq(evbuffer_get_length(unread[1]), 1);
	ck_assert_int_eq(take_over(process, fds, unread), pid);
	ck_assert_int_eq(fds[0], -1);
	ck_assert_int_eq(fds[2], -1);
	n = evbuffer_remove(unread[1], rest, sizeof rest);
	ck_assert_int_ge(n, 1);
	get(fds[1], rest + n, sizeof rest - (size_t)n);
	ck_assert_mem_eq(rest, "<two\nlast\n", sizeof rest);
	ck_assert_int_eq(read(fds[1], rest, 1), 0);
	close(fds[1]);
	evbuffer_free(unread[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rig_close(&rig);
}
END_TEST

START_TEST(release_with_nothing_read_ahead_leaves_the_buffers_alone)
{
	struct evbuffer *unread[3] = { evbuffer_new(), evbuffer_new(), NULL };
	struct af_process *process;
	char byte = 0;
	struct rig rig;
	pid_t pid;
	int fds[3];

	rig_open(&rig, _i);
	process = start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));
	pid = take_over(process, fds, unread);
	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(evbuffer_get_length(unread[i]), 0);
		evbuffer_free(unread[i]);
	}
	put_text(fds[0], "x");
	get(fds[1], &byte, 1);
	ck_assert_int_eq(byte, 'x');
	close(fds[0]);
	close(fds[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rig_close(&rig);
}
END_TEST

START_TEST(release_without_descriptors_closes_them)
{
	struct af_process *process;
	struct rig rig;
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("wait-eof"),
			WITH(.in.kind = AFIO_PIPE, .out = TO_FD(rig.out)));
	pid = af_process_pid(process);
	ck_assert_int_eq(af_process_release(process, NULL, NULL, NULL), 0);
	get(rig.in, &(char[4]){ 0 }, 4);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rig_close(&rig);
}
END_TEST

START_TEST(release_of_what_is_reaped_is_esrch)
{
	struct af_process *process;
	int fds[3] = { 1234, 1234, 1234 };
	pid_t pid = 5678;
	struct rig rig;

	rig_open(&rig, _i);
	ck_assert_int_eq(af_process_release(NULL, &pid, fds, NULL), -EINVAL);
	process = start(&rig, HELPER("exit", "0"), WITH(ALL_PIPES));
	expect_status(&rig, af_process_wait(process, NULL), 0);
	ck_assert_int_eq(af_process_release(process, &pid, fds, NULL), -ESRCH);
	ck_assert_int_eq(pid, 5678);
	ck_assert_int_eq(fds[1], 1234);
	ck_assert_ptr_nonnull(af_process_stdout(process));
	af_process_free(process);

	process = start(&rig, HELPER("exit", "0"), NULL);
	ck_assert_int_eq(waitpid(af_process_pid(process), NULL, 0),
			 af_process_pid(process));
	ck_assert_int_eq(af_process_release(process, &pid, fds, NULL), -ESRCH);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

/* Its end was seen, but it is a zombie still. */
START_TEST(release_ended_leader_leaves_it_to_be_reaped)
{
	struct af_process *process;
	struct rig rig;
	int status;
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("lead", "exit", "4"), NULL);
	expect_status(&rig, af_process_wait(process, NULL), EXITED(4));
	pid = take_over(process, NULL, NULL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, EXITED(4));
	rig_close(&rig);
}
END_TEST

START_TEST(release_after_the_loop_was_freed_works)
{
	struct af_process *process;
	struct rig rig;
	int fds[3];
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));
	af_loop_free(rig.loop);
	rig.loop = NULL;
	pid = take_over(process, fds, NULL);
	put(fds[0], "x", 1);
	get(fds[1], &(char){ 0 }, 1);
	close(fds[0]);
	close(fds[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rig_close(&rig);
}
END_TEST

START_TEST(adopt_what_was_released_works)
{
	struct af_process *process;
	struct rig rig;
	int fds[3];
	pid_t pid;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("cat"), WITH(IN_OUT_PIPES));
	pid = take_over(process, fds, NULL);
	process = af_process_adopt(rig.loop, pid, fds[0], fds[1], fds[2]);
	ck_assert_ptr_nonnull(process);
	expect_count(&rig,
		     af_file_write(af_process_stdin(process), "x", 1, 0, NULL),
		     1, 0);
	expect_text(&rig, af_file_read(af_process_stdout(process), 1, 0, NULL),
		    "x", 0);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	expect_exit(&rig, process, 0);
	rig_close(&rig);
}
END_TEST

#define ADD(tc, test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)

Suite *suite(void)
{
	Suite *s = suite_create("process/adopt");
	TCase *tc = test_case(s, "adopt");

	ADD(tc, adopt_forked_child_is_like_one_started);
	ADD(tc, adopt_with_one_descriptor_for_both_directions_works);
	ADD(tc, adopt_zombie_gives_its_status);
	ADD(tc, adopt_then_stop_reaches_its_group);
	ADD(tc, adopt_then_free_leaves_it_running_to_be_reaped);
	ADD(tc, adopt_of_a_strangers_number_is_echild);
	ADD(tc, adopt_with_nonsense_leaves_all_to_the_caller);
	ADD(tc, adopt_while_loop_is_freed_is_canceled);
	tcase_add_test(tc, adopt_short_of_descriptors_is_emfile);

	tc = test_case(s, "release");
	ADD(tc, release_running_child_hands_all_over);
	ADD(tc, release_after_a_line_hands_out_the_rest);
	tcase_add_loop_test(
		tc, release_with_nothing_read_ahead_leaves_the_buffers_alone, 0,
		DRIVE_COUNT);
	ADD(tc, release_without_descriptors_closes_them);
	ADD(tc, release_of_what_is_reaped_is_esrch);
	ADD(tc, release_ended_leader_leaves_it_to_be_reaped);
	ADD(tc, release_after_the_loop_was_freed_works);
	ADD(tc, adopt_what_was_released_works);
	return s;
}
