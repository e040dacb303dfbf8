/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random programs of operations, chains, groups, cancels, timeouts, closes,
 * forgets and nested waits, on files of every kind, against the model in tests/model. A
 * program that fails is made as short as possible and printed.
 *
 * AF_TEST_OPERATIONS=n   runs programs until n operations were done, rather
 *                        than a million
 * AF_TEST_SEED=n         begins with that seed; without AF_TEST_OPERATIONS it
 *                        runs this one only
 * AF_TEST_PROGRAM=text   runs one program; text may be the name of a file
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "model/runner.h"
#include "model/shrink.h"
#include "support/harness.h"

#define OPERATIONS 1000000
#define BATCH 40	     /* programs in one child */
#define SHRINK_TIME 120	     /* seconds */
#define SHRINK_CALLS 3000    /* programs run to find a shorter one */
#define SHRINK_LIMIT 10	     /* seconds after which one of them hangs */
#define TEST_LIMIT (60 * 60) /* seconds; Check multiplies it */

struct same {
	struct failure failure;
	unsigned tries;
	int64_t until; /* no program fails after that; 0: no limit */
};

static bool fails_likewise(const struct program *program, void *arg)
{
	struct same *same = arg;
	struct failure failure;

	for (unsigned i = 0; i < same->tries; i++) {
		if (same->until && now_us() > same->until)
			return false;
		if (runner_run(program, SHRINK_LIMIT, &failure) &&
		    runner_is_same(&failure, &same->failure))
			return true;
	}
	return false;
}

/* One that does not fail each time is tried more often. */
static bool find_tries(const struct program *program, struct same *same)
{
	unsigned failed = 0;

	same->tries = 1;
	for (unsigned i = 0; i < 5; i++)
		failed += fails_likewise(program, same);
	if (failed < 5)
		same->tries = 10;
	return failed > 0;
}

static _Noreturn void report(struct program *program,
			     const struct failure *failure)
{
	struct same same = { .failure = *failure };
	size_t n = program->n;
	unsigned calls = 0;
	char text[500];

	if (find_tries(program, &same)) {
		same.until = now_us() + SHRINK_TIME * INT64_C(1000000);
		calls = shrink(program, fails_likewise, &same,
			       SHRINK_CALLS / same.tries);
	}
	runner_describe(failure, text, sizeof text);
	fprintf(stderr,
		"\nseed %llu: %s\n%zu instructions, %zu after %u shorter "
		"programs:\n\n    ",
		(unsigned long long)failure->seed, text, n, program->n, calls);
	program_print(program, stderr, "\n    ");
	fprintf(stderr, "\n\nAF_TEST_PROGRAM='");
	program_print(program, stderr, "; ");
	fprintf(stderr, "'\n");
	program_free(program);
	ck_abort_msg("AF_TEST_SEED=%llu: %s", (unsigned long long)failure->seed,
		     text);
	abort();
}

static void run_seeds(uint64_t first, unsigned n, unsigned long *operations)
{
	struct program program;
	struct failure failure, alone;

	if (!runner_run_seeds(first, n, operations, &failure))
		return;
	/* One that fails at the end of all, such as a leak, is looked for. */
	for (unsigned i = 0; i < n; i++) {
		program_generate(&program, first + i);
		if ((failure.seed == first + i || n == 1 ||
		     failure.seed == first + n - 1) &&
		    runner_run(&program, RUNNER_LIMIT, &alone))
			report(&program, &alone);
		program_free(&program);
	}
	program_generate(&program, failure.seed);
	report(&program, &failure);
}

/* The text itself, or what is in the file of that name. */
static char *program_text(const char *text)
{
	char *all = NULL;
	size_t size = 0;
	FILE *file = fopen(text, "r");

	if (!file)
		return strdup(text);
	ck_assert(getdelim(&all, &size, '\0', file) > 0);
	fclose(file);
	return all;
}

static void run_text(const char *text)
{
	char *all = program_text(text);
	struct program program;
	struct failure failure;
	char what[500];
	bool failed;

	ck_assert_msg(program_parse(&program, all) == 0, "not a program: %s",
		      all);
	free(all);
	failed = runner_run(&program, RUNNER_LIMIT, &failure);
	program_free(&program);
	if (failed)
		runner_describe(&failure, what, sizeof what);
	ck_assert_msg(!failed, "%s", what);
}

START_TEST(random_program_does_as_the_model_says)
{
	const char *many = getenv("AF_TEST_OPERATIONS");
	const char *text = getenv("AF_TEST_PROGRAM");
	const char *one = getenv("AF_TEST_SEED");
	uint64_t seed = one ? strtoull(one, NULL, 0) : 1;
	unsigned long goal = many ? strtoul(many, NULL, 0) : OPERATIONS;
	unsigned long operations = 0;

	if (text) {
		run_text(text);
	} else if (one && !many) {
		run_seeds(seed, 1, &operations);
	} else {
		for (; operations < goal; seed += BATCH)
			run_seeds(seed, BATCH, &operations);
		fprintf(stderr, "%lu operations, up to seed %llu\n", operations,
			(unsigned long long)seed - 1);
	}
}
END_TEST

