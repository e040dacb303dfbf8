/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Out of memory: every allocation of an act fails in turn, the library's and
 * libevent's, once alone and once with some that follow. The library is built
 * into this program, with its calls of malloc() and the others renamed.
 * Whatever fails, every future is done once.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#include "acts/acts.h"
#include "support/children.h"
#include "support/memory.h"

/* How many fail in a row, in the second round. */
#define SPELL 12

bool disturbed(void)
{
	return memory.failed > 0;
}

bool excused(int error)
{
	return error == -ENOMEM && memory.failed > 0;
}

void disturb(bool on)
{
	memory.watched = on;
}

/* The number that the next descriptor gets: it grows if any is lost. */
static int next_fd(void)
{
	int fd = dup(0);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

START_TEST(allocation_fails_and_nothing_is_lost)
{
	int n_acts = acts_count();
	size_t in_a_row = _i < n_acts ? 1 : SPELL;
	int fd = next_fd();
	long live;

	acts_begin();
	event_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free);
	event_set_log_callback(expect_cause);
	for (size_t from = 0;; from++) {
		live = memory.live - acts_keepers();
		memory.n = memory.failed = 0;
		memory.from = from;
		memory.until = from + in_a_row;
		acts_play(&acts[_i % n_acts]);
		live = memory.live - acts_keepers() - live;
		ck_assert_msg(live == 0, "%ld blocks lost after %zu", live,
			      from);
		ck_assert_int_eq(next_fd(), fd);
		expect_no_child();
		if (memory.failed == 0)
			break;
	}
	ck_assert_uint_gt(memory.n, 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("whole/out_of_memory");
	TCase *tc = test_case(s, "out of memory");

	/* Listeners pause for 0.1 s whenever memory has run out. */
	tcase_set_timeout(tc, 4 * TEST_TIMEOUT);
	/* By select(2), libevent allocates to wait, and fails without. */
	unsetenv("EVENT_NOEPOLL");
	unsetenv("EVENT_NOPOLL");
	acts_prepare();
	/* Each act, with one failure and with several in a row. */
	tcase_add_loop_test(tc, allocation_fails_and_nothing_is_lost, 0,
			    2 * acts_count());
	return s;
}
