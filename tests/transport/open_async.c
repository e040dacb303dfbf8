/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Files that are opened off the loop's thread: each outcome, who owns the file,
 * and that opens which hang hold up nothing and leave nothing.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/contexts.h"
#include "support/slowrig.h"

/* How many opens run at a time. */
#define THREADS 16

static struct af_future *opening(const char *mode)
{
	return af_file_open_async(rig.loop, "file", mode);
}

static struct af_file *taken(struct af_future *f)
{
	struct af_file *file;

	ck_assert_int_eq(drive(&rig, f), 0);
	file = af_future_take_file(f);
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_null(af_future_take_file(f));
	af_future_unref(f);
	return file;
}

START_TEST(open_async_gives_a_file_as_open_does)
{
	struct af_file *file;

	rig_open(&rig, _i);
	file = taken(opening("w+"));
	expect_count(&rig, writing(file, "abc"), 3, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	file = taken(opening("a"));
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), 3);
	expect_count(&rig, writing(file, "def"), 3, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	file = taken(opening("r"));
	ck_assert_int_gt(af_file_fd(file), 2);
	expect_text(&rig, reading(file, 0), "abcdef", AFIO_EOF);
	expect_error(&rig, writing(file, "x"), -EBADF);
	close_all(file);
}
END_TEST

START_TEST(open_async_of_a_fifo_or_device_waits_for_nobody)
{
	struct af_file *file, *null;

	rig_open(&rig, _i);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	expect_error(&rig, af_file_open_async(rig.loop, "fifo", "w"), -ENXIO);
	file = taken(af_file_open_async(rig.loop, "fifo", "r"));
	null = taken(af_file_open_async(rig.loop, "/dev/null", "r+"));
	ck_assert_int_eq(af_file_close(null), 0);
	null = af_file_open(rig.loop, "fifo", "w");
	expect_count(&rig, writing(null, "abc"), 3, 0);
	expect_text(&rig, reading(file, 3), "abc", 0);
	ck_assert_int_eq(af_file_close(null), 0);
	expect_text(&rig, reading(file, 3), "", AFIO_EOF);
	close_all(file);
	ck_assert_int_eq(unlink("fifo"), 0);
}
END_TEST

static const struct {
	const char *path, *mode;
	int error;
} failures[] = {
	{ "missing", "r", ENOENT },
	{ "file", "wx", EEXIST },
	{ "missing/file", "w", ENOENT },
	{ "file/file", "r", ENOTDIR },
	{ ".", "r", EISDIR },
	{ ".", "w", EISDIR },
	{ "file", "", EINVAL },
	{ "file", "rw", EINVAL },
	{ "file", "rx", EINVAL },
	{ "file", NULL, EINVAL },
	{ NULL, "r", EINVAL },
};

START_TEST(open_async_of_what_cannot_be_opened_fails)
{
	struct af_future *f;

	rig_open(&rig, _i);
	make_file("file", "", 0600);
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		f = af_file_open_async(rig.loop, failures[i].path,
				       failures[i].mode);
		ck_assert_int_eq(drive(&rig, f), -failures[i].error);
		ck_assert_ptr_null(af_future_take_file(f));
		af_future_unref(f);
	}
	expect_error(&rig, af_file_open_async(NULL, "file", "r"), -EINVAL);
	ck_assert_ptr_null(af_future_take_file(NULL));
	f = af_succeeded(rig.loop, NULL, NULL);
	ck_assert_ptr_null(af_future_take_file(f));
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static void *open_elsewhere(void *arg)
{
	struct af_future *f = af_file_open_async(arg, "file", "r");
	int r = af_future_error(f);

	af_future_unref(f);
	return r == -EPERM ? arg : NULL;
}

static void open_and_drop(struct af_future *done, void *arg)
{
	struct af_future *f = af_file_open_async(rig.loop, "file", "r");

	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	*(int *)arg = af_future_error(f);
	af_future_unref(f);
}

