/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file that is followed on a slow disk, where workers read it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "support/slowrig.h"

static char text[99];

static int take(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	ck_assert_uint_lt(strlen(text) + len, sizeof(text));
	strncat(text, data, len);
	return 0;
}

static void append(const char *line)
{
	int fd = open("log", O_WRONLY | O_APPEND | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	put_text(fd, line);
	close(fd);
}

/* The read that finds the end comes back after it was told of the next line. */
START_TEST(line_added_during_the_read_of_the_end_is_passed_on)
{
	const struct slow slow = { .now = NOW_UNSUPPORTED,
				   .read_before = true };
	struct af_future *follow;

	rig_open(&rig, _i);
	slow_set(&slow);
	make_file("log", "one\n", 0600);
	slow_stop(1);
	text[0] = '\0';
	follow = af_file_follow(rig.loop, "log", NULL, take, NULL);
	while (slow_calls() < 2)
		ck_assert_int_eq(af_await_for(follow, MS(1)), -ETIMEDOUT);
	slow_expect(1);
	append("two\n");
	ck_assert_int_eq(af_await_for(follow, MS(0)), -ETIMEDOUT);
	slow_go();
	while (strcmp(text, "one\ntwo\n") != 0)
		ck_assert_int_eq(af_await_for(follow, MS(1)), -ETIMEDOUT);
	af_future_cancel(follow);
	af_future_unref(follow);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/follow_slow");
	TCase *tc = scratch_case(s, "follow_slow");

	tcase_add_loop_test(
		tc, line_added_during_the_read_of_the_end_is_passed_on, 0,
		DRIVE_COUNT);
	return s;
}
