/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits in waits, and what a wait that takes the loop's things away from the
 * base leaves behind: deadlines, timers, descriptors and children of before.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/children.h"
#include "support/contexts.h"

#define LEVELS_MAX 8
#define FILES 50

static struct stage stage;
static struct af_file *file;
static int file_out;

/* What happened, in order, a character or a word each. */
static char story[200];

static void tell(const char *word)
{
	strcat(story, word);
}

static void open_stage(enum context context)
{
	stage_open(&stage, context);
	file = stage_file(&stage, KIND_PIPE, &file_out);
}

static void close_stage(void)
{
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(close(file_out), 0);
	stage_close(&stage);
}

/* The contexts whose waits are on a base of their own. */
static bool is_private(int context)
{
	return contexts[context].private;
}

static void tell_done(struct af_future *done, void *arg)
{
	(void)done;
	tell(arg);
}

static struct af_future *nap(int ms)
{
	return af_sleep(stage.loop, MS(ms));
}

static void await_ms(int ms)
{
	struct af_future *f = nap(ms);

	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

/*
 * Each letter is a wait, inside that of the letter before: in a continuation,
 * or in a raw callback. No callback of the program runs while another one has
 * a wait in it, so there is one r at most.
 */
static const char *const paths[] = {
	"c",   "r",   "cc",   "cr",   "rc",   "rcc",
	"crc", "ccr", "rccc", "crcc", "ccrc", "ccccrccc",
};

static struct level {
	const char *path; /* from here on */
	struct af_file *file;
	int out;
} levels[LEVELS_MAX + 1];

static void go_down(struct level *level);

static void go_down_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	go_down(arg);
}

static void go_down_done(struct af_future *done, void *arg)
{
	ck_assert_int_eq(af_future_error(done), 0);
	go_down(arg);
}

static void arrange(struct level *level)
{
	if (*level->path == 'r')
		event_base_once(af_loop_base(stage.loop), -1, EV_TIMEOUT,
				go_down_cb, level, MS(0));
	else
		af_on_done(nap(0), go_down_done, level);
}

/* Waits for the next level's end, which says so to this one's file. */
static void go_down(struct level *level)
{
	struct af_future *f = af_file_read(level->file, 1, 0, NULL);
	char down[] = { *level->path, '\0' };
	struct level *next = level + 1;

	tell(down);
	next->path = level->path + 1;
	if (*next->path)
		arrange(next);
	else
		put_text(level->out, "!");
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), *next->path ? "^" : "!");
	af_future_unref(f);
	tell("^");
	if (level > levels)
		put_text(level[-1].out, "^");
}

/* Whether a path can be gone: the program's events wait below a wait there. */
static bool can_go(enum context context, const char *path)
{
	return !strchr(path, 'r') ||
	       (!is_private((int)context) && context != TOP_OWN);
}

static void start_down(void *path)
{
	levels[0].path = path;
	go_down(&levels[0]);
}

START_TEST(await_nested_in_any_order_ends_inside_out)
{
	char expected[2 * LEVELS_MAX + 2];
	int gone = 0;

	open_stage((enum context)_i);
	for (int i = 0; i <= LEVELS_MAX; i++)
		levels[i].file = stage_file(&stage, KIND_PIPE, &levels[i].out);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		const char *path = paths[i];
		size_t len = strlen(path);

		/* The first letter is the place of the stage itself. */
		if (!can_go(stage.context, path + 1))
			continue;
		*story = '\0';
		stage_play(&stage, start_down, (void *)path);
		strcpy(expected, path);
		memset(expected + len, '^', len);
		expected[2 * len] = '\0';
		ck_assert_str_eq(story, expected);
		gone++;
	}
	ck_assert_int_ge(gone, 6);
	for (int i = 0; i <= LEVELS_MAX; i++) {
		af_file_close(levels[i].file);
		close(levels[i].out);
	}
	close_stage();
}
END_TEST

static struct af_future *nap_again(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return nap(2);
}

static void resolve(struct af_future *done, void *arg)
{
	(void)done;
	ck_assert_int_eq(af_future_resolve(arg, NULL, NULL), 0);
}

/* An inner wait holds up the outer one, though that one's future is done. */
static void wait_long(struct af_future *done, void *arg)
{
	struct af_future *f = af_then(af_future_ref(arg), nap_again, NULL);

	(void)done;
	af_on_done(nap(0), resolve, arg);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	tell("inner ");
}