START_TEST(open_async_elsewhere_or_after_the_loop_fails)
{
	struct af_future *f;
	pthread_t thread;
	void *result;
	int r = 0;

	rig_open(&rig, _i);
	make_file("file", "", 0600);
	pthread_create(&thread, NULL, open_elsewhere, rig.loop);
	pthread_join(thread, &result);
	ck_assert_ptr_eq(result, rig.loop);
	f = af_sleep(rig.loop, MS(60000));
	af_on_done(af_future_ref(f), open_and_drop, &r);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(r, -ECANCELED);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static struct af_future *note(struct af_future *done, void *arg)
{
	(void)done;
	++*(int *)arg;
	return NULL;
}

/* The harness counts the descriptors. */
START_TEST(open_async_that_nobody_takes_is_closed)
{
	struct af_future *f, *chain;
	struct af_file *file;
	int calls = 0;

	rig_open(&rig, _i);
	make_file("file", "abc", 0600);
	expect_count(&rig, opening("r"), 0, 0);
	af_future_unref(opening("r"));
	/* Through a chain, by which one reference is as good as another. */
	f = opening("r");
	chain = af_with_timeout(af_then(af_future_ref(f), note, &calls),
				MS(60000));
	ck_assert_int_eq(drive(&rig, chain), 0);
	ck_assert_int_eq(calls, 1);
	file = af_future_take_file(chain);
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_null(af_future_take_file(f));
	af_future_unref(chain);
	af_future_unref(f);
	expect_text(&rig, reading(file, 0), "abc", AFIO_EOF);
	chain = af_shield(af_finally(opening("r"), note, &calls));
	ck_assert_int_eq(drive(&rig, chain), 0);
	af_future_unref(chain);
	close_all(file);
}
END_TEST

/* A file whose loop is gone can only be closed. */
START_TEST(open_async_taken_after_the_loop_can_be_closed)
{
	struct af_future *taken_late, *never;
	struct af_file *file;

	rig_open(&rig, _i);
	make_file("file", "abc", 0600);
	taken_late = opening("r");
	never = opening("r");
	ck_assert_int_eq(drive(&rig, taken_late), 0);
	ck_assert_int_eq(drive(&rig, never), 0);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	file = af_future_take_file(taken_late);
	ck_assert_ptr_nonnull(file);
	af_future_unref(taken_late);
	af_future_unref(never);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

enum end { BY_TIMEOUT, BY_CANCEL, BY_DROP, BY_FREE, ENDS };

/* What the kernel opens after all is closed; the harness counts. */
START_TEST(open_async_that_hangs_ends_at_once)
{
	int64_t start = now_us();
	struct af_future *f;

	rig_open(&rig, _i % DRIVE_COUNT);
	slow_stop_opens();
	f = opening("w");
	slow_expect(1);
	expect_life();
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	ck_assert_ptr_null(af_future_take_file(f));
	switch ((enum end)(_i / DRIVE_COUNT)) {
	case BY_TIMEOUT:
		expect_error(&rig, af_with_timeout(f, MS(20)), -ETIMEDOUT);
		expect_elapsed(start, 20);
		break;
	case BY_CANCEL:
		af_future_cancel(f);
		expect_error(&rig, f, -ECANCELED);
		break;
	case BY_DROP:
		af_future_unref(f);
		slow_go();
		break;
	default:
		af_loop_free(rig.loop);
		rig.loop = NULL;
		ck_assert_int_eq(af_future_error(f), -ECANCELED);
		af_future_unref(f);
	}
	if (rig.loop)
		expect_life();
	slow_go();
	rig_close(&rig);
	while (library_threads() > 0)
		;
	ck_assert_int_eq(access("file", F_OK), 0);
	unlink("file");
}
END_TEST

/* The path counts when a thread is free, in the directory of that time. */
START_TEST(open_async_that_waits_keeps_its_path_for_another_directory)
{
	struct af_future *stuck[THREADS], *next;
	char path[] = "inner";
	struct af_file *file;

	rig_open(&rig, _i);
	make_file("file", "", 0600);
	ck_assert_int_eq(mkdir("below", 0700), 0);
	make_file("below/inner", "abc", 0600);
	slow_stop_opens();
	for (int i = 0; i < THREADS; i++)
		stuck[i] = opening("r");
	slow_expect(THREADS);
	next = af_file_open_async(rig.loop, path, "r");
	memcpy(path, "outer", 5);
	ck_assert_int_eq(chdir("below"), 0);
	slow_go();
	file = taken(next);
	for (int i = 0; i < THREADS; i++) {
		af_future_cancel(stuck[i]);
		drive(&rig, stuck[i]);
		af_future_unref(stuck[i]);
	}
	ck_assert_int_eq(chdir(".."), 0);
	expect_text(&rig, reading(file, 0), "abc", AFIO_EOF);
	close_all(file);
	ck_assert_int_eq(unlink("below/inner"), 0);
	ck_assert_int_eq(rmdir("below"), 0);
}
END_TEST

/* A race has the outcome of the one that decided; and a loser is closed. */
START_TEST(open_async_that_wins_a_race_is_taken_from_the_whole)
{
	struct af_future *parts[2], *whole;
	struct af_file *file;

	rig_open(&rig, _i);
	make_file("file", "abc", 0600);
	parts[0] = af_sleep(rig.loop, MS(60000));
	parts[1] = opening("r");
	whole = af_race(rig.loop, parts, 2);
	ck_assert_ptr_null(af_future_take_file(whole));
	file = taken(whole);
	expect_text(&rig, reading(file, 0), "abc", AFIO_EOF);
	parts[0] = opening("r");
	parts[1] = opening("r");
	whole = af_any(rig.loop, parts, 2);
	ck_assert_int_eq(drive(&rig, whole), 0);
	af_future_unref(whole);
	close_all(file);
}
END_TEST

static void *add_one(void *arg)
{
	++*(int *)arg;
	return arg;
}

START_TEST(opens_that_hang_hold_up_neither_disk_nor_work)
{
	struct af_future *stuck[THREADS], *last, *next;
	struct af_file *file;
	int n = 0;

	open_cold(_i);
	file = containing("abc", "r");
	slow_stop_opens();
	for (int i = 0; i < THREADS; i++)
		stuck[i] = opening("r");
	slow_expect(THREADS);
	last = af_file_open_async(rig.loop, "never", "w");
	next = opening("r");
	expect_text(&rig, reading(file, 0), "abc", AFIO_EOF);
	expect_count(&rig, af_work(rig.loop, add_one, &n, NULL), 1, 0);
	ck_assert_int_eq(n, 1);
	ck_assert_int_le(library_threads(), THREADS + AFIO_DEFAULT_WORKERS + 1);
	/* It has not begun, so it is taken back. */
	af_future_cancel(last);
	expect_error(&rig, last, -ECANCELED);
	for (int i = 0; i < THREADS; i++) {
		af_future_cancel(stuck[i]);
		expect_error(&rig, stuck[i], -ECANCELED);
	}
	slow_go();
	expect_count(&rig, next, 0, 0);
	ck_assert_int_lt(access("never", F_OK), 0);
	close_all(file);
}
END_TEST

START_TEST(open_async_without_a_thread_waits_in_the_call)
{
	struct slow slow = { .no_threads = true };
	struct af_future *f;

	rig_open(&rig, _i);
	make_file("file", "abc", 0600);
	slow_set(&slow);
	f = opening("r");
	ck_assert(af_future_is_done(f));
	ck_assert_int_eq(af_file_close(taken(f)), 0);
	expect_error(&rig, af_file_open_async(rig.loop, "missing", "r"),
		     -ENOENT);
	rig_close(&rig);
}
END_TEST

START_TEST(open_async_is_in_the_dump_with_its_path)
{
	char text[1000] = "";
	struct af_future *f;
	FILE *out = fmemopen(text, sizeof text - 1, "w");

	rig_open(&rig, _i);
	slow_stop_opens();
	f = opening("r");
	af_loop_dump(rig.loop, out);
	fclose(out);
	ck_assert_msg(strstr(text, "open of file"), "%s", text);
	af_future_cancel(f);
	af_future_unref(f);
	slow_go();
	rig_close(&rig);
}
END_TEST

static void dump_done(struct af_future *done, void *arg)
{
	char text[1000] = "";
	FILE *out = fmemopen(text, sizeof text - 1, "w");
	struct af_future *f = arg, *nap;

	(void)done;
	slow_go();
	while (!af_future_is_done(f)) {
		nap = af_sleep(rig.loop, MS(1));
		ck_assert_int_eq(af_await(nap), 0);
		af_future_unref(nap);
	}
	af_loop_dump(rig.loop, out);
	fclose(out);
	ck_assert_msg(strstr(text, "waiting for open, done, for"), "%s", text);
}

/* A wait whose continuation goes on, while what it waits for is done. */
START_TEST(open_async_done_inside_its_wait_is_in_the_dump_without_a_path)
{
	struct af_future *f;

	rig_open(&rig, DRIVE_AWAIT);
	slow_stop_opens();
	f = opening("r");
	af_on_done(af_sleep(rig.loop, MS(1)), dump_done, f);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_file_close(taken(f)), 0);
	rig_close(&rig);
}
END_TEST

static struct stage stage;

static void await_opens(void *arg)
{
	struct af_future *f = af_file_open_async(stage.loop, "file", "r");

	(void)arg;
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_file_close(af_future_take_file(f)), 0);
	af_future_unref(f);
	f = af_file_open_async(stage.loop, "missing", "r");
	ck_assert_int_eq(af_await(f), -ENOENT);
	af_future_unref(f);
	slow_stop_opens();
	f = af_file_open_async(stage.loop, "file", "r");
	ck_assert_int_eq(af_await_for(f, MS(5)), -ETIMEDOUT);
	slow_go();
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

START_TEST(open_async_is_awaited_in_every_context)
{
	make_file("file", "abc", 0600);
	stage_open(&stage, (enum context)_i);
	stage_play(&stage, await_opens, NULL);
	stage_close(&stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/open_async");
	TCase *tc = scratch_case(s, "open_async");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(open_async_gives_a_file_as_open_does, DRIVE_COUNT);
	ADD(open_async_of_a_fifo_or_device_waits_for_nobody, DRIVE_COUNT);
	ADD(open_async_of_what_cannot_be_opened_fails, DRIVE_COUNT);
	ADD(open_async_elsewhere_or_after_the_loop_fails, DRIVE_COUNT);
	ADD(open_async_that_nobody_takes_is_closed, DRIVE_COUNT);
	ADD(open_async_taken_after_the_loop_can_be_closed, DRIVE_COUNT);
	ADD(open_async_that_hangs_ends_at_once, ENDS * DRIVE_COUNT);
	ADD(open_async_that_waits_keeps_its_path_for_another_directory,
	    DRIVE_COUNT);
	ADD(open_async_that_wins_a_race_is_taken_from_the_whole, DRIVE_COUNT);
	ADD(opens_that_hang_hold_up_neither_disk_nor_work, DRIVE_COUNT);
	ADD(open_async_is_awaited_in_every_context, CONTEXT_COUNT);
	ADD(open_async_without_a_thread_waits_in_the_call, DRIVE_COUNT);
	ADD(open_async_is_in_the_dump_with_its_path, DRIVE_COUNT);
	tcase_add_test(
		tc,
		open_async_done_inside_its_wait_is_in_the_dump_without_a_path);
	return s;
}
