/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of output that a child leaves behind: all of it is read after its end.
 */
#include "support/children.h"
#include "support/pattern.h"

#define MIB ((size_t)1 << 20)

/* The exit is seen first. */
START_TEST(read_after_exit_was_seen_brings_all)
{
	struct af_process *process;
	struct rig rig;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("write", "4000"),
			WITH(.out.kind = AFIO_PIPE));
	expect_status(&rig, af_process_wait(process, NULL), 0);
	expect_data_pattern(
		&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		4000, 0, AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

START_TEST(read_in_small_pieces_brings_all)
{
	const size_t piece = 1000;
	struct af_process *process;
	struct af_future *wait;
	struct rig rig;
	size_t done;

	rig_open(&rig, _i);
	process = start(&rig, HELPER("write", "1048576"),
			WITH(.out.kind = AFIO_PIPE));
	wait = af_process_wait(process, NULL);
	for (done = 0; done + piece < MIB; done += piece)
		expect_data_pattern(&rig,
				    af_file_read(af_process_stdout(process),
						 piece, AFIO_FULL, NULL),
				    piece, done, 0);
	expect_status(&rig, wait, 0);
	expect_data_pattern(
		&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		MIB - done, done, AFIO_EOF);
	af_process_free(process);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("process/output_after_end");
	TCase *tc = test_case(s, "output");

	tcase_add_loop_test(tc, read_after_exit_was_seen_brings_all, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, read_in_small_pieces_brings_all, 0,
			    DRIVE_COUNT);
	return s;
}
