/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How futures end before their time: cancel, close, unref and af_loop_free() in
 * any order and from anywhere. Each future ends once, each continuation is told
 * once, and no byte is lost.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"
#include "support/pattern.h"

static struct rig rig;

static void free_loop(void)
{
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

static struct af_future *make(void)
{
	return af_future_new(rig.loop, NULL, NULL);
}

/* All orders of these acts, from all these places. */
enum { ACT_UNREF, ACT_CANCEL, ACT_CLOSE, ACT_FREE_LOOP, ACT_COUNT };
#define ORDERS 24 /* of ACT_COUNT acts */

enum place {
	AT_TOP,
	IN_OWN_CONTINUATION,
	IN_ANOTHER_CONTINUATION,
	IN_A_POST,
	IN_A_CALLBACK,
	IN_A_NESTED_AWAIT,
	IN_A_CANCEL_FUNCTION,
	PLACE_COUNT
};

enum { READ, READLINE, WRITE, MAKER, SLEEP, GROUP, N_FUTURES };

/* A future, and who heard of its end. */
struct tracked {
	struct af_future *f;
	int calls, error;
};

static struct world {
	int order;
	enum place place;
	struct af_file *stuffed;
	int stuffed_in;
	struct tracked all[N_FUTURES];
} world;

static struct af_future *count_link(struct af_future *done, void *arg)
{
	struct tracked *tracked = arg;

	(void)done;
	tracked->calls++;
	return NULL;
}

static void count_end(struct af_future *done, void *arg)
{
	struct tracked *tracked = arg;

	tracked->calls++;
	tracked->error = af_future_error(done);
}

static void act(int what)
{
	switch (what) {
	case ACT_UNREF:
		for (int i = 0; i < N_FUTURES; i++) {
			af_future_unref(world.all[i].f);
			world.all[i].f = NULL;
		}
		break;
	case ACT_CANCEL:
		for (int i = 0; i < N_FUTURES; i++) {
			af_future_cancel(world.all[i].f);
			af_future_cancel(world.all[i].f);
		}
		break;
	case ACT_CLOSE:
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		ck_assert_int_eq(af_file_close(world.stuffed), 0);
		rig.reader = world.stuffed = NULL;
		break;
	default:
		free_loop();
	}
}

/* All acts, in the world's order. */
static void act_all(void)
{
	int acts[ACT_COUNT], left = world.order;

	for (int i = 0; i < ACT_COUNT; i++)
		acts[i] = i;
	for (int n = ACT_COUNT; n > 0; n--) {
		int which = left % n, what = acts[which];

		left /= n;
		acts[which] = acts[n - 1];
		act(what);
	}
}

static void act_in_continuation(struct af_future *done, void *arg)
{
	(void)arg;
	ck_assert_int_eq(af_future_error(done), 0);
	act_all();
	ck_assert(af_future_is_done(done));
}

static void act_in_post(void *arg)
{
	(void)arg;
	act_all();
}

static void act_in_callback(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	act_all();
}

static void act_in_cancel(struct af_future *f, void *arg)
{
	(void)f;
	(void)arg;
	if (world.place == IN_A_CANCEL_FUNCTION)
		act_all();
}

static void await_maker(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	ck_assert_int_eq(af_await(world.all[MAKER].f), -ECANCELED);
}

static void track(int which, struct af_future *f)
{
	struct tracked *tracked = &world.all[which];

	*tracked = (struct tracked){ .f = f, .error = 1 };
	if (which == READ && world.place == IN_OWN_CONTINUATION)
		af_on_done(af_future_ref(f), act_in_continuation, NULL);
	af_on_done(af_finally(af_future_ref(f), count_link, tracked), count_end,
		   tracked);
}

static struct af_future *make_group(void)
{
	struct af_future *parts[3];

	parts[0] =
		af_with_timeout(af_future_ref(world.all[SLEEP].f), MS(60000));
	parts[1] = af_race(rig.loop, &parts[0], 1);
	parts[0] = af_future_ref(world.all[READLINE].f);
	parts[2] = af_future_ref(world.all[MAKER].f);
	return af_all(rig.loop, parts, 3);
}

static void world_open(int way)
{
	int fds[2];

	rig_open(&rig, way);
	rig_reader(&rig);
	make_pair(KIND_PIPE, fds);
	stuff(fds[1]);
	world.stuffed = af_file_new(rig.loop, fds[1], 0);
	world.stuffed_in = fds[0];
	track(READ, af_file_read(rig.reader, 3, AFIO_FULL, NULL));
	track(READLINE, af_file_readline(rig.reader, 0, 0, 0, MS(60000)));
	track(WRITE, af_file_write(world.stuffed, "x", 1, AFIO_FULL, NULL));
	track(MAKER, af_future_new(rig.loop, act_in_cancel, NULL));
	track(SLEEP, af_sleep(rig.loop, MS(60000)));
	track(GROUP, make_group());
}

static void start_acts(void)
{
	put_text(rig.out, world.place == IN_OWN_CONTINUATION ? "abcd" : "ab");
	if (world.place == AT_TOP)
		act_all();
	else if (world.place == IN_A_CANCEL_FUNCTION)
		af_future_cancel(world.all[MAKER].f);
	else if (world.place == IN_A_POST)
		af_loop_post(rig.loop, act_in_post, NULL);
	else if (world.place == IN_A_CALLBACK)
		event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
				act_in_callback, NULL, MS(0));
	else if (world.place != IN_OWN_CONTINUATION)
		af_on_done(af_sleep(rig.loop, MS(1)), act_in_continuation,
			   NULL);
	if (world.place == IN_A_NESTED_AWAIT)
		af_on_done(af_sleep(rig.loop, MS(0)), await_maker, NULL);
}

