/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures of several, with a time limit, and of time alone: what they come to,
 * what becomes of their parts, and the waits that nothing could end. And what
 * futures say of their loop, and to threads that are not its own.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support/harness.h"

#define MAX_PARTS 4
#define MANY 100000

static struct rig rig;
static int cancels; /* of the futures that make() made */

static void count_cancel(struct af_future *f, void *arg)
{
	(void)arg;
	ck_assert(!af_future_is_done(f));
	cancels++;
}

static struct af_future *make(void)
{
	return af_future_new(rig.loop, count_cancel, NULL);
}

static void resolve(struct af_future *f)
{
	ck_assert_int_eq(af_future_resolve(f, NULL, NULL), 0);
}

static struct af_future *all2(struct af_future *a, struct af_future *b)
{
	return af_all(rig.loop, (struct af_future *[]){ a, b }, 2);
}

static struct af_future *race2(struct af_future *a, struct af_future *b)
{
	return af_race(rig.loop, (struct af_future *[]){ a, b }, 2);
}

static struct af_future *any2(struct af_future *a, struct af_future *b)
{
	return af_any(rig.loop, (struct af_future *[]){ a, b }, 2);
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	if (arg)
		++*(int *)arg;
	return NULL;
}

static void count_canceled(struct af_future *done, void *arg)
{
	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	++*(int *)arg;
}

/*
 * A part, as it is given and as it ends: p pending, s succeeded, f and e failed
 * (-EIO, -EPIPE), n failed without a loop, c cancelled; o is pending, of
 * another loop; - is NULL. An act has a part's number, and how it ends.
 */
static const struct group_case {
	enum group_kind { ALL, ALL_SETTLED, RACE, ANY } kind;
	const char *parts, *acts;
	int error;
	const char *ends;
} group_cases[] = {
	{ ALL, "", "", 0, "" },
	{ ALL, "s", "", 0, "s" },
	{ ALL, "ssss", "", 0, "ssss" },
	{ ALL, "p", "0s", 0, "s" },
	{ ALL, "ppp", "0s1s2s", 0, "sss" },
	{ ALL, "ppp", "2s0s1s", 0, "sss" },
	{ ALL, "psp", "2s0s", 0, "sss" },
	{ ALL, "ppp", "1f", -EIO, "pfp" },
	{ ALL, "ppp", "1s2f", -EIO, "psf" },
	{ ALL, "ppp", "2e0f", -EPIPE, "fpe" },
	{ ALL, "ppp", "0s1c", -ECANCELED, "scp" },
	{ ALL, "pfp", "", -EIO, "pfp" },
	{ ALL, "nspp", "", -EINVAL, "nspp" },
	{ ALL, "pfn", "", -EIO, "pfn" },
	{ ALL, "-", "", -EINVAL, "-" },
	{ ALL, "ps-p", "", -EINVAL, "ps-p" },
	{ ALL, "pop", "", -EINVAL, "pop" },

	{ ALL_SETTLED, "", "", 0, "" },
	{ ALL_SETTLED, "s", "", 0, "s" },
	{ ALL_SETTLED, "f", "", 0, "f" },
	{ ALL_SETTLED, "p", "0f", 0, "f" },
	{ ALL_SETTLED, "ppp", "0s1f2e", 0, "sfe" },
	{ ALL_SETTLED, "ppp", "2c1f0s", 0, "sfc" },
	{ ALL_SETTLED, "npf", "1s", 0, "nsf" },
	{ ALL_SETTLED, "-", "", -EINVAL, "-" },
	{ ALL_SETTLED, "ps-p", "", -EINVAL, "ps-p" },
	{ ALL_SETTLED, "pop", "", -EINVAL, "pop" },

	{ RACE, "", "", -EINVAL, "" },
	{ RACE, "s", "", 0, "s" },
	{ RACE, "p", "0s", 0, "s" },
	{ RACE, "p", "0f", -EIO, "f" },
	{ RACE, "ppp", "1s", 0, "csc" },
	{ RACE, "ppp", "2f", -EIO, "ccf" },
	{ RACE, "ppp", "2f0s", -EIO, "scf" },
	{ RACE, "ppp", "1c", -ECANCELED, "ccc" },
	{ RACE, "pspp", "", 0, "cscc" },
	{ RACE, "pfsp", "", -EIO, "cfsc" },
	{ RACE, "nsp", "", -EINVAL, "nsc" },
	{ RACE, "snp", "", 0, "snc" },
	{ RACE, "-", "", -EINVAL, "-" },
	{ RACE, "ps-p", "", -EINVAL, "ps-p" },
	{ RACE, "op", "", -EINVAL, "op" },

	{ ANY, "", "", -EINVAL, "" },
	{ ANY, "s", "", 0, "s" },
	{ ANY, "f", "", -EIO, "f" },
	{ ANY, "p", "0s", 0, "s" },
	{ ANY, "p", "0f", -EIO, "f" },
	{ ANY, "ppp", "1s", 0, "csc" },
	{ ANY, "ppp", "1f2s", 0, "cfs" },
	{ ANY, "ppp", "1s0f", 0, "fsc" },
	{ ANY, "ppp", "1c2s", 0, "ccs" },
	{ ANY, "ppp", "0f1f2e", -EPIPE, "ffe" },
	{ ANY, "ppp", "2e0f1f", -EIO, "ffe" },
	{ ANY, "ppp", "0f1e2c", -ECANCELED, "fec" },
	{ ANY, "pfsp", "", 0, "cfsc" },
	{ ANY, "nsp", "", 0, "nsc" },
	{ ANY, "fn", "", -EINVAL, "fn" },
	{ ANY, "fpn", "1e", -EPIPE, "fen" },
	{ ANY, "-", "", -EINVAL, "-" },
	{ ANY, "ps-p", "", -EINVAL, "ps-p" },
	{ ANY, "op", "", -EINVAL, "op" },
};
#define GROUP_CASES (int)(sizeof group_cases / sizeof *group_cases)

