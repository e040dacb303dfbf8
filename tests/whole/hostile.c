/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a peer or a child that means harm can make the library hold: the rows of
 * SECURITY.md. The library is built into this program, with its allocations
 * counted, and those of libevent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/children.h"
#include "support/harness.h"
#include "support/heap.h"
#include "support/scarce.h"

/* A buffer that bytes are read into, and the objects around it. */
#define ONE_BUFFER (72 * 1024)
#define OBJECTS (16 * 1024)
#define LIMIT ((size_t)100000)
/* What the peer sends, as far as it gets. */
#define MUCH ((size_t)4 << 20)

static struct rig rig;
static atomic_size_t live; /* bytes allocated, and not freed */
static atomic_size_t peak;

static void *counted(void *block)
{
	size_t size = heap_block_size(block);
	size_t now = atomic_fetch_add(&live, size) + size;

	if (now > peak)
		peak = now;
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

static size_t begun;

static void begin(void)
{
	begun = atomic_load(&live);
	peak = begun;
}

#define expect_held(most)                                                      \
	ck_assert_msg(peak - begun <= (most), "%zu bytes were held, not %zu",  \
		      peak - begun, (size_t)(most))

static void open_rig(int way)
{
	event_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free);
	rig_open(&rig, way);
}

/* A peer that sends one line, which does not end. */
static pid_t send_much(void)
{
	static char bytes[1 << 16];
	pid_t pid = fork();

	if (pid == 0) {
		close(rig.in);
		memset(bytes, 'x', sizeof bytes);
		for (size_t n = 0; n < MUCH; n += sizeof bytes)
			if (write(rig.out, bytes, sizeof bytes) <= 0)
				break;
		_exit(0);
	}
	close(rig.out);
	rig.out = -1;
	return pid;
}

static void end_peer(pid_t pid)
{
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	rig_close(&rig);
}

static int take(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	return 0;
}

static struct af_future *take_async(const char *data, size_t len,
				    unsigned flags, void *arg)
{
	take(data, len, flags, arg);
	return NULL;
}

static struct af_future *read_all(void)
{
	return af_file_read(rig.reader, 0, 0, NULL);
}

static struct af_future *read_line(void)
{
	return af_file_readline(rig.reader, 0, 0, 0, NULL);
}

static struct af_future *read_until(void)
{
	return af_file_read_until(rig.reader, "--", 2, 0, 0, NULL);
}

static struct af_future *read_until_any(void)
{
	static const struct af_text texts[] = { { "ab", 2 }, { "c", 1 } };

	return af_file_read_until_any(rig.reader, texts, 2, 0, 0, NULL);
}

static struct af_future *each_line(void)
{
	return af_file_each_line(rig.reader, take, NULL);
}

static struct af_future *each_async(void)
{
	return af_file_each_async(rig.reader, AFIO_EACH_LINE, take_async, NULL);
}

static struct af_future *(*const unbounded[])(void) = {
	read_all, read_line, read_until, read_until_any, each_line, each_async,
};
#define UNBOUNDED ((int)(sizeof unbounded / sizeof *unbounded))

/* Index: the operation, and who sets the limit. */
START_TEST(line_without_end_is_held_up_to_the_limit)
{
	struct af_future *f;
	pid_t pid;

	open_rig(WAY(_i % 2, DRIVE_AWAIT));
	if (_i / UNBOUNDED)
		ck_assert_int_eq(af_loop_set_file_limit(rig.loop, LIMIT), 0);
	pid = send_much();
	rig_reader(&rig);
	if (!(_i / UNBOUNDED))
		ck_assert_int_eq(af_file_set_limit(rig.reader, LIMIT), 0);
	begin();
	f = unbounded[_i % UNBOUNDED]();
	expect_error(&rig, f, -EMSGSIZE);
	/* A buffer grows to its double, and the old one is copied. */
	expect_held(2 * (LIMIT + ONE_BUFFER) + OBJECTS);
	end_peer(pid);
}
END_TEST

/* Whatever comes: what is not asked for stays with the kernel. */
START_TEST(read_of_a_size_is_held_up_to_it)
{
	static const size_t sizes[] = { 1, 1000, 100000 };
	size_t size = sizes[_i / KIND_COUNT];
	struct af_future *f;
	pid_t pid;

	open_rig(WAY(_i % KIND_COUNT, DRIVE_AWAIT));
	pid = send_much();
	rig_reader(&rig);
	begin();
	f = af_file_read(rig.reader, size, AFIO_FULL, NULL);
	expect_count(&rig, f, size, 0);
	f = af_file_readline(rig.reader, size, 0, 0, NULL);
	expect_count(&rig, f, size, AFIO_TRUNCATED);
	expect_error(&rig, af_sleep(rig.loop, MS(5)), 0);
	expect_held(2 * size + 2 * ONE_BUFFER + OBJECTS);
	end_peer(pid);
}
END_TEST

START_TEST(chunks_are_held_in_one_buffer)
{
	struct af_future *f;
	pid_t pid;

	open_rig(WAY(_i, DRIVE_AWAIT));
	pid = send_much();
	rig_reader(&rig);
	begin();
	f = af_file_each_chunk(rig.reader, take, NULL);
	expect_count(&rig, f, MUCH, AFIO_EOF);
	expect_held(2 * ONE_BUFFER + OBJECTS);
	end_peer(pid);
}
END_TEST

