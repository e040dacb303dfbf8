/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How waits end when something is done to the loop, its files, its children or
 * the futures while two of them are nested; and that a wait, whatever it keeps
 * busy with, holds up nobody else.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/children.h"
#include "support/waits.h"

#define CHAIN_LENGTH 10000
#define ROUND_MAX 1000 /* some rounds of the loop's, and far from all */

/*
 * What can be done while two waits are nested. Each act is a continuation
 * inside the inner wait.
 */
static struct af_future *outer, *inner, *stays;

static void feed_both(void)
{
	put_text(file_out, "x");
	put_text(other_out, "y");
}

static void act_stop(void)
{
	af_loop_stop(stage.loop);
	feed_both();
}

static void act_free(void)
{
	af_loop_free(stage.loop);
	stage.loop = NULL;
}

static void act_close(void)
{
	af_file_close(file);
	af_file_close(other);
	file = other = NULL;
}

static void act_cancel(void)
{
	af_future_cancel(outer);
	af_future_cancel(inner);
}

static void act_drop(void)
{
	af_future_unref(outer);
	af_future_unref(inner);
	outer = inner = NULL;
	feed_both();
}

static void act_exit(void)
{
	event_base_loopexit(af_loop_base(stage.loop), NULL);
	feed_both();
}

static void act_break(void)
{
	event_base_loopbreak(af_loop_base(stage.loop));
	feed_both();
}

static const struct act {
	void (*act)(void);
	int error;	/* of both waits */
	bool ends_run;	/* af_loop_run() returns, though there is more */
	bool ends_base; /* and so does event_base_dispatch() */
} acts[] = {
	{ act_stop, 0, true, false },
	{ act_free, -ECANCELED, true, false },
	{ act_close, -ECANCELED, false, false },
	{ act_cancel, -ECANCELED, false, false },
	{ act_drop, 0, false, false },
	{ act_exit, 0, true, true },
	{ act_break, 0, true, true },
};
#define ACT_COUNT ((int)(sizeof acts / sizeof *acts))

static void act_now(struct af_future *done, void *arg)
{
	const struct act *act = arg;

	ck_assert_int_eq(af_future_error(done), 0);
	tell("act ");
	act->act();
}

static void wait_inside(struct af_future *done, void *arg)
{
	const struct act *act = arg;

	(void)done;
	inner = read_one(other);
	af_on_done(nap(2), act_now, arg);
	ck_assert_int_eq(af_await(inner), act->error);
	af_future_unref(inner);
	tell("inner ");
}

static void wait_outside(void *arg)
{
	const struct act *act = arg;

	outer = read_one(file);
	af_on_done(nap(0), wait_inside, arg);
	ck_assert_int_eq(af_await(outer), act->error);
	af_future_unref(outer);
	tell("outer ");
}

static bool ends_drive(const struct act *act)
{
	if (contexts[stage.context].by == BY_RUN)
		return act->ends_run;
	return contexts[stage.context].by == BY_DISPATCH && act->ends_base;
}

START_TEST(acts_while_waits_are_nested_do_what_they_say)
{
	const struct act *act = &acts[_i % ACT_COUNT];
	int context = _i / ACT_COUNT;
	struct af_file *third;
	int third_out;

	/* Its own base is not to be freed while the program runs it. */
	if (act->act == act_free && !contexts[context].borrowed &&
	    contexts[context].by == BY_DISPATCH)
		return;
	if ((act->act == act_exit || act->act == act_break) &&
	    context == TOP_OWN)
		return;
	open_stage(context);
	third = stage_file(&stage, KIND_PIPE, &third_out);
	stays = NULL;
	if (ends_drive(act))
		stays = read_one(third);
	if (act->act == act_free && (contexts[context].place == AT_TOP ||
				     contexts[context].by == BY_AWAIT)) {
		wait_outside((void *)act);
	} else {
		stage_play(&stage, wait_outside, (void *)act);
	}
	ck_assert_str_eq(story, "act inner outer ");
	if (stays && stage.loop) {
		ck_assert(!af_future_is_done(stays));
		put_text(third_out, "z");
		stage_finish(&stage);
	}
	if (stays)
		ck_assert_int_eq(af_future_error(stays),
				 stage.loop ? 0 : -ECANCELED);
	af_future_unref(stays);
	af_file_close(third);
	close(third_out);
	close_stage();
}
END_TEST

/* Two children, each awaited by one of two waits; the outer one's ends first */
static struct af_process *children[2];

static void end_child(struct af_future *done, void *arg)
{
	ck_assert_int_eq(af_future_error(done), 0);
	ck_assert_int_eq(af_process_close_stdin(arg), 0);
}

static void await_child(struct af_process *child)
{
	struct af_future *f = af_process_wait(child, NULL);

	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_future_status(f), 0);
	af_future_unref(f);
}

