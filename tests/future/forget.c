/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Letting go: continuations that never run, what fails then, and what goes on.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/system.h"

static struct rig rig;
static int calls, cancels, never;

static void count_cancel(struct af_future *f, void *arg)
{
	(void)f;
	(void)arg;
	cancels++;
}

static struct af_future *make(void)
{
	return af_future_new(rig.loop, count_cancel, NULL);
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	++*(int *)arg;
	return NULL;
}

static void count(struct af_future *done, void *arg)
{
	pass(done, arg);
}

static void note(struct af_future *done, void *arg)
{
	calls++;
	*(int *)arg = af_future_error(done);
}

static void open_rig(int driver)
{
	rig_open(&rig, driver);
	calls = cancels = never = 0;
}

/* What is due has run. */
static void settle(void)
{
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	turn(&rig);
}

static void close_rig(void)
{
	settle();
	ck_assert_int_eq(never, 0);
	rig_close(&rig);
	ck_assert_int_eq(never, 0);
}

static int count_line(const char *line, size_t len, unsigned flags, void *arg)
{
	(void)line;
	(void)len;
	(void)flags;
	++*(int *)arg;
	return 0;
}

START_TEST(forget_of_an_operation_takes_its_continuations_off)
{
	struct af_future *f, *link;
	int error = 0;

	open_rig(_i);
	f = make();
	af_on_done(af_future_ref(f), count, &never);
	link = af_finally(af_future_ref(f), pass, &never);
	af_on_done(af_shield(af_future_ref(link)), note, &error);
	af_future_forget(af_future_ref(f));
	expect_error(&rig, link, -ECANCELED);
	turn(&rig);
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(error, -ECANCELED);
	/* It goes on, and those who come later are as always. */
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	ck_assert_int_eq(cancels, 0);
	af_on_done(af_future_ref(f), note, &error);
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	expect_error(&rig, f, 0);
	settle();
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(error, 0);
	close_rig();
}
END_TEST

START_TEST(forget_of_a_chain_takes_all_continuations_off)
{
	struct af_future *root, *middle, *f;
	int error = 0;

	open_rig(_i);
	root = make();
	af_on_done(af_future_ref(root), count, &never);
	middle = af_finally(af_future_ref(root), pass, &never);
	af_on_done(af_catch(af_future_ref(middle), pass, &never), note, &error);
	f = af_finally(middle, pass, &never);
	af_on_done(af_future_ref(f), count, &never);
	af_future_forget(af_future_ref(f));
	expect_error(&rig, f, -ECANCELED);
	ck_assert_int_eq(cancels, 0);
	af_future_resolve(root, NULL, NULL);
	expect_error(&rig, root, 0);
	settle();
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(error, -ECANCELED);
	close_rig();
}
END_TEST

START_TEST(forget_of_due_continuations_takes_them_off)
{
	struct af_future *f, *link;

	open_rig(_i);
	f = make();
	link = af_then(af_future_ref(f), pass, &never);
	af_on_done(af_future_ref(f), count, &never);
	af_future_resolve(f, NULL, NULL);
	af_future_forget(af_future_ref(f));
	expect_error(&rig, link, -ECANCELED);
	/* By the end of the chain. */
	link = af_then(af_future_ref(f), pass, &never);
	af_on_done(af_future_ref(f), count, &never);
	af_future_forget(link);
	expect_error(&rig, f, 0);
	close_rig();
}
END_TEST

/* The program's object can be freed. */
START_TEST(forget_gives_the_arg_back)
{
	int *object = calloc(1, sizeof *object);
	struct af_future *f;

	open_rig(_i);
	rig_reader(&rig);
	f = af_then(af_file_read(rig.reader, 3, 0, NULL), pass, object);
	f = af_with_timeout(af_catch(f, pass, object), MS(1));
	af_future_forget(f);
	free(object);
	settle();
	settle();
	/* The read went on, and took its bytes. */
	put_text(rig.out, "abcdef");
	settle();
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "def", 0);
	/* Unless it was cancelled before. */
	f = af_file_read(rig.reader, 3, 0, NULL);
	af_on_done(af_future_ref(f), count, &never);
	af_future_cancel(f);
	af_future_forget(f);
	put_text(rig.out, "ghi");
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "ghi", 0);
	close_rig();
}
END_TEST

