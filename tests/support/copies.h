/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the tests of af_file_copy(): a source and a target of each pair of
 * kinds, and checks of what arrived at the sink, the target's other end.
 */
#ifndef TESTS_COPIES_H
#define TESTS_COPIES_H

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "support/harness.h"
#include "support/pattern.h"

#define LEN ((size_t)4 << 20)

/* How the bytes go. Only a non-blocking socket is spliced. */
static const struct way {
	const char *name;
	enum kind from, to;
	bool nonblock;
} ways[] = {
	{ "pipe to pipe, spliced", KIND_PIPE, KIND_PIPE, false },
	{ "socket to pipe, in memory", KIND_SOCKETPAIR, KIND_PIPE, false },
	{ "socket to pipe, spliced", KIND_SOCKETPAIR, KIND_PIPE, true },
	{ "pipe to socket, in memory", KIND_PIPE, KIND_SOCKETPAIR, false },
	{ "pipe to socket, spliced", KIND_PIPE, KIND_SOCKETPAIR, true },
	{ "socket to socket", KIND_SOCKETPAIR, KIND_SOCKETPAIR, true },
	{ "TCP to pipe, spliced", KIND_TCP, KIND_PIPE, true },
	{ "pipe to TCP, spliced", KIND_PIPE, KIND_TCP, true },
	{ "TCP to TCP", KIND_TCP, KIND_TCP, false },
};
#define WAYS ((int)(sizeof ways / sizeof *ways))
#define ALL_WAYS (WAYS * DRIVE_COUNT)

static struct rig rig; /* its reader is the source */
static struct af_file *target;
static int sink; /* the other end of the target */
static unsigned char data[LEN];

static inline void make_nonblocking(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static inline void open_target(enum kind kind, bool nonblock)
{
	int fds[2];

	make_pair(kind, fds);
	if (nonblock)
		make_nonblocking(fds[1]);
	sink = fds[0];
	target = af_file_new(rig.loop, fds[1], 0);
	ck_assert_ptr_nonnull(target);
}

/* The index of a test gives the way and the driver. */
static inline void open_way(int i)
{
	const struct way *way = &ways[i / DRIVE_COUNT];

	rig_open(&rig, WAY(way->from, i % DRIVE_COUNT));
	if (way->nonblock)
		make_nonblocking(rig.in);
	rig_reader(&rig);
	open_target(way->to, way->nonblock);
}

static inline void close_target(void)
{
	ck_assert_int_eq(af_file_close(target), 0);
	target = NULL;
}

static inline void close_sink(void)
{
	if (sink >= 0)
		ck_assert_int_eq(close(sink), 0);
	sink = -1;
}

static inline void close_way(void)
{
	close_target();
	close_sink();
	rig_close(&rig);
}

static inline struct af_future *copying(off_t count,
					const struct timeval *timeout)
{
	return af_file_copy(rig.reader, target, count, timeout);
}

static inline struct af_future *reading(size_t size)
{
	return af_file_read(rig.reader, size, AFIO_FULL, NULL);
}

static inline struct af_future *writing(const char *text)
{
	return af_file_write(target, text, strlen(text), AFIO_FULL, NULL);
}

static inline void expect_sunk(const char *text)
{
	char buf[99] = "";

	get(sink, buf, strlen(text));
	ck_assert_str_eq(buf, text);
}

static inline void expect_sink_is_empty(void)
{
	struct pollfd in = { .fd = sink, .events = POLLIN };

	ck_assert_int_eq(poll(&in, 1, 0), 0);
}

/* Drives a copy until it is done; returns its count. */
static inline size_t expect_end(struct af_future *f, int error, unsigned flags)
{
	size_t count;

	ck_assert_int_eq(drive(&rig, f), error);
	ck_assert_uint_eq(af_future_flags(f), flags);
	count = af_future_count(f);
	af_future_unref(f);
	return count;
}

/* Expects the bytes that were not copied in the source. */
static inline void expect_rest(size_t count)
{
	expect_data_pattern(&rig, reading(LEN - count), LEN - count, count, 0);
}

/* Starts a copy that gets stuck, because nobody reads the sink. */
static inline struct af_future *begin_stuck(const struct timeval *timeout)
{
	struct af_future *f;

	feed(&rig, data, LEN, false);
	f = copying(-1, timeout);
	for (int i = 0; i < 20; i++)
		turn(&rig);
	return f;
}

#endif