static struct af_future *make_group(enum group_kind kind,
				    struct af_future **parts, size_t n)
{
	switch (kind) {
	case ALL:
		return af_all(rig.loop, parts, n);
	case ALL_SETTLED:
		return af_all_settled(rig.loop, parts, n);
	case RACE:
		return af_race(rig.loop, parts, n);
	default:
		return af_any(rig.loop, parts, n);
	}
}

static void end_part(struct af_future *f, char how, size_t i)
{
	static char values[MAX_PARTS];

	if (how == 's')
		ck_assert_int_eq(af_future_resolve(f, &values[i], NULL), 0);
	else if (how == 'f')
		ck_assert_int_eq(af_future_fail(f, -EIO), 0);
	else if (how == 'e')
		ck_assert_int_eq(af_future_fail(f, -EPIPE), 0);
	else if (how == 'c')
		af_future_cancel(f);
	if (how == 's')
		ck_assert_ptr_eq(af_future_value(f), &values[i]);
}

static struct af_future *make_part(struct af_loop *other, char kind, size_t i)
{
	struct af_future *f;

	if (kind == '-')
		return NULL;
	if (kind == 'n')
		return af_file_read(NULL, 0, 0, NULL);
	f = af_future_new(kind == 'o' ? other : rig.loop, count_cancel, NULL);
	end_part(f, kind, i);
	return f;
}

static char state_of(const struct af_future *f, char pending)
{
	if (!f)
		return '-';
	switch (af_future_error(f)) {
	case -EINPROGRESS:
		return pending == 'o' ? 'o' : 'p';
	case 0:
		return 's';
	case -EIO:
		return 'f';
	case -EPIPE:
		return 'e';
	case -EINVAL:
		return 'n';
	default:
		return af_future_error(f) == -ECANCELED ? 'c' : '?';
	}
}

/* Whoever has not ended goes on, and can be read when it has. */
static void finish_parts(struct af_future *whole, struct af_future **parts,
			 const struct group_case *c)
{
	bool is_made = strpbrk(c->parts, "-o") == NULL &&
		       (c->kind < RACE || c->parts[0]);
	size_t n = strlen(c->parts);

	for (size_t i = 0; i < n; i++) {
		if (state_of(parts[i], 'p') == 'p')
			end_part(parts[i], 's', i);
		ck_assert_ptr_eq(af_future_part(whole, i),
				 is_made ? parts[i] : NULL);
	}
	ck_assert_ptr_null(af_future_part(whole, n));
	ck_assert_ptr_null(af_future_part(whole, SIZE_MAX));
	for (size_t i = 0; i < n; i++)
		af_future_unref(parts[i]);
}