static void wait_short(void *arg)
{
	struct af_future *f = af_future_new(stage.loop, NULL, NULL);

	(void)arg;
	af_on_done(nap(0), wait_long, f);
	af_on_done(af_future_ref(f), tell_done, "done ");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	tell("outer ");
}

START_TEST(await_done_early_returns_after_those_inside_it)
{
	open_stage((enum context)_i);
	stage_play(&stage, wait_short, NULL);
	ck_assert_str_eq(story, "done inner outer ");
	close_stage();
}
END_TEST

/* Bytes that were read ahead go along, and so does a file that has them. */
static void read_lines(void *arg)
{
	static const char *const lines[] = { "b\n", "c\n", "d\n" };

	(void)arg;
	for (int i = 0; i < 3; i++) {
		struct af_future *f = af_file_readline(file, 0, 0, 0, NULL);

		if (i == 2)
			put_text(file_out, "\n");
		ck_assert_int_eq(af_await(f), 0);
		ck_assert_str_eq(af_future_data(f, NULL), lines[i]);
		af_future_unref(f);
		await_ms(1);
	}
}

START_TEST(await_with_data_read_ahead_reads_it_first)
{
	struct af_future *f;

	open_stage((enum context)_i);
	f = af_file_readline(file, 0, 0, 0, NULL);
	put_text(file_out, "a\nb\nc\nd");
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "a\n");
	af_future_unref(f);
	stage_play(&stage, read_lines, NULL);
	put_text(file_out, "e");
	f = af_file_read(file, 9, 0, NULL);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "e");
	af_future_unref(f);
	close_stage();
}
END_TEST

/*
 * A file without an operation still waits on the base when data comes: libevent
 * takes it there, before, during or after the wait. None is lost.
 */
static struct af_file *idle;
static int idle_out;

static void read_idle(void *arg)
{
	struct af_future *f;

	(void)arg;
	put_text(idle_out, "b");
	await_ms(2);
	put_text(idle_out, "c");
	f = af_file_read(idle, 3, AFIO_FULL, NULL);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "abc");
	af_future_unref(f);
	put_text(idle_out, "d");
}

START_TEST(await_with_data_on_idle_files_loses_none)
{
	struct af_future *f;

	open_stage((enum context)_i);
	idle = stage_file(&stage, KIND_PIPE, &idle_out);
	f = af_file_read(idle, 1, 0, MS(1));
	ck_assert_int_eq(af_await(f), -ETIMEDOUT);
	af_future_unref(f);
	put_text(idle_out, "a");
	stage_play(&stage, read_idle, NULL);
	f = af_file_read(idle, 9, 0, NULL);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "d");
	af_future_unref(f);
	af_file_close(idle);
	close(idle_out);
	close_stage();
}
END_TEST

/* Many files: of every two, one is written to during the wait, one after. */
static struct af_file *files[FILES];
static int outs[FILES], during, after;

static void count(struct af_future *done, void *arg)
{
	ck_assert_int_eq(af_future_error(done), 0);
	++*(int *)arg;
}

static void write_to_half(void *arg)
{
	(void)arg;
	for (int i = 0; i < FILES; i += 2)
		put_text(outs[i], "x");
	while (during < FILES / 2)
		await_ms(1);
	ck_assert_int_eq(after, 0);
	for (int i = 1; i < FILES; i += 2)
		put_text(outs[i], "x");
}

START_TEST(await_with_many_pending_leaves_each_where_it_was)
{
	open_stage((enum context)_i);
	for (int i = 0; i < FILES; i++) {
		files[i] =
			stage_file(&stage, (enum kind)(i % KIND_TCP), &outs[i]);
		af_on_done(af_file_read(files[i], 1, 0, NULL), count,
			   i % 2 ? &after : &during);
	}
	stage_play(&stage, write_to_half, NULL);
	ck_assert_int_eq(during, FILES / 2);
	ck_assert_int_eq(after, FILES / 2);
	for (int i = 0; i < FILES; i++) {
		ck_assert_int_eq(af_file_close(files[i]), 0);
		close(outs[i]);
	}
	close_stage();
}
END_TEST

/*
 * Deadlines keep their time. Their order tells: each is between two that were
 * set at another time, and on another base. A machine that is too busy for this
 * order gets more time.
 */
static int unit = 1;
static bool in_time;