static void world_run(struct af_future *last)
{
	if (!rig.loop || rig.driver == DRIVE_AWAIT)
		ck_assert_int_eq(af_await(last), -ECANCELED);
	else if (rig.driver == DRIVE_RUN)
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	else
		ck_assert_int_ge(event_base_dispatch(rig.base), 0);
}

START_TEST(acts_in_any_order_from_anywhere_end_all_once)
{
	struct af_future *last;

	world.place = (enum place)(_i / DRIVE_COUNT);
	for (world.order = 0; world.order < ORDERS; world.order++) {
		world_open(_i % DRIVE_COUNT);
		last = af_future_ref(world.all[SLEEP].f);
		start_acts();
		world_run(last);
		af_future_unref(last);
		ck_assert_ptr_null(rig.loop);
		for (int i = 0; i < N_FUTURES; i++) {
			bool is_done =
				world.place == IN_OWN_CONTINUATION && i == READ;

			ck_assert_int_eq(world.all[i].calls, 2);
			ck_assert_int_eq(world.all[i].error,
					 is_done ? 0 : -ECANCELED);
		}
		ck_assert_int_eq(close(world.stuffed_in), 0);
		rig_close(&rig);
	}
}
END_TEST

static struct af_future *own;

static struct af_future *free_in_continuation(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	free_loop();
	/* Nothing is left that could be waited for, but ourselves. */
	ck_assert_int_eq(af_await(own), -EDEADLK);
	ck_assert_int_eq(af_await_for(own, MS(1)), -EDEADLK);
	return NULL;
}

#define LINKS 600 /* more than run in one round */

/* The rest of a chain whose own continuation frees the loop. */
START_TEST(chain_that_frees_the_loop_goes_on_to_its_end)
{
	struct tracked tracked = { .error = 1 };
	struct af_future *f;

	rig_open(&rig, _i);
	f = make();
	own = af_finally(af_sleep(rig.loop, MS(1)), free_in_continuation, NULL);
	for (int i = 0; i < LINKS; i++)
		own = af_finally(own, count_link, &tracked);
	af_on_done(own, count_end, &tracked);
	if (rig.driver == DRIVE_AWAIT)
		ck_assert_int_eq(af_await(f), -ECANCELED);
	else if (rig.driver == DRIVE_RUN)
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	else
		ck_assert_int_ge(event_base_dispatch(rig.base), 0);
	ck_assert_int_eq(tracked.calls, LINKS + 1);
	ck_assert_int_eq(tracked.error, 0);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

#define CHAINS 400 /* more than run in one round */

static struct af_future *chains[CHAINS];
static int waits;

static void await_next(struct af_future *done, void *arg)
{
	struct af_future **next = arg;

	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	waits++;
	if (next < &chains[CHAINS])
		ck_assert_int_eq(af_await(*next), -ECANCELED);
}

static void free_in_callback(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	free_loop();
}

/* Told that the loop goes, they wait for those who have not been told. */
START_TEST(waits_while_the_loop_is_freed_end)
{
	struct tracked tracked = { 0 };

	rig_open(&rig, _i % DRIVE_COUNT);
	af_loop_set_max_depth(rig.loop, 8);
	for (int i = 0; i < CHAINS; i++) {
		struct af_future *f = make();

		chains[i] = af_finally(af_future_ref(f), count_link, &tracked);
		/* Every other waits for the one after it. */
		if (i % 2)
			af_on_done(af_future_ref(f), await_next,
				   &chains[i + 1]);
		af_future_unref(f);
	}
	own = af_future_ref(chains[0]);
	if (_i < DRIVE_COUNT) {
		free_loop();
	} else {
		event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
				free_in_callback, NULL, MS(0));
		world_run(own);
	}
	ck_assert_int_eq(tracked.calls, CHAINS);
	ck_assert_int_eq(waits, CHAINS / 2);
	for (int i = 0; i < CHAINS; i++)
		af_future_unref(chains[i]);
	af_future_unref(own);
	rig_close(&rig);
}
END_TEST