START_TEST(forget_of_each_line_still_calls_its_function)
{
	struct af_future *f;
	int lines = 0;

	open_rig(_i);
	rig_reader(&rig);
	f = af_file_each_line(rig.reader, count_line, &lines);
	af_on_done(af_future_ref(f), count, &never);
	put_text(rig.out, "one\n");
	while (lines < 1)
		settle();
	af_future_forget(af_future_ref(f));
	put_text(rig.out, "two\nthree\n");
	rig_hang_up(&rig);
	expect_count(&rig, f, 14, AFIO_EOF);
	ck_assert_int_eq(lines, 3);
	close_rig();
}
END_TEST

struct slow_lines {
	int lines;
	struct af_future *pending; /* what the last call has returned */
};

static struct af_future *take_slowly(const char *line, size_t len,
				     unsigned flags, void *arg)
{
	struct slow_lines *slow = arg;

	(void)line;
	(void)len;
	(void)flags;
	slow->lines++;
	slow->pending = make();
	return af_future_ref(slow->pending);
}

static void resolve_slowly(struct slow_lines *slow)
{
	af_future_resolve(slow->pending, NULL, NULL);
	af_future_unref(slow->pending);
	slow->pending = NULL;
}

/* Index: itself, or also what it waits for between two calls. */
START_TEST(forget_of_each_async_still_calls_its_function)
{
	struct slow_lines slow = { 0 };
	struct af_future *f;

	open_rig(_i % DRIVE_COUNT);
	rig_reader(&rig);
	f = af_file_each_async(rig.reader, AFIO_EACH_LINE, take_slowly, &slow);
	af_on_done(af_future_ref(f), count, &never);
	put_text(rig.out, "one\n");
	while (slow.lines < 1)
		settle();
	if (_i >= DRIVE_COUNT)
		af_future_forget(af_future_ref(slow.pending));
	af_future_forget(af_future_ref(f));
	ck_assert(!af_future_is_done(f));
	put_text(rig.out, "two\n");
	resolve_slowly(&slow);
	while (slow.lines < 2)
		settle();
	resolve_slowly(&slow);
	rig_hang_up(&rig);
	expect_count(&rig, f, 8, AFIO_EOF);
	ck_assert_int_eq(cancels, 0);
	close_rig();
}
END_TEST

START_TEST(forget_of_copy_both_leaves_it_copying)
{
	struct af_file *files[4];
	struct af_future *f;
	int fds[2];

	open_rig(_i);
	for (int i = 0; i < 4; i += 2) {
		ck_assert_int_eq(cloexec_socketpair(SOCK_STREAM, fds), 0);
		files[i] = af_file_new(rig.loop, fds[0], 0);
		files[i + 1] = af_file_new(rig.loop, fds[1], 0);
	}
	f = af_file_copy_both(files[1], files[2], NULL);
	af_on_done(af_future_ref(f), count, &never);
	af_future_forget(af_future_ref(f));
	af_future_forget(af_future_ref(af_future_part(f, 0)));
	ck_assert(!af_future_is_done(f));
	expect_count(&rig, af_file_write(files[0], "there", 5, 0, NULL), 5, 0);
	ck_assert_int_eq(af_file_shutdown(files[0], SHUT_WR), 0);
	expect_text(&rig, af_file_read(files[3], 0, 0, NULL), "there",
		    AFIO_EOF);
	ck_assert_int_eq(af_file_close(files[3]), 0);
	expect_text(&rig, af_file_read(files[0], 0, 0, NULL), "", AFIO_EOF);
	expect_count(&rig, f, 5, AFIO_EOF);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
	close_rig();
}
END_TEST

/* Index: cancelled, or by the loop's end. */
START_TEST(forget_of_a_promise_still_calls_its_cancel_function)
{
	struct af_future *f, *link;

	open_rig(_i % DRIVE_COUNT);
	f = make();
	link = af_finally(af_future_ref(f), pass, &never);
	af_future_forget(link);
	ck_assert_int_eq(cancels, 0);
	if (_i < DRIVE_COUNT) {
		af_future_cancel(f);
	} else {
		af_loop_free(rig.loop);
		rig.loop = NULL;
	}
	ck_assert_int_eq(cancels, 1);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	if (rig.loop)
		settle();
	rig_close(&rig);
	ck_assert_int_eq(cancels, 1);
	ck_assert_int_eq(never, 0);
}
END_TEST

