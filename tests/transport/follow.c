/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_follow(): every line once, whatever becomes of the file, and
 * nothing done while nothing happens.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/contexts.h"
#include "support/scratch.h"

static struct rig rig;
static struct af_future *follow;

/* What fn got: a bar after each call, and letters before it for flags. */
static char text[8192];
static size_t text_len, calls, got;
/* What fn returns at the n-th call; what it does before. */
static size_t act_at;
static int act_returns;
static void (*act)(void);

static int take(const char *data, size_t len, unsigned flags, void *arg)
{
	ck_assert_ptr_eq(arg, &rig);
	ck_assert_uint_lt(text_len + len + 5, sizeof text);
	if (flags & AFIO_RESTARTED)
		text[text_len++] = '^';
	memcpy(text + text_len, data, len);
	text_len += len;
	got += len;
	if (flags & AFIO_EOF)
		text[text_len++] = '$';
	if (flags & AFIO_TRUNCATED)
		text[text_len++] = '+';
	ck_assert_uint_eq(flags & ~(AFIO_RESTARTED | AFIO_EOF | AFIO_TRUNCATED),
			  0);
	text[text_len++] = '|';
	text[text_len] = '\0';
	if (++calls != act_at)
		return 0;
	if (act)
		act();
	return act_returns;
}

static void open_loop(int driver)
{
	rig_open_loop(&rig, (enum driver)driver);
	text[0] = '\0';
	text_len = calls = got = act_at = 0;
	act_returns = 0;
	act = NULL;
}

static void begin(const struct af_follow_options *options)
{
	follow = af_file_follow(rig.loop, "log", options, take, &rig);
	ck_assert_ptr_nonnull(follow);
}

/* Where there are no notifications, a look a second would take too long. */
#ifdef HAVE_INOTIFY
#define IS_NOTIFIED true
#else
#define IS_NOTIFIED false
#endif

/* With polling, in every other test of a loop, or as the system has it. */
static const struct timeval *interval(bool poll)
{
	static const struct timeval often = { .tv_usec = 2000 };

	return poll || !IS_NOTIFIED ? &often : NULL;
}

static const struct af_follow_options *polling(bool on)
{
	static struct af_follow_options options;

	options.poll = interval(on);
	return options.poll ? &options : NULL;
}

static void append(const char *name, const char *line)
{
	int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	put_text(fd, line);
	close(fd);
}

/* Waits until fn has got that. */
static void until(const char *all)
{
	while (strlen(text) < strlen(all))
		ck_assert_int_eq(af_await_for(follow, MS(1)), -ETIMEDOUT);
	ck_assert_str_eq(text, all);
	ck_assert(!af_future_is_done(follow));
	ck_assert_uint_eq(af_future_count(follow), got);
}

static void finish(void)
{
	af_future_cancel(follow);
	ck_assert_int_eq(drive(&rig, follow), -ECANCELED);
	af_future_unref(follow);
	rig_close(&rig);
}

/* Ends when fn ends it. */
static void expect_ended(int error, size_t count)
{
	ck_assert_int_eq(drive(&rig, follow), error);
	ck_assert_uint_eq(af_future_count(follow), count);
	ck_assert_uint_eq(af_future_flags(follow), 0);
	af_future_unref(follow);
	rig_close(&rig);
}

/* By notification, and by looking. */
#define WAYS (2 * DRIVE_COUNT)
#define OPEN(i)                                                                \
	(open_loop((i) / 2), unlink("log"), unlink("log.1"), unlink("log.2"))

START_TEST(follow_gets_what_is_there_and_what_is_added)
{
	OPEN(_i);
	append("log", "one\ntwo\n");
	begin(polling(_i % 2));
	until("one\n|two\n|");
	append("log", "three\n");
	until("one\n|two\n|three\n|");
	append("log", "four\nfive\n");
	until("one\n|two\n|three\n|four\n|five\n|");
	ck_assert_uint_eq(af_future_count(follow), 24);
	finish();
}
END_TEST

