/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of what moves with the loop to another base, when what moves ends, or
 * begins, others in the list; and the mailbox, which is one of these. The library
 * is built into this program.
 */
#include <errno.h>
#include <poll.h>

#include <asyncfile.h>

#include "loop/loop.h"

#include "support/harness.h"

enum { N = 5 };

static struct afi_watches watches;
static struct item {
	struct afi_watch watch;
	int moves;
	struct item *stops;  /* when it moves */
	int error, n_errors; /* as often as that */
} items[N + 1];

static int move_item(struct afi_watch *watch)
{
	struct item *item = (struct item *)watch;
	item->moves++;
	if (item->stops)
		afi_watch_stop(&item->stops->watch);
	return item->n_errors > 0 && item->n_errors-- ? item->error : 0;
}

static int move_and_start(struct afi_watch *watch)
{
	afi_watch_start(&watches, &items[N].watch, move_item);
	return move_item(watch);
}

static void start_all(void)
{
	LIST_INIT(&watches);
	for (int i = 0; i <= N; i++)
		items[i] = (struct item){ .moves = 0 };
	for (int i = 0; i < N; i++)
		afi_watch_start(&watches, &items[i].watch, move_item);
}

static int move(struct event_base **base)
{
	return afi_watches_move(&watches, base, (struct event_base *)items);
}

/* Index: which one stops which. */
START_TEST(watch_that_stops_another_in_a_move_leaves_the_rest)
{
	struct item *first = &items[_i / N], *second = &items[_i % N];
	struct event_base *base = NULL;

	start_all();
	first->stops = second;
	ck_assert_int_eq(move(&base), 0);
	ck_assert_ptr_eq(base, (struct event_base *)items);
	ck_assert_ptr_null(second->watch.move);
	for (int i = 0; i < N; i++)
		ck_assert(items[i].moves == 1 || &items[i] == second);
	afi_watches_move_back(&watches, &base, NULL);
	ck_assert_ptr_null(base);
	for (int i = 0; i < N; i++)
		ck_assert(items[i].moves == 2 || &items[i] == second);
}
END_TEST

START_TEST(watch_that_starts_in_a_move_moves_with_the_next)
{
	struct event_base *base = NULL;

	start_all();
	items[_i].watch.move = move_and_start;
	ck_assert_int_eq(move(&base), 0);
	afi_watches_move_back(&watches, &base, NULL);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(items[i].moves, 2);
	ck_assert_int_ge(items[N].moves, 1);
}
END_TEST

START_TEST(watch_that_cannot_move_takes_all_back)
{
	struct event_base *base = NULL;

	start_all();
	items[_i].error = -ENOTSUP;
	items[_i].n_errors = 1;
	items[_i].stops = &items[(_i + 1) % N];
	ck_assert_int_eq(move(&base), -ENOTSUP);
	ck_assert_ptr_null(base);
	ck_assert_int_eq(items[_i].moves, 2);
}
END_TEST

/* In rounds that come by themselves: nothing else is on the base. */
START_TEST(watch_that_cannot_move_back_is_moved_later)
{
	struct event_base *base = event_base_new();
	struct af_loop *loop = af_loop_new(base);

	start_all();
	for (int i = 0; i < N; i++) {
		afi_watch_stop(&items[i].watch);
		afi_loop_watch(loop, &items[i].watch, move_item);
	}
	items[_i].error = -ENOMEM;
	items[_i].n_errors = 3;
	afi_loop_move_back(loop, base);
	ck_assert_int_eq(items[_i].moves, 1);
	ck_assert_int_ge(event_base_dispatch(base), 0);
	for (int i = 0; i < N; i++)
		ck_assert_int_eq(items[i].moves, 4);
	for (int i = 0; i < N; i++)
		afi_watch_stop(&items[i].watch);
	af_loop_free(loop);
	event_base_free(base);
}
END_TEST

static void ignore(struct afi_mailbox *box)
{
	(void)box;
}

static bool is_raised(const struct afi_mailbox *box)
{
	struct pollfd fd = { .fd = box->wakeup.fd, .events = POLLIN };

	return poll(&fd, 1, 0) == 1;
}

/* Puts n posts; how many are taken after that. */
static int post_and_take(struct afi_mailbox *box, struct afi_post *posts, int n)
{
	struct afi_post *post;

	for (int i = 0; i < n; i++)
		afi_mailbox_put(box, &posts[i]);
	ck_assert(is_raised(box));
	n = 0;
	for (post = afi_mailbox_take(box); post; post = post->next)
		n++;
	return n;
}

/* After several there may be more: the owner looks once more, unasked. */
START_TEST(mailbox_stays_raised_until_a_look_finds_one_post_or_none)
{
	struct event_base *base = event_base_new();
	struct afi_post posts[3] = { { .next = NULL } };
	struct afi_mailbox box = { .raised = false };

	ck_assert_int_eq(afi_mailbox_open(&box, base, ignore), 0);
	ck_assert(!is_raised(&box));
	ck_assert_int_eq(post_and_take(&box, posts, 1), 1);
	ck_assert(!is_raised(&box));
	ck_assert_int_eq(post_and_take(&box, posts, 3), 3);
	ck_assert(is_raised(&box));
	ck_assert_ptr_null(afi_mailbox_take(&box));
	ck_assert(!is_raised(&box));
	ck_assert_int_eq(post_and_take(&box, posts, 2), 2);
	ck_assert_int_eq(post_and_take(&box, posts, 1), 1);
	ck_assert(!is_raised(&box));
	afi_mailbox_close(&box);
	event_base_free(base);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("loop/watch");
	TCase *tc = test_case(s, "watch");

	tcase_add_loop_test(tc,
			    watch_that_stops_another_in_a_move_leaves_the_rest,
			    0, N * N);
	tcase_add_loop_test(tc, watch_that_starts_in_a_move_moves_with_the_next,
			    0, N);
	tcase_add_loop_test(tc, watch_that_cannot_move_takes_all_back, 0, N);
	tcase_add_loop_test(tc, watch_that_cannot_move_back_is_moved_later, 0,
			    N);
	tcase_add_test(
		tc, mailbox_stays_raised_until_a_look_finds_one_post_or_none);
	return s;
}
