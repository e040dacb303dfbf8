/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much memory a connection holds while an operation on it waits for its
 * peer, and that what it holds then grows and shrinks as bytes come. The
 * library is built into this program, with its allocations counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"
#include "support/heap.h"
#include "support/pattern.h"
#include "support/scarce.h"

#define FILES 200
#define SIZE 1000
/* A file, its bufferevent, an operation, and a few pooled blocks. */
#define OVERHEAD 4096

static struct rig rig;
static size_t live; /* bytes allocated, and not freed */

static void *counted(void *block)
{
	live += heap_block_size(block);
	return block;
}

void *scarce_malloc(size_t size)
{
	return counted(malloc(size));
}

void *scarce_calloc(size_t n, size_t size)
{
	return counted(calloc(n, size));
}

void *scarce_realloc(void *before, size_t size)
{
	live -= heap_block_size(before);
	return counted(realloc(before, size));
}

void scarce_free(void *block)
{
	live -= heap_block_size(block);
	free(block);
}

static struct peer {
	struct af_file *file;
	int out;
	struct af_future *read;
} peers[FILES];

static void turns(int n)
{
	for (int i = 0; i < n; i++)
		turn(&rig);
}

static void open_peers(int i)
{
	struct rlimit limit;
	int fds[2];

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 2000;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	event_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free);
	rig_open(&rig, WAY(i % KIND_COUNT, DRIVE_DISPATCH));
	for (int n = 0; n < FILES; n++) {
		make_pair(rig.kind, fds);
		peers[n].file = af_file_new(rig.loop, fds[0], 0);
		peers[n].out = fds[1];
	}
}

static void close_peers(void)
{
	for (int n = 0; n < FILES; n++) {
		ck_assert_int_eq(af_file_close(peers[n].file), 0);
		close(peers[n].out);
	}
	rig_close(&rig);
}

enum how { BY_READLINE, BY_READ_UNTIL, BY_READ, HOW_COUNT };

static struct af_future *begin(struct peer *peer, enum how how)
{
	switch (how) {
	case BY_READLINE:
		return af_file_readline(peer->file, SIZE, 0, 0, NULL);
	case BY_READ_UNTIL:
		return af_file_read_until(peer->file, "\n", 1, SIZE, 0, NULL);
	default:
		return af_file_read(peer->file, SIZE, AFIO_FULL, NULL);
	}
}

/* What each holds after so many bytes came, sent by pieces of step. */
static size_t hold(enum how how, size_t len, size_t step)
{
	static const char text[SIZE] = { 0 };
	size_t before = live;

	for (int n = 0; n < FILES; n++)
		peers[n].read = begin(&peers[n], how);
	for (size_t sent = 0; sent < len; sent += step) {
		for (int n = 0; n < FILES; n++)
			put(peers[n].out, text,
			    len - sent < step ? len - sent : step);
		turns(3);
	}
	return (live - before) / FILES;
}

static void end(size_t len)
{
	char rest[SIZE] = { 0 };

	rest[SIZE - 1] = '\n';
	for (int n = 0; n < FILES; n++) {
		put(peers[n].out, rest + len, SIZE - len);
		expect_count(&rig, peers[n].read, SIZE, 0);
	}
}

START_TEST(read_that_waits_holds_little_more_than_its_bytes)
{
	static const size_t lens[] = { 0, 1, 20, 300, 999 };
	enum how how = (enum how)(_i / KIND_COUNT);
	size_t held;

	open_peers(_i);
	/* What is kept for reuse is there. */
	hold(how, 1, 1);
	end(1);
	for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
		held = hold(how, lens[i], i % 2 ? 1000 : 100);
		ck_assert_msg(held <= lens[i] + OVERHEAD,
			      "%zu bytes are held for %zu", held, lens[i]);
		end(lens[i]);
	}
	close_peers();
}
END_TEST

/* Read sizes stay what they are without a wait: all at once. */
START_TEST(read_after_a_wait_takes_all_that_came)
{
	static unsigned char data[60000];
	struct af_future *f;

	event_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free);
	rig_open(&rig, WAY(_i, DRIVE_AWAIT));
	rig_reader(&rig);
	pattern_fill(data, sizeof data, 0);
	for (size_t first = 1; first < 10000; first = first * 3 + 1) {
		f = af_file_read(rig.reader, sizeof data, AFIO_FULL, NULL);
		put(rig.out, data, first);
		expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
		put(rig.out, data + first, sizeof data - first);
		expect_data_pattern(&rig, f, sizeof data, 0, 0);
	}
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("whole/idle_memory");
	TCase *tc = test_case(s, "idle memory");

	tcase_add_loop_test(tc,
			    read_that_waits_holds_little_more_than_its_bytes, 0,
			    HOW_COUNT * KIND_COUNT);
	tcase_add_loop_test(tc, read_after_a_wait_takes_all_that_came, 0,
			    KIND_COUNT);
	return s;
}