START_TEST(follow_keeps_a_part_of_a_line_until_the_rest_comes)
{
	OPEN(_i);
	append("log", "one\ntw");
	begin(polling(_i % 2));
	until("one\n|");
	append("log", "");
	append("log", "o an");
	ck_assert_int_eq(af_await_for(follow, MS(10)), -ETIMEDOUT);
	until("one\n|");
	append("log", "d\nthree\n");
	until("one\n|two and\n|three\n|");
	finish();
}
END_TEST

START_TEST(follow_with_parts_passes_them_on_at_once)
{
	OPEN(_i);
	append("log", "one\ntw");
	begin(&(struct af_follow_options){ .parts = true,
					   .poll = interval(_i % 2) });
	until("one\n|tw$|");
	append("log", "o\nthr");
	until("one\n|tw$|o\n|thr$|");
	append("log", "ee\n");
	until("one\n|tw$|o\n|thr$|ee\n|");
	finish();
}
END_TEST

START_TEST(follow_with_a_longest_line_passes_longer_ones_in_pieces)
{
	OPEN(_i);
	append("log", "one\nsix or more\n");
	begin(&(struct af_follow_options){ .max_line = 4,
					   .poll = interval(_i % 2) });
	until("one\n|six +|or m+|ore\n|");
	append("log", "endle");
	until("one\n|six +|or m+|ore\n|endl+|");
	append("log", "ss\n");
	until("one\n|six +|or m+|ore\n|endl+|ess\n|");
	finish();
}
END_TEST

START_TEST(follow_from_the_end_gets_only_what_is_added)
{
	OPEN(_i);
	append("log", "one\ntwo\n");
	begin(&(struct af_follow_options){ .from_end = true,
					   .poll = interval(_i % 2) });
	append("log", "three\n");
	until("three\n|");
	finish();
}
END_TEST

START_TEST(follow_of_a_path_that_is_not_there_waits_for_it)
{
	OPEN(_i);
	begin(&(struct af_follow_options){ .from_end = true,
					   .poll = interval(_i % 2) });
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	append("log", "one\n");
	until("one\n|");
	append("log", "two\n");
	until("one\n|two\n|");
	finish();
}
END_TEST

START_TEST(follow_from_the_end_inside_a_line_gets_the_rest_of_it)
{
	OPEN(_i);
	append("log", "one\ntw");
	begin(&(struct af_follow_options){ .from_end = true,
					   .poll = interval(_i % 2) });
	append("log", "o\nthree\n");
	until("o\n|three\n|");
	finish();
}
END_TEST

START_TEST(follow_from_the_end_gets_a_later_file_from_its_beginning)
{
	OPEN(_i);
	append("log", "one\n");
	begin(&(struct af_follow_options){ .from_end = true,
					   .poll = interval(_i % 2) });
	ck_assert_int_eq(rename("log", "log.1"), 0);
	append("log", "two\nthree\n");
	until("^two\n|three\n|");
	finish();
}
END_TEST

/* The array is changed at once, and still counts when another file comes. */
START_TEST(follow_copies_its_path)
{
	char path[] = "log";

	OPEN(_i);
	append("log", "one\n");
	follow = af_file_follow(rig.loop, path, polling(_i % 2), take, &rig);
	memcpy(path, "gol", 3);
	until("one\n|");
	ck_assert_int_eq(rename("log", "log.1"), 0);
	append("gol", "wrong\n");
	append("log", "two\n");
	until("one\n|^two\n|");
	ck_assert_int_eq(unlink("gol"), 0);
	finish();
}
END_TEST

START_TEST(follow_into_a_directory_that_is_made_later)
{
	OPEN(_i);
	follow = af_file_follow(rig.loop, "later/log", polling(_i % 2), take,
				&rig);
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	ck_assert_int_eq(mkdir("later", 0700), 0);
	append("later/log", "one\n");
	until("one\n|");
	unlink("later/log");
	rmdir("later");
	finish();
}
END_TEST

