/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * af_file_copy(): its outcome table row by row, through the kernel and through
 * memory; its place in two queues; and what it must not do: lose, repeat or
 * invent a byte, raise a signal, block the loop, or keep it busy for nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "harness.h"
#include "pattern.h"
#include "scratch.h"

#define LEN ((size_t)4 << 20)

/* How the bytes go; the kernel has to be sure that it never waits. */
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
#define ALL_BUT_TCP ((WAYS - 3) * DRIVE_COUNT)

static struct rig rig; /* its reader is the source */
static struct af_file *target;
static int sink; /* the other end of the target */
static unsigned char data[LEN];

static void make_nonblocking(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static void open_target(enum kind kind, bool nonblock)
{
	int fds[2];

	make_pair(kind, fds);
	if (nonblock)
		make_nonblocking(fds[1]);
	sink = fds[0];
	target = af_file_new(rig.loop, fds[1], 0);
	ck_assert_ptr_nonnull(target);
}

/* Index: a way, and who drives. */
static void open_way(int i)
{
	const struct way *way = &ways[i / DRIVE_COUNT];

	rig_open(&rig, WAY(way->from, i % DRIVE_COUNT));
	if (way->nonblock)
		make_nonblocking(rig.in);
	rig_reader(&rig);
	open_target(way->to, way->nonblock);
}

static void close_target(void)
{
	ck_assert_int_eq(af_file_close(target), 0);
	target = NULL;
}

static void close_sink(void)
{
	if (sink >= 0)
		ck_assert_int_eq(close(sink), 0);
	sink = -1;
}

static void close_way(void)
{
	close_target();
	close_sink();
	rig_close(&rig);
}

static struct af_future *copying(off_t count, const struct timeval *timeout)
{
	return af_file_copy(rig.reader, target, count, timeout);
}

static struct af_future *reading(size_t size)
{
	return af_file_read(rig.reader, size, AFIO_FULL, NULL);
}

static struct af_future *writing(const char *text)
{
	return af_file_write(target, text, strlen(text), AFIO_FULL, NULL);
}

static void expect_sunk(const char *text)
{
	char buf[99] = "";

	get(sink, buf, strlen(text));
	ck_assert_str_eq(buf, text);
}

static void wait_readable(int fd)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&in, 1, 20000), 1);
}

static void expect_sink_is_empty(void)
{
	struct pollfd in = { .fd = sink, .events = POLLIN };

	ck_assert_int_eq(poll(&in, 1, 0), 0);
}

/* It ended, somehow: its count. */
static size_t expect_end(struct af_future *f, int error, unsigned flags)
{
	size_t count;

	ck_assert_int_eq(drive(&rig, f), error);
	ck_assert_uint_eq(af_future_flags(f), flags);
	count = af_future_count(f);
	af_future_unref(f);
	return count;
}

/* What was not copied is in the source still, byte for byte. */
static void expect_rest(size_t count)
{
	expect_data_pattern(&rig, reading(LEN - count), LEN - count, count, 0);
}

/* Everything goes until it is stuck, because nobody reads at the sink. */
static struct af_future *begin_stuck(const struct timeval *timeout)
{
	struct af_future *f;

	feed(&rig, data, LEN, false);
	f = copying(-1, timeout);
	for (int i = 0; i < 20; i++)
		turn(&rig);
	return f;
}

/* The table. */

START_TEST(copy_to_eof_succeeds_with_eof)
{
	open_way(_i);
	put_text(rig.out, "abcdef");
	rig_hang_up(&rig);
	expect_count(&rig, copying(-1, NULL), 6, AFIO_EOF);
	expect_count(&rig, copying(-1, NULL), 0, AFIO_EOF);
	expect_text(&rig, reading(9), "", AFIO_EOF);
	expect_sunk("abcdef");
	expect_sink_is_empty();
	close_way();
}
END_TEST

START_TEST(copy_of_count_takes_not_one_byte_more)
{
	open_way(_i);
	put_pattern(rig.out, 1000, 0);
	expect_count(&rig, copying(600, NULL), 600, 0);
	expect_count(&rig, copying(399, MS(20000)), 399, 0);
	expect_data_pattern(&rig, reading(1), 1, 999, 0);
	expect_pattern(sink, 999, 0);
	expect_sink_is_empty();
	close_way();
}
END_TEST

START_TEST(copy_of_nothing_succeeds_at_once)
{
	struct af_future *f;

	open_way(_i);
	f = copying(0, NULL);
	ck_assert(af_future_is_done(f));
	expect_count(&rig, f, 0, 0);
	put_text(rig.out, "abc");
	expect_count(&rig, copying(0, MS(0)), 0, 0);
	expect_text(&rig, reading(3), "abc", 0);
	expect_sink_is_empty();
	close_way();
}
END_TEST

START_TEST(copy_of_more_than_comes_succeeds_with_eof)
{
	struct af_future *f;

	open_way(_i);
	f = copying(9, NULL);
	turn(&rig);
	put_text(rig.out, "abcde");
	turn(&rig);
	rig_hang_up(&rig);
	expect_count(&rig, f, 5, AFIO_EOF);
	expect_sunk("abcde");
	close_way();
}
END_TEST

