/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Futures of several, with a time limit, and of time alone: what they come to,
 * what becomes of their parts, and the waits that nothing could end.
 */
#include <errno.h>
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
	bool any;
	const char *parts, *acts;
	int error;
	const char *ends;
} group_cases[] = {
	{ false, "", "", 0, "" },
	{ false, "s", "", 0, "s" },
	{ false, "ssss", "", 0, "ssss" },
	{ false, "p", "0s", 0, "s" },
	{ false, "ppp", "0s1s2s", 0, "sss" },
	{ false, "ppp", "2s0s1s", 0, "sss" },
	{ false, "psp", "2s0s", 0, "sss" },
	{ false, "ppp", "1f", -EIO, "pfp" },
	{ false, "ppp", "1s2f", -EIO, "psf" },
	{ false, "ppp", "2e0f", -EPIPE, "fpe" },
	{ false, "ppp", "0s1c", -ECANCELED, "scp" },
	{ false, "pfp", "", -EIO, "pfp" },
	{ false, "nspp", "", -EINVAL, "nspp" },
	{ false, "pfn", "", -EIO, "pfn" },
	{ false, "-", "", -EINVAL, "-" },
	{ false, "ps-p", "", -EINVAL, "ps-p" },
	{ false, "pop", "", -EINVAL, "pop" },

	{ true, "", "", -EINVAL, "" },
	{ true, "s", "", 0, "s" },
	{ true, "p", "0s", 0, "s" },
	{ true, "p", "0f", -EIO, "f" },
	{ true, "ppp", "1s", 0, "csc" },
	{ true, "ppp", "2f", -EIO, "ccf" },
	{ true, "ppp", "2f0s", -EIO, "scf" },
	{ true, "ppp", "1c", -ECANCELED, "ccc" },
	{ true, "pspp", "", 0, "cscc" },
	{ true, "pfsp", "", -EIO, "cfsc" },
	{ true, "nsp", "", -EINVAL, "nsc" },
	{ true, "snp", "", 0, "snc" },
	{ true, "-", "", -EINVAL, "-" },
	{ true, "ps-p", "", -EINVAL, "ps-p" },
	{ true, "op", "", -EINVAL, "op" },
};
#define GROUP_CASES (int)(sizeof group_cases / sizeof *group_cases)

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
	bool is_made =
		strpbrk(c->parts, "-o") == NULL && (!c->any || c->parts[0]);
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
	whole = (c->any ? af_any : af_all)(rig.loop, parts, n);
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
	expect_error(&rig, af_any(NULL, parts, 2), -EINVAL);
	expect_error(&rig, af_all(rig.loop, NULL, 2), -EINVAL);
	expect_error(&rig, af_any(rig.loop, NULL, 2), -EINVAL);
	expect_error(&rig, af_all(NULL, NULL, 0), -EINVAL);
	ck_assert_ptr_null(af_future_part(NULL, 0));
	parts[0] = make();
	ck_assert_ptr_null(af_future_part(parts[0], 0));
	af_future_unref(parts[0]);
	rig_close(&rig);
	ck_assert_int_eq(cancels, 5); /* they had gone on */
}
END_TEST

/* The winner's result is the whole's; the loser's bytes stay where they were. */
START_TEST(any_has_the_result_of_the_first)
{
	struct af_future *read, *any;

	rig_open(&rig, _i);
	rig_reader(&rig);
	put_text(rig.out, "abc");
	read = af_file_read(rig.reader, 9, 0, NULL);
	any = any2(af_file_read(rig.reader, 9, 0, NULL), read);
	expect_text(&rig, af_then(any, pass, NULL), "abc", 0);
	/* Of two reads of one file the first is done; now it is the loser. */
	put_text(rig.out, "def");
	read = af_file_read(rig.reader, 9, AFIO_FULL, NULL);
	any = any2(read, af_sleep(rig.loop, MS(20)));
	expect_error(&rig, any, 0);
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "def", 0);
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
	f = any2(af_finally(m[1], pass, &told),
		 af_with_timeout(af_then(m[2], pass, &told), MS(60000)));
	f = af_then(all2(af_then(m[0], pass, &told), f), pass, &told);
	f = any2(f, m[3]);
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

/* All, any and timeouts over five roots; who is told is counted. */
static struct af_future *make_tree(int *told)
{
	struct af_future *f;

	f = any2(af_finally(make(), pass, told),
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
	f = af_any(rig.loop, parts, MANY);
	resolve(parts[MANY / 2]);
	expect_error(&rig, f, 0);
	ck_assert_int_eq(cancels, MANY - 1);
	free(parts);
	rig_close(&rig);
}
END_TEST

/* The link of a continuation that runs, and what that can wait for. */
static struct af_future *own;

enum {
	ALL_OWN_FIRST,
	ALL_OWN_LAST,
	ALL_OF_ALL,
	ANY_OWN_ONLY,
	ANY_OF_OWN_ALL,
	DEADLOCKS,
	ANY_OWN_AND_OTHER = DEADLOCKS, /* a wait for it can end */
	ANY_OF_ALL_AND_OTHER,
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
	case ANY_OWN_ONLY:
		return af_any(rig.loop, &o, 1);
	case ANY_OF_OWN_ALL:
		f = af_finally(af_future_ref(own), pass, NULL);
		return any2(o, all2(make(), f));
	case ANY_OWN_AND_OTHER:
		return any2(af_then(o, pass, NULL), af_sleep(rig.loop, MS(5)));
	default:
		return any2(all2(make(), o), af_sleep(rig.loop, MS(5)));
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

Suite *suite(void)
{
	Suite *s = suite_create("future/group");
	TCase *tc = test_case(s, "outcomes");

/* With each way of waiting, on a pipe; n variants. */
#define ADD(test, n) tcase_add_loop_test(tc, test, 0, (n)*DRIVE_COUNT)
	ADD(group_ends_as_the_table_says, GROUP_CASES);
	ADD(group_of_nonsense_fails_einval, 1);
	ADD(any_has_the_result_of_the_first, 1);
	ADD(groups_nest_in_groups_and_chains, 1);
	ADD(chain_takes_outcome_of_returned_group, 2);

	tc = test_case(s, "ends");
	ADD(cancel_of_a_tree_reaches_every_root_once, CANCEL_COUNT);
	ADD(tree_dropped_goes_on, 1);
	ADD(all_of_very_many_takes_linear_time, 1);

	tc = test_case(s, "deadlocks");
	ADD(await_of_own_chain_in_a_group_fails_edeadlk, OWN_CASES);
	ADD(chain_that_returns_itself_in_a_group_fails_edeadlk, OWN_CASES);
	return s;
}