START_TEST(follow_sees_a_truncation_and_begins_again)
{
	OPEN(_i);
	append("log", "one\ntwo\npart");
	begin(polling(_i % 2));
	until("one\n|two\n|");
	ck_assert_int_eq(truncate("log", 0), 0);
	until("one\n|two\n|part$|");
	append("log", "new\nand more\n");
	until("one\n|two\n|part$|^new\n|and more\n|");
	finish();
}
END_TEST

/* As logrotate's copytruncate: what was copied is not passed on again. */
START_TEST(follow_sees_copytruncate)
{
	OPEN(_i);
	append("log", "one\n");
	begin(polling(_i % 2));
	until("one\n|");
	for (int i = 0; i < 3; i++) {
		text[text_len = 0] = '\0';
		append("log.1", "a copy\n");
		ck_assert_int_eq(truncate("log", 0), 0);
		append("log", "2\n");
		until("^2\n|");
		append("log", "a line\n");
		until("^2\n|a line\n|");
	}
	finish();
}
END_TEST

/* The last lines of the old file come first, though it was renamed before. */
START_TEST(follow_of_a_renamed_file_gets_its_last_lines)
{
	OPEN(_i);
	append("log", "one\n");
	begin(polling(_i % 2));
	until("one\n|");
	ck_assert_int_eq(rename("log", "log.1"), 0);
	append("log.1", "two\n");
	append("log", "three\n");
	until("one\n|two\n|^three\n|");
	append("log", "four\n");
	until("one\n|two\n|^three\n|four\n|");
	finish();
}
END_TEST

START_TEST(follow_gets_what_is_added_to_the_old_file_while_there_is_no_other)
{
	OPEN(_i);
	append("log", "one\n");
	begin(polling(_i % 2));
	until("one\n|");
	ck_assert_int_eq(rename("log", "log.1"), 0);
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	append("log.1", "two\n");
	until("one\n|two\n|");
	append("log.1", "three\n");
	until("one\n|two\n|three\n|");
	append("log", "four\n");
	until("one\n|two\n|three\n|^four\n|");
	finish();
}
END_TEST

START_TEST(follow_of_a_renamed_file_passes_its_incomplete_line_on)
{
	OPEN(_i);
	append("log", "one\npa");
	begin(polling(_i % 2));
	until("one\n|");
	append("log", "rt");
	ck_assert_int_eq(rename("log", "log.1"), 0);
	append("log", "two\n");
	until("one\n|part$|^two\n|");
	finish();
}
END_TEST

/* The writer goes over only when it has been told: no line is lost. */
START_TEST(follow_stays_with_the_old_file_while_the_new_one_is_empty)
{
	OPEN(_i);
	append("log", "one\n");
	begin(polling(_i % 2));
	until("one\n|");
	ck_assert_int_eq(rename("log", "log.1"), 0);
	append("log", "");
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	append("log.1", "two\n");
	until("one\n|two\n|");
	append("log.1", "three\n");
	append("log", "four\n");
	until("one\n|two\n|three\n|^four\n|");
	finish();
}
END_TEST

START_TEST(follow_sees_a_file_moved_over_the_old_one)
{
	OPEN(_i);
	append("log", "one\n");
	begin(polling(_i % 2));
	until("one\n|");
	append("log.1", "two\n");
	ck_assert_int_eq(rename("log.1", "log"), 0);
	until("one\n|^two\n|");
	append("log", "three\n");
	until("one\n|^two\n|three\n|");
	finish();
}
END_TEST

START_TEST(follow_of_a_deleted_file_waits_for_another)
{
	OPEN(_i);
	append("log", "one\n");
	begin(polling(_i % 2));
	until("one\n|");
	ck_assert_int_eq(unlink("log"), 0);
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	append("log", "two\n");
	until("one\n|^two\n|");
	finish();
}
END_TEST