typedef struct af_future *(*group_fn)(struct af_loop *, struct af_future **,
				      size_t);

static const group_fn groups[] = { af_all, af_all_settled, af_race, af_any };
#define GROUPS (int)(sizeof groups / sizeof *groups)

START_TEST(forget_of_a_part_fails_the_group_of_others)
{
	struct af_future *parts[3], *group, *other, *f;
	int error = 0;

	open_rig(_i % DRIVE_COUNT);
	parts[0] = f = make();
	parts[1] = other = make();
	parts[2] = f;
	af_future_ref(af_future_ref(f));
	group = groups[_i / DRIVE_COUNT](rig.loop, parts, 3);
	af_on_done(af_future_ref(group), note, &error);
	af_future_forget(f);
	expect_error(&rig, af_future_ref(group), -ECANCELED);
	settle();
	ck_assert_int_eq(error, -ECANCELED);
	/* The parts go on. */
	ck_assert_int_eq(cancels, 0);
	ck_assert_int_eq(af_future_resolve(other, NULL, NULL), 0);
	ck_assert_int_eq(
		af_future_resolve(af_future_part(group, 0), NULL, NULL), 0);
	af_future_unref(group);
	close_rig();
}
END_TEST

/* It reaches what a cancel would reach, twice, too. */
START_TEST(forget_of_a_group_reaches_its_parts)
{
	struct af_future *roots[2], *parts[3], *f, *link;

	open_rig(_i % DRIVE_COUNT);
	for (int i = 0; i < 2; i++) {
		roots[i] = make();
		af_on_done(af_future_ref(roots[i]), count, &never);
	}
	parts[0] = af_then(af_future_ref(roots[0]), pass, &never);
	parts[1] = af_future_ref(parts[0]);
	parts[2] = af_catch(af_future_ref(roots[1]), pass, &never);
	link = af_finally(af_future_ref(parts[2]), pass, &never);
	f = groups[_i / DRIVE_COUNT](rig.loop, parts, 3);
	f = af_finally(f, pass, &never);
	af_future_forget(af_future_ref(f));
	expect_error(&rig, f, -ECANCELED);
	expect_error(&rig, link, -ECANCELED);
	ck_assert_int_eq(cancels, 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(af_future_fail(roots[i], -EIO), 0);
		expect_error(&rig, roots[i], -EIO);
	}
	close_rig();
}
END_TEST

START_TEST(forget_stops_at_a_shield)
{
	struct af_future *root, *f, *outer;
	int n = 0, error = 0;

	open_rig(_i);
	root = make();
	f = af_then(af_future_ref(root), pass, &n);
	outer = af_finally(af_shield(af_future_ref(f)), pass, &never);
	af_future_forget(af_future_ref(outer));
	expect_error(&rig, outer, -ECANCELED);
	/* One that is due. */
	outer = af_shield(af_future_ref(root));
	af_on_done(af_future_ref(outer), count, &never);
	af_future_resolve(root, NULL, NULL);
	af_future_forget(outer);
	expect_error(&rig, f, 0);
	ck_assert_int_eq(n, 1);
	/* Of one that is done, which has others to tell. */
	af_on_done(af_future_ref(root), note, &error);
	outer = af_shield(root);
	af_on_done(af_future_ref(outer), count, &never);
	af_future_forget(outer);
	settle();
	ck_assert_int_eq(calls, 1);
	close_rig();
}
END_TEST

/* A shield of others, on what is forgotten. */
START_TEST(forget_fails_shields_of_others)
{
	struct af_future *f, *shields[2];
	int error = 0;

	open_rig(_i);
	f = make();
	for (int i = 0; i < 2; i++)
		shields[i] = af_shield(af_future_ref(f));
	af_on_done(af_shield(af_future_ref(f)), note, &error);
	af_future_forget(af_future_ref(f));
	for (int i = 0; i < 2; i++)
		expect_error(&rig, shields[i], -ECANCELED);
	settle();
	ck_assert_int_eq(error, -ECANCELED);
	af_future_cancel(f);
	af_future_unref(f);
	close_rig();
}
END_TEST