static void set_deadline(int ms, const char *word)
{
	af_on_done(nap(ms * unit), tell_done, (void *)word);
}

static void wait_between_deadlines(void *arg)
{
	const int64_t *since = arg;

	/* In one turn with the other it may end before that is told. */
	do
		await_ms(60 * unit);
	while (!*story);
	tell("waited ");
	set_deadline(400, "460 ");
	await_ms(20 * unit);
	set_deadline(30, "110 ");
	in_time = now_us() - *since < 300 * 1000 * unit;
}

START_TEST(await_leaves_deadlines_their_remaining_time)
{
	int64_t since;

	for (in_time = false; !in_time; unit *= 2) {
		*story = '\0';
		open_stage((enum context)_i);
		since = now_us();
		set_deadline(400, "400 ");
		set_deadline(30, "30 ");
		stage_play(&stage, wait_between_deadlines, &since);
		expect_elapsed(since, 460 * unit);
		close_stage();
	}
	ck_assert_str_eq(story, "30 waited 110 400 460 ");
}
END_TEST

/* A timer of the program, when it is to come and when it came. */
static int64_t due_us, late_us;

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	late_us = now_us() - due_us;
	tell("timer ");
}

static void set_timer(int ms)
{
	due_us = now_us() + ms * 1000;
	event_base_once(af_loop_base(stage.loop), -1, EV_TIMEOUT, on_timer,
			NULL, MS(ms));
}

static void wait_then_set_timer(void *arg)
{
	(void)arg;
	await_ms(100);
	set_timer(60);
}

/* Added at the end of a long callback. libevent's clock is coarse. */
START_TEST(timer_added_after_a_wait_counts_from_then)
{
	open_stage((enum context)_i);
	stage_play(&stage, wait_then_set_timer, NULL);
	ck_assert_str_eq(story, "timer ");
	ck_assert_int_ge(late_us, -20000);
	close_stage();
}
END_TEST

static void wait_past_the_timer(void *arg)
{
	(void)arg;
	await_ms(200);
	due_us = now_us();
	tell("waited ");
}

/*
 * Due during the wait, it comes right after it, and not after its whole time
 * once more. Once of some times is enough: the machine may be busy.
 */
START_TEST(timer_due_during_a_private_wait_comes_right_after)
{
	int tries = 0;

	if (!is_private(_i))
		return;
	open_stage((enum context)_i);
	do {
		ck_assert_int_lt(tries++, 5);
		*story = '\0';
		set_timer(150);
		stage_play(&stage, wait_past_the_timer, NULL);
		ck_assert_str_eq(story, "waited timer ");
	} while (late_us > 50000);
	close_stage();
}
END_TEST

/* A descriptor of the program: an event that lasts. */
static int fds[2];
static struct event *event;

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	(void)arg;
	get(fd, &byte, 1);
	tell("event ");
	if (byte == '!')
		event_del(event);
}

static void wait_with_event(void *arg)
{
	(void)arg;
	put_text(fds[1], "a");
	await_ms(10);
	tell("waited ");
	put_text(fds[1], "b!");
}

START_TEST(events_of_the_program_go_on_after_a_wait)
{
	open_stage((enum context)_i);
	make_pair(KIND_PIPE, fds);
	event = event_new(af_loop_base(stage.loop), fds[0],
			  EV_READ | EV_PERSIST, on_readable, NULL);
	event_add(event, NULL);
	stage_play(&stage, wait_with_event, NULL);
	ck_assert_str_eq(story, is_private(_i) ? "waited event event event "
					       : "event waited event event ");
	event_free(event);
	close(fds[0]);
	close(fds[1]);
	close_stage();
}
END_TEST

/*
 * In one turn the base has seen that the program's own descriptor and a file
 * can be read. The callback for the first waits for the second's data: what the
 * base then says of the file is old.
 */
static struct af_future *reading;
static bool close_it;

static void take_data(evutil_socket_t fd, short what, void *arg)
{
	char byte;

	(void)what;
	(void)arg;
	get(fd, &byte, 1);
	ck_assert_int_eq(af_await(reading), 0);
	af_future_unref(reading);
	reading = NULL;
	if (close_it)
		ck_assert_int_eq(af_file_close(file), 0);
	else
		reading = af_file_read(file, 9, 0, NULL);
	/* What is wanted only now is on the base after the wait, too. */
	await_ms(1);
	tell("taken ");
}

