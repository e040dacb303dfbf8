/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Promises of SECURITY.md about what callers pass on from others: sizes of any
 * value, and texts that mean something to a shell or to printf(3).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/children.h"
#include "support/harness.h"
#include "support/inside.h"
#include "support/scratch.h"

#define HOSTILE "%s%n%1000000d%p $(touch made) `touch made`;touch made&\n|*'\""
#define TEXT "one\ntwo"
#define PROGRAM(name) ((const char *const[]){ (name), NULL })

static struct rig rig;

/* As malloc(3) without sanitizers: sizes that cannot be had are NULL. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static const size_t sizes[] = {
	SIZE_MAX,	  SIZE_MAX - 1,	      SIZE_MAX - 4095,
	SIZE_MAX / 2 + 1, SIZE_MAX / 2,	      SIZE_MAX / 2 - 1,
	SIZE_MAX / 4 + 1, (size_t)UINT32_MAX, (size_t)INT32_MAX + 1,
};
#define N_SIZES ((int)(sizeof sizes / sizeof *sizes))

/* A read of that size from a file that has TEXT, and then ends. */
struct reading {
	struct af_future *(*read)(struct af_file *file, size_t size);
	const char *text; /* of the first call */
	unsigned flags;
	bool at_end; /* when the file is known to end */
	bool taken;  /* the bytes have left the file */
};

static struct af_future *plain(struct af_file *file, size_t size)
{
	return af_file_read(file, size, 0, NULL);
}

static struct af_future *full(struct af_file *file, size_t size)
{
	return af_file_read(file, size, AFIO_FULL, NULL);
}

static struct af_future *line(struct af_file *file, size_t size)
{
	return af_file_readline(file, size, 0, 0, NULL);
}

static struct af_future *hinted(struct af_file *file, size_t size)
{
	return af_file_readline(file, 0, size, 0, NULL);
}

static struct af_future *until(struct af_file *file, size_t size)
{
	return af_file_read_until(file, "two", 3, size, 0, NULL);
}

static struct af_future *until_any(struct af_file *file, size_t size)
{
	static const struct af_text texts[] = { { "two", 3 }, { "\n", 1 } };

	return af_file_read_until_any(file, texts, 2, size, 0, NULL);
}

static struct af_future *peek(struct af_file *file, size_t size)
{
	return af_file_peek(file, size, NULL);
}

static const struct reading readings[] = {
	{ plain, TEXT, 0, false, true },
	{ full, TEXT, AFIO_EOF, false, true },
	{ line, "one\n", 0, false, true },
	{ hinted, "one\n", 0, false, true },
	{ until, TEXT, 0, false, true },
	{ until_any, "one\n", 0, false, true },
	{ peek, TEXT, AFIO_EOF, false, false },
};
#define N_READINGS ((int)(sizeof readings / sizeof *readings))