struct talk {
	struct af_future *f, *inner, *next;
	int error;
};

static struct af_future *forget_itself(struct af_future *done, void *arg)
{
	struct talk *talk = arg;

	(void)done;
	calls++;
	af_future_forget(talk->f);
	return talk->next;
}

/* It finishes; what it returns goes on, and nothing comes of it. */
START_TEST(forget_in_the_running_continuation_lets_it_finish)
{
	struct talk talk = { 0 };
	struct af_future *root;

	open_rig(_i);
	root = make();
	talk.next = af_future_ref(make());
	talk.f = af_then(af_future_ref(root), forget_itself, &talk);
	af_on_done(af_future_ref(root), count, &never);
	talk.f = af_finally(talk.f, pass, &never);
	af_on_done(af_future_ref(talk.f), count, &never);
	af_future_resolve(root, NULL, NULL);
	af_future_unref(root);
	settle();
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(cancels, 0);
	ck_assert_int_eq(af_future_resolve(talk.next, NULL, NULL), 0);
	af_future_unref(talk.next);
	close_rig();
}
END_TEST

static struct af_future *return_next(struct af_future *done, void *arg)
{
	struct talk *talk = arg;

	(void)done;
	return af_finally(af_future_ref(talk->next), pass, &never);
}

/* Where the chain has come to wait for what a continuation returned. */
START_TEST(forget_follows_what_a_continuation_returned)
{
	struct talk talk = { 0 };
	struct af_future *root, *f;

	open_rig(_i);
	root = make();
	talk.next = make();
	f = af_then(af_future_ref(root), return_next, &talk);
	af_future_resolve(root, NULL, NULL);
	af_future_unref(root);
	settle();
	af_future_forget(af_future_ref(f));
	expect_error(&rig, f, -ECANCELED);
	af_future_resolve(talk.next, NULL, NULL);
	expect_error(&rig, talk.next, 0);
	close_rig();
}
END_TEST

static void forget_inner(void *arg)
{
	struct talk *talk = arg;

	af_future_forget(talk->inner);
}

/* A wait for an operation that goes on, and for the end of a chain. */
static void await_forgotten(void *arg)
{
	struct talk *talk = arg;
	struct af_future *f = talk->f, *link;

	talk->inner = af_future_ref(f);
	af_loop_post(af_future_loop(f), forget_inner, talk);
	ck_assert_int_eq(af_await(f), -ECANCELED);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	link = af_finally(af_future_ref(f), pass, &never);
	talk->inner = af_future_ref(link);
	af_loop_post(af_future_loop(f), forget_inner, talk);
	ck_assert_int_eq(af_await(link), -ECANCELED);
	ck_assert_int_eq(af_future_error(link), -ECANCELED);
	af_future_unref(link);
	/* By the end of a chain over what is awaited. */
	talk->inner = af_finally(af_future_ref(f), pass, &never);
	af_loop_post(af_future_loop(f), forget_inner, talk);
	ck_assert_int_eq(af_await_for(f, MS(60000)), -ECANCELED);
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
}

START_TEST(await_of_what_is_forgotten_ends_ecanceled)
{
	struct stage stage;
	struct talk talk;

	stage_open(&stage, (enum context)_i);
	talk.f = af_future_new(stage.loop, NULL, NULL);
	stage_play(&stage, await_forgotten, &talk);
	stage_close(&stage);
	ck_assert_int_eq(never, 0);
}
END_TEST

static void forget_in_callback(evutil_socket_t fd, short what, void *arg)
{
	struct talk *talk = arg;

	(void)fd;
	(void)what;
	af_future_forget(talk->f);
}

/* It has no part that runs from a queue. */
START_TEST(await_of_what_a_callback_forgets_ends_ecanceled)
{
	struct talk talk;

	open_rig(DRIVE_AWAIT);
	talk.f = make();
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
			forget_in_callback, &talk, MS(1));
	ck_assert_int_eq(af_await(talk.f), -ECANCELED);
	ck_assert_int_eq(cancels, 0);
	close_rig();
}
END_TEST

