/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reads that run out of memory, and what they leave to the next one. The library
 * is built into this program, with its calls of malloc() and the others renamed.
 */
#include <errno.h>

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

/* Plays one in which the i-th allocation fails; false: there are not so many. */
static bool play(struct af_future *(*begin)(void), int way, size_t i)
{
	struct af_future *f;
	bool failed;
	int r;

	rig_open(&rig, way);
	rig_reader(&rig);
	put_text(rig.out, "abc\nd");
	memory.n = memory.failed = 0;
	memory.from = i;
	memory.until = i + 1;
	memory.watched = true;
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

Suite *suite(void)
{
	Suite *s = suite_create("file/out_of_memory");
	TCase *tc = test_case(s, "reads");

	tcase_add_loop_test(tc,
			    read_after_one_that_ran_out_of_memory_has_all_bytes,
			    0, OPERATIONS * EVERY_WAY);
	return s;
}
