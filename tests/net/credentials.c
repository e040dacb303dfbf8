/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_peer_credentials(). Where the library has no way to ask, as
 * in one from POSIX's files alone, all is -ENOTSUP.
 */
#include "config.h"

#include <sys/un.h>
#include <sys/wait.h>

#include "support/passing.h"
#include "support/scratch.h"

/* Whether this library can tell. */
static bool can_tell(void)
{
#if defined(AFI_LINUX) || defined(HAVE_GETPEEREID)
	return true;
#else
	return false;
#endif
}

static void expect_peer(const struct af_file *file, pid_t pid)
{
	pid_t got_pid = 7;
	uid_t uid = 7;
	gid_t gid = 7;
	int r = af_file_peer_credentials(file, &got_pid, &uid, &gid);

	if (!can_tell()) {
		ck_assert_int_eq(r, -ENOTSUP);
		ck_assert_int_eq(got_pid, 7);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert(got_pid == pid || (got_pid == -1 && !have_linux("a pid")));
	ck_assert_uint_eq(uid, geteuid());
	ck_assert_uint_eq(gid, getegid());
	ck_assert_int_eq(af_file_peer_credentials(file, NULL, NULL, NULL), 0);
}

START_TEST(credentials_of_a_pair_are_our_own)
{
	open_type(_i, 0);
	expect_peer(rig.reader, getpid());
	rig_close(&rig);
}
END_TEST

static int connected(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return connect(fd, (const struct sockaddr *)address, sizeof *address) <
			       0
		       ? -1
		       : fd;
}

/* The one that has connected, though it has ended since. */
START_TEST(credentials_of_a_connection_are_its_makers)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX,
				       .sun_path = "socket" };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;
	struct af_file *file;
	pid_t pid;

	fcntl(listener, F_SETFD, FD_CLOEXEC);
	rig_open_loop(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(
		bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(listener, 5), 0);
	pid = fork();
	if (pid == 0)
		_exit(connected(&address) < 0);
	fd = accept(listener, NULL, NULL);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	file = af_file_new(rig.loop, fd, 0);
	ck_assert_ptr_nonnull(file);
	expect_peer(file, pid);
	ck_assert_int_eq(af_file_close(file), 0);
	/* And from there: who listens. */
	file = af_file_new(rig.loop, connected(&address), 0);
	ck_assert_ptr_nonnull(file);
	expect_peer(file, getpid());
	ck_assert_int_eq(af_file_close(file), 0);
	close(listener);
	unlink("socket");
	rig_close(&rig);
}
END_TEST

START_TEST(credentials_refused_say_why)
{
	struct af_file *file;
	uid_t uid = 7;

	ck_assert_int_eq(af_file_peer_credentials(NULL, NULL, &uid, NULL),
			 -EINVAL);
	rig_open(&rig, _i);
	if (_i / DRIVE_COUNT != KIND_SOCKETPAIR)
		ck_assert_int_eq(af_file_peer_credentials(rig_reader(&rig),
							  NULL, &uid, NULL),
				 -ENOTSUP);
	/* Connected to nobody. */
	file = af_file_new(rig.loop, socket(AF_UNIX, SOCK_DGRAM, 0), 0);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_lt(af_file_peer_credentials(file, NULL, &uid, NULL), 0);
	expect_error(&rig, af_file_finish(file, NULL), 0);
	ck_assert_int_eq(af_file_peer_credentials(file, NULL, &uid, NULL),
			 -EBADF);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_uint_eq(uid, 7);
	file = af_file_new(rig.loop, socket(AF_UNIX, SOCK_DGRAM, 0), 0);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_file_peer_credentials(file, NULL, &uid, NULL),
			 -ECANCELED);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/credentials");
	TCase *tc = scratch_case(s, "credentials");

	tcase_add_loop_test(tc, credentials_of_a_pair_are_our_own, 0,
			    EVERY_TYPE);
	tcase_add_test(tc, credentials_of_a_connection_are_its_makers);
	tcase_add_loop_test(tc, credentials_refused_say_why, 0, EVERY_WAY);
	return s;
}
