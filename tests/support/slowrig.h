/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the tests on a slow disk: a rig whose loop reads and writes it in
 * one of several ways, and files on it.
 */
#ifndef TESTS_SLOWRIG_H
#define TESTS_SLOWRIG_H

#include <string.h>

#include "support/harness.h"
#include "support/scratch.h"
#include "support/slow.h"

/* The most bytes that one job moves. */
#define PIECE ((size_t)256 << 10)

/* How the bytes are moved. */
static const struct way {
	const char *name;
	struct slow slow;
	unsigned workers;
} ways[] = {
	{ "at once", { .now = NOW_AS_EVER }, 4 },
	{ "four workers", { .now = NOW_COLD }, 4 },
	{ "one worker", { .now = NOW_COLD }, 1 },
	{ "no worker", { .now = NOW_COLD }, 0 },
	{ "bypassed", { .now = NOW_BYPASSED }, 4 },
	{ "unsupported", { .now = NOW_UNSUPPORTED }, 4 },
	{ "no thread", { .now = NOW_COLD, .no_threads = true }, 4 },
	{ "little by little", { .now = NOW_COLD, .write_max = 7 }, 4 },
};
#define WAYS ((int)(sizeof ways / sizeof *ways))
#define ALL_WAYS (WAYS * DRIVE_COUNT)

static struct rig rig;

/* The index of a test gives the way and the driver. */
static inline void open_way(int i)
{
	rig_open(&rig, i % DRIVE_COUNT);
	slow_set(&ways[i / DRIVE_COUNT].slow);
	ck_assert_int_eq(
		af_loop_set_workers(rig.loop, ways[i / DRIVE_COUNT].workers),
		0);
}

/* With nothing in the page cache, and four workers. */
static inline void open_cold(int driver)
{
	open_way(1 * DRIVE_COUNT + driver);
}

static inline struct af_file *opened(const char *name, const char *mode)
{
	struct af_file *file = af_file_open(rig.loop, name, mode);

	ck_assert_ptr_nonnull(file);
	return file;
}

static inline struct af_file *containing(const char *text, const char *mode)
{
	make_file("file", text, 0600);
	return opened("file", mode);
}

static inline void close_all(struct af_file *file)
{
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}

static inline struct af_future *reading(struct af_file *file, size_t size)
{
	return af_file_read(file, size, 0, NULL);
}

/* Has a worker read for a read that is cancelled; it waits until slow_go(). */
static inline void read_for_nobody(struct af_file *file)
{
	struct af_future *f;

	slow_stop(0);
	f = reading(file, 3);
	slow_expect(1);
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
}

static inline struct af_future *writing(struct af_file *file, const char *text)
{
	return af_file_write(file, text, strlen(text), AFIO_FULL, NULL);
}

/* Expects that the loop goes on: another operation completes. */
static inline void expect_life(void)
{
	int64_t start = now_us();

	expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	expect_elapsed(start, 1);
}

#endif