static void await_second(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	af_on_done(nap(1), end_child, children[0]);
	af_on_done(af_process_wait(children[0], NULL), end_child, children[1]);
	await_child(children[1]);
	ck_assert(af_process_poll(children[0], NULL));
	tell("inner ");
}

static void await_first(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++) {
		children[i] = af_spawn(stage.loop, HELPER("cat"),
				       WITH(.in.kind = AFIO_PIPE));
		ck_assert_ptr_nonnull(children[i]);
	}
	af_on_done(nap(0), await_second, NULL);
	await_child(children[0]);
	tell("outer ");
}

START_TEST(children_exiting_while_waits_are_nested_end_them)
{
	open_stage(_i);
	stage_play(&stage, await_first, NULL);
	ck_assert_str_eq(story, "inner outer ");
	for (int i = 0; i < 2; i++)
		af_process_free(children[i]);
	close_stage();
}
END_TEST

/*
 * Fairness: continuations, each of which makes the next one ready, and
 * how many had run when something else had its turn.
 */
static int links, links_at_read, links_at_timer;

static void next_link(struct af_future *done, void *arg)
{
	struct af_future *last = arg;

	(void)done;
	if (++links == CHAIN_LENGTH)
		af_future_resolve(last, NULL, NULL);
	else
		af_on_done(af_file_write(other, NULL, 0, 0, NULL), next_link,
			   last);
}

static void on_fair_read(struct af_future *done, void *arg)
{
	(void)arg;
	ck_assert_int_eq(af_future_error(done), 0);
	links_at_read = links;
}

static void on_fair_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	links_at_timer = links;
}

static void begin_links(void *arg)
{
	struct af_future *last = af_future_new(stage.loop, NULL, NULL);
	const bool *wait = arg;

	links = links_at_read = links_at_timer = 0;
	af_on_done(read_one(file), on_fair_read, NULL);
	put_text(file_out, "x");
	if (stage.context != TOP_OWN)
		event_base_once(af_loop_base(stage.loop), -1, EV_TIMEOUT,
				on_fair_timer, NULL, MS(0));
	next_link(NULL, last);
	if (*wait)
		ck_assert_int_eq(af_await(last), 0);
	af_future_unref(last);
}

START_TEST(chains_without_end_hold_up_nobody)
{
	bool wait = _i % 2;

	open_stage(_i / 2);
	stage_play(&stage, begin_links, &wait);
	ck_assert_int_eq(links, CHAIN_LENGTH);
	ck_assert_int_ge(links_at_read, 1);
	ck_assert_int_le(links_at_read, ROUND_MAX);
	/* A timer of the program waits for the end of a private wait. */
	if (stage.context != TOP_OWN &&
	    !(wait && contexts[stage.context].private)) {
		ck_assert_int_ge(links_at_timer, 1);
		ck_assert_int_le(links_at_timer, ROUND_MAX);
	}
	close_stage();
}
END_TEST

/* Two loops on one base, each with waits in the other's continuations. */
static struct af_loop *guest;
static struct af_file *guest_file;
static int guest_out;

static void await_guest(void *arg)
{
	struct af_future *f = af_file_read(guest_file, 1, 0, NULL);

	put_text(guest_out, "g");
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "g");
	af_future_unref(f);
	tell(arg);
}

static void await_guest_done(struct af_future *done, void *arg)
{
	(void)done;
	await_guest(arg);
}

static void await_guest_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	await_guest(arg);
}

static void await_both(void *arg)
{
	struct af_future *f = nap(2);

	(void)arg;
	await_guest("first ");
	af_on_done(nap(0), await_guest_done, "continuation ");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	event_base_once(af_loop_base(stage.loop), -1, EV_TIMEOUT,
			await_guest_cb, "callback ", MS(0));
}

START_TEST(await_with_two_loops_on_one_base)
{
	int fds[2];

	if (_i == TOP_OWN)
		return;
	open_stage(_i);
	guest = af_loop_new(af_loop_base(stage.loop));
	make_pair(KIND_PIPE, fds);
	guest_file = af_file_new(guest, fds[0], 0);
	guest_out = fds[1];
	stage_play(&stage, await_both, NULL);
	ck_assert_str_eq(story, "first continuation callback ");
	af_file_close(guest_file);
	close(guest_out);
	af_loop_free(guest);
	close_stage();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/await_nested_ends");
	TCase *tc = test_case(s, "nested");

#define ADD_TIMES(test, n) tcase_add_loop_test(tc, test, 0, CONTEXT_COUNT *(n))
#define ADD(test) ADD_TIMES(test, 1)
	ADD_TIMES(acts_while_waits_are_nested_do_what_they_say, ACT_COUNT);
	ADD(children_exiting_while_waits_are_nested_end_them);

	tc = test_case(s, "others");
	ADD_TIMES(chains_without_end_hold_up_nobody, 2);
	ADD(await_with_two_loops_on_one_base);
	return s;
}
