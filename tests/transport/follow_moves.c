/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_follow() when several things happen to the path before the
 * loop turns, so that notifications of all are read together; and without any.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/denied.h"
#include "support/scratch.h"
#include "support/server.h"

static struct rig rig;
static struct af_future *follow;
static char text[4096]; /* what was passed on, with a bar after each call */

static int take(const char *data, size_t len, unsigned flags, void *arg)
{
	size_t end = strlen(text);

	(void)arg;
	ck_assert_uint_lt(end + len + 3, sizeof text);
	snprintf(text + end, sizeof text - end, "%s%.*s|",
		 flags & AFIO_RESTARTED ? "^" : "", (int)len, data);
	return 0;
}

static void append(const char *name, const char *line)
{
	int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	put_text(fd, line);
	close(fd);
}

static void move(const char *from, const char *to)
{
	ck_assert_int_eq(rename(from, to), 0);
}

static void until(const char *all)
{
	while (strlen(text) < strlen(all))
		ck_assert_int_eq(af_await_for(follow, MS(1)), -ETIMEDOUT);
	ck_assert_str_eq(text, all);
	ck_assert(!af_future_is_done(follow));
}

static void finish(void)
{
	af_future_cancel(follow);
	ck_assert_int_eq(drive(&rig, follow), -ECANCELED);
	af_future_unref(follow);
	rig_close(&rig);
}

/* With notifications alone, or by looking alone. */
static void begin(const char *path, bool looks)
{
	const struct af_follow_options options = { .poll = MS(2) };

	text[0] = '\0';
	follow = af_file_follow(rig.loop, path, looks ? &options : NULL, take,
				NULL);
	ck_assert_ptr_nonnull(follow);
}

/* In an empty directory. */
static void open_rig(int driver)
{
	char path[] = "XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(chdir(path), 0);
	rig_open_loop(&rig, (enum driver)driver);
}

/* After a line was read the file is renamed. */
static void begin_after_one(int driver, bool looks)
{
	open_rig(driver);
	append("log", "one\n");
	begin("log", looks);
	until("one\n|");
	move("log", "log.1");
}

START_TEST(file_that_is_gone_again_is_passed_over)
{
	begin_after_one(_i, false);
	append("log", "");
	unlink("log");
	append("log", "two\n");
	until("one\n|^two\n|");
	finish();
}
END_TEST

START_TEST(file_overwritten_by_a_move_is_passed_over)
{
	begin_after_one(_i, false);
	append("log", "");
	append("new", "two\n");
	move("new", "log");
	until("one\n|^two\n|");
	finish();
}
END_TEST

/* One has left the directory, and the next has only changed its name. */
START_TEST(file_moved_away_is_passed_over_and_one_renamed_is_read)
{
	if (!have_linux("inotify"))
		return;
	begin_after_one(_i, false);
	ck_assert_int_eq(mkdir("away", 0700), 0);
	append("log", "never\n");
	move("log", "away/log");
	append("log", "two\n");
	move("log", "log.2");
	append("log", "three\n");
	until("one\n|^two\n|^three\n|");
	finish();
}
END_TEST

/* Its turn is over when another one has come after it. */
START_TEST(file_that_stays_empty_and_is_replaced_is_passed_over)
{
	begin_after_one(_i, false);
	append("log", "");
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	move("log", "log.2");
	append("log", "two\n");
	until("one\n|^two\n|");
	finish();
}
END_TEST

/* Where the path is looked at; until it has the next file open, too. */
static bool begin_before_an_empty_one(int driver)
{
	const struct denied inotify = { "inotify", SYS_inotify_init1, 0, 0, 0 };
	int fds;

	if (!deny(&inotify, 1, EPERM))
		return false;
	begin_after_one(driver, true);
	fds = count_fds();
	append("log", "");
	while (count_fds() == fds)
		ck_assert_int_eq(af_await_for(follow, MS(1)), -ETIMEDOUT);
	return true;
}

