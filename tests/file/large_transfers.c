/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Large amounts and small steps: all bytes arrive, in order, and in few system
 * calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/harness.h"
#include "support/pattern.h"

#define MiB ((size_t)1 << 20)

static struct rig rig;

static struct af_future *read_some(size_t size)
{
	return af_file_read(rig.reader, size, 0, NULL);
}

static struct af_future *read_full(size_t size)
{
	return af_file_read(rig.reader, size, AFIO_FULL, NULL);
}

/* The hang-up and the data come together. */
START_TEST(read_one_by_one_after_hang_up_brings_all)
{
	rig_open(&rig, _i);
	put_pattern(rig.out, 65536, 0);
	rig_hang_up(&rig);
	rig_reader(&rig);
	for (size_t i = 0; i < 2000; i++)
		expect_data_pattern(&rig, read_some(1), 1, i, 0);
	expect_data_pattern(&rig, read_some(0), 65536 - 2000, 2000, AFIO_EOF);
	rig_close(&rig);
}
END_TEST

START_TEST(read_large_brings_all)
{
	unsigned char *data = malloc(32 * MiB);

	pattern_fill(data, 32 * MiB, 0);
	rig_open(&rig, _i);
	rig_reader(&rig);
	feed(&rig, data, 32 * MiB, true);
	expect_data_pattern(&rig, read_full(16 * MiB), 16 * MiB, 0, 0);
	expect_data_pattern(&rig, read_some(0), 16 * MiB, 16 * MiB, AFIO_EOF);
	rig_close(&rig);
	free(data);
}
END_TEST

/* How many times this process has called read(2) and its like. */
static unsigned long read_calls(void)
{
	FILE *io = fopen("/proc/self/io", "re");
	unsigned long calls;
	bool found = false;
	char line[80];

	ck_assert_ptr_nonnull(io);
	while (!found && fgets(line, sizeof line, io))
		found = sscanf(line, "syscr: %lu", &calls) == 1;
	fclose(io);
	ck_assert(found);
	return calls;
}

/* A bufferevent alone would need 256. _i: waiting when it comes. */
START_TEST(read_of_a_mebibyte_takes_few_system_calls)
{
	struct af_future *f = NULL;
	unsigned long before, calls;

	rig_open(&rig, WAY(KIND_PIPE, _i / 2));
	ck_assert_int_eq(fcntl(rig.out, F_SETPIPE_SZ, (int)MiB), (int)MiB);
	rig_reader(&rig);
	if (_i % 2) {
		f = read_full(MiB);
		turn(&rig);
	}
	put_pattern(rig.out, MiB, 0);
	before = read_calls();
	if (!f)
		f = read_full(MiB);
	expect_data_pattern(&rig, f, MiB, 0, 0);
	calls = read_calls() - before;
	ck_assert_uint_gt(calls, 0);
	ck_assert_uint_lt(calls, 64);
	rig_close(&rig);
}
END_TEST

/*
 * Chains of 1, 2, 3... bytes, each of its own. Their sum goes to *ret_len; data
 * must outlive the buffer.
 */
static struct evbuffer *make_chains(const unsigned char *data, size_t chains,
				    size_t *ret_len)
{
	struct evbuffer *buf = evbuffer_new();
	size_t len = 0;

	for (size_t n = 1; n <= chains; len += n++)
		evbuffer_add_reference(buf, data + len, n, NULL, NULL);
	ck_assert_uint_eq(evbuffer_get_length(buf), len);
	*ret_len = len;
	return buf;
}

/* The bookkeeping of partial writes. */
START_TEST(write_chains_to_a_page_read_by_bytes_brings_all)
{
	struct pollfd readable = { .events = POLLIN };
	unsigned char data[200 * 201 / 2], got[sizeof data];
	struct evbuffer *buf;
	struct af_future *f;
	size_t len;

	rig_open(&rig, WAY(KIND_PIPE, _i));
	ck_assert_int_eq(fcntl(rig.out, F_SETPIPE_SZ, 4096), 4096);
	pattern_fill(data, sizeof data, 0);
	buf = make_chains(data, 200, &len);
	f = af_file_write_buffer(rig_writer(&rig), buf, AFIO_FULL, NULL);
	evbuffer_free(buf);
	readable.fd = rig.in;
	for (size_t i = 0; i < len; i++) {
		while (poll(&readable, 1, 0) == 0)
			turn(&rig);
		get(rig.in, got + i, 1);
	}
	ck_assert_uint_eq(pattern_match(got, len, 0), len);
	expect_count(&rig, f, len, 0);
	rig_hang_up(&rig);
	expect_pattern_to_eof(rig.in, 0, len);
	rig_close(&rig);
}
END_TEST

