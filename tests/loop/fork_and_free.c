/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child by fork(2) that closes and frees what its parent has made: the parent
 * finds all as it was, and what it waits for ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <event2/bufferevent.h>

#include "support/children.h"
#include "support/scratch.h"
#include "support/system.h"

enum { PIPE, SOCKET, PTY, BUFFEREVENT, FILES };

static struct rig rig;

/* What the parent has, and waits for. */
static struct {
	struct af_file *files[FILES];
	int peers[FILES];
	struct af_future *reads[FILES];
	struct af_listener *listener;
	struct af_future *accept;
	struct af_process *process;
	struct af_future *end;
	int watched[2];
	struct af_future *ready;
} own;

static struct af_file *over_bufferevent(int fd)
{
	struct bufferevent *bev;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	bev = bufferevent_socket_new(af_loop_base(rig.loop), fd,
				     BEV_OPT_CLOSE_ON_FREE);
	return af_file_from_bufferevent(rig.loop, bev, 0);
}

static void open_own(int i)
{
	int fds[2];

	rig_open(&rig, i);
	for (int kind = PIPE; kind < FILES; kind++) {
		if (kind == PTY)
			make_pty(fds);
		else
			make_pair(kind == PIPE ? KIND_PIPE : KIND_SOCKETPAIR,
				  fds);
		own.files[kind] = kind == BUFFEREVENT
					  ? over_bufferevent(fds[0])
					  : af_file_new(rig.loop, fds[0], 0);
		ck_assert_ptr_nonnull(own.files[kind]);
		own.peers[kind] = fds[1];
		own.reads[kind] = af_file_read(own.files[kind], 1, 0, NULL);
	}
	own.listener = af_listen(rig.loop, "127.0.0.1", "0", NULL);
	ck_assert_ptr_nonnull(own.listener);
	own.accept = af_listener_accept(own.listener, NULL);
	own.process = start_held(&rig);
	own.end = af_process_wait(own.process, NULL);
	make_pair(KIND_PIPE, own.watched);
	own.ready = af_wait_fd(rig.loop, own.watched[0], EV_READ, NULL);
	/* All of it is on the base. */
	expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
}

static void free_own(void)
{
	for (int kind = PIPE; kind < FILES; kind++)
		af_file_close(own.files[kind]);
	af_listener_close(own.listener);
	af_process_free(own.process);
}

static void expect_own(void)
{
	socklen_t len;
	const struct sockaddr *address =
		af_listener_address(own.listener, 0, &len);
	int fd;

	for (int kind = PIPE; kind < FILES; kind++) {
		put_text(own.peers[kind], "x");
		expect_count(&rig, own.reads[kind], 1, 0);
	}
	fd = cloexec_socket(address->sa_family, SOCK_STREAM);
	ck_assert_int_eq(connect(fd, address, len), 0);
	expect_count(&rig, own.accept, 0, 0);
	close(fd);
	put_text(own.watched[1], "x");
	expect_count(&rig, own.ready, 0, 0);
	rig_hang_up(&rig);
	expect_status(&rig, own.end, 0);
}

static void close_own(void)
{
	free_own();
	for (int kind = PIPE; kind < FILES; kind++)
		close(own.peers[kind]);
	for (int i = 0; i < 2; i++)
		close(own.watched[i]);
	expect_count(&rig, af_sleep(rig.loop, MS(0)), 0, 0);
	rig_close(&rig);
}

/* Index: whether the child frees what was made, the loop, or both. */
START_TEST(child_that_frees_all_leaves_it_to_the_parent)
{
	int frees = _i / DRIVE_COUNT + 1, status;
	pid_t pid;

	open_own(_i % DRIVE_COUNT);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (frees & 1)
			free_own();
		if (frees & 2)
			af_loop_free(rig.loop);
		leave_as_is(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_own();
	close_own();
}
END_TEST

/* What was read ahead is behind a position that both have. */
START_TEST(child_that_closes_a_file_on_disk_leaves_its_position)
{
	struct af_file *file;
	int status;
	pid_t pid;

	rig_open(&rig, _i);
	make_file("lines", "one\ntwo\n", 0600);
	file = af_file_open(rig.loop, "lines", "r");
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "one\n", 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		af_file_close(file);
		leave_as_is(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "two\n", 0);
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* A peer must see the end once the parent has closed it. */
START_TEST(child_that_closes_a_pipe_does_not_keep_it_open)
{
	int fds[2], told[2], status;
	struct af_file *file;
	char byte;
	pid_t pid;

	rig_open(&rig, _i);
	make_pair(KIND_PIPE, fds);
	make_pair(KIND_PIPE, told);
	file = af_file_new(rig.loop, fds[1], 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		af_file_close(file);
		/* It lives until the end was seen. */
		put_text(told[1], "x");
		ck_assert_int_eq(read(fds[0], &byte, 1), 0);
		leave_as_is(0);
	}
	get(told[0], &byte, 1);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close(fds[0]);
	close(told[0]);
	close(told[1]);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("loop/fork_and_free");
	TCase *tc = scratch_case(s, "fork");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(child_that_frees_all_leaves_it_to_the_parent, 3);
	ADD(child_that_closes_a_file_on_disk_leaves_its_position, 1);
	ADD(child_that_closes_a_pipe_does_not_keep_it_open, 1);
	return s;
}