START_TEST(group_ends_as_the_table_says)
{
	const struct group_case *c = &group_cases[_i / DRIVE_COUNT];
	struct af_future *parts[MAX_PARTS], *whole;
	char ends[MAX_PARTS + 1] = "";
	size_t n = strlen(c->parts);
	struct af_loop *other = af_loop_new(NULL);

	rig_open(&rig, _i % DRIVE_COUNT);
	for (size_t i = 0; i < n; i++)
		parts[i] = af_future_ref(make_part(other, c->parts[i], i));
	whole = make_group(c->kind, parts, n);
	for (const char *act = c->acts; *act; act += 2)
		end_part(parts[*act - '0'], act[1], (size_t)(*act - '0'));
	ck_assert_int_eq(drive(&rig, whole), c->error);
	for (size_t i = 0; i < n; i++)
		ends[i] = state_of(parts[i], c->parts[i]);
	ck_assert_str_eq(ends, c->ends);
	finish_parts(whole, parts, c);
	expect_error(&rig, whole, c->error);
	af_loop_free(other);
	rig_close(&rig);
}
END_TEST

START_TEST(group_of_nonsense_fails_einval)
{
	struct af_future *parts[2];

	rig_open(&rig, _i);
	for (int i = 0; i < 2; i++)
		parts[i] = make();
	expect_error(&rig, af_all(NULL, parts, 2), -EINVAL);
	for (int i = 0; i < 2; i++)
		parts[i] = make();
	expect_error(&rig, af_race(NULL, parts, 2), -EINVAL);
	for (int i = 0; i < 2; i++)
		parts[i] = make();
	expect_error(&rig, af_any(NULL, parts, 2), -EINVAL);
	for (int i = 0; i < 2; i++)
		parts[i] = make();
	expect_error(&rig, af_all_settled(NULL, parts, 2), -EINVAL);
	expect_error(&rig, af_all(rig.loop, NULL, 2), -EINVAL);
	expect_error(&rig, af_all_settled(rig.loop, NULL, 2), -EINVAL);
	expect_error(&rig, af_race(rig.loop, NULL, 2), -EINVAL);
	expect_error(&rig, af_any(rig.loop, NULL, 2), -EINVAL);
	expect_error(&rig, af_all(rig.loop, NULL, 0), 0);
	ck_assert_ptr_null(af_future_part(NULL, 0));
	parts[0] = make();
	ck_assert_ptr_null(af_future_part(parts[0], 0));
	af_future_unref(parts[0]);
	parts[0] = af_all(NULL, NULL, 0);
	ck_assert_int_eq(af_future_error(parts[0]), -EINVAL);
	ck_assert_ptr_null(af_future_part(parts[0], 0));
	af_future_unref(parts[0]);
	rig_close(&rig);
	ck_assert_int_eq(cancels, 9); /* they had gone on */
}
END_TEST

/* The winner's result is the whole's; the loser's bytes stay where they were. */
START_TEST(race_has_the_result_of_the_first)
{
	struct af_future *read, *race;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	read = af_file_read(rig.reader, 9, 0, NULL);
	race = race2(af_file_read(rig.reader, 9, 0, NULL), read);
	expect_text(&rig, af_then(race, pass, NULL), "abc", 0);
	/* Of two reads of one file the first is done; now it is the loser. */
	put_text(rig.out, "def");
	read = af_file_read(rig.reader, 9, AFIO_FULL, NULL);
	race = race2(read, af_sleep(rig.loop, MS(20)));
	expect_error(&rig, race, 0);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "def", 0);
	rig_close(&rig);
}
END_TEST

/* A failure, though first, is no result while others are pending. */
START_TEST(any_has_the_result_of_the_first_success)
{
	struct af_future *failing, *any;

	rig_open(&rig, _i);
	rig_reader(&rig);
	failing = make();
	any = any2(af_future_ref(failing),
		   af_file_read(rig.reader, 9, 0, NULL));
	ck_assert_int_eq(af_future_fail(failing, -EIO), 0);
	af_future_unref(failing);
	turn(&rig);
	ck_assert_int_eq(af_await_for(any, MS(0)), -ETIMEDOUT);
	put_text(rig.out, "abc");
	expect_text(&rig, any, "abc", 0);
	rig_close(&rig);
}
END_TEST