static void await_in_cancel(struct af_future *f, void *arg)
{
	(void)f;
	waits++;
	ck_assert_int_eq(af_await(*(struct af_future **)arg), -EDEADLK);
}

/* The loop turns no more, so what is pending still cannot be waited for. */
START_TEST(wait_in_a_cancel_function_when_the_loop_is_freed_fails)
{
	struct af_future *sleep, *f;

	rig_open(&rig, _i % DRIVE_COUNT);
	f = af_future_new(rig.loop, await_in_cancel, &sleep);
	sleep = af_sleep(rig.loop, MS(60000));
	if (_i < DRIVE_COUNT) {
		free_loop();
	} else {
		event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT,
				free_in_callback, NULL, MS(0));
		world_run(f);
	}
	ck_assert_int_eq(waits, 1);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	ck_assert_int_eq(af_future_error(sleep), -ECANCELED);
	af_future_unref(f);
	af_future_unref(sleep);
	rig_close(&rig);
}
END_TEST

static struct af_future *cancel_own(struct af_future *done, void *arg)
{
	struct tracked *tracked = arg;

	(void)done;
	tracked->calls++;
	af_future_cancel(own);
	af_future_cancel(own);
	return make();
}

/* The operation is done; what its continuation returns is still cancelled. */
START_TEST(cancel_from_own_continuation_cancels_the_rest)
{
	struct tracked tracked = { .error = 1 };

	rig_open(&rig, _i);
	own = af_then(af_sleep(rig.loop, MS(0)), cancel_own, &tracked);
	own = af_catch(own, count_link, &tracked);
	af_on_done(af_future_ref(own), count_end, &tracked);
	expect_error(&rig, own, -ECANCELED);
	turn(&rig);
	ck_assert_int_eq(af_loop_run(rig.loop), 0);
	ck_assert_int_eq(tracked.calls, 3);
	ck_assert_int_eq(tracked.error, -ECANCELED);
	rig_close(&rig);
}
END_TEST