START_TEST(write_many_chains_brings_all)
{
	unsigned char *data = malloc(4 * MiB);
	struct evbuffer *buf;
	struct af_future *f;
	size_t len;

	rig_open(&rig, _i);
	rig_reader(&rig);
	pattern_fill(data, 4 * MiB, 0);
	buf = make_chains(data, 2000, &len);
	f = af_file_write_buffer(rig_writer(&rig), buf, AFIO_FULL, NULL);
	ck_assert_uint_eq(evbuffer_get_length(buf), 0);
	evbuffer_free(buf);
	expect_data_pattern(&rig, read_full(len), len, 0, 0);
	expect_count(&rig, f, len, 0);
	rig_close(&rig);
	free(data);
}
END_TEST

static int lines_left;

static struct af_future *next_line(struct af_future *done, void *arg)
{
	ck_assert_uint_eq(af_future_count(done), 40);
	if (--lines_left == 0)
		return NULL;
	return af_then(af_file_readline(rig.reader, 0, 0, 0, NULL), next_line,
		       arg);
}

/* Something is ready all the time, and each turn could read a little more. */
START_TEST(read_line_by_line_reads_ahead_within_bounds)
{
	const size_t len = 4 * MiB / 40 * 40;
	struct evbuffer *unread = evbuffer_new();
	char *data = malloc(len);

	ck_assert_ptr_nonnull(data);
	memset(data, 'x', len);
	for (size_t i = 39; i < len; i += 40)
		data[i] = '\n';
	rig_open(&rig, _i);
	rig_reader(&rig);
	feed(&rig, data, len, false);
	lines_left = 90000;
	expect_count(&rig,
		     af_then(af_file_readline(rig.reader, 0, 0, 0, NULL),
			     next_line, NULL),
		     40, 0);
	ck_assert_int_eq(close(af_file_detach(rig.reader, unread)), 0);
	rig.reader = NULL;
	ck_assert_uint_le(evbuffer_get_length(unread), 3 * 65536);
	rig_close(&rig);
	evbuffer_free(unread);
	free(data);
}
END_TEST

/* So many steps that others have their turn; then nothing more comes. */
START_TEST(read_line_in_small_steps_ends)
{
	static char data[5000];

	memset(data, 'x', sizeof(data));
	data[sizeof(data) - 1] = '\n';
	rig_open(&rig, _i);
	rig_reader(&rig);
	ck_assert_int_eq(af_file_set_read_ahead(rig.reader, 10), 0);
	feed(&rig, data, sizeof(data), false);
	expect_count(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL),
		     sizeof(data), 0);
	rig_close(&rig);
}
END_TEST

static int check_alignment(const char *data, size_t len, unsigned flags,
			   void *arg)
{
	(void)flags;
	ck_assert_uint_eq((uintptr_t)data % 64, 0);
	*(size_t *)arg += len;
	return 0;
}

/* The kernel copies faster to an aligned address. */
START_TEST(each_chunk_of_a_pipe_is_aligned)
{
	static const char data[300000];
	size_t got = 0;

	rig_open(&rig, _i);
	rig_reader(&rig);
	feed(&rig, data, sizeof(data), true);
	expect_count(&rig,
		     af_file_each_chunk(rig.reader, check_alignment, &got),
		     sizeof(data), AFIO_EOF);
	ck_assert_uint_eq(got, sizeof(data));
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file/large_transfers");
	TCase *tc = test_case(s, "read");

#define ADD(test) tcase_add_loop_test(tc, test, 0, EVERY_WAY)
	ADD(read_one_by_one_after_hang_up_brings_all);
	ADD(read_large_brings_all);
	ADD(each_chunk_of_a_pipe_is_aligned);
	ADD(read_line_in_small_steps_ends);
	ADD(read_line_by_line_reads_ahead_within_bounds);
	tcase_add_loop_test(tc, read_of_a_mebibyte_takes_few_system_calls, 0,
			    2 * DRIVE_COUNT);

	tc = test_case(s, "write");
	tcase_add_loop_test(tc, write_chains_to_a_page_read_by_bytes_brings_all,
			    0, DRIVE_COUNT);
	ADD(write_many_chains_brings_all);
	return s;
}