static void turn_base(void)
{
	event_base_loop(stage.program, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

START_TEST(file_that_the_base_found_ready_was_read_in_a_wait)
{
	close_it = _i;
	open_stage(RAW_DISPATCH);
	make_pair(KIND_PIPE, fds);
	event = event_new(stage.program, fds[0], EV_READ | EV_PERSIST,
			  take_data, NULL);
	event_add(event, NULL);
	reading = af_file_read(file, 9, 0, NULL);
	turn_base();
	put_text(fds[1], "!");
	put_text(file_out, "a");
	turn_base();
	ck_assert_str_eq(story, "taken ");
	if (!close_it) {
		turn_base();
		ck_assert(!af_future_is_done(reading));
		put_text(file_out, "b");
		turn_base();
		ck_assert_str_eq(af_future_data(reading, NULL), "b");
		af_future_unref(reading);
	}
	event_free(event);
	close(fds[0]);
	close(fds[1]);
	if (!close_it)
		ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(close(file_out), 0);
	stage_close(&stage);
}
END_TEST

/* Children that end during the wait, and after it. */
static struct af_process *first, *second;

static void on_end(struct af_future *done, void *arg)
{
	ck_assert_int_eq(af_future_error(done), 0);
	ck_assert_int_eq(af_future_status(done), 0);
	tell(arg);
}

static void end_first_child(void *arg)
{
	(void)arg;
	af_process_close_stdin(first);
	while (!strstr(story, "first "))
		await_ms(1);
	tell("waited ");
	af_process_close_stdin(second);
}

static bool deeper;

static void await_in_input(struct evbuffer *buf,
			   const struct evbuffer_cb_info *info, void *arg)
{
	struct af_future *f;

	(void)buf;
	(void)info;
	(void)arg;
	if (deeper)
		return;
	deeper = true;
	f = af_sleep(stage.loop, MS(1));
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

static void await_input(void *arg)
{
	struct af_future *f = af_file_read(arg, 1, 0, NULL);

	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "x");
	af_future_unref(f);
}

/* It is in a callback of what has moved to the base of the other wait. */
START_TEST(await_in_a_callback_of_a_private_wait_has_its_own_base)
{
	struct bufferevent *bev;
	struct af_file *over;
	int pair[2];

	stage_open(&stage, (enum context)_i);
	make_pair(KIND_SOCKETPAIR, pair);
	evutil_make_socket_nonblocking(pair[0]);
	bev = bufferevent_socket_new(af_loop_base(stage.loop), pair[0],
				     BEV_OPT_CLOSE_ON_FREE);
	evbuffer_add_cb(bufferevent_get_input(bev), await_in_input, NULL);
	over = af_file_from_bufferevent(stage.loop, bev, 0);
	put_text(pair[1], "x");
	stage_play(&stage, await_input, over);
	ck_assert(deeper);
	ck_assert_int_eq(af_file_close(over), 0);
	close(pair[1]);
	stage_close(&stage);
}
END_TEST

START_TEST(children_ending_in_and_after_a_wait_are_seen)
{
	open_stage((enum context)_i);
	first = af_spawn(stage.loop, HELPER("cat"), WITH(.in.kind = AFIO_PIPE));
	second =
		af_spawn(stage.loop, HELPER("cat"), WITH(.in.kind = AFIO_PIPE));
	af_on_done(af_process_wait(first, NULL), on_end, "first ");
	af_on_done(af_process_wait(second, NULL), on_end, "second ");
	stage_play(&stage, end_first_child, NULL);
	ck_assert_str_eq(story, "first waited second ");
	af_process_free(first);
	af_process_free(second);
	close_stage();
}
END_TEST

/* A child that nobody waits for any more is reaped during a wait, too. */
static void free_child(void *arg)
{
	struct af_process *child =
		af_spawn(stage.loop, HELPER("cat"), WITH(.in.kind = AFIO_PIPE));
	pid_t pid = af_process_pid(child);

	(void)arg;
	af_process_free(child);
	while (kill(pid, 0) == 0)
		await_ms(1);
	ck_assert_int_eq(errno, ESRCH);
}

START_TEST(children_left_alone_are_reaped_in_a_wait)
{
	open_stage((enum context)_i);
	stage_play(&stage, free_child, NULL);
	close_stage();
}
END_TEST

/* Two files whose bufferevents call the program. */
static struct {
	struct bufferevent *bev;
	struct af_file *file;
	int out;
	bool called;
} calling[2];

static struct af_future *posted;
static pthread_t poster;

static void open_calling(int i, evbuffer_cb_func called)
{
	int pair[2];

	make_pair(KIND_SOCKETPAIR, pair);
	evutil_make_socket_nonblocking(pair[0]);
	calling[i].called = false;
	calling[i].out = pair[1];
	calling[i].bev = bufferevent_socket_new(af_loop_base(stage.loop),
						pair[0], BEV_OPT_CLOSE_ON_FREE);
	evbuffer_add_cb(bufferevent_get_input(calling[i].bev), called, NULL);
	calling[i].file =
		af_file_from_bufferevent(stage.loop, calling[i].bev, 0);
	put_text(pair[1], "x");
}

static void close_calling(int i)
{
	ck_assert_int_eq(af_file_close(calling[i].file), 0);
	close(calling[i].out);
}

static void await_x(int i)
{
	struct af_future *f = af_file_read(calling[i].file, 1, 0, NULL);

	ck_assert_int_eq(af_await(f), 0);
	ck_assert_str_eq(af_future_data(f, NULL), "x");
	af_future_unref(f);
}

static void await_in_the_second(struct evbuffer *buf,
				const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	(void)info;
	(void)arg;
	if (!calling[1].called) {
		calling[1].called = true;
		await_ms(1);
	}
}

static void resolve_posted(void *arg)
{
	(void)arg;
	ck_assert_int_eq(af_future_resolve(posted, NULL, NULL), 0);
}

static void *post_to_the_outer(void *arg)
{
	af_loop_post(stage.loop, resolve_posted, arg);
	return NULL;
}

static void await_in_the_first(struct evbuffer *buf,
			       const struct evbuffer_cb_info *info, void *arg)
{
	(void)buf;
	(void)info;
	if (calling[0].called)
		return;
	calling[0].called = true;
	await_x(1);
	pthread_create(&poster, NULL, post_to_the_outer, arg);
}

static void await_the_post(void *arg)
{
	struct af_future *read = af_file_read(calling[0].file, 1, 0, NULL);
	struct af_future *quiet = nap(30000);
	int64_t since = now_us();

	(void)arg;
	posted = af_future_new(stage.loop, NULL, NULL);
	ck_assert_int_eq(af_await(posted), 0);
	ck_assert_int_lt(now_us() - since, 20000000);
	pthread_join(poster, NULL);
	af_future_unref(posted);
	af_future_cancel(quiet);
	af_future_unref(quiet);
	ck_assert_int_eq(af_await(read), 0);
	af_future_unref(read);
}

/* The waits in it had bases of their own, which are gone or kept for later. */
START_TEST(post_after_waits_in_a_private_wait_wakes_that)
{
	stage_open(&stage, (enum context)_i);
	open_calling(0, await_in_the_first);
	open_calling(1, await_in_the_second);
	stage_play(&stage, await_the_post, NULL);
	ck_assert(calling[1].called);
	for (int i = 0; i < 2; i++)
		close_calling(i);
	stage_close(&stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/await_nested");
	TCase *tc = test_case(s, "nested");

#define ADD(test) tcase_add_loop_test(tc, test, 0, CONTEXT_COUNT)
	ADD(await_nested_in_any_order_ends_inside_out);
	ADD(await_done_early_returns_after_those_inside_it);
	ADD(await_with_data_read_ahead_reads_it_first);
	ADD(await_with_data_on_idle_files_loses_none);
	ADD(await_with_many_pending_leaves_each_where_it_was);
	ADD(await_leaves_deadlines_their_remaining_time);

	tc = test_case(s, "outside");
	ADD(timer_added_after_a_wait_counts_from_then);
	ADD(timer_due_during_a_private_wait_comes_right_after);
	ADD(events_of_the_program_go_on_after_a_wait);
	tcase_add_loop_test(
		tc, file_that_the_base_found_ready_was_read_in_a_wait, 0, 2);
	ADD(children_ending_in_and_after_a_wait_are_seen);
	ADD(children_left_alone_are_reaped_in_a_wait);
	tcase_add_loop_test(
		tc, await_in_a_callback_of_a_private_wait_has_its_own_base, 0,
		CONTEXT_COUNT);
	ADD(post_after_waits_in_a_private_wait_wakes_that);
	return s;
}