/* A peer that reads nothing. */
START_TEST(write_is_held_once_and_a_borrowed_one_not_at_all)
{
	static char bytes[MUCH];
	struct af_future *f;

	open_rig(WAY(_i % KIND_COUNT, DRIVE_AWAIT));
	rig_writer(&rig);
	begin();
	f = af_file_write(rig.writer, bytes, MUCH,
			  _i < KIND_COUNT ? AFIO_FULL : AFIO_FULL | AFIO_BORROW,
			  MS(30));
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_flags(f), AFIO_TIMEDOUT);
	af_future_unref(f);
	expect_held((_i < KIND_COUNT ? MUCH : 0) + OBJECTS);
	rig_close(&rig);
}
END_TEST

START_TEST(copy_to_a_peer_that_reads_nothing_is_held_in_one_buffer)
{
	struct af_future *f;
	pid_t pid;
	int fds[2];
	struct af_file *to;

	open_rig(WAY(_i, DRIVE_AWAIT));
	pid = send_much();
	rig_reader(&rig);
	make_pair(KIND_SOCKETPAIR, fds);
	to = af_file_new(rig.loop, fds[1], 0);
	begin();
	f = af_file_copy(rig.reader, to, -1, MS(30));
	/* The peer has not begun yet. */
	while (drive(&rig, f) == -ETIMEDOUT) {
		af_future_unref(f);
		f = af_file_copy(rig.reader, to, -1, MS(30));
	}
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(af_future_flags(f), AFIO_TIMEDOUT);
	af_future_unref(f);
	expect_held(ONE_BUFFER + OBJECTS);
	ck_assert_int_eq(af_file_close(to), 0);
	close(fds[0]);
	end_peer(pid);
}
END_TEST

/* A bufferevent reads up to its watermark, whatever is read from the file. */
START_TEST(bufferevent_reads_ahead_up_to_its_limit)
{
	struct bufferevent *bev;
	struct af_future *f;
	pid_t pid;

	open_rig(WAY(KIND_SOCKETPAIR, DRIVE_AWAIT));
	pid = send_much();
	evutil_make_socket_nonblocking(rig.in);
	bev = bufferevent_socket_new(af_loop_base(rig.loop), rig.in,
				     BEV_OPT_CLOSE_ON_FREE);
	rig.in = -1;
	rig.reader = af_file_from_bufferevent(rig.loop, bev, 0);
	begin();
	for (int i = 0; i < 20; i++) {
		f = af_file_read(rig.reader, 1, 0, NULL);
		expect_count(&rig, f, 1, 0);
		expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	}
	expect_held(3 * ONE_BUFFER + OBJECTS);
	end_peer(pid);
}
END_TEST

/* A child that writes without an end, to both of its streams. */
START_TEST(output_of_a_child_is_held_up_to_max_output)
{
	struct af_communicate_options options = {
		.max_output = LIMIT,
		.overflow = _i ? AFIO_OVERFLOW_TRUNCATE : AFIO_OVERFLOW_FAIL,
		.timeout = MS(200),
	};
	const char *const argv[] = { "sh", "-c", "yes >&2 & exec yes", NULL };
	struct af_pipe *pipe;
	struct af_future *f;

	open_rig(WAY(KIND_PIPE, DRIVE_AWAIT));
	pipe = af_pipe_spawn(rig.loop, CHAIN(argv),
			     WITH(ALL_PIPES, .new_group = true));
	ck_assert_ptr_nonnull(pipe);
	begin();
	f = af_pipe_communicate(pipe, &options);
	ck_assert_int_eq(drive(&rig, f), _i ? -ETIMEDOUT : -EMSGSIZE);
	ck_assert_uint_le(af_future_output(f)->out_len, LIMIT);
	ck_assert_uint_le(af_future_output(f)->err_len, LIMIT);
	af_future_unref(f);
	expect_held(2 * 2 * (LIMIT + ONE_BUFFER) + OBJECTS);
	expect_error(&rig, af_pipe_stop(pipe, MS(0)), 0);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

/* Descriptors: none is opened because of what a peer does. */
static int open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(peer_that_passes_descriptors_leaves_none)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(10 * sizeof(int))];
	} control = { .bytes = "" };
	struct iovec iov = { "x", 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int before;

	open_rig(WAY(KIND_SOCKETPAIR, _i));
	rig_reader(&rig);
	before = open_descriptors();
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(10 * sizeof(int));
	for (int i = 0; i < 10; i++)
		memcpy(CMSG_DATA(header) + (size_t)i * sizeof(int), &rig.out,
		       sizeof(int));
	ck_assert_int_eq(sendmsg(rig.out, &message, 0), 1);
	expect_text(&rig, af_file_read(rig.reader, 1, 0, NULL), "x", 0);
	ck_assert_int_eq(open_descriptors(), before);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("whole/hostile");
	TCase *tc = test_case(s, "hostile");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(line_without_end_is_held_up_to_the_limit, 2 * UNBOUNDED);
	ADD(read_of_a_size_is_held_up_to_it, 3 * KIND_COUNT);
	ADD(chunks_are_held_in_one_buffer, KIND_COUNT);
	ADD(write_is_held_once_and_a_borrowed_one_not_at_all, 2 * KIND_COUNT);
	ADD(copy_to_a_peer_that_reads_nothing_is_held_in_one_buffer,
	    KIND_COUNT);
	tcase_add_test(tc, bufferevent_reads_ahead_up_to_its_limit);
	ADD(output_of_a_child_is_held_up_to_max_output, 2);
	ADD(peer_that_passes_descriptors_leaves_none, DRIVE_COUNT);
	return s;
}
