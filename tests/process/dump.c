/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of what af_loop_dump() says of operations on processes and pipelines:
 * which child each is about, for as long as it is about one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/children.h"

static struct rig rig;
static struct af_process *process;
static char *text;

static const char *dump(void)
{
	size_t len;
	FILE *out;

	free(text);
	out = open_memstream(&text, &len);
	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

static void expect_line(const char *line)
{
	ck_assert_msg(strstr(dump(), line), "no \"%s\" in \"%s\"", line, text);
}

/* "OPERATION PID" */
static void expect_child(const char *operation)
{
	char line[64];

	snprintf(line, sizeof line, "%s %d", operation,
		 (int)af_process_pid(process));
	expect_line(line);
}

START_TEST(operations_on_a_process_name_its_child)
{
	struct af_future *wait, *change, *stop;

	rig_open(&rig, 0);
	process = start_held(&rig);
	wait = af_process_wait(process, NULL);
	change = af_process_wait_change(process, NULL);
	expect_child("wait for process");
	expect_child("wait for a change of process");
	stop = af_process_stop(process, MS(600000));
	expect_child("stop for process");
	expect_status(&rig, stop, SIGTERM);
	expect_status(&rig, wait, SIGTERM);
	expect_status(&rig, change, SIGTERM);
	ck_assert_str_eq(dump(), "");
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(starts_name_the_program_and_the_stage)
{
	const char *const first[] = { "first", NULL };
	struct af_future *start, *stages;

	rig_open(&rig, 0);
	start = af_spawn_async(rig.loop, first, NULL);
	expect_line("spawn of first");
	stages = af_pipe_spawn_async(rig.loop, CHAIN(HELPER("cat"), first),
				     NULL);
	expect_line("spawn pipeline of stage 0");
	expect_error(&rig, stages, -ENOENT);
	expect_error(&rig, start, -ENOENT);
	ck_assert_str_eq(dump(), "");
	rig_close(&rig);
}
END_TEST

/* Whether the dump has it before the end of f. */
static bool comes(const struct af_future *f, const char *words)
{
	while (!af_future_is_done(f)) {
		if (strstr(dump(), words))
			return true;
		expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	}
	return false;
}

START_TEST(run_names_its_child_once_there_is_one)
{
	struct af_run_options options = {
		.spawn.in.kind = AFIO_FD,
		.spawn.ignored_signals = (const int[]){ SIGTERM },
		.spawn.n_ignored_signals = 1,
		.grace = MS(600000),
	};
	struct af_future *run = NULL;
	int ms = 100;

	rig_open(&rig, 0);
	options.spawn.in.fd = rig.in;
	/* Once more if its time was over before the child ran. */
	do {
		af_future_unref(run);
		ms *= 2;
		options.communicate.timeout = MS(ms);
		run = af_run(rig.loop, HELPER("cat"), &options);
		ck_assert_ptr_null(strstr(dump(), "run of"));
	} while (!comes(run, "run of process "));
	ck_assert(comes(run, ", stopping it"));
	rig_hang_up(&rig);
	ck_assert_int_eq(drive(&rig, run), -ETIMEDOUT);
	af_future_unref(run);
	ck_assert_str_eq(dump(), "");
	rig_close(&rig);
}
END_TEST

/* It is in the dump for as long as it is awaited. */
static void end_and_dump(struct af_future *done, void *arg)
{
	struct af_future *f = arg;

	(void)done;
	ck_assert_ptr_nonnull(strstr(dump(), "waiting for "));
	af_future_cancel(f);
	ck_assert_ptr_null(strstr(dump(), " process "));
	ck_assert_ptr_null(strstr(text, " of "));
	ck_assert_ptr_nonnull(strstr(text, "waiting for "));
}

static void expect_cancelled_while_awaited(struct af_future *f)
{
	af_on_done(af_sleep(rig.loop, MS(0)), end_and_dump, f);
	ck_assert_int_eq(af_await(f), -ECANCELED);
	af_future_unref(f);
}

START_TEST(operation_that_is_done_names_no_child)
{
	rig_open(&rig, DRIVE_AWAIT);
	process = start_held(&rig);
	expect_cancelled_while_awaited(af_process_wait(process, NULL));
	expect_cancelled_while_awaited(af_process_wait_change(process, NULL));
	expect_cancelled_while_awaited(
		af_spawn_async(rig.loop, HELPER("pause"), NULL));
	expect_cancelled_while_awaited(
		af_pipe_spawn_async(rig.loop, CHAIN(HELPER("pause")), NULL));
	expect_cancelled_while_awaited(af_run(rig.loop, HELPER("pause"), NULL));
	rig_hang_up(&rig);
	expect_exit(&rig, process, 0);
	while (library_threads() > 0 ||
	       waitid(P_ALL, 0, &(siginfo_t){ 0 },
		      WEXITED | WNOHANG | WNOWAIT) == 0)
		expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	rig_close(&rig);
}
END_TEST

static void free_text(void)
{
	free(text);
	text = NULL;
}

Suite *suite(void)
{
	Suite *s = suite_create("process/dump");
	TCase *tc = test_case(s, "dump");

	tcase_add_checked_fixture(tc, NULL, free_text);
	tcase_add_test(tc, operations_on_a_process_name_its_child);
	tcase_add_test(tc, starts_name_the_program_and_the_stage);
	tcase_add_test(tc, run_names_its_child_once_there_is_one);
	tcase_add_test(tc, operation_that_is_done_names_no_child);
	return s;
}
