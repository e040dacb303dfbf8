/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of eventfds, which only some systems have: as files, and awaited.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"

static struct rig rig;

static struct af_file *make_file(int fd, unsigned flags)
{
	struct af_file *file = af_file_new(rig.loop, fd, flags);

	ck_assert_int_ge(fd, 0);
	ck_assert_ptr_nonnull(file);
	return file;
}

START_TEST(eventfd_carries_its_counter)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t value = 7;
	struct af_file *file;
	struct af_future *f;

	rig_open(&rig, _i);
	file = make_file(fd, AFIO_KEEP_FD);
	ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
	f = af_file_read(file, sizeof value, 0, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	expect_count(&rig,
		     af_file_write(file, &value, sizeof value, AFIO_FULL, NULL),
		     sizeof value, 0);
	expect_bytes(&rig, f, &value, sizeof value, 0);
	expect_error(&rig, af_file_read(file, sizeof value, 0, MS(5)),
		     -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	close(fd);
	rig_close(&rig);
}
END_TEST

/* Made non-blocking for a time, it keeps its other flags, and gets them back. */
START_TEST(eventfd_keeps_its_other_flags)
{
	int fd = eventfd(1, EFD_CLOEXEC), before;
	struct af_file *file;

	rig_open(&rig, DRIVE_AWAIT);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	before = fcntl(fd, F_GETFL);
	ck_assert(before & O_APPEND);
	file = make_file(fd, AFIO_KEEP_FD);
	expect_count(&rig, af_file_read(file, 8, 0, NULL), 8, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & ~O_NONBLOCK, before);
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL), before);
	ck_assert_int_eq(close(fd), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(hangup_of_an_eventfd_fails_notsup)
{
	struct af_file *file;

	rig_open(&rig, DRIVE_AWAIT);
	file = make_file(eventfd(0, EFD_CLOEXEC), 0);
	expect_error(&rig, af_file_hangup(file), -ENOTSUP);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

static struct af_future *read_now(struct af_future *done, void *arg)
{
	uint64_t n;

	(void)done;
	ck_assert_int_eq(read(*(int *)arg, &n, sizeof n), sizeof n);
	ck_assert_uint_eq(n, 5);
	return NULL;
}

static void *write_event(void *arg)
{
	uint64_t n = 5;

	ck_assert_int_eq(write(*(int *)arg, &n, sizeof n), sizeof n);
	return NULL;
}

START_TEST(wait_for_an_eventfd_ends_by_another_thread)
{
	pthread_t thread;
	struct af_future *f;
	int fd = eventfd(0, EFD_CLOEXEC);

	rig_open(&rig, _i);
	f = af_then(af_wait_fd(rig.loop, fd, EV_READ, NULL), read_now, &fd);
	pthread_create(&thread, NULL, write_event, &fd);
	expect_error(&rig, f, 0);
	pthread_join(thread, NULL);
	close(fd);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/eventfd");
	TCase *tc = test_case(s, "eventfd");

#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(eventfd_carries_its_counter);
	tcase_add_test(tc, eventfd_keeps_its_other_flags);
	tcase_add_test(tc, hangup_of_an_eventfd_fails_notsup);
	ADD(wait_for_an_eventfd_ends_by_another_thread);
	return s;
}