/* The same where the path is looked at, and the file was open before. */
START_TEST(file_that_is_looked_at_and_stays_empty_is_passed_over)
{
	if (!begin_before_an_empty_one(_i))
		return;
	move("log", "log.2");
	ck_assert_int_eq(af_await_for(follow, MS(10)), -ETIMEDOUT);
	append("log", "");
	ck_assert_int_eq(af_await_for(follow, MS(10)), -ETIMEDOUT);
	append("log", "two\n");
	until("one\n|^two\n|");
	finish();
}
END_TEST

/* The first file comes back to the path, and is read on. */
START_TEST(file_that_is_looked_at_and_comes_back_goes_on)
{
	if (!begin_before_an_empty_one(_i))
		return;
	move("log.1", "log");
	ck_assert_int_eq(af_await_for(follow, MS(10)), -ETIMEDOUT);
	append("log", "two\n");
	until("one\n|two\n|");
	finish();
}
END_TEST

START_TEST(file_whose_new_name_makes_too_long_a_path_is_passed_over)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	size_t len = 0;

	open_rig(_i);
	while (len + 2 < PATH_MAX - 60) {
		memcpy(path + len, "./", 2);
		len += 2;
	}
	strcpy(path + len, "log");
	memset(name, 'x', NAME_MAX);
	name[NAME_MAX] = '\0';
	append("log", "one\n");
	begin(path, false);
	until("one\n|");
	move("log", "log.1");
	append("log", "never\n");
	move("log", name);
	append("log", "two\n");
	until("one\n|^two\n|");
	finish();
}
END_TEST

/* The kernel drops what is too much, and says so. */
START_TEST(more_notifications_than_there_is_room_for_make_it_look)
{
	FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
	int most = 0;

	ck_assert(limit && fscanf(limit, "%d", &most) == 1);
	fclose(limit);
	if (most > 100000) {
		fprintf(stderr, "skipped: room for %d events\n", most);
		return;
	}
	begin_after_one(_i, false);
	for (int i = 0; i <= most / 2; i++) {
		int fd = open("other", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		close(fd);
		unlink("other");
	}
	append("log", "two\n");
	until("one\n|^two\n|");
	finish();
}
END_TEST

/* A component that is no directory is like one that is missing. */
START_TEST(path_through_a_file_is_waited_for)
{
	open_rig(_i);
	append("dir", "");
	begin("dir/log", true);
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	unlink("dir");
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	append("dir/log", "one\n");
	until("one\n|");
	move("dir", "old");
	append("dir", "");
	ck_assert_int_eq(af_await_for(follow, MS(10)), -ETIMEDOUT);
	append("old/log", "two\n");
	until("one\n|two\n|");
	finish();
}
END_TEST

START_TEST(path_that_becomes_a_link_to_itself_fails_eloop)
{
	open_rig(_i);
	begin("log", true);
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(symlink("log", "log"), 0);
	ck_assert_int_eq(drive(&rig, follow), -ELOOP);
	af_future_unref(follow);
	rig_close(&rig);
}
END_TEST

START_TEST(path_in_the_root_directory_is_waited_for)
{
	open_rig(_i);
	begin("/asyncfile-test-that-nobody-makes", false);
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	finish();
}
END_TEST

/* Where the same inode number may be another file's. */
START_TEST(link_to_another_file_system_is_followed)
{
	char path[] = "/dev/shm/asyncfile-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0) {
		fprintf(stderr, "skipped: no /dev/shm\n");
		return;
	}
	open_rig(_i);
	put_text(fd, "two\n");
	close(fd);
	append("log.1", "one\n");
	ck_assert_int_eq(symlink("log.1", "log"), 0);
	begin("log", true);
	until("one\n|");
	ck_assert_int_eq(symlink(path, "link"), 0);
	move("link", "log");
	until("one\n|^two\n|");
	unlink(path);
	finish();
}
END_TEST

/* As in a sandbox: the path is looked at instead. */
START_TEST(follow_without_notifications_looks)
{
	const struct denied inotify = { "inotify", SYS_inotify_init1, 0, 0, 0 };

	if (!deny(&inotify, 1, EPERM))
		return;
	begin_after_one(_i, true);
	append("log.1", "two\n");
	append("log", "");
	until("one\n|two\n|");
	ck_assert_int_eq(af_await_for(follow, MS(10)), -ETIMEDOUT);
	append("log", "three\n");
	until("one\n|two\n|^three\n|");
	finish();
}
END_TEST