/* The failure that came last, with its result. */
START_TEST(any_has_the_result_of_the_last_failure)
{
	struct af_future *read, *any;

	rig_open(&rig, _i);
	rig_reader(&rig);
	read = af_file_read(rig.reader, 9, 0, MS(5));
	any = any2(read, af_file_read(NULL, 9, 0, NULL));
	expect_error(&rig, any, -ETIMEDOUT);
	rig_close(&rig);
}
END_TEST

START_TEST(all_settled_ends_with_its_last_part)
{
	struct af_future *parts[3], *held, *whole;

	rig_open(&rig, _i);
	held = make();
	parts[0] = af_future_ref(held);
	parts[1] = af_with_timeout(make(), MS(1));
	parts[2] = af_sleep(rig.loop, MS(1));
	whole = af_all_settled(rig.loop, parts, 3);
	ck_assert_int_eq(af_await_for(whole, MS(5)), -ETIMEDOUT);
	resolve(held);
	ck_assert_int_eq(drive(&rig, whole), 0);
	ck_assert_int_eq(af_future_error(af_future_part(whole, 1)), -ETIMEDOUT);
	ck_assert_int_eq(af_future_error(af_future_part(whole, 2)), 0);
	af_future_unref(held);
	af_future_unref(whole);
	rig_close(&rig);
}
END_TEST

START_TEST(groups_nest_in_groups_and_chains)
{
	struct af_future *m[4], *f;
	int told = 0;

	rig_open(&rig, _i);
	for (int i = 0; i < 4; i++)
		m[i] = make();
	f = race2(af_finally(m[1], pass, &told),
		  af_with_timeout(af_then(m[2], pass, &told), MS(60000)));
	f = af_then(all2(af_then(m[0], pass, &told), f), pass, &told);
	f = race2(f, m[3]);
	resolve(m[0]);
	resolve(m[2]);
	expect_error(&rig, f, 0);
	ck_assert_int_eq(told, 4);
	ck_assert_int_eq(cancels, 2);
	rig_close(&rig);
}
END_TEST

static struct af_future *m0, *m1, *m2;

static struct af_future *return_all(struct af_future *done, void *arg)
{
	(void)done;
	++*(int *)arg;
	return all2(af_future_ref(m1), af_future_ref(m2));
}

/* A continuation that returns a group; its parts end, or are cancelled. */
START_TEST(chain_takes_outcome_of_returned_group)
{
	struct af_future *f;
	int calls = 0;

	rig_open(&rig, _i % DRIVE_COUNT);
	m0 = make();
	m1 = make();
	m2 = make();
	f = af_then(m0, return_all, &calls);
	resolve(m0);
	turn(&rig);
	ck_assert_int_eq(af_await_for(f, MS(0)), -ETIMEDOUT);
	ck_assert_int_eq(calls, 1);
	if (_i < DRIVE_COUNT) {
		resolve(m2);
		resolve(m1);
		expect_error(&rig, f, 0);
	} else {
		af_future_cancel(f);
		expect_error(&rig, f, -ECANCELED);
	}
	ck_assert_int_eq(cancels, _i < DRIVE_COUNT ? 0 : 2);
	af_future_unref(m1);
	af_future_unref(m2);
	rig_close(&rig);
}
END_TEST

/* All, race and timeouts over five roots; who is told is counted. */
static struct af_future *make_tree(int *told)
{
	struct af_future *f;

	f = race2(af_finally(make(), pass, told),
		  all2(make(), af_catch(make(), pass, told)));
	f = all2(af_finally(f, pass, told),
		 af_with_timeout(af_finally(make(), pass, told), MS(60000)));
	return af_finally(all2(make(), f), pass, told);
}

enum { TREE_ROOTS = 5, TREE_TOLD = 5 };

static void cancel_arg(struct af_future *done, void *arg)
{
	(void)done;
	af_future_cancel(*(struct af_future **)arg);
	af_future_cancel(*(struct af_future **)arg);
}

static struct af_future *await_arg(struct af_future *done, void *arg)
{
	(void)done;
	ck_assert_int_eq(af_await(*(struct af_future **)arg), -ECANCELED);
	return NULL;
}