static struct af_future *await_inner(struct af_future *done, void *arg)
{
	struct talk *talk = arg;

	(void)done;
	calls++;
	talk->error = af_await(talk->inner);
	return talk->next;
}

/* The outer wait ends when the inner one has; the chain ends by itself. */
START_TEST(await_of_a_running_chain_that_is_forgotten_ends_ecanceled)
{
	struct talk talk = { 0 };
	struct af_future *root, *f;

	open_rig(DRIVE_AWAIT);
	root = make();
	talk.inner = make();
	f = af_then(af_future_ref(root), await_inner, &talk);
	talk.f = f;
	af_future_resolve(root, NULL, NULL);
	/* While the inner wait goes on. */
	af_on_done(af_sleep(rig.loop, MS(1)), count, &calls);
	af_on_done(af_then(af_sleep(rig.loop, MS(2)), forget_itself, &talk),
		   count, &calls);
	talk.next = NULL;
	af_future_ref(f);
	af_on_done(af_with_timeout(af_future_ref(talk.inner), MS(20)), note,
		   &talk.error);
	ck_assert_int_eq(af_await(f), -ECANCELED);
	ck_assert_int_eq(talk.error, -ECANCELED);
	af_future_unref(talk.inner);
	af_future_unref(root);
	settle();
	ck_assert_int_eq(af_future_error(f), 0);
	af_future_unref(f);
	close_rig();
}
END_TEST

static struct af_future *make_part(void *arg)
{
	struct talk *talk = arg;

	calls++;
	if (talk->f)
		af_future_forget(talk->f);
	return af_finally(af_future_ref(talk->next), pass, &never);
}

/* Before its first call, while it has parts, and in the call. */
START_TEST(forget_of_a_map_ends_its_calls)
{
	struct talk talk = { 0 };
	struct af_future *map;

	open_rig(_i % DRIVE_COUNT);
	talk.next = make();
	map = af_map(rig.loop, make_part, &talk, 2, 0);
	switch (_i / DRIVE_COUNT) {
	case 1:
		settle();
		ck_assert_int_eq(calls, 2);
		break;
	case 2:
		talk.f = af_future_ref(map);
		settle();
		ck_assert_int_eq(calls, 1);
		talk.f = NULL;
		calls = 0;
		break;
	}
	af_on_done(af_future_ref(map), count,
		   _i / DRIVE_COUNT == 2 ? &calls : &never);
	if (_i / DRIVE_COUNT < 2)
		af_future_forget(af_future_ref(map));
	expect_error(&rig, map, -ECANCELED);
	settle();
	ck_assert_int_eq(cancels, 0);
	ck_assert_int_eq(calls, _i / DRIVE_COUNT == 0	? 0
				: _i / DRIVE_COUNT == 1 ? 2
							: 1);
	/* That one made after the map was forgotten has a continuation. */
	if (_i / DRIVE_COUNT == 2)
		never--;
	af_future_resolve(talk.next, NULL, NULL);
	af_future_unref(talk.next);
	close_rig();
}
END_TEST

static void note_error(struct af_future *done, void *arg)
{
	*(int *)arg = af_future_error(done);
}

static struct af_future *items[4];

static struct af_future *make_item(void *arg)
{
	(void)arg;
	return af_future_ref(items[calls++] = make());
}

/* Index: it would go on after a failure, or not. */
START_TEST(forget_of_a_part_fails_the_map_of_others)
{
	struct af_future *map;
	int ends = 0, error = 0;

	open_rig(_i % DRIVE_COUNT);
	map = af_map(rig.loop, make_item, NULL, 3,
		     _i / DRIVE_COUNT ? AFIO_SETTLE : 0);
	settle();
	ck_assert_int_eq(calls, 3);
	af_on_done(af_future_ref(map), note_error, &error);
	af_on_done(af_future_ref(items[0]), count, &ends);
	af_future_forget(af_future_ref(items[1]));
	expect_error(&rig, map, -ECANCELED);
	settle();
	ck_assert_int_eq(error, -ECANCELED);
	/* The parts go on, this one, too. */
	ck_assert_int_eq(cancels, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(af_future_resolve(items[i], NULL, NULL), 0);
		expect_error(&rig, items[i], 0);
	}
	settle();
	ck_assert_int_eq(ends, 1);
	ck_assert_int_eq(calls, 3);
	close_rig();
}
END_TEST