START_TEST(cancel_of_done_changes_nothing)
{
	struct af_future *f, *failed;

	rig_open(&rig, _i);
	rig_reader(&rig);
	af_future_cancel(NULL);
	put_text(rig.out, "abc");
	f = af_file_read(rig.reader, 9, 0, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	failed = af_file_read(NULL, 0, 0, NULL);
	af_future_cancel(f);
	af_future_cancel(failed);
	expect_text(&rig, f, "abc", 0);
	expect_error(&rig, failed, -EINVAL);
	f = af_file_read(rig.reader, 9, 0, NULL);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	af_future_cancel(f);
	expect_error(&rig, f, -ECANCELED);
	rig_close(&rig);
}
END_TEST

/*
 * Reads: F four bytes, L a line, U up to a semicolon. What they leave is known
 * by counting.
 */
#define N_READS 3

static const char text[] = "one\ntwo;three\nfour;five\nsix;seven\n;\neight";

static struct af_future *start_read(char kind)
{
	if (kind == 'F')
		return af_file_read(rig.reader, 4, AFIO_FULL, NULL);
	if (kind == 'L')
		return af_file_readline(rig.reader, 0, 0, 0, NULL);
	return af_file_read_until(rig.reader, ";", 1, 0, 0, NULL);
}

static size_t wanted(char kind, const char *at)
{
	if (kind == 'F')
		return 4;
	return (size_t)(strchr(at, kind == 'L' ? '\n' : ';') - at) + 1;
}

/* Three reads, of which one is cancelled when so much of the text is there. */
static void try_reads(const char *kinds, int cancelled, size_t early)
{
	size_t at = 0, len = sizeof text - 1;
	struct af_future *f[N_READS];
	bool is_stuck = false;

	for (int i = 0; i < N_READS; i++)
		f[i] = start_read(kinds[i]);
	put(rig.out, text, early);
	turn(&rig);
	for (int i = 0; i < N_READS && !is_stuck; i++) {
		is_stuck = at + wanted(kinds[i], text + at) > early;
		ck_assert_int_eq(af_future_is_done(f[i]), !is_stuck);
		if (!is_stuck)
			at += wanted(kinds[i], text + at);
	}
	af_future_cancel(f[cancelled]);
	put(rig.out, text + early, len - early);
	at = 0;
	for (int i = 0; i < N_READS; i++) {
		size_t n = wanted(kinds[i], text + at);

		if (i == cancelled && af_future_error(f[i]) == -ECANCELED) {
			expect_error(&rig, f[i], -ECANCELED);
			continue;
		}
		expect_bytes(&rig, f[i], text + at, n, 0);
		at += n;
	}
	expect_bytes(&rig, af_file_read(rig.reader, len - at, AFIO_FULL, NULL),
		     text + at, len - at, 0);
}

START_TEST(cancel_of_a_queued_read_loses_no_byte)
{
	static const char letters[] = "FLU";
	char kinds[N_READS];

	rig_open(&rig, _i % DRIVE_COUNT);
	rig_reader(&rig);
	kinds[0] = letters[_i / DRIVE_COUNT];
	for (int n = 0; n < 9 * N_READS; n++) {
		kinds[1] = letters[n % 3];
		kinds[2] = letters[n / 3 % 3];
		for (size_t early = 0; early < sizeof text; early++)
			try_reads(kinds, n / 9, early);
	}
	rig_close(&rig);
}
END_TEST

/* Bytes of a write that is cancelled: those counted, and not one more. */
START_TEST(cancel_of_a_queued_write_sends_no_byte_more)
{
	static unsigned char big[1000000];
	int cancelled = _i / DRIVE_COUNT;
	struct af_future *f[3];
	size_t count[3], offset = 0;

	rig_open(&rig, _i % DRIVE_COUNT);
	rig_writer(&rig);
	pattern_fill(big, sizeof big, 0);
	for (int i = 0; i < 3; i++)
		f[i] = af_file_write(rig.writer, big, sizeof big, AFIO_FULL,
				     NULL);
	turn(&rig);
	af_future_cancel(f[cancelled]);
	ck_assert_int_eq(af_future_error(f[cancelled]), -ECANCELED);
	count[cancelled] = af_future_count(f[cancelled]);
	ck_assert(cancelled == 0 ? count[0] > 0 : count[cancelled] == 0);
	for (int i = 0; i < 3; i++) {
		if (i != cancelled)
			count[i] = sizeof big;
		for (offset = 0; offset < count[i]; turn(&rig)) {
			size_t n = count[i] - offset < 4096 ? count[i] - offset
							    : 4096;

			expect_pattern(rig.in, n, offset);
			offset += n;
		}
		ck_assert_int_eq(drive(&rig, f[i]),
				 i == cancelled ? -ECANCELED : 0);
		ck_assert_uint_eq(af_future_count(f[i]), count[i]);
		af_future_unref(f[i]);
	}
	rig_hang_up(&rig);
	expect_pattern_to_eof(rig.in, 0, 0);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/cancel");
	TCase *tc = test_case(s, "lifetime");

/* With each way of waiting, on a pipe; n variants. */
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(acts_in_any_order_from_anywhere_end_all_once, PLACE_COUNT);
	ADD(chain_that_frees_the_loop_goes_on_to_its_end, 1);
	ADD(waits_while_the_loop_is_freed_end, 2);
	ADD(wait_in_a_cancel_function_when_the_loop_is_freed_fails, 2);
	ADD(cancel_from_own_continuation_cancels_the_rest, 1);
	ADD(cancel_of_done_changes_nothing, 1);

	tc = test_case(s, "bytes");
	ADD(cancel_of_a_queued_read_loses_no_byte, 3);
	ADD(cancel_of_a_queued_write_sends_no_byte_more, 3);
	return s;
}