enum {
	CANCEL_HERE,
	CANCEL_IN_A_CONTINUATION,
	CANCEL_IN_A_NESTED_AWAIT,
	CANCEL_BY_LOOP_FREE,
	CANCEL_COUNT
};

START_TEST(cancel_of_a_tree_reaches_every_root_once)
{
	struct af_future *tree;
	int told = 0, from = _i / DRIVE_COUNT;

	rig_open(&rig, _i % DRIVE_COUNT);
	tree = make_tree(&told);
	if (from == CANCEL_IN_A_NESTED_AWAIT)
		af_future_unref(
			af_then(af_sleep(rig.loop, MS(0)), await_arg, &tree));
	if (from == CANCEL_HERE) {
		cancel_arg(NULL, &tree);
	} else if (from == CANCEL_BY_LOOP_FREE) {
		af_loop_free(rig.loop);
		rig.loop = NULL;
		ck_assert_int_eq(af_await(tree), -ECANCELED);
	} else {
		af_on_done(af_sleep(rig.loop, MS(5)), cancel_arg, &tree);
	}
	if (rig.loop) {
		ck_assert_int_eq(drive(&rig, tree), -ECANCELED);
		turn(&rig);
		ck_assert_int_eq(af_loop_run(rig.loop), 0);
	}
	cancel_arg(NULL, &tree);
	ck_assert_int_eq(cancels, TREE_ROOTS);
	ck_assert_int_eq(told, TREE_TOLD);
	af_future_unref(tree);
	rig_close(&rig);
}
END_TEST

START_TEST(tree_dropped_goes_on)
{
	struct af_future *f;
	int told = 0;

	rig_open(&rig, _i);
	af_future_unref(make_tree(&told));
	f = all2(af_sleep(rig.loop, MS(0)), make());
	af_on_done(af_future_ref(f), count_canceled, &told);
	ck_assert_int_eq(af_await_for(f, MS(5)), -ETIMEDOUT);
	af_future_unref(f);
	ck_assert_int_eq(told, 0);
	rig_close(&rig);
	ck_assert_int_eq(cancels, TREE_ROOTS + 1);
	ck_assert_int_eq(told, TREE_TOLD + 1);
}
END_TEST

START_TEST(all_of_very_many_takes_linear_time)
{
	struct af_future **parts = calloc(MANY, sizeof *parts);
	struct af_future *f;

	rig_open(&rig, _i);
	for (int i = 0; i < MANY; i++)
		parts[i] = make();
	f = af_all(rig.loop, parts, MANY);
	for (int i = MANY; i-- > 0;)
		resolve(parts[i]);
	expect_error(&rig, f, 0);
	for (int i = 0; i < MANY; i++)
		parts[i] = make();
	f = af_race(rig.loop, parts, MANY);
	resolve(parts[MANY / 2]);
	expect_error(&rig, f, 0);
	ck_assert_int_eq(cancels, MANY - 1);
	free(parts);
	rig_close(&rig);
}
END_TEST

static struct af_future *return_done(struct af_future *done, void *arg)
{
	++*(int *)arg;
	return done;
}

enum { THEN, CATCH, FINALLY_AFTER_SUCCESS, FINALLY_AFTER_FAILURE, RETURNS };

static struct af_future *add_return(int how, struct af_future *f, int *calls)
{
	if (how == THEN)
		return af_then(f, return_done, calls);
	if (how == CATCH)
		return af_catch(f, return_done, calls);
	return af_finally(f, return_done, calls);
}

START_TEST(continuation_that_returns_done_passes_it_on)
{
	int how = _i / DRIVE_COUNT, calls = 0;
	bool fails = how == CATCH || how == FINALLY_AFTER_FAILURE;
	struct af_future *f, *chain;

	rig_open(&rig, _i % DRIVE_COUNT);
	f = make();
	chain = add_return(how, af_future_ref(f), &calls);
	chain = add_return(how, chain, &calls);
	if (fails)
		ck_assert_int_eq(af_future_fail(f, -EIO), 0);
	else
		ck_assert_int_eq(af_future_resolve(f, &calls, NULL), 0);
	af_future_unref(f);
	ck_assert_int_eq(drive(&rig, chain), fails ? -EIO : 0);
	ck_assert_ptr_eq(af_future_value(chain), fails ? NULL : &calls);
	ck_assert_int_eq(calls, 2);
	af_future_unref(chain);
	rig_close(&rig);
}
END_TEST