/* Each kind of size, of read and of descriptor. */
START_TEST(read_of_any_size_returns_what_is_there)
{
	const struct reading *reading = &readings[_i % N_READINGS];
	size_t size = sizes[_i / N_READINGS % N_SIZES];
	const char *rest = TEXT;

	rig_open(&rig, WAY(_i / N_READINGS / N_SIZES, DRIVE_AWAIT));
	rig_reader(&rig);
	ck_assert_int_eq(write(rig.out, TEXT, strlen(TEXT)), strlen(TEXT));
	rig_hang_up(&rig);
	expect_bytes(&rig, reading->read(rig.reader, size), reading->text,
		     strlen(reading->text), reading->flags);
	rest += reading->taken ? strlen(reading->text) : 0;
	expect_bytes(&rig, af_file_read(rig.reader, 0, 0, NULL), rest,
		     strlen(rest), AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(read_at_of_any_size_returns_what_is_there)
{
	struct af_file *file;

	rig_open(&rig, 0);
	make_file("file", TEXT, 0600);
	file = af_file_open(rig.loop, "file", "r");
	ck_assert_ptr_nonnull(file);
	for (unsigned flags = 0; flags <= AFIO_FULL; flags += AFIO_FULL)
		expect_bytes(&rig,
			     af_file_read_at(file, sizes[_i], 4, flags, NULL),
			     "two", 3, flags ? AFIO_EOF : 0);
	expect_bytes(&rig, af_file_read_at(file, sizes[_i], 1000, 0, NULL), "",
		     0, AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(unread_of_bytes_that_memory_cannot_hold_is_enomem)
{
	if (sizes[_i] <= SIZE_MAX / 4)
		return;
	if (!without_valgrind("reports a size that no memory has"))
		return;
	rig_open(&rig, 0);
	rig_reader(&rig);
	ck_assert_int_eq(af_file_unread(rig.reader, "a", sizes[_i]), -ENOMEM);
	rig_hang_up(&rig);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "", AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(limits_of_any_size_are_kept_or_refused)
{
	size_t size = sizes[_i];
	int r = size == SIZE_MAX ? -EINVAL : 0;

	rig_open(&rig, 0);
	ck_assert_int_eq(af_loop_set_file_limit(rig.loop, size), r);
	rig_reader(&rig);
	ck_assert_int_eq(af_file_set_limit(rig.reader, size), r);
	ck_assert_int_eq(af_file_set_read_ahead(rig.reader, size), 0);
	ck_assert_int_eq(write(rig.out, TEXT, strlen(TEXT)), strlen(TEXT));
	rig_hang_up(&rig);
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "one\n",
		    0);
	expect_text(&rig, af_file_read(rig.reader, 0, 0, NULL), "two",
		    AFIO_EOF);
	rig_close(&rig);
}
END_TEST

/* Of a child's output, too. */
START_TEST(output_up_to_any_size_is_what_there_was)
{
	const struct af_run_options options = {
		.communicate.max_output = sizes[_i],
	};
	struct af_future *f;

	rig_open(&rig, 0);
	f = af_run(rig.loop, HELPER("echo", "abc"), &options);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_str_eq(af_future_output(f)->out, "abc\n");
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

static const struct timeval times[] = {
	{ LONG_MAX, 999999 },	     { LONG_MAX / 2, 0 },
	{ LONG_MAX / 1000, 999999 }, { LONG_MAX / 1000000, 0 },
	{ INT32_MAX, 999999 },
};
#define N_TIMES ((int)(sizeof times / sizeof *times))

/* Times that overflow when they are added up are far away, not past. */
START_TEST(times_of_any_size_do_not_pass)
{
	struct af_future *f, *g, *both[2];

	rig_open(&rig, 0);
	f = af_sleep(rig.loop, &times[_i]);
	g = af_file_read(rig_reader(&rig), 1, 0, &times[_i]);
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	ck_assert_int_eq(write(rig.out, "x", 1), 1);
	expect_text(&rig, g, "x", 0);
	both[0] = f;
	both[1] = af_sleep(rig.loop, MS(0));
	f = af_any(rig.loop, both, 2);
	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

/* Runs to success; the output is that. */
static void expect_output(const char *const argv[], const char *search_path,
			  const char *text)
{
	struct af_run_options options = { .spawn.search_path = search_path };
	struct af_future *f = af_run(rig.loop, argv, &options);

	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_str_eq(af_future_output(f)->out, text);
	af_future_unref(f);
}

START_TEST(arguments_are_for_no_shell)
{
	rig_open(&rig, 0);
	expect_output(HELPER("echo", HOSTILE, "-c", HOSTILE), NULL,
		      HOSTILE " -c " HOSTILE "\n");
	expect_refused(&rig, PROGRAM(HOSTILE), NULL, ENOENT);
	expect_refused(&rig, PROGRAM("./" HOSTILE), NULL, ENOENT);
	ck_assert_int_eq(access("made", F_OK), -1);
	rig_close(&rig);
}
END_TEST

/* A shell runs a script that a search has found, by its path. */
START_TEST(name_of_a_script_is_no_command)
{
	rig_open(&rig, 0);
	make_file("touch made", "echo \"$0\"", 0700);
	expect_refused(&rig, PROGRAM("./touch made"), NULL, ENOEXEC);
	expect_output(PROGRAM("touch made"), ".", "./touch made\n");
	ck_assert_int_eq(access("made", F_OK), -1);
	rig_close(&rig);
}
END_TEST

/* A number that printf(3) wrote would be somewhere in memory. */
START_TEST(texts_are_no_formats)
{
	struct af_future *f;
	char *text = NULL;
	size_t len;
	FILE *out;

	rig_open(&rig, 0);
	expect_refused(&rig, PROGRAM(HOSTILE), NULL, ENOENT);
	ck_assert_str_eq(af_spawn_error(rig.loop),
			 reason_of("exec " HOSTILE, ENOENT));
	expect_refused(&rig, HELPER("exit"), WITH(.cwd = "/%n%s"), ENOENT);
	ck_assert_str_eq(af_spawn_error(rig.loop),
			 reason_of("chdir /%n%s", ENOENT));
	ck_assert_ptr_null(af_listen(rig.loop, "/%n%s/x", NULL, NULL));
	ck_assert_ptr_nonnull(strstr(af_listen_error(rig.loop), "/%n%s/x: "));
	f = af_connect(rig.loop, "/%n%s/x", NULL, NULL, NULL);
	ck_assert_int_eq(drive(&rig, f), -ENOENT);
	ck_assert_ptr_nonnull(strstr(af_connect_error(f), "/%n%s/x: "));
	af_future_unref(f);

	out = open_memstream(&text, &len);
	f = af_spawn_async(rig.loop, PROGRAM("%n%s"), NULL);
	ck_assert_int_eq(af_loop_dump(rig.loop, out), 0);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_ptr_nonnull(strstr(text, "%n%s"));
	free(text);
	expect_error(&rig, f, -ENOENT);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("whole/promises");
	TCase *tc = test_case(s, "promises");
	TCase *files = scratch_case(s, "files");

#define ADD(tc, test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(tc, read_of_any_size_returns_what_is_there,
	    N_READINGS * N_SIZES * KIND_COUNT);
	ADD(files, read_at_of_any_size_returns_what_is_there, N_SIZES);
	ADD(tc, unread_of_bytes_that_memory_cannot_hold_is_enomem, N_SIZES);
	ADD(tc, limits_of_any_size_are_kept_or_refused, N_SIZES);
	ADD(tc, output_up_to_any_size_is_what_there_was, N_SIZES);
	ADD(tc, times_of_any_size_do_not_pass, N_TIMES);
	tcase_add_test(files, arguments_are_for_no_shell);
	tcase_add_test(files, name_of_a_script_is_no_command);
	tcase_add_test(files, texts_are_no_formats);
	return s;
}