static void free_and_go_on(void *value)
{
	struct talk *talk = value;

	/* In the midst of it: whatever this does, it must be safe. */
	calls++;
	af_future_cancel(talk->inner);
	af_future_forget(af_future_ref(talk->next));
	af_future_forget(talk->f);
}

START_TEST(forget_that_frees_a_value_may_call_anything)
{
	struct talk talk = { 0 };
	struct af_future *parts[3], *f;

	open_rig(_i);
	talk.f = make();
	parts[0] = af_succeeded(rig.loop, &talk, free_and_go_on);
	parts[1] = talk.inner = af_shield(af_future_ref(talk.f));
	parts[2] = af_finally(af_future_ref(talk.f), pass, &never);
	af_future_ref(talk.inner);
	f = af_all(rig.loop, parts, 3);
	talk.next = f = af_finally(f, pass, &never);
	af_future_ref(f);
	af_future_forget(f);
	ck_assert_int_eq(calls, 1);
	expect_error(&rig, f, -ECANCELED);
	expect_error(&rig, talk.inner, -ECANCELED);
	close_rig();
}
END_TEST

static void cancel_next(void *value)
{
	calls++;
	af_future_cancel(((struct talk *)value)->next);
}

/* What has lost its part is cancelled before its turn to end has come. */
START_TEST(forget_that_frees_a_value_may_cancel_what_is_to_end)
{
	struct talk talk = { 0 };
	struct af_future *parts[2], *f;
	int error = 0;

	open_rig(_i);
	parts[0] = af_succeeded(rig.loop, &talk, cancel_next);
	parts[1] = make();
	talk.next = af_future_ref(parts[1]);
	talk.next = af_all(rig.loop, &talk.next, 1);
	af_on_done(af_future_ref(talk.next), note, &error);
	f = af_then(af_all(rig.loop, parts, 2), pass, &never);
	af_future_forget(f);
	ck_assert_int_eq(calls, 1);
	settle();
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(error, -ECANCELED);
	expect_error(&rig, talk.next, -ECANCELED);
	close_rig();
}
END_TEST

static void free_the_loop(void *value)
{
	calls++;
	af_loop_free(rig.loop);
	*(struct af_loop **)value = NULL;
}

static struct af_future *pass_on(struct af_future *done, void *arg)
{
	af_on_done(af_future_ref(done), note, arg);
	return NULL;
}

/* Beside what it forgets is a shield, whose continuation adds another one. */
static void forget_and_free(void *arg)
{
	struct af_future *parts[2], *f, *pending = make();

	parts[0] = af_succeeded(rig.loop, &rig.loop, free_the_loop);
	parts[1] = af_future_ref(pending);
	f = af_finally(af_all(rig.loop, parts, 2), pass, &never);
	af_on_done(af_finally(af_shield(pending), pass_on, arg), note, arg);
	af_future_forget(f);
	ck_assert_ptr_null(rig.loop);
}

static void forget_and_free_in_callback(evutil_socket_t fd, short what,
					void *arg)
{
	(void)fd;
	(void)what;
	forget_and_free(arg);
}

static void forget_and_free_when_done(struct af_future *done, void *arg)
{
	(void)done;
	forget_and_free(arg);
}