/* The bytes of a read, of which the chain has the only reference. */
START_TEST(read_that_is_returned_as_done_keeps_its_bytes)
{
	struct af_future *f;
	int calls = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	f = af_file_read(rig.reader, 9, 0, NULL);
	f = af_finally(af_then(f, return_done, &calls), return_done, &calls);
	expect_text(&rig, f, "abc", 0);
	ck_assert_int_eq(calls, 2);
	rig_close(&rig);
}
END_TEST

/* Also where continuations run at once, or after their chain was cancelled. */
START_TEST(done_without_a_loop_may_be_returned)
{
	struct af_future *f;
	int calls = 0;

	rig_open(&rig, _i);
	f = af_catch(af_sleep(NULL, MS(0)), return_done, &calls);
	ck_assert_int_eq(calls, 1);
	expect_error(&rig, f, -EINVAL);
	f = af_finally(af_sleep(rig.loop, MS(0)), return_done, &calls);
	af_future_cancel(f);
	expect_error(&rig, f, 0);
	ck_assert_int_eq(calls, 2);
	f = af_then(af_sleep(rig.loop, MS(5)), return_done, &calls);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	f = af_catch(f, return_done, &calls);
	ck_assert_int_eq(calls, 3);
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static struct af_future *sleep_on_its_loop(struct af_future *done, void *arg)
{
	ck_assert_ptr_eq(af_future_loop(done), rig.loop);
	++*(int *)arg;
	return af_sleep(af_future_loop(done), MS(0));
}

static struct af_future *pass_on(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

/* Index: all, all_settled, race. */
START_TEST(parts_of_a_whole_are_those_of_a_chain_and_a_shield)
{
	struct af_future *parts[2], *given[2], *whole, *chain;

	rig_open(&rig, 0);
	for (int i = 0; i < 2; i++) {
		parts[i] = af_succeeded(rig.loop, NULL, NULL);
		given[i] = parts[i];
	}
	whole = _i == 0	  ? af_all(rig.loop, parts, 2)
		: _i == 1 ? af_all_settled(rig.loop, parts, 2)
			  : af_race(rig.loop, parts, 2);
	chain = af_shield(af_then(whole, pass_on, NULL));
	ck_assert_ptr_null(af_future_part(chain, 0));
	ck_assert_int_eq(drive(&rig, chain), 0);
	for (size_t i = 0; i < 2; i++)
		ck_assert_ptr_eq(af_future_part(chain, i),
				 _i == 2 ? NULL : given[i]);
	ck_assert_ptr_null(af_future_part(chain, 2));
	af_future_unref(chain);
	rig_close(&rig);
}
END_TEST

START_TEST(future_knows_its_loop)
{
	struct af_future *f, *pending, *none;
	int calls = 0;

	rig_open(&rig, _i);
	f = af_then(af_sleep(rig.loop, MS(0)), sleep_on_its_loop, &calls);
	ck_assert_ptr_eq(af_future_loop(f), rig.loop);
	expect_error(&rig, f, 0);
	none = af_sleep(NULL, MS(0));
	ck_assert_ptr_null(af_future_loop(none));
	ck_assert_ptr_null(af_future_loop(NULL));
	/* To the end of af_loop_free(), and no longer. */
	pending = af_finally(make(), sleep_on_its_loop, &calls);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(calls, 2);
	ck_assert_int_eq(af_future_error(pending), -ECANCELED);
	ck_assert_ptr_null(af_future_loop(pending));
	af_future_unref(pending);
	rig_close(&rig);
}
END_TEST

static void expect_eperm(struct af_future *f)
{
	ck_assert_int_eq(af_future_error(f), -EPERM);
	ck_assert_ptr_null(af_future_loop(f));
	af_future_unref(f);
}

static void *call_from_outside(void *arg)
{
	struct af_future **parts = arg;
	enum group_kind kind;

	expect_eperm(af_future_new(rig.loop, NULL, NULL));
	expect_eperm(af_sleep(rig.loop, MS(0)));
	expect_eperm(af_sleep(rig.loop, NULL));
	for (kind = ALL; kind <= ANY; kind++)
		expect_eperm(make_group(kind, parts, 2));
	expect_eperm(make_group(ANY, NULL, 2));
	expect_eperm(af_with_timeout(parts[0], MS(0)));
	expect_eperm(af_with_timeout(parts[0], NULL));
	expect_eperm(af_with_timeout(parts[0], MS(-1)));
	ck_assert_int_eq(af_loop_dump(rig.loop, stderr), -EPERM);
	ck_assert_int_eq(af_loop_set_max_depth(rig.loop, 1), -EPERM);
	ck_assert_int_eq(af_loop_set_workers(rig.loop, 1), -EPERM);
	ck_assert_int_eq(af_loop_run(rig.loop), -EPERM);
	ck_assert_int_eq(af_await(parts[0]), -EPERM);
	return NULL;
}

/* A group of one's own, with a part of another thread: that is left alone. */
static void *group_with_a_strange_part(void *arg)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *parts[2] = { af_sleep(loop, MS(0)),
				       ((struct af_future **)arg)[0] };
	struct af_future *f = af_all(loop, parts, 2);

	ck_assert_int_eq(af_future_error(f), -EINVAL);
	af_future_unref(f);
	af_loop_free(loop);
	return NULL;
}

START_TEST(calls_from_other_threads_fail_eperm_and_take_nothing)
{
	struct af_future *parts[2];
	pthread_t thread;

	rig_open(&rig, _i % DRIVE_COUNT);
	for (int i = 0; i < 2; i++)
		parts[i] = make();
	pthread_create(&thread, NULL,
		       _i < DRIVE_COUNT ? call_from_outside
					: group_with_a_strange_part,
		       parts);
	pthread_join(thread, NULL);
	/* A reference too few would be seen here. */
	for (int i = 0; i < 2; i++) {
		resolve(parts[i]);
		expect_error(&rig, parts[i], 0);
	}
	rig_close(&rig);
	ck_assert_int_eq(cancels, 0);
}
END_TEST

/* The link of a continuation that runs, and what that can wait for. */
static struct af_future *own;

enum {
	ALL_OWN_FIRST,
	ALL_OWN_LAST,
	ALL_OF_ALL,
	ALL_SETTLED_OWN,
	RACE_OWN_ONLY,
	ANY_OWN_ONLY,
	RACE_OF_OWN_ALL,
	DEADLOCKS,
	RACE_OWN_AND_OTHER = DEADLOCKS, /* a wait for it can end */
	RACE_OF_ALL_AND_OTHER,
	OWN_CASES
};

static struct af_future *make_group_of_own(int which)
{
	struct af_future *o = af_future_ref(own), *f;

	switch (which) {
	case ALL_OWN_FIRST:
		return all2(o, make());
	case ALL_OWN_LAST:
		return all2(make(), o);
	case ALL_OF_ALL:
		f = af_then(all2(make(), o), pass, NULL);
		return all2(af_sleep(rig.loop, MS(0)), f);
	case ALL_SETTLED_OWN:
		return af_all_settled(rig.loop, &o, 1);
	case ANY_OWN_ONLY:
		return af_any(rig.loop, &o, 1);
	case RACE_OWN_ONLY:
		return af_race(rig.loop, &o, 1);
	case RACE_OF_OWN_ALL:
		f = af_finally(af_future_ref(own), pass, NULL);
		return race2(o, all2(make(), f));
	case RACE_OWN_AND_OTHER:
		return race2(af_then(o, pass, NULL), af_sleep(rig.loop, MS(5)));
	default:
		return race2(all2(make(), o), af_sleep(rig.loop, MS(5)));
	}
}

static struct af_future *await_own(struct af_future *done, void *arg)
{
	int which = *(int *)arg;
	struct af_future *f = make_group_of_own(which);

	(void)done;
	ck_assert_int_eq(af_await(f), which < DEADLOCKS ? -EDEADLK : 0);
	ck_assert_int_eq(af_future_is_done(f), which >= DEADLOCKS);
	af_future_unref(f);
	return NULL;
}

static struct af_future *return_own(struct af_future *done, void *arg)
{
	(void)done;
	return make_group_of_own(*(int *)arg);
}

START_TEST(await_of_own_chain_in_a_group_fails_edeadlk)
{
	int which = _i / DRIVE_COUNT;

	rig_open(&rig, _i % DRIVE_COUNT);
	own = af_then(af_sleep(rig.loop, MS(0)), await_own, &which);
	expect_error(&rig, own, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(chain_that_returns_itself_in_a_group_fails_edeadlk)
{
	int which = _i / DRIVE_COUNT;

	rig_open(&rig, _i % DRIVE_COUNT);
	own = af_then(af_sleep(rig.loop, MS(0)), return_own, &which);
	expect_error(&rig, own, -EDEADLK);
	rig_close(&rig);
}
END_TEST

static struct af_future *ended;

static struct af_future *return_ended(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return af_future_ref(ended);
}

/* Its parts stay its own, and would be those of the chain. */
START_TEST(chain_that_returns_an_ended_group_of_itself_fails_edeadlk)
{
	struct af_future *maker, *f;

	rig_open(&rig, _i % DRIVE_COUNT);
	maker = af_future_new(rig.loop, NULL, NULL);
	own = af_finally(af_future_ref(maker), return_ended, NULL);
	f = all2(af_future_ref(own), af_failed(rig.loop, -EPROTO));
	if (_i / DRIVE_COUNT == 1)
		f = all2(make(), f);
	if (_i / DRIVE_COUNT == 2)
		f = af_finally(f, pass, NULL);
	ended = f;
	ck_assert_int_eq(drive(&rig, ended), -EPROTO);
	ck_assert_int_eq(af_future_resolve(maker, NULL, NULL), 0);
	af_future_unref(maker);
	expect_error(&rig, own, -EDEADLK);
	af_future_unref(ended);
	rig_close(&rig);
}
END_TEST

START_TEST(chain_that_returns_a_due_chain_of_such_a_group_fails_edeadlk)
{
	struct af_future *maker, *group;

	rig_open(&rig, _i);
	maker = af_future_new(rig.loop, NULL, NULL);
	own = af_finally(af_future_ref(maker), return_ended, NULL);
	group = all2(af_future_ref(own), af_future_new(rig.loop, NULL, NULL));
	ended = af_finally(af_future_ref(group), pass, NULL);
	/* First own, which returns ended; then ended, with the group's end. */
	ck_assert_int_eq(af_future_resolve(maker, NULL, NULL), 0);
	af_future_cancel(group);
	expect_error(&rig, own, -EDEADLK);
	expect_error(&rig, ended, -ECANCELED);
	af_future_unref(maker);
	af_future_unref(group);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/group");
	TCase *tc = test_case(s, "outcomes");

/* With each way of waiting, on a pipe; n variants. */
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(group_ends_as_the_table_says, GROUP_CASES);
	ADD(group_of_nonsense_fails_einval, 1);
	ADD(race_has_the_result_of_the_first, 1);
	ADD(any_has_the_result_of_the_first_success, 1);
	ADD(any_has_the_result_of_the_last_failure, 1);
	ADD(all_settled_ends_with_its_last_part, 1);
	ADD(groups_nest_in_groups_and_chains, 1);
	ADD(chain_takes_outcome_of_returned_group, 2);

	tc = test_case(s, "ends");
	ADD(cancel_of_a_tree_reaches_every_root_once, CANCEL_COUNT);
	ADD(tree_dropped_goes_on, 1);
	ADD(all_of_very_many_takes_linear_time, 1);

	tc = test_case(s, "chains");
	ADD(continuation_that_returns_done_passes_it_on, RETURNS);
	ADD(read_that_is_returned_as_done_keeps_its_bytes, 1);
	ADD(done_without_a_loop_may_be_returned, 1);

	tc = test_case(s, "loops");
	tcase_add_loop_test(
		tc, parts_of_a_whole_are_those_of_a_chain_and_a_shield, 0, 3);
	ADD(future_knows_its_loop, 1);
	ADD(calls_from_other_threads_fail_eperm_and_take_nothing, 2);

	tc = test_case(s, "deadlocks");
	ADD(await_of_own_chain_in_a_group_fails_edeadlk, OWN_CASES);
	ADD(chain_that_returns_itself_in_a_group_fails_edeadlk, OWN_CASES);
	ADD(chain_that_returns_an_ended_group_of_itself_fails_edeadlk, 3);
	ADD(chain_that_returns_a_due_chain_of_such_a_group_fails_edeadlk, 1);
	return s;
}