START_TEST(copy_of_much_is_whole)
{
	struct af_future *all, *f;
	struct af_file *file;

	open_way(_i);
	file = af_file_new(rig.loop, sink, AFIO_KEEP_FD);
	feed(&rig, data, LEN, true);
	f = copying(-1, NULL);
	all = af_file_read(file, LEN, AFIO_FULL, NULL);
	expect_data_pattern(&rig, all, LEN, 0, 0);
	expect_count(&rig, f, LEN, AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	close_way();
}
END_TEST

START_TEST(copy_at_deadline_with_none_fails_etimedout)
{
	int64_t since = now_us();

	open_way(_i);
	expect_error(&rig, copying(-1, MS(20)), -ETIMEDOUT);
	expect_elapsed(since, 20);
	put_text(rig.out, "abc");
	expect_count(&rig, copying(3, NULL), 3, 0);
	expect_sunk("abc");
	close_way();
}
END_TEST

START_TEST(copy_at_deadline_with_some_succeeds_and_loses_nothing)
{
	size_t count;

	open_way(_i);
	feed(&rig, data, LEN, false);
	count = expect_end(copying(-1, MS(30)), 0, AFIO_TIMEDOUT);
	ck_assert(count > 0 && count < LEN);
	expect_pattern(sink, count, 0);
	for (int i = 0; i < 5; i++)
		turn(&rig);
	expect_sink_is_empty();
	expect_rest(count);
	close_way();
}
END_TEST

/* Also what came after a read had found that there was no more. */
START_TEST(copy_zero_timeout_moves_what_is_there)
{
	open_way(_i);
	expect_error(&rig, copying(-1, MS(0)), -ETIMEDOUT);
	put_text(rig.out, "abc");
	wait_readable(af_file_fd(rig.reader));
	expect_count(&rig, copying(-1, MS(0)), 3, AFIO_TIMEDOUT);
	put_text(rig.out, "de");
	expect_text(&rig, af_file_read(rig.reader, 9, 0, NULL), "de", 0);
	put_text(rig.out, "fgh");
	wait_readable(af_file_fd(rig.reader));
	expect_count(&rig, copying(2, MS(0)), 2, 0);
	expect_count(&rig, copying(2, MS(0)), 1, AFIO_TIMEDOUT);
	rig_hang_up(&rig);
	wait_readable(af_file_fd(rig.reader));
	expect_count(&rig, copying(-1, MS(0)), 0, AFIO_EOF);
	expect_sunk("abcfgh");
	close_way();
}
END_TEST

START_TEST(copy_cancelled_leaves_the_rest)
{
	struct af_future *f;
	size_t count;

	open_way(_i);
	f = begin_stuck(NULL);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	ck_assert(af_future_is_done(f));
	count = expect_end(f, -ECANCELED, 0);
	ck_assert(count > 0 && count < LEN);
	expect_pattern(sink, count, 0);
	turn(&rig);
	expect_sink_is_empty();
	expect_rest(count);
	close_way();
}
END_TEST

START_TEST(copy_stuck_when_the_reader_goes_fails_epipe)
{
	struct af_future *f;
	size_t count;

	open_way(_i);
	signal(SIGPIPE, SIG_DFL);
	f = begin_stuck(NULL);
	close_sink();
	count = expect_end(f, -EPIPE, 0);
	ck_assert(count > 0 && count < LEN);
	expect_rest(count);
	close_way();
}
END_TEST

/* What the program does about SIGPIPE, and whether it is owed one. */
enum disposition {
	BY_DEFAULT,
	HANDLED,
	IGNORED,
	BLOCKED,
	PENDING,
	PENDING_FOR_ALL,
	DISPOSITION_COUNT
};

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static void dispose(enum disposition what, sigset_t *pipe)
{
	sigemptyset(pipe);
	sigaddset(pipe, SIGPIPE);
	if (what == BY_DEFAULT)
		signal(SIGPIPE, SIG_DFL);
	else
		signal(SIGPIPE, what == IGNORED ? SIG_IGN : count_signal);
	if (what >= BLOCKED)
		sigprocmask(SIG_BLOCK, pipe, NULL);
	if (what == PENDING)
		raise(SIGPIPE);
	if (what == PENDING_FOR_ALL)
		kill(getpid(), SIGPIPE);
}

/* Index: what is done about the signal, a way, and who drives. */
START_TEST(copy_to_nobody_fails_epipe_without_a_signal)
{
	enum disposition what = (enum disposition)(_i / ALL_WAYS);
	struct af_future *f;
	sigset_t pipe;
	int error;

	open_way(_i % ALL_WAYS);
	dispose(what, &pipe);
	close_sink();
	do { /* TCP lets the first ones pass */
		put_text(rig.out, "x");
		f = copying(1, NULL);
		error = drive(&rig, f);
		ck_assert_uint_eq(af_future_count(f), error == 0);
		af_future_unref(f);
	} while (error == 0);
	ck_assert_int_eq(error, -EPIPE);
	expect_text(&rig, reading(1), "x", 0);
	ck_assert_int_eq(signals, 0);
	sigprocmask(SIG_UNBLOCK, &pipe, NULL);
	ck_assert_int_eq(signals, what >= PENDING);
	close_way();
}
END_TEST

struct leaver {
	int fd;
	size_t after;
};

static void *leave_early(void *arg)
{
	const struct leaver *leaver = arg;
	char buf[4096];

	for (size_t got = 0; got < leaver->after;) {
		ssize_t n = read(leaver->fd, buf, sizeof buf);

		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	ck_assert_int_eq(close(leaver->fd), 0);
	return NULL;
}

/* Who leaves in the middle of one sendfile(2), which has a result then. */
START_TEST(copy_of_which_a_part_went_raises_no_signal)
{
	char name[] = "file";
	struct af_file *file;
	pthread_t thread;

	rig_open_loop(&rig, DRIVE_AWAIT);
	signal(SIGPIPE, SIG_DFL);
	make_file(name, "", 0600);
	ck_assert_int_eq(truncate(name, 1 << 20), 0);
	file = af_file_open(rig.loop, name, "r");
	for (size_t i = 0; i < 300; i++) {
		struct leaver leaver = { .after = 4096 + i * 1000 };

		open_target(KIND_SOCKETPAIR, true);
		leaver.fd = sink;
		sink = -1;
		ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
		pthread_create(&thread, NULL, leave_early, &leaver);
		expect_end(af_file_copy(file, target, 1 << 20, NULL), -EPIPE,
			   0);
		pthread_join(thread, NULL);
		close_target();
	}
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* The peer left without reading what it was sent: ECONNRESET, once. */
START_TEST(copy_read_error_is_reported_once)
{
	open_way(_i);
	put_text(af_file_fd(rig.reader), "never read");
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	ck_assert_uint_eq(expect_end(copying(-1, NULL), -ECONNRESET, 0), 3);
	expect_count(&rig, copying(-1, NULL), 0, AFIO_EOF);
	expect_sunk("abc");
	close_way();
}
END_TEST

/* Its error stays behind the data that a read had taken. */
START_TEST(copy_has_the_error_of_the_read_before)
{
	open_way(_i);
	put_text(af_file_fd(rig.reader), "never read");
	put_text(rig.out, "abc");
	rig_hang_up(&rig);
	expect_text(&rig, reading(9), "abc", 0);
	expect_error(&rig, copying(-1, NULL), -ECONNRESET);
	expect_count(&rig, copying(-1, NULL), 0, AFIO_EOF);
	close_way();
}
END_TEST

START_TEST(copy_takes_unread_bytes_first)
{
	open_way(_i);
	put_text(rig.out, "line\nrest of it");
	expect_text(&rig, af_file_readline(rig.reader, 0, 0, 0, NULL), "line\n",
		    0);
	expect_count(&rig, copying(4, NULL), 4, 0);
	put_text(rig.out, " and more");
	expect_count(&rig, copying(10, NULL), 10, 0);
	expect_text(&rig, reading(5), " more", 0);
	expect_sunk("rest of it and");
	expect_sink_is_empty();
	close_way();
}
END_TEST

/* Its queues. */

START_TEST(copy_has_its_place_in_both_queues)
{
	struct af_future *reads[2], *writes[3], *copies[3];

	open_way(_i);
	writes[0] = writing("<");
	reads[0] = reading(2);
	copies[0] = copying(4, NULL);
	writes[1] = writing("|");
	reads[1] = reading(2);
	copies[1] = copying(2, NULL);
	copies[2] = copying(2, NULL);
	writes[2] = writing(">");
	turn(&rig);
	ck_assert(af_future_is_done(writes[0]));
	ck_assert(!af_future_is_done(writes[1]));
	put_text(rig.out, "aabbbbccddee");
	expect_count(&rig, writes[2], 1, 0);
	expect_count(&rig, copies[0], 4, 0);
	expect_count(&rig, copies[1], 2, 0);
	expect_count(&rig, copies[2], 2, 0);
	expect_text(&rig, reads[0], "aa", 0);
	expect_text(&rig, reads[1], "cc", 0);
	expect_count(&rig, writes[0], 1, 0);
	expect_count(&rig, writes[1], 1, 0);
	expect_sunk("<bbbb|ddee>");
	close_way();
}
END_TEST

/* First at its source, and not yet at its target. */
START_TEST(copy_behind_a_write_holds_up_the_reads)
{
	struct af_future *write, *copy, *read;
	struct af_file *reader;

	open_way(_i);
	write = af_file_write(target, data, LEN, AFIO_FULL | AFIO_BORROW, NULL);
	copy = copying(3, NULL);
	read = reading(3);
	put_text(rig.out, "abcdef");
	for (int i = 0; i < 5; i++)
		turn(&rig);
	ck_assert(!af_future_is_done(copy));
	ck_assert(!af_future_is_done(read));
	expect_error(&rig, copying(3, MS(5)), -ETIMEDOUT);
	reader = af_file_new(rig.loop, sink, AFIO_KEEP_FD);
	expect_data_pattern(&rig, af_file_read(reader, LEN, AFIO_FULL, NULL),
			    LEN, 0, 0);
	expect_count(&rig, write, LEN, 0);
	expect_count(&rig, copy, 3, 0);
	expect_text(&rig, read, "def", 0);
	expect_text(&rig, af_file_read(reader, 3, AFIO_FULL, NULL), "abc", 0);
	ck_assert_int_eq(af_file_close(reader), 0);
	close_way();
}
END_TEST

/* First at its target, and not yet at its source. */
START_TEST(copy_behind_a_read_holds_up_the_writes)
{
	struct af_future *write, *copy, *read;

	open_way(_i);
	read = reading(4);
	copy = copying(2, NULL);
	write = writing("!");
	put_text(rig.out, "abc");
	for (int i = 0; i < 5; i++)
		turn(&rig);
	ck_assert(!af_future_is_done(write));
	expect_sink_is_empty();
	put_text(rig.out, "def");
	expect_count(&rig, write, 1, 0);
	expect_text(&rig, read, "abcd", 0);
	expect_count(&rig, copy, 2, 0);
	expect_sunk("ef!");
	close_way();
}
END_TEST

/* One that ends lets the next begin, and so on, but not on the stack. */
START_TEST(copies_queued_deep_all_end)
{
	struct af_future *f = NULL, *all;
	struct af_file *reader;
	const size_t n = 30000;

	open_way(_i);
	reader = af_file_new(rig.loop, sink, AFIO_KEEP_FD);
	all = af_file_read(reader, n, AFIO_FULL, NULL);
	for (size_t i = 0; i < n; i++) {
		af_future_unref(f);
		f = copying(1, NULL);
	}
	put_pattern(rig.out, n, 0);
	expect_count(&rig, f, 1, 0);
	expect_data_pattern(&rig, all, n, 0, 0);
	ck_assert_int_eq(af_file_close(reader), 0);
	close_way();
}
END_TEST

/* The end of one of the files, or of all. */

static void drain_sink(size_t len)
{
	expect_pattern(sink, len, 0);
	expect_sink_is_empty();
}

/*
 * There is room and there are bytes when the first one is cancelled: the second
 * is not to begin with them. Index: what ends, a way, and who drives.
 */
START_TEST(copies_cancelled_by_an_end_move_nothing)
{
	struct af_future *first, *second;
	struct evbuffer *unread = evbuffer_new();
	int what = _i / ALL_BUT_TCP, fd, queued;

	open_way(_i % ALL_BUT_TCP);
	first = begin_stuck(NULL);
	second = copying(-1, NULL);
	ck_assert_int_eq(ioctl(sink, FIONREAD, &queued), 0);
	drain_sink((size_t)queued);
	if (what == 0) {
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
	} else if (what == 1) {
		close_target();
	} else if (what == 2) {
		af_loop_free(rig.loop);
	} else {
		struct af_file *file = what == 3 ? rig.reader : target;

		fd = af_file_fd(file);
		ck_assert_int_eq(af_file_detach(file, unread), fd);
		close(fd);
		*(what == 3 ? &rig.reader : &target) = NULL;
	}
	ck_assert_int_eq(af_future_error(first), -ECANCELED);
	ck_assert_uint_eq(af_future_count(first), (size_t)queued);
	ck_assert_int_eq(af_future_error(second), -ECANCELED);
	ck_assert_uint_eq(af_future_count(second), 0);
	if (target && what != 2)
		expect_sink_is_empty();
	af_future_unref(first);
	af_future_unref(second);
	evbuffer_free(unread);
	close_target();
	close_sink();
	if (what == 2) {
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
		rig_hang_up(&rig);
		rig.loop = NULL;
	}
	rig_close(&rig);
}
END_TEST

START_TEST(copy_whose_source_is_detached_loses_nothing)
{
	struct evbuffer *unread = evbuffer_new();
	unsigned char *got = malloc(LEN);
	struct af_future *f;
	size_t count, n;
	int fd;

	open_way(_i);
	f = begin_stuck(NULL);
	fd = af_file_detach(rig.reader, unread);
	rig.reader = NULL;
	count = expect_end(f, -ECANCELED, 0);
	expect_pattern(sink, count, 0);
	n = evbuffer_get_length(unread);
	/* A slow target has it read ahead no more than this. */
	ck_assert_uint_le(n, 65536 + 4096);
	ck_assert_int_eq(evbuffer_remove(unread, got, n), (int)n);
	ck_assert_uint_eq(pattern_match(got, n, count), n);
	evbuffer_free(unread);
	free(got);
	rig.in = fd;
	rig_reader(&rig);
	expect_rest(count + n);
	close_way();
}
END_TEST

/* From and to. */

START_TEST(copy_to_itself_is_an_echo)
{
	struct af_future *f;

	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	rig_reader(&rig);
	f = af_file_copy(rig.reader, rig.reader, -1, NULL);
	turn(&rig);
	for (int i = 0; i < 3; i++) {
		char byte;

		put(rig.out, "abc" + i, 1);
		while (recv(rig.out, &byte, 1, MSG_DONTWAIT) < 0)
			turn(&rig);
		ck_assert_int_eq(byte, "abc"[i]);
	}
	shutdown(rig.out, SHUT_WR);
	expect_count(&rig, f, 3, AFIO_EOF);
	rig_close(&rig);
}
END_TEST

static void make_fifo(void)
{
	unlink("fifo");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
}

START_TEST(copy_to_itself_without_an_end_is_refused)
{
	struct af_file *file;

	rig_open_loop(&rig, _i);
	make_file("file", "abc", 0600);
	file = af_file_open(rig.loop, "file", "a+");
	expect_error(&rig, af_file_copy(file, file, -1, NULL), -EINVAL);
	expect_error(&rig, af_file_copy(file, file, 1, NULL), -EINVAL);
	ck_assert_int_eq(af_file_close(file), 0);
	expect_file("file", "abc");
	make_fifo();
	file = af_file_open(rig.loop, "fifo", "r+");
	expect_error(&rig, af_file_copy(file, file, -1, NULL), -EINVAL);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(copy_of_nonsense_is_refused)
{
	struct af_loop *other = af_loop_new(NULL);
	struct af_file *file;
	struct af_future *f;

	open_way(_i);
	file = af_file_new(other, sink, AFIO_KEEP_FD);
	f = af_file_copy(NULL, target, 1, NULL);
	ck_assert_int_eq(af_future_error(f), -EINVAL);
	af_future_unref(f);
	expect_error(&rig, af_file_copy(rig.reader, NULL, 1, NULL), -EINVAL);
	expect_error(&rig, copying(1, &(struct timeval){ -1, 0 }), -EINVAL);
	expect_error(&rig, copying(1, &(struct timeval){ 0, 1000000 }),
		     -EINVAL);
	f = af_file_copy(file, target, 1, NULL);
	ck_assert_int_eq(af_future_error(f), -EINVAL);
	af_future_unref(f);
	expect_error(&rig, af_file_copy(target, target, 1, NULL), -EBADF);
	expect_error(&rig, af_file_copy(rig.reader, rig.reader, 1, NULL),
		     -EBADF);
	ck_assert_int_eq(af_file_close(file), 0);
	af_loop_free(other);
	close_way();
}
END_TEST

/* Sockets that would block are used as if they did not. */
START_TEST(copy_does_not_block_the_loop)
{
	struct af_future *f;

	open_way(_i);
	f = copying(-1, NULL);
	expect_count(&rig, af_sleep(rig.loop, MS(5)), 0, 0);
	ck_assert(!af_future_is_done(f));
	feed(&rig, data, LEN, false);
	expect_count(&rig, af_sleep(rig.loop, MS(20)), 0, 0);
	ck_assert(!af_future_is_done(f));
	af_future_cancel(f);
	expect_pattern(sink, expect_end(f, -ECANCELED, 0), 0);
	close_way();
}
END_TEST

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	bool *over = arg;

	(void)fd;
	(void)what;
	*over = true;
}

/* How often the loop wakes up in a while in which there is nothing to do. */
static int wake_ups(void)
{
	struct event_base *base = af_loop_base(rig.loop);
	bool over = false;
	int n = 0;

	for (int i = 0; i < 20; i++)
		turn(&rig);
	event_base_once(base, -1, EV_TIMEOUT, on_time, &over, MS(30));
	for (; !over; n++)
		ck_assert_int_ge(event_base_loop(base, EVLOOP_ONCE), 0);
	return n;
}

START_TEST(copy_that_waits_lets_the_loop_sleep)
{
	struct af_future *copy, *write;

	open_way(_i);
	/* Its source can be read, but its target is not ready: it is full; */
	copy = begin_stuck(NULL);
	ck_assert_int_lt(wake_ups(), 20);
	af_future_cancel(copy);
	expect_pattern(sink, expect_end(copy, -ECANCELED, 0), 0);
	/* or somebody else's turn it is. */
	write = af_file_write(target, data, LEN, AFIO_FULL | AFIO_BORROW, NULL);
	copy = copying(-1, NULL);
	ck_assert_int_lt(wake_ups(), 20);
	af_future_cancel(write);
	af_future_unref(write);
	af_future_unref(copy);
	close_way();
	/* Its target can be written, but its source is not ready. */
	open_way(_i);
	copy = copying(-1, NULL);
	put_text(rig.out, "abc");
	ck_assert_int_lt(wake_ups(), 20);
	expect_sunk("abc");
	af_future_unref(copy);
	write = writing("x");
	ck_assert_int_lt(wake_ups(), 20);
	af_future_unref(write);
	close_way();
}
END_TEST

/* Disks and devices. */

/* Where a file on disk goes, by splice(2), by sendfile(2), through memory. */
static const struct way sinks[] = {
	{ "pipe", KIND_PIPE, KIND_PIPE, false },
	{ "socket", KIND_PIPE, KIND_SOCKETPAIR, true },
	{ "blocking socket", KIND_PIPE, KIND_SOCKETPAIR, false },
	{ "TCP", KIND_PIPE, KIND_TCP, true },
};
#define ALL_SINKS ((int)(sizeof sinks / sizeof *sinks) * DRIVE_COUNT)

static struct af_file *file;
static int file_fd; /* the test's own */

static void open_disk(int i, size_t len)
{
	rig_open_loop(&rig, i % DRIVE_COUNT);
	open_target(sinks[i / DRIVE_COUNT].to, sinks[i / DRIVE_COUNT].nonblock);
	file_fd = open_file("file");
	put(file_fd, data, len);
	file = af_file_open(rig.loop, "file", "r");
	ck_assert_ptr_nonnull(file);
}

static void close_disk(void)
{
	ck_assert_int_eq(af_file_close(file), 0);
	ck_assert_int_eq(close(file_fd), 0);
	close_way();
}

START_TEST(copy_from_disk_is_whole_and_goes_on_as_it_grows)
{
	struct af_future *copy, *all;
	struct af_file *reader;

	open_disk(_i, LEN / 2);
	reader = af_file_new(rig.loop, sink, AFIO_KEEP_FD);
	copy = af_file_copy(file, target, -1, NULL);
	ck_assert(!af_future_is_done(copy));
	put(file_fd, data + LEN / 2, LEN / 4);
	all = af_file_read(reader, LEN * 3 / 4, AFIO_FULL, NULL);
	expect_data_pattern(&rig, all, LEN * 3 / 4, 0, 0);
	expect_count(&rig, copy, LEN * 3 / 4, AFIO_EOF);
	expect_count(&rig, af_file_copy(file, target, -1, NULL), 0, AFIO_EOF);
	put(file_fd, data + LEN * 3 / 4, 9999);
	expect_count(&rig, af_file_copy(file, target, -1, MS(20000)), 9999,
		     AFIO_EOF);
	all = af_file_read(reader, 9999, AFIO_FULL, NULL);
	expect_data_pattern(&rig, all, 9999, LEN * 3 / 4, 0);
	ck_assert_int_eq(af_file_close(reader), 0);
	close_disk();
}
END_TEST

START_TEST(copy_from_disk_at_deadline_leaves_the_rest)
{
	size_t count;

	open_disk(_i, LEN);
	expect_text(&rig, af_file_read(file, 1, AFIO_FULL, NULL), "\0", 0);
	count = 1 + expect_end(af_file_copy(file, target, -1, MS(20)), 0,
			       AFIO_TIMEDOUT);
	ck_assert(count > 1 && count < LEN);
	expect_pattern(sink, count - 1, 1);
	expect_data_pattern(&rig, af_file_read(file, 0, 0, NULL), LEN - count,
			    count, AFIO_EOF);
	close_disk();
}
END_TEST

START_TEST(copy_from_disk_that_shrinks_ends_there)
{
	struct af_future *copy;
	size_t count;

	open_disk(_i, LEN);
	copy = af_file_copy(file, target, -1, NULL);
	for (int i = 0; i < 5; i++)
		turn(&rig);
	ck_assert_int_eq(ftruncate(file_fd, 4096), 0);
	/* Never waiting for what the copy has not written yet. */
	for (char buf[4096]; !af_future_is_done(copy); turn(&rig))
		if (poll(&(struct pollfd){ .fd = sink, .events = POLLIN }, 1,
			 0) > 0)
			ck_assert_int_ge(read(sink, buf, sizeof buf), 0);
	count = expect_end(copy, 0, AFIO_EOF);
	ck_assert(count > 0 && count < LEN);
	close_disk();
}
END_TEST

START_TEST(copy_from_disk_of_a_hole_beyond_4_gib)
{
	const off_t at = ((off_t)5 << 30) - 20000;
	char zeros[20000];

	open_disk(_i, 0);
	ck_assert_int_eq(lseek(file_fd, at + 20000, SEEK_SET), at + 20000);
	put_text(file_fd, "end");
	ck_assert_int_eq(af_file_seek(file, at, SEEK_SET), at);
	expect_count(&rig, af_file_copy(file, target, 20001, NULL), 20001, 0);
	expect_count(&rig, af_file_copy(file, target, -1, NULL), 2, AFIO_EOF);
	get(sink, zeros, sizeof zeros);
	for (size_t i = 0; i < sizeof zeros; i++)
		ck_assert_int_eq(zeros[i], 0);
	expect_sunk("end");
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_CUR), at + 20003);
	ck_assert_int_eq(ftruncate(file_fd, 0), 0);
	close_disk();
}
END_TEST

START_TEST(copy_from_and_to_devices)
{
	struct af_file *zero, *null, *full;
	char zeros[3000];

	open_way(_i);
	zero = af_file_open(rig.loop, "/dev/zero", "r");
	null = af_file_open(rig.loop, "/dev/null", "w");
	full = af_file_open(rig.loop, "/dev/full", "w");
	expect_count(&rig, af_file_copy(zero, target, 3000, NULL), 3000, 0);
	get(sink, zeros, sizeof zeros);
	ck_assert_int_eq(zeros[0] | zeros[2999], 0);
	put_text(rig.out, "abcdef");
	expect_error(&rig, af_file_copy(rig.reader, full, -1, NULL), -ENOSPC);
	expect_count(&rig, af_file_copy(rig.reader, null, 4, NULL), 4, 0);
	expect_text(&rig, reading(2), "ef", 0);
	expect_count(&rig, af_file_copy(zero, null, (off_t)LEN, NULL), LEN, 0);
	/* There is no end to what is there now, but to this there is. */
	ck_assert_uint_gt(expect_end(af_file_copy(zero, null, -1, MS(0)), 0,
				     AFIO_TIMEDOUT),
			  0);
	ck_assert_uint_gt(expect_end(af_file_copy(zero, null, -1, MS(5)), 0,
				     AFIO_TIMEDOUT),
			  0);
	ck_assert_int_eq(af_file_close(zero), 0);
	ck_assert_int_eq(af_file_close(null), 0);
	ck_assert_int_eq(af_file_close(full), 0);
	close_way();
}
END_TEST

/* splice(2) refuses O_APPEND. */
START_TEST(copy_to_what_appends)
{
	struct af_file *log, *fifo;
	char buf[7] = "";
	int fd;

	open_way(_i);
	make_file("log", "old ", 0600);
	log = af_file_open(rig.loop, "log", "a");
	put_text(rig.out, "abcdef");
	expect_count(&rig, af_file_copy(rig.reader, log, 2, NULL), 2, 0);
	ck_assert_int_eq(af_file_close(log), 0);
	expect_file("log", "old ab");
	make_fifo();
	fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fifo = af_file_open(rig.loop, "fifo", "a");
	expect_count(&rig, af_file_copy(rig.reader, fifo, 4, NULL), 4, 0);
	get(fd, buf, 4);
	ck_assert_str_eq(buf, "cdef");
	close(fd);
	ck_assert_int_eq(af_file_close(fifo), 0);
	close_way();
}
END_TEST

/* That it ended once counts, also when another writer comes. */
START_TEST(copy_from_a_fifo_ends_with_its_writer)
{
	struct af_file *fifo;
	struct af_future *f;
	int fd;

	open_way(_i);
	make_fifo();
	fifo = af_file_open(rig.loop, "fifo", "r");
	f = af_file_copy(fifo, target, -1, NULL);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	fd = open("fifo", O_WRONLY | O_CLOEXEC);
	put_text(fd, "abc");
	turn(&rig);
	close(fd);
	expect_count(&rig, f, 3, AFIO_EOF);
	fd = open("fifo", O_WRONLY | O_CLOEXEC);
	put_text(fd, "def");
	expect_text(&rig, af_file_read(fifo, 9, 0, NULL), "", AFIO_EOF);
	expect_count(&rig, af_file_copy(fifo, target, -1, NULL), 0, AFIO_EOF);
	close(fd);
	expect_sunk("abc");
	ck_assert_int_eq(af_file_close(fifo), 0);
	close_way();
}
END_TEST

START_TEST(copy_from_and_to_a_terminal)
{
	struct af_file *terminal;
	struct termios raw;
	char buf[4] = "";
	int master, slave;

	open_way(_i);
	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	tcgetattr(slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	terminal = af_file_new(rig.loop, slave, 0);
	put_text(rig.out, "abc");
	expect_count(&rig, af_file_copy(rig.reader, terminal, 3, NULL), 3, 0);
	get(master, buf, 3);
	ck_assert_str_eq(buf, "abc");
	put_text(master, "def");
	expect_count(&rig, af_file_copy(terminal, target, 3, NULL), 3, 0);
	expect_sunk("def");
	close(master);
	expect_count(&rig, af_file_copy(terminal, target, -1, NULL), 0,
		     AFIO_EOF);
	ck_assert_int_eq(af_file_close(terminal), 0);
	close_way();
}
END_TEST

/* Many. */

#define MANY 100

START_TEST(copies_at_once_are_all_whole)
{
	struct af_file *from[MANY], *to[MANY];
	struct af_future *copies[MANY];
	int outs[MANY], ins[MANY], fds[2];

	rig_open_loop(&rig, _i);
	for (int i = 0; i < MANY; i++) {
		make_pair(i % 2 ? KIND_PIPE : KIND_SOCKETPAIR, fds);
		from[i] = af_file_new(rig.loop, fds[0], 0);
		outs[i] = fds[1];
		make_pair(i % 3 ? KIND_PIPE : KIND_SOCKETPAIR, fds);
		to[i] = af_file_new(rig.loop, fds[1], 0);
		ins[i] = fds[0];
		copies[i] = af_file_copy(from[i], to[i], -1, NULL);
	}
	for (int i = MANY - 1; i >= 0; i--) {
		put_pattern(outs[i], 1000 + (size_t)i, (size_t)i);
		close(outs[i]);
	}
	for (size_t i = 0; i < MANY; i++) {
		expect_count(&rig, copies[i], 1000 + i, AFIO_EOF);
		expect_pattern(ins[i], 1000 + i, i);
		close(ins[i]);
		ck_assert_int_eq(af_file_close(from[i]), 0);
		ck_assert_int_eq(af_file_close(to[i]), 0);
	}
	rig_close(&rig);
}
END_TEST

#define RING 5

/* Ten times round, and the same bytes are where they began. */
START_TEST(copies_in_a_ring_pass_it_all_on)
{
	struct af_file *in[RING], *out[RING];
	struct af_future *copies[RING];
	int fds[2];

	rig_open_loop(&rig, _i);
	for (int i = 0; i < RING; i++) {
		make_pair(KIND_PIPE, fds);
		if (i == 0)
			put_pattern(fds[1], 1000, 0);
		in[i] = af_file_new(rig.loop, fds[0], 0);
		out[i] = af_file_new(rig.loop, fds[1], 0);
	}
	for (int i = 0; i < RING; i++)
		copies[i] =
			af_file_copy(in[i], out[(i + 1) % RING], 10000, NULL);
	for (int i = 0; i < RING; i++)
		expect_count(&rig, copies[i], 10000, 0);
	expect_data_pattern(&rig, af_file_read(in[0], 1000, AFIO_FULL, NULL),
			    1000, 0, 0);
	for (int i = 0; i < RING; i++) {
		ck_assert_int_eq(af_file_close(in[i]), 0);
		ck_assert_int_eq(af_file_close(out[i]), 0);
	}
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("copy");
	TCase *tc = test_case(s, "outcome");

	pattern_fill(data, LEN, 0);
#define ADD(test) tcase_add_loop_test(tc, test, 0, ALL_WAYS)
#define ADD_FROM_SOCKETS(test)                                                 \
	tcase_add_loop_test(tc, test, DRIVE_COUNT, 3 * DRIVE_COUNT);           \
	tcase_add_loop_test(tc, test, 5 * DRIVE_COUNT, 6 * DRIVE_COUNT)
#define ADD_DRIVEN(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(copy_to_eof_succeeds_with_eof);
	ADD(copy_of_count_takes_not_one_byte_more);
	ADD(copy_of_nothing_succeeds_at_once);
	ADD(copy_of_more_than_comes_succeeds_with_eof);
	ADD(copy_of_much_is_whole);
	ADD(copy_at_deadline_with_none_fails_etimedout);
	ADD(copy_at_deadline_with_some_succeeds_and_loses_nothing);
	ADD(copy_zero_timeout_moves_what_is_there);
	ADD(copy_cancelled_leaves_the_rest);
	ADD(copy_stuck_when_the_reader_goes_fails_epipe);
	tcase_add_loop_test(tc, copy_to_nobody_fails_epipe_without_a_signal, 0,
			    DISPOSITION_COUNT * ALL_WAYS);
	ADD_FROM_SOCKETS(copy_read_error_is_reported_once);
	ADD_FROM_SOCKETS(copy_has_the_error_of_the_read_before);
	ADD(copy_takes_unread_bytes_first);

	tc = test_case(s, "queues");
	ADD(copy_has_its_place_in_both_queues);
	ADD(copy_behind_a_write_holds_up_the_reads);
	ADD(copy_behind_a_read_holds_up_the_writes);
	ADD(copies_queued_deep_all_end);
	tcase_add_loop_test(tc, copies_cancelled_by_an_end_move_nothing, 0,
			    5 * ALL_BUT_TCP);
	ADD(copy_whose_source_is_detached_loses_nothing);

	tc = scratch_case(s, "kinds");
	ADD_DRIVEN(copy_to_itself_is_an_echo);
	ADD_DRIVEN(copy_to_itself_without_an_end_is_refused);
	ADD_DRIVEN(copy_of_nonsense_is_refused);
	ADD(copy_does_not_block_the_loop);
	ADD(copy_that_waits_lets_the_loop_sleep);
	tcase_add_loop_test(tc, copy_from_disk_is_whole_and_goes_on_as_it_grows,
			    0, ALL_SINKS);
	tcase_add_loop_test(tc, copy_from_disk_at_deadline_leaves_the_rest, 0,
			    ALL_SINKS);
	tcase_add_loop_test(tc, copy_from_disk_that_shrinks_ends_there, 0,
			    ALL_SINKS);
	tcase_add_loop_test(tc, copy_from_disk_of_a_hole_beyond_4_gib, 0,
			    ALL_SINKS);
	tcase_add_test(tc, copy_of_which_a_part_went_raises_no_signal);
	ADD(copy_from_and_to_devices);
	ADD(copy_to_what_appends);
	ADD(copy_from_a_fifo_ends_with_its_writer);
	ADD(copy_from_and_to_a_terminal);

	tc = test_case(s, "many");
	ADD_DRIVEN(copies_at_once_are_all_whole);
	ADD_DRIVEN(copies_in_a_ring_pass_it_all_on);
	return s;
}