START_TEST(follow_sees_another_target_of_a_link)
{
	OPEN(_i);
	append("log.1", "one\n");
	append("log.2", "two\n");
	ck_assert_int_eq(symlink("log.1", "log"), 0);
	begin(polling(_i % 2));
	until("one\n|");
	ck_assert_int_eq(symlink("log.2", "link"), 0);
	ck_assert_int_eq(rename("link", "log"), 0);
	until("one\n|^two\n|");
	append("log.2", "three\n");
	until("one\n|^two\n|three\n|");
	finish();
}
END_TEST

/* By the look of each second, or sooner. */
START_TEST(follow_sees_that_its_directory_is_replaced)
{
	OPEN(_i);
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	append("dir/log", "one\n");
	follow = af_file_follow(rig.loop, "dir/log", polling(_i % 2), take,
				&rig);
	until("one\n|");
	ck_assert_int_eq(rename("dir", "old"), 0);
	append("old/log", "two\n");
	until("one\n|two\n|");
	ck_assert_int_eq(mkdir("dir", 0700), 0);
	append("dir/log", "three\n");
	until("one\n|two\n|^three\n|");
	/* The new directory is watched like the first. */
	ck_assert_int_eq(rename("dir/log", "dir/log.1"), 0);
	append("dir/log", "four\n");
	until("one\n|two\n|^three\n|^four\n|");
	ck_assert_int_eq(unlink("dir/log") | unlink("dir/log.1"), 0);
	ck_assert_int_eq(unlink("old/log") | rmdir("old") | rmdir("dir"), 0);
	finish();
}
END_TEST

/* Ends */

START_TEST(follow_stopped_by_fn_succeeds)
{
	OPEN(_i);
	append("log", "one\ntwo\nthree\n");
	act_at = 2;
	act_returns = 1;
	begin(polling(_i % 2));
	expect_ended(0, 8);
	ck_assert_str_eq(text, "one\n|two\n|");
}
END_TEST

START_TEST(follow_failed_by_fn_has_its_error)
{
	OPEN(_i);
	append("log", "one\npart");
	act_at = 2;
	act_returns = -EPROTO;
	begin(polling(_i % 2));
	until("one\n|");
	ck_assert_int_eq(truncate("log", 0), 0);
	expect_ended(-EPROTO, 8);
	ck_assert_str_eq(text, "one\n|part$|");
}
END_TEST

static void cancel_it(void)
{
	af_future_cancel(follow);
}

START_TEST(follow_cancelled_by_fn_ends_there)
{
	OPEN(_i);
	append("log", "one\ntwo\nthree\n");
	act_at = 2;
	act = cancel_it;
	begin(polling(_i % 2));
	expect_ended(-ECANCELED, 8);
	ck_assert_str_eq(text, "one\n|two\n|");
}
END_TEST