/* Index: a driver, and whether it is called by nobody, the loop, libevent. */
START_TEST(forget_that_frees_the_loop_runs_what_follows)
{
	int place = _i / DRIVE_COUNT, error = 0;

	open_rig(_i % DRIVE_COUNT);
	if (place == 0)
		forget_and_free(&error);
	else if (place == 1)
		af_on_done(af_sleep(rig.loop, MS(0)),
			   forget_and_free_when_done, &error);
	else
		event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
				forget_and_free_in_callback, &error, MS(0));
	if (place > 0 && rig.driver == DRIVE_DISPATCH)
		event_base_dispatch(rig.base);
	else if (place > 0 && rig.driver == DRIVE_RUN)
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	else if (place > 0)
		expect_error(&rig, af_sleep(rig.loop, MS(60000)), -ECANCELED);
	ck_assert_int_eq(calls, 3);
	ck_assert_int_eq(cancels, 1);
	ck_assert_int_eq(error, -ECANCELED);
	ck_assert_int_eq(never, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(forget_while_the_loop_ends_is_safe)
{
	struct talk talk = { 0 };
	struct af_future *root;

	open_rig(_i);
	root = make();
	talk.f = af_finally(make(), pass, &never);
	af_on_done(af_finally(root, forget_itself, &talk), count, &calls);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(never, 0);
	rig_close(&rig);
}
END_TEST

/* A hundred groups on one another, each with the one below it twice. */
START_TEST(forget_of_diamonds_walks_them_once)
{
	struct af_future *root, *parts[2], *f;

	open_rig(_i);
	f = af_future_ref(root = make());
	for (int i = 0; i < 100; i++) {
		parts[0] = i % 3 ? f : af_finally(f, pass, &never);
		parts[1] = af_future_ref(parts[0]);
		f = i % 2 ? af_all(rig.loop, parts, 2)
			  : af_race(rig.loop, parts, 2);
	}
	af_future_forget(af_future_ref(f));
	expect_error(&rig, f, -ECANCELED);
	af_future_resolve(root, NULL, NULL);
	expect_error(&rig, root, 0);
	close_rig();
}
END_TEST

static void *forget_elsewhere(void *arg)
{
	af_future_forget(arg);
	return NULL;
}

START_TEST(forget_of_nonsense_does_nothing)
{
	struct af_future *f;
	pthread_t thread;
	int error = 0;

	open_rig(DRIVE_AWAIT);
	af_future_forget(NULL);
	af_future_forget(af_file_read(NULL, 1, 0, NULL));
	f = make();
	af_on_done(af_future_ref(f), note, &error);
	pthread_create(&thread, NULL, forget_elsewhere, f);
	pthread_join(thread, NULL);
	af_future_resolve(f, NULL, NULL);
	af_future_unref(f);
	settle();
	ck_assert_int_eq(calls, 1);
	close_rig();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/forget");
	TCase *tc = test_case(s, "forget");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(forget_of_an_operation_takes_its_continuations_off, 1);
	ADD(forget_of_a_chain_takes_all_continuations_off, 1);
	ADD(forget_of_due_continuations_takes_them_off, 1);
	ADD(forget_gives_the_arg_back, 1);
	ADD(forget_of_each_line_still_calls_its_function, 1);
	ADD(forget_of_each_async_still_calls_its_function, 2);
	ADD(forget_of_copy_both_leaves_it_copying, 1);
	ADD(forget_of_a_promise_still_calls_its_cancel_function, 2);
	ADD(forget_of_a_part_fails_the_group_of_others, GROUPS);
	ADD(forget_of_a_group_reaches_its_parts, GROUPS);
	ADD(forget_stops_at_a_shield, 1);
	ADD(forget_fails_shields_of_others, 1);
	ADD(forget_in_the_running_continuation_lets_it_finish, 1);
	ADD(forget_follows_what_a_continuation_returned, 1);
	tcase_add_loop_test(tc, await_of_what_is_forgotten_ends_ecanceled, 0,
			    CONTEXT_COUNT);
	tcase_add_test(
		tc, await_of_a_running_chain_that_is_forgotten_ends_ecanceled);
	tcase_add_test(tc, await_of_what_a_callback_forgets_ends_ecanceled);
	ADD(forget_of_a_map_ends_its_calls, 3);
	ADD(forget_of_a_part_fails_the_map_of_others, 2);
	ADD(forget_that_frees_a_value_may_call_anything, 1);
	ADD(forget_that_frees_a_value_may_cancel_what_is_to_end, 1);
	ADD(forget_that_frees_the_loop_runs_what_follows, 3);
	ADD(forget_while_the_loop_ends_is_safe, 1);
	ADD(forget_of_diamonds_walks_them_once, 1);
	tcase_add_test(tc, forget_of_nonsense_does_nothing);
	return s;
}
