/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How waits end other than by what they wait for: errors instead of hangs, time
 * that runs out, and whatever can be done to a loop while waits are nested.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "children.h"
#include "contexts.h"

#define CHAIN_LENGTH 10000
#define ROUND_MAX 1000 /* some rounds of the loop's, and far from all */

static struct stage stage;
static struct af_file *file, *other;
static int file_out, other_out;

static char story[200];

static void tell(const char *word)
{
	strcat(story, word);
}

static void open_stage(int context)
{
	stage_open(&stage, (enum context)context);
	file = stage_file(&stage, KIND_PIPE, &file_out);
	other = stage_file(&stage, KIND_PIPE, &other_out);
}

static void close_stage(void)
{
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(af_file_close(other), 0);
	close(file_out);
	close(other_out);
	stage_close(&stage);
}

static struct af_future *read_one(struct af_file *from)
{
	return af_file_read(from, 1, 0, NULL);
}

static struct af_future *nap(int ms)
{
	return af_sleep(stage.loop, MS(ms));
}

/* Errors */

static void await_nonsense(void *arg)
{
	struct af_future *f = read_one(file);

	(void)arg;
	ck_assert_int_eq(af_await(NULL), -EINVAL);
	ck_assert_int_eq(af_await_for(NULL, NULL), -EINVAL);
	ck_assert_int_eq(af_await_for(f, &(struct timeval){ -1, 0 }), -EINVAL);
	ck_assert_int_eq(af_await_for(f, &(struct timeval){ 0, -1 }), -EINVAL);
	ck_assert_int_eq(af_await_for(f, &(struct timeval){ 0, 1000000 }),
			 -EINVAL);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	af_future_unref(f);
}

START_TEST(await_of_nonsense_fails_einval)
{
	open_stage(_i);
	stage_play(&stage, await_nonsense, NULL);
	close_stage();
}
END_TEST

