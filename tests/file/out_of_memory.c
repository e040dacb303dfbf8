/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads that run out of memory, and what they leave to the next one. The library
 * is built into this program, with its calls of malloc() and the others renamed.
 */
#include <errno.h>

#include <event2/event.h>

#include "support/memory.h"

static struct rig rig;

static struct af_future *begin_read(void)
{
	return af_file_read(rig.reader, 3, AFIO_FULL, NULL);
}

static struct af_future *begin_readline(void)
{
	return af_file_readline(rig.reader, 0, 0, 0, NULL);
}

static struct af_future *begin_read_until(void)
{
	return af_file_read_until(rig.reader, "c", 1, 0, 0, NULL);
}

static struct af_future *begin_peek(void)
{
	return af_file_peek(rig.reader, 3, NULL);
}

static struct af_future *(*const operations[])(void) = {
	begin_read,
	begin_readline,
	begin_read_until,
	begin_peek,
};
#define OPERATIONS ((int)(sizeof operations / sizeof *operations))

/* Has the i-th allocation, the library's or libevent's, fail from now on. */
static void begin_failure(size_t i)
{
	memory.n = memory.failed = 0;
	memory.from = i;
	memory.until = i + 1;
	memory.watched = true;
}

/* Plays one in which the i-th allocation fails; false: there are not so many. */
static bool play(struct af_future *(*begin)(void), int way, size_t i)
{
	struct af_future *f;
	bool failed;
	int r;

	rig_open(&rig, way);
	rig_reader(&rig);
	put_text(rig.out, "abc\nd");
	begin_failure(i);
	f = begin();
	r = drive(&rig, f);
	memory.watched = false;
	failed = memory.failed > 0;
	ck_assert(r == 0 || (r == -ENOMEM && failed));
	af_future_unref(f);
	if (r < 0)
		expect_text(&rig, af_file_read(rig.reader, 5, AFIO_FULL, NULL),
			    "abc\nd", 0);
	rig_close(&rig);
	return failed;
}

/* Index: an operation, the kind of its descriptor, and who drives. */
START_TEST(read_after_one_that_ran_out_of_memory_has_all_bytes)
{
	size_t i = 0;

	while (play(operations[_i / EVERY_WAY], _i % EVERY_WAY, i))
		i++;
	ck_assert_uint_ge(i, 2);
}
END_TEST

/* libevent's first timer takes memory. Whoever has none has seen no silence. */
START_TEST(idle_that_runs_out_of_memory_fails_enomem)
{
	bool failed = true;
	int refused = 0;
	int64_t since;

	event_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free);
	event_set_log_callback(expect_cause);
	for (size_t i = 0; failed; i++) {
		struct af_future *f;
		int r;

		rig_open(&rig, _i);
		rig_reader(&rig);
		begin_failure(i);
		since = now_us();
		f = af_file_idle(rig.reader, MS(8));
		r = drive(&rig, f);
		memory.watched = false;
		failed = memory.failed > 0;
		if (r == 0)
			expect_elapsed(since, 8);
		else
			ck_assert(r == -ENOMEM && failed);
		refused += r < 0;
		af_future_unref(f);
		rig_close(&rig);
	}
	ck_assert_int_ge(refused, 2);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/out_of_memory");
	TCase *tc = test_case(s, "reads");

	tcase_add_loop_test(tc,
			    read_after_one_that_ran_out_of_memory_has_all_bytes,
			    0, OPERATIONS * EVERY_WAY);
	tcase_add_loop_test(tc, idle_that_runs_out_of_memory_fails_enomem, 0,
			    DRIVE_COUNT);
	return s;
}