/* Puts instructions in the middle of those that are run first. */
static void plant(struct program *program, const char *text, uint64_t seed)
{
	struct program planted;
	size_t n;

	ck_assert_int_eq(program_parse(&planted, text), 0);
	program_generate(program, seed);
	program->list = realloc(program->list, (program->n + planted.n) *
						       sizeof *program->list);
	for (n = program->n; program->list[n - 1].body > 0;)
		n--;
	n /= 2;
	memmove(program->list + n + planted.n, program->list + n,
		(program->n - n) * sizeof *program->list);
	memcpy(program->list + n, planted.list,
	       planted.n * sizeof *planted.list);
	program->n += planted.n;
	program_free(&planted);
}

static const struct {
	const char *text, *shrunk;
	int status;
} faults[] = {
	{ "fault kind=0 alone=1", "fault kind=0 alone=1", 9 << 8 },
	{ "fault kind=1 alone=1", "fault kind=1 alone=1", 3 << 8 },
	{ "sleep time=900; fault kind=0 alone=0",
	  "sleep time=0; fault kind=0 alone=0", 9 << 8 },
	{ "chain future=0 on=2 body=1 return=3; fault kind=1 alone=0; "
	  "sleep time=70; sleep time=9; fault kind=1 alone=0",
	  "sleep time=0; fault kind=1 alone=0", 3 << 8 },
};
#define N_FAULTS (int)(sizeof faults / sizeof *faults)

START_TEST(program_with_a_fault_shrinks_to_it)
{
	struct same same = { .tries = 1 };
	struct program program;
	char *shrunk = NULL;
	size_t size;
	FILE *out;

	plant(&program, faults[_i].text, 17);
	ck_assert(runner_run(&program, RUNNER_LIMIT, &same.failure));
	ck_assert_int_eq(same.failure.status, faults[_i].status);
	shrink(&program, fails_likewise, &same, SHRINK_CALLS);
	out = open_memstream(&shrunk, &size);
	program_print(&program, out, "; ");
	fclose(out);
	program_free(&program);
	ck_assert_str_eq(shrunk, faults[_i].shrunk);
	free(shrunk);
}
END_TEST

START_TEST(program_that_hangs_or_crashes_is_told_apart)
{
	struct failure hung, crashed;
	struct program program;

	ck_assert_int_eq(program_parse(&program, "fault kind=2 alone=1"), 0);
	ck_assert(runner_run(&program, 1, &hung));
	ck_assert(WIFSIGNALED(hung.status));
	ck_assert_int_eq(WTERMSIG(hung.status), SIGALRM);
	program.list[0].arg[0] = 3;
	ck_assert(runner_run(&program, RUNNER_LIMIT, &crashed));
	ck_assert(!runner_is_same(&hung, &crashed));
	program_free(&program);
}
END_TEST

START_TEST(program_is_the_same_after_it_was_printed)
{
	struct program program, parsed;
	char *text = NULL;
	size_t size;
	FILE *out;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		program_generate(&program, seed);
		out = open_memstream(&text, &size);
		program_print(&program, out, seed % 2 ? "; " : "\n    ");
		fclose(out);
		ck_assert_int_eq(program_parse(&parsed, text), 0);
		ck_assert_uint_eq(parsed.n, program.n);
		ck_assert_mem_eq(parsed.list, program.list,
				 program.n * sizeof *program.list);
		program_free(&program);
		program_free(&parsed);
		free(text);
	}
	ck_assert_int_eq(program_parse(&parsed, "read size=3"), -EINVAL);
}
END_TEST

/* What such a program found: libevent has seen the bytes that go here. */
static struct rig rig;

static void read_before_libevent(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f;

	(void)fd;
	(void)what;
	af_future_cancel(arg);
	f = af_file_read(rig.reader, 3, AFIO_FULL, MS(0));
	ck_assert_int_eq(af_future_error(f), 0);
	af_future_unref(f);
}

START_TEST(read_that_libevent_was_about_to_do_does_not_block)
{
	struct af_future *f;
	struct event event;

	rig_open(&rig, WAY(KIND_SOCKETPAIR, DRIVE_DISPATCH));
	f = af_file_read(rig_reader(&rig), 3, 0, NULL);
	event_assign(&event, rig.base, -1, 0, read_before_libevent, f);
	put_text(rig.out, "abc");
	/* It comes before what the poll of the same turn finds. */
	event_active(&event, EV_TIMEOUT, 0);
	turn(&rig);
	expect_error(&rig, f, -ECANCELED);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("whole/random_programs");
	TCase *tc = test_case(s, "found");

	tcase_add_test(tc, read_that_libevent_was_about_to_do_does_not_block);
	tc = test_case(s, "shrinking");
	tcase_add_loop_test(tc, program_with_a_fault_shrinks_to_it, 0,
			    N_FAULTS);
	tcase_add_test(tc, program_that_hangs_or_crashes_is_told_apart);
	tcase_add_test(tc, program_is_the_same_after_it_was_printed);
	tc = test_case(s, "programs");
	tcase_set_timeout(tc, TEST_LIMIT);
	tcase_add_test(tc, random_program_does_as_the_model_says);
	return s;
}