static void wait_a_little(void)
{
	struct af_future *f = af_sleep(rig.loop, MS(5));

	append("log", "added\n");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

START_TEST(follow_whose_fn_awaits_goes_on_in_order)
{
	OPEN(_i);
	append("log", "one\ntwo\n");
	act_at = 1;
	act = wait_a_little;
	begin(polling(_i % 2));
	until("one\n|two\n|added\n|");
	append("log", "three\n");
	until("one\n|two\n|added\n|three\n|");
	finish();
}
END_TEST

START_TEST(follow_whose_loop_is_freed_is_cancelled)
{
	OPEN(_i);
	append("log", "one\n");
	begin(polling(_i % 2));
	if (_i / 2 != DRIVE_DISPATCH)
		until("one\n|");
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(af_future_error(follow), -ECANCELED);
	af_future_unref(follow);
	rig_close(&rig);
}
END_TEST

static void free_loop(void)
{
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

START_TEST(follow_whose_fn_frees_the_loop_is_cancelled)
{
	OPEN(0);
	append("log", "one\ntwo\n");
	act_at = 1;
	act = free_loop;
	begin(NULL);
	ck_assert_int_eq(af_await(follow), -ECANCELED);
	ck_assert_str_eq(text, "one\n|");
	af_future_unref(follow);
	rig_close(&rig);
}
END_TEST

START_TEST(follow_of_what_must_exist_fails_without_it)
{
	OPEN(_i);
	expect_error(&rig,
		     af_file_follow(
			     rig.loop, "log",
			     &(struct af_follow_options){ .must_exist = true },
			     take, &rig),
		     -ENOENT);
	rig_close(&rig);
}
END_TEST

/* A link to nothing does not exist, either. */
START_TEST(follow_of_a_link_to_what_must_exist_fails_without_it)
{
	OPEN(_i);
	ck_assert_int_eq(symlink("nothing", "log"), 0);
	expect_error(&rig,
		     af_file_follow(
			     rig.loop, "log",
			     &(struct af_follow_options){ .must_exist = true },
			     take, &rig),
		     -ENOENT);
	unlink("log");
	rig_close(&rig);
}
END_TEST

/* It must exist only at the call. */
START_TEST(follow_of_what_must_exist_outlives_its_path)
{
	struct af_follow_options options = { .must_exist = true };

	OPEN(_i);
	if (_i % 2)
		options.poll = polling(true)->poll;
	append("log", "one\n");
	begin(&options);
	until("one\n|");
	unlink("log");
	ck_assert_int_eq(af_await_for(follow, MS(5)), -ETIMEDOUT);
	append("log", "two\n");
	until("one\n|^two\n|");
	finish();
}
END_TEST

static void limit_descriptors(struct rlimit *before)
{
	int next = dup(0);

	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, before), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE,
				   &(struct rlimit){ (rlim_t)next,
						     before->rlim_max }),
			 0);
}