/* Looked at each second, and then more often, before there is a file. */
START_TEST(path_without_notifications_that_becomes_a_loop_fails_eloop)
{
	const struct denied inotify = { "inotify", SYS_inotify_init1, 0, 0, 0 };

	if (!deny(&inotify, 1, EPERM))
		return;
	open_rig(_i);
	append("log", "one\n");
	begin("log", false);
	until("one\n|");
	af_future_cancel(follow);
	af_future_unref(follow);
	unlink("log");
	begin("log", true);
	ck_assert_int_eq(symlink("log", "log"), 0);
	ck_assert_int_eq(drive(&rig, follow), -ELOOP);
	af_future_unref(follow);
	rig_close(&rig);
}
END_TEST

static int cancel_and_stop(const char *data, size_t len, unsigned flags,
			   void *arg)
{
	take(data, len, flags, arg);
	af_future_cancel(follow);
	return 1;
}

START_TEST(stop_by_a_function_that_has_cancelled_it_changes_nothing)
{
	open_rig(_i);
	text[0] = '\0';
	append("log", "one\ntwo\n");
	follow = af_file_follow(rig.loop, "log", NULL, cancel_and_stop, NULL);
	ck_assert_int_eq(drive(&rig, follow), -ECANCELED);
	ck_assert_str_eq(text, "one\n|");
	af_future_unref(follow);
	rig_close(&rig);
}
END_TEST

START_TEST(follow_is_in_the_dump_with_its_path_and_progress)
{
	char dump[1000] = "";
	FILE *out = fmemopen(dump, sizeof dump - 1, "w");

	open_rig(_i);
	append("log", "one\n");
	begin("log", false);
	until("one\n|");
	af_loop_dump(rig.loop, out);
	fclose(out);
	ck_assert_msg(strstr(dump, "follow log, 4 bytes so far"), "%s", dump);
	finish();
}
END_TEST

/* A child that goes on with the base takes no notification from its parent. */
START_TEST(child_of_fork_leaves_the_notifications_to_its_parent)
{
	int status;
	pid_t pid;

	open_rig(DRIVE_DISPATCH);
	append("log", "one\n");
	begin("log", false);
	until("one\n|");
	move("log", "log.1");
	append("log", "two\n");
	pid = fork();
	if (pid == 0) {
		event_reinit(rig.base);
		for (int i = 0; i < 3; i++)
			event_base_loop(rig.base, EVLOOP_NONBLOCK);
		_exit(strcmp(text, "one\n|") != 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	until("one\n|^two\n|");
	finish();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/follow_moves");
	TCase *tc = scratch_case(s, "moves");

#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(file_that_is_gone_again_is_passed_over);
	ADD(file_overwritten_by_a_move_is_passed_over);
	ADD(file_moved_away_is_passed_over_and_one_renamed_is_read);
	ADD(file_that_stays_empty_and_is_replaced_is_passed_over);
	ADD(file_that_is_looked_at_and_stays_empty_is_passed_over);
	ADD(file_that_is_looked_at_and_comes_back_goes_on);
	ADD(file_whose_new_name_makes_too_long_a_path_is_passed_over);
	ADD(more_notifications_than_there_is_room_for_make_it_look);
	tcase_add_test(tc,
		       child_of_fork_leaves_the_notifications_to_its_parent);
	ADD(path_through_a_file_is_waited_for);
	ADD(path_that_becomes_a_link_to_itself_fails_eloop);
	ADD(path_in_the_root_directory_is_waited_for);
	ADD(link_to_another_file_system_is_followed);
	ADD(follow_without_notifications_looks);
	ADD(path_without_notifications_that_becomes_a_loop_fails_eloop);
	ADD(stop_by_a_function_that_has_cancelled_it_changes_nothing);
	ADD(follow_is_in_the_dump_with_its_path_and_progress);
	return s;
}
