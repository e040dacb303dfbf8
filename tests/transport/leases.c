/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths that another process has leased, as file servers do: it is told when one
 * is opened, and gives the lease up.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scratch.h"

static struct rig rig;
static pid_t holder;

#ifdef F_SETLEASE
/* Holds a lease until it is asked for; whether it has got one. */
static bool hold(int told)
{
	int fd = open("leased", O_RDWR | O_CLOEXEC), signo;
	sigset_t asked;

	sigemptyset(&asked);
	sigaddset(&asked, SIGIO);
	sigprocmask(SIG_BLOCK, &asked, NULL);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return false;
	put_text(told, "x");
	sigwait(&asked, &signo);
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return true;
}
#else
static bool hold(int told)
{
	(void)told;
	return false;
}
#endif

/* False, and a word: there are no leases here. */
static bool lease(const char *text)
{
	int told[2];
	char byte;
	ssize_t n;

	make_file("leased", text, 0600);
	make_pair(KIND_PIPE, told);
	holder = fork();
	ck_assert_int_ge(holder, 0);
	if (holder == 0) {
		close(told[0]);
		_exit(!hold(told[1]));
	}
	close(told[1]);
	n = read(told[0], &byte, 1);
	close(told[0]);
	if (n == 1)
		return true;
	ck_assert_int_eq(waitpid(holder, NULL, 0), holder);
	fprintf(stderr, "skipped: there are no leases here\n");
	return false;
}

static void expect_given_up(void)
{
	int status;

	ck_assert_int_eq(waitpid(holder, &status, 0), holder);
	ck_assert_int_eq(status, 0);
	rig_close(&rig);
}

START_TEST(open_of_what_another_has_leased_waits_for_it)
{
	static const char *const modes[] = { "r", "a", "w" };
	const char *mode = modes[_i / DRIVE_COUNT];
	struct af_file *file;

	rig_open(&rig, _i % DRIVE_COUNT);
	if (!lease("text")) {
		rig_close(&rig);
		return;
	}
	file = af_file_open(rig.loop, "leased", mode);
	ck_assert_ptr_nonnull(file);
	if (*mode == 'r')
		expect_text(&rig, af_file_read(file, 9, 0, NULL), "text", 0);
	else
		expect_count(&rig, af_file_write(file, "x", 1, 0, NULL), 1, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	expect_given_up();
}
END_TEST

START_TEST(open_async_of_what_another_has_leased_succeeds)
{
	struct af_future *f;
	struct af_file *file;

	rig_open(&rig, _i);
	if (!lease("text")) {
		rig_close(&rig);
		return;
	}
	f = af_file_open_async(rig.loop, "leased", "r");
	ck_assert_int_eq(drive(&rig, f), 0);
	file = af_future_take_file(f);
	af_future_unref(f);
	expect_text(&rig, af_file_read(file, 9, 0, NULL), "text", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	expect_given_up();
}
END_TEST

static int stop_at_line(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	return len == 5 && memcmp(data, "last\n", 5) == 0;
}

START_TEST(follow_of_what_another_has_leased_reads_it_then)
{
	struct af_future *f;

	rig_open(&rig, _i);
	if (!lease("one\nlast\n")) {
		rig_close(&rig);
		return;
	}
	f = af_file_follow(rig.loop, "leased", NULL, stop_at_line, NULL);
	expect_count(&rig, f, 9, 0);
	expect_given_up();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/leases");
	TCase *tc = scratch_case(s, "leases");

	tcase_add_loop_test(tc, open_of_what_another_has_leased_waits_for_it, 0,
			    3 * DRIVE_COUNT);
	tcase_add_loop_test(tc, open_async_of_what_another_has_leased_succeeds,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, follow_of_what_another_has_leased_reads_it_then,
			    0, DRIVE_COUNT);
	return s;
}