/* For the first file, or for the next one. */
START_TEST(follow_without_a_descriptor_fails_emfile)
{
	struct rlimit before;

	OPEN(_i);
	append("log", "one\n");
	limit_descriptors(&before);
	expect_error(&rig,
		     af_file_follow(rig.loop, "log", polling(_i % 2), take,
				    &rig),
		     -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	begin(polling(_i % 2));
	until("one\n|");
	append("log.2", "two\n");
	limit_descriptors(&before);
	ck_assert_int_eq(rename("log.2", "log"), 0);
	ck_assert_int_eq(drive(&rig, follow), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect_ended(-EMFILE, 4);
}
END_TEST

START_TEST(follow_of_what_is_no_file_fails)
{
	OPEN(_i);
	expect_error(&rig,
		     af_file_follow(rig.loop, "/dev/null", NULL, take, &rig),
		     -ENOTSUP);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	expect_error(&rig, af_file_follow(rig.loop, ".", NULL, take, &rig),
		     -EISDIR);
	expect_error(&rig, af_file_follow(rig.loop, "fifo", NULL, take, &rig),
		     -ENOTSUP);
	unlink("fifo");
	append("log", "one\n");
	begin(polling(_i % 2));
	until("one\n|");
	unlink("log");
	ck_assert_int_eq(mkdir("log", 0700), 0);
	ck_assert_int_eq(drive(&rig, follow), -EISDIR);
	rmdir("log");
	af_future_unref(follow);
	rig_close(&rig);
}
END_TEST

START_TEST(follow_of_what_becomes_a_fifo_fails)
{
	OPEN(_i);
	append("log", "one\n");
	begin(polling(_i % 2));
	until("one\n|");
	unlink("log");
	ck_assert_int_eq(mkfifo("log", 0600), 0);
	expect_ended(-ENOTSUP, 4);
	unlink("log");
}
END_TEST

/* From the beginning, or later. */
START_TEST(follow_of_a_link_to_itself_fails_eloop)
{
	OPEN(_i);
	ck_assert_int_eq(symlink("log", "log"), 0);
	expect_error(&rig,
		     af_file_follow(rig.loop, "log", polling(_i % 2), take,
				    &rig),
		     -ELOOP);
	unlink("log");
	append("log", "one\n");
	begin(polling(_i % 2));
	until("one\n|");
	unlink("log");
	ck_assert_int_eq(symlink("log", "log"), 0);
	expect_ended(-ELOOP, 4);
	unlink("log");
}
END_TEST

START_TEST(follow_with_nonsense_is_invalid)
{
	static const struct timeval wrong[] = { { 0, 0 },
						{ -1, 0 },
						{ 0, 1000000 } };
	struct af_follow_options options = { .reserved = { 1 } };

	OPEN(_i);
	expect_error(&rig, af_file_follow(NULL, "log", NULL, take, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_follow(rig.loop, NULL, NULL, take, NULL),
		     -EINVAL);
	expect_error(&rig, af_file_follow(rig.loop, "log", NULL, NULL, NULL),
		     -EINVAL);
	expect_error(&rig,
		     af_file_follow(rig.loop, "log", &options, take, NULL),
		     -EINVAL);
	options.reserved[0] = 0;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		options.poll = &wrong[i];
		expect_error(
			&rig,
			af_file_follow(rig.loop, "log", &options, take, NULL),
			-EINVAL);
	}
	rig_close(&rig);
}
END_TEST

/* Quiet, and fast */

static long read_calls(void)
{
	char buf[512], *count;
	int fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	count = strstr(buf, "syscr: ");
	return count ? strtol(count + 7, NULL, 10) : -1;
}

/* One second without an event: only this test's own reads. */
START_TEST(follow_reads_nothing_while_nothing_happens)
{
	long before, own;

	OPEN(_i);
	append("log", "one\npart");
	begin(polling(_i % 2));
	until("one\n|");
	ck_assert_int_eq(af_await_for(follow, MS(50)), -ETIMEDOUT);
	before = read_calls();
	own = read_calls() - before;
	before = read_calls();
	ck_assert_int_eq(af_await_for(follow, MS(1000)), -ETIMEDOUT);
	/* With each turn of a thread valgrind reads from a pipe of its own. */
	if (before >= 0 && !under_valgrind())
		ck_assert_int_le(read_calls() - before, own);
	finish();
}
END_TEST

#ifdef HAVE_INOTIFY
enum { ROTATIONS = 100, LINES = 100 };

static size_t next_line, n_restarts;

static int count_line(const char *data, size_t len, unsigned flags, void *arg)
{
	char line[20];
	int n = snprintf(line, sizeof line, "line %zu\n", next_line);

	(void)arg;
	ck_assert_int_eq((int)len, n);
	ck_assert_mem_eq(data, line, len);
	ck_assert_uint_eq(flags & ~AFIO_RESTARTED, 0);
	n_restarts += flags == AFIO_RESTARTED;
	return ++next_line == (size_t)ROTATIONS * LINES;
}

/* Writes as fast as it can, and moves all older files on, as logrotate. */
static void write_and_rotate(bool shifts)
{
	char from[20], to[20];

	for (int i = 0; i < ROTATIONS; i++) {
		int fd = open("log", O_WRONLY | O_APPEND | O_CREAT, 0600);

		for (int j = 0; j < LINES; j++)
			dprintf(fd, "line %d\n", i * LINES + j);
		close(fd);
		for (int k = shifts ? i : 0; k > 0; k--) {
			snprintf(from, sizeof from, "log.%d", k);
			snprintf(to, sizeof to, "log.%d", k + 1);
			rename(from, to);
		}
		snprintf(to, sizeof to, "log.%d", shifts ? 1 : i);
		rename("log", to);
	}
	_exit(0);
}

/* Of a writer that does not wait, ten thousand lines in a hundred files. */
START_TEST(follow_of_a_hundred_rotations_loses_no_line)
{
	pid_t pid;

	open_loop(_i / 2);
	for (int i = 0; i <= ROTATIONS + 1; i++) {
		char name[20];

		snprintf(name, sizeof name, "log.%d", i);
		unlink(name);
	}
	unlink("log");
	next_line = n_restarts = 0;
	follow = af_file_follow(rig.loop, "log", NULL, count_line, NULL);
	pid = fork();
	if (pid == 0)
		write_and_rotate(_i % 2);
	ck_assert_int_eq(drive(&rig, follow), 0);
	ck_assert_uint_eq(n_restarts, ROTATIONS - 1);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	af_future_unref(follow);
	rig_close(&rig);
}
END_TEST
#endif

/* Waits */

static struct stage stage;

static void await_line(void *arg)
{
	(void)arg;
	append("log", "two\n");
	ck_assert_int_eq(af_await(follow), 0);
}

/* Begun before the wait, it moves with it. */
START_TEST(await_of_follow_in_any_context_ends)
{
	text[0] = '\0';
	text_len = calls = 0;
	act = NULL;
	act_at = 2;
	act_returns = 1;
	unlink("log");
	append("log", "one\n");
	stage_open(&stage, (enum context)(_i / 2));
	follow = af_file_follow(stage.loop, "log", polling(_i % 2), take, &rig);
	stage_play(&stage, await_line, NULL);
	ck_assert_str_eq(text, "one\n|two\n|");
	af_future_unref(follow);
	stage_close(&stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/follow");
	TCase *tc = scratch_case(s, "follow");

#define ADD(test) tcase_add_loop_test(tc, test, 0, WAYS)
#define ADD_ONCE(test) tcase_add_loop_test(tc, test, 0, 2)
	ADD(follow_gets_what_is_there_and_what_is_added);
	ADD(follow_keeps_a_part_of_a_line_until_the_rest_comes);
	ADD(follow_with_parts_passes_them_on_at_once);
	ADD(follow_with_a_longest_line_passes_longer_ones_in_pieces);
	ADD(follow_from_the_end_gets_only_what_is_added);
	ADD(follow_of_a_path_that_is_not_there_waits_for_it);
	ADD(follow_from_the_end_inside_a_line_gets_the_rest_of_it);
	ADD(follow_from_the_end_gets_a_later_file_from_its_beginning);
	ADD(follow_copies_its_path);
	ADD_ONCE(follow_into_a_directory_that_is_made_later);
	ADD(follow_sees_a_truncation_and_begins_again);
	ADD(follow_sees_copytruncate);
	ADD(follow_of_a_renamed_file_gets_its_last_lines);
	ADD(follow_gets_what_is_added_to_the_old_file_while_there_is_no_other);
	ADD(follow_of_a_renamed_file_passes_its_incomplete_line_on);
	ADD(follow_stays_with_the_old_file_while_the_new_one_is_empty);
	ADD(follow_sees_a_file_moved_over_the_old_one);
	ADD(follow_of_a_deleted_file_waits_for_another);
	ADD(follow_sees_another_target_of_a_link);
	ADD_ONCE(follow_sees_that_its_directory_is_replaced);
	ADD(follow_stopped_by_fn_succeeds);
	ADD(follow_failed_by_fn_has_its_error);
	ADD(follow_cancelled_by_fn_ends_there);
	ADD(follow_whose_fn_awaits_goes_on_in_order);
	ADD(follow_whose_loop_is_freed_is_cancelled);
	tcase_add_test(tc, follow_whose_fn_frees_the_loop_is_cancelled);
	ADD_ONCE(follow_of_what_must_exist_fails_without_it);
	ADD(follow_of_a_link_to_what_must_exist_fails_without_it);
	ADD(follow_of_what_must_exist_outlives_its_path);
	ADD(follow_without_a_descriptor_fails_emfile);
	ADD(follow_of_what_is_no_file_fails);
	ADD(follow_of_what_becomes_a_fifo_fails);
	ADD(follow_of_a_link_to_itself_fails_eloop);
	ADD_ONCE(follow_with_nonsense_is_invalid);
	ADD_ONCE(follow_reads_nothing_while_nothing_happens);
#ifdef HAVE_INOTIFY
	ADD(follow_of_a_hundred_rotations_loses_no_line);
#endif
	tcase_add_loop_test(tc, await_of_follow_in_any_context_ends, 0,
			    2 * CONTEXT_COUNT);
	return s;
}