/* Nothing on the base, nothing ready, and nobody who could post. */
static void await_nothing(void *arg)
{
	struct af_future *f = af_future_new(stage.loop, NULL, NULL);

	(void)arg;
	ck_assert_int_eq(af_await(f), -EDEADLK);
	ck_assert_int_eq(af_await_for(f, MS(3)), -ETIMEDOUT);
	ck_assert_int_eq(af_await(f), -EDEADLK);
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

START_TEST(await_with_nothing_pending_fails_edeadlk)
{
	/* With other threads there is always one that could post. */
	if (!__libc_single_threaded)
		return;
	open_stage(_i);
	/* Under af_await() there is what that one waits for. */
	if (contexts[_i].by != BY_AWAIT)
		stage_play(&stage, await_nothing, NULL);
	close_stage();
}
END_TEST

/* Waits that depend on a continuation which is running, below the wait. */
static struct af_future *end;

static struct af_future *await_own_end(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	ck_assert_int_eq(af_await(end), -EDEADLK);
	ck_assert_int_eq(af_await_for(end, MS(1)), -EDEADLK);
	ck_assert(!af_future_is_done(end));
	tell("stuck ");
	return NULL;
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

static struct af_future *return_end(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	tell("adopted ");
	return af_future_ref(end);
}

/* What it waits for comes to depend on it while it waits. */
static struct af_future *await_adopter(struct af_future *done, void *arg)
{
	struct af_future *adopter = af_then(nap(1), return_end, NULL);

	(void)done;
	(void)arg;
	ck_assert_int_eq(af_await(adopter), -EDEADLK);
	ck_assert(!af_future_is_done(adopter));
	af_future_unref(adopter);
	tell("stuck ");
	return NULL;
}

/* An inner wait, for the continuation that an outer wait is in. */
static struct af_future *await_with_one_inside(struct af_future *done,
					       void *arg)
{
	struct af_future *inner = af_then(nap(1), await_own_end, arg);

	(void)done;
	ck_assert_int_eq(af_await(inner), 0);
	af_future_unref(inner);
	tell("outer ");
	return NULL;
}

static const struct {
	af_continuation_fn fn;
	bool longer; /* there is more after it, and the last is awaited */
	const char *story;
} knots[] = {
	{ await_own_end, false, "stuck " },
	{ await_own_end, true, "stuck " },
	{ await_adopter, false, "adopted stuck " },
	{ await_adopter, true, "adopted stuck " },
	{ await_with_one_inside, false, "stuck outer " },
	{ await_with_one_inside, true, "stuck outer " },
};
#define KNOT_COUNT ((int)(sizeof knots / sizeof *knots))

static void tie(void *arg)
{
	const int *knot = arg;

	end = af_then(nap(0), knots[*knot].fn, NULL);
	if (knots[*knot].longer)
		end = af_finally(af_then(end, pass, NULL), pass, NULL);
	ck_assert_int_eq(af_await(end), 0);
	af_future_unref(end);
}

START_TEST(await_of_what_waits_for_us_fails_edeadlk)
{
	int knot = _i % KNOT_COUNT;

	open_stage(_i / KNOT_COUNT);
	stage_play(&stage, tie, &knot);
	ck_assert_str_eq(story, knots[knot].story);
	close_stage();
}
END_TEST

/* Deeper and deeper, until it is too deep. */
static unsigned depth;

static struct af_future *go_deeper(struct af_future *done, void *arg)
{
	struct af_future *f = af_then(nap(0), go_deeper, NULL);
	int r;

	(void)done;
	(void)arg;
	r = af_await(f);
	if (r == -ELOOP)
		af_future_cancel(f);
	else
		ck_assert_int_eq(r, 0);
	depth += r == 0;
	af_future_unref(f);
	return NULL;
}

static void go_deep(void *arg)
{
	(void)arg;
	af_future_unref(go_deeper(NULL, NULL));
}

START_TEST(await_past_the_limit_fails_eloop)
{
	unsigned below = contexts[_i].by == BY_AWAIT;

	open_stage(_i);
	ck_assert_int_eq(af_loop_set_max_depth(NULL, 3), -EINVAL);
	ck_assert_int_eq(af_loop_set_max_depth(stage.loop, 0), -EINVAL);
	stage_play(&stage, go_deep, NULL);
	ck_assert_uint_eq(depth, AFIO_MAX_DEPTH - below);
	depth = 0;
	ck_assert_int_eq(af_loop_set_max_depth(stage.loop, 3), 0);
	stage_play(&stage, go_deep, NULL);
	ck_assert_uint_eq(depth, 3 - below);
	close_stage();
}
END_TEST

static void await_in_fork(void *arg)
{
	struct af_future *f = read_one(file), *done = nap(0);
	int status;
	pid_t pid;

	(void)arg;
	ck_assert_int_eq(af_await(done), 0);
	pid = fork();
	if (pid == 0)
		_exit(af_await(f) == -EBADF && af_await_for(f, MS(1)) == -EBADF &&
				      af_await(done) == 0 &&
				      af_loop_run(stage.loop) == -EBADF
			      ? 0
			      : 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	put_text(file_out, "x");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	af_future_unref(done);
}

START_TEST(await_in_a_forked_child_fails_ebadf)
{
	open_stage(_i);
	stage_play(&stage, await_in_fork, NULL);
	close_stage();
}
END_TEST

static void *await_in_thread(void *arg)
{
	static int errors[2];

	errors[0] = af_await(arg);
	errors[1] = af_loop_run(stage.loop);
	return errors;
}

static void await_elsewhere(void *arg)
{
	struct af_future *f = read_one(file);
	pthread_t thread;
	void *errors;

	(void)arg;
	pthread_create(&thread, NULL, await_in_thread, f);
	pthread_join(thread, &errors);
	ck_assert_int_eq(((int *)errors)[0], -EPERM);
	ck_assert_int_eq(((int *)errors)[1], -EPERM);
	put_text(file_out, "x");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

START_TEST(await_in_another_thread_fails_eperm)
{
	open_stage(_i);
	stage_play(&stage, await_elsewhere, NULL);
	close_stage();
}
END_TEST

/* Waits of a limited time */

static void await_for_a_while(void *arg)
{
	struct af_future *f = af_file_read(file, 2, AFIO_FULL, NULL);
	int64_t since = now_us();

	(void)arg;
	put_text(file_out, "a");
	ck_assert_int_eq(af_await_for(f, MS(10)), -ETIMEDOUT);
	expect_elapsed(since, 10);
	ck_assert(!af_future_is_done(f));
	ck_assert_int_eq(af_await_for(f, MS(0)), -ETIMEDOUT);
	put_text(file_out, "b");
	ck_assert_int_eq(af_await_for(f, MS(50000)), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "ab");
	af_future_unref(f);
}

START_TEST(await_for_times_out_and_the_operation_goes_on)
{
	open_stage(_i);
	stage_play(&stage, await_for_a_while, NULL);
	close_stage();
}
END_TEST

/* The operation's own deadline is another thing. */
static void await_for_longer(void *arg)
{
	struct af_future *f = af_file_read(file, 1, 0, MS(5));

	(void)arg;
	ck_assert_int_eq(af_await_for(f, MS(50000)), -ETIMEDOUT);
	ck_assert(af_future_is_done(f));
	af_future_unref(f);
}

START_TEST(await_for_of_what_times_out_itself_is_done)
{
	open_stage(_i);
	stage_play(&stage, await_for_longer, NULL);
	close_stage();
}
END_TEST

static void look_once(void *arg)
{
	struct af_future *f = read_one(file);

	(void)arg;
	ck_assert_int_eq(af_await_for(f, MS(0)), -ETIMEDOUT);
	put_text(file_out, "x");
	ck_assert_int_eq(af_await_for(f, MS(0)), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "x");
	af_future_unref(f);
}

START_TEST(await_for_no_time_looks_once)
{
	open_stage(_i);
	stage_play(&stage, look_once, NULL);
	close_stage();
}
END_TEST

static void tell_done(struct af_future *done, void *arg)
{
	(void)done;
	tell(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tell(arg);
}

/* There are a continuation, a timer and bytes that could be seen to. */
static void await_done(void *arg)
{
	struct af_future *f, *pending = read_one(file);

	(void)arg;
	f = af_file_write(other, NULL, 0, 0, NULL);
	ck_assert_int_eq(af_future_error(f), -EBADF);
	af_on_done(af_future_ref(f), tell_done, "continuation ");
	put_text(file_out, "x");
	if (stage.context != TOP_OWN)
		event_base_once(af_loop_base(stage.loop), -1, EV_TIMEOUT,
				on_timer, "timer ", MS(0));
	ck_assert_int_eq(af_await(f), -EBADF);
	ck_assert_int_eq(af_await_for(f, MS(0)), -EBADF);
	ck_assert_int_eq(af_await_for(f, MS(100)), -EBADF);
	ck_assert_str_eq(story, "");
	ck_assert(!af_future_is_done(pending));
	ck_assert_int_eq(af_await(pending), 0);
	ck_assert_ptr_nonnull(strstr(story, "continuation "));
	af_future_unref(pending);
	af_future_unref(f);
}

START_TEST(await_of_done_returns_at_once_and_runs_nothing)
{
	open_stage(_i);
	stage_play(&stage, await_done, NULL);
	close_stage();
}
END_TEST

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
 * Fairness (trap 35): continuations, each of which makes the next one ready, and
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
	Suite *s = suite_create("waitends");
	TCase *tc = test_case(s, "errors");

#define ADD_TIMES(test, n) tcase_add_loop_test(tc, test, 0, CONTEXT_COUNT * (n))
#define ADD(test) ADD_TIMES(test, 1)
	ADD(await_of_nonsense_fails_einval);
	ADD(await_with_nothing_pending_fails_edeadlk);
	ADD_TIMES(await_of_what_waits_for_us_fails_edeadlk, KNOT_COUNT);
	ADD(await_past_the_limit_fails_eloop);
	ADD(await_in_a_forked_child_fails_ebadf);
	ADD(await_in_another_thread_fails_eperm);

	tc = test_case(s, "time");
	ADD(await_for_times_out_and_the_operation_goes_on);
	ADD(await_for_of_what_times_out_itself_is_done);
	ADD(await_for_no_time_looks_once);
	ADD(await_of_done_returns_at_once_and_runs_nothing);

	tc = test_case(s, "nested");
	ADD_TIMES(acts_while_waits_are_nested_do_what_they_say, ACT_COUNT);
	ADD(children_exiting_while_waits_are_nested_end_them);
	ADD_TIMES(chains_without_end_hold_up_nobody, 2);
	ADD(await_with_two_loops_on_one_base);
	return s;
}
