/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of af_file_send_fds(): its outcomes, with descriptors that are sent once
 * or not at all; and what processes pass each other.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "support/nobody.h"
#include "support/contexts.h"
#include "support/dumped.h"
#include "support/passing.h"
#include "support/pattern.h"

#define LARGE ((size_t)1 << 20) /* more than a socket takes */

static unsigned char data[LARGE];

static struct af_future *send_one(const char *text, const struct tag *tag)
{
	return af_file_send_fds(rig.reader, text, strlen(text), &tag->out, 1, 0,
				NULL);
}

/* The caller's copy may go now. */
static void let_go(struct tag *tag)
{
	ck_assert_int_eq(close(tag->out), 0);
	tag->out = -1;
}

/* What the peer gets next, and its descriptors, n of them, all of the tag. */
static void expect_passed(const char *text, size_t n, const struct tag *tag)
{
	int fds[AFIO_MAX_FDS];
	char buf[99] = "";
	size_t came;

	ck_assert_int_eq(take_passed(rig.out, buf, 98, fds, &came),
			 (ssize_t)strlen(text));
	ck_assert_str_eq(buf, text);
	ck_assert_uint_eq(came, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(write(fds[i], "!", 1), 1);
		get(tag->in, buf, 1);
		close(fds[i]);
	}
}

/* Reads until there is nothing left: how many bytes, and descriptors. */
static size_t drain(size_t *ret_fds)
{
	static char buf[65536];
	int fds[AFIO_MAX_FDS];
	size_t n = 0, came;
	ssize_t r;

	while ((r = take_passed(rig.out, buf, sizeof buf, fds, &came)) > 0) {
		n += (size_t)r;
		*ret_fds += came;
		for (size_t i = 0; i < came; i++)
			close(fds[i]);
	}
	return n;
}

START_TEST(send_passes_bytes_and_descriptors)
{
	struct tag tag = make_tag();
	int fds[] = { tag.out, tag.out, tag.out };

	open_type(_i, 0);
	expect_count(&rig,
		     af_file_send_fds(rig.reader, "abc", 3, fds, 3, 0, NULL), 3,
		     0);
	expect_passed("abc", 3, &tag);
	expect_count(&rig,
		     af_file_send_fds(rig.reader, "de", 2, fds, 1, AFIO_BORROW,
				      MS(20000)),
		     2, 0);
	expect_passed("de", 1, &tag);
	/* They stay the caller's. */
	let_go(&tag);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

START_TEST(send_of_as_many_as_can_be_sent_passes_all)
{
	struct tag tag = make_tag();
	int fds[AFIO_MAX_FDS];

	open_type(_i, 0);
	for (int i = 0; i < AFIO_MAX_FDS; i++)
		fds[i] = tag.out;
	expect_count(&rig,
		     af_file_send_fds(rig.reader, "abc", 3, fds, AFIO_MAX_FDS,
				      0, NULL),
		     3, 0);
	expect_passed("abc", AFIO_MAX_FDS, &tag);
	let_go(&tag);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

START_TEST(send_of_an_empty_message_passes_descriptors)
{
	struct tag tag = make_tag();

	open_messages(_i, 0);
	expect_count(&rig, send_one("", &tag), 0, 0);
	expect_passed("", 1, &tag);
	expect_count(
		&rig,
		af_file_send_fds(rig.reader, NULL, 0, &tag.out, 1, 0, NULL), 0,
		0);
	expect_passed("", 1, &tag);
	let_go(&tag);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Fills the socket by messages of this size. */
static size_t fill_up(size_t size)
{
	size_t n = 0;

	while (send(af_file_fd(rig.reader), data, size, MSG_DONTWAIT) > 0)
		n++;
	return n;
}

/* Takes that many messages, or their bytes. */
static void take_out(size_t n, size_t size)
{
	char buf[9999];

	for (size_t i = 0; i < n; i++)
		get(rig.out, buf, size);
}

/* Index: AFIO_BORROW or not, a type, and who drives. */
START_TEST(send_that_waits_needs_nothing_of_the_callers)
{
	unsigned flags = _i < EVERY_TYPE ? 0 : AFIO_BORROW;
	struct af_future *before, *f, *behind;
	struct tag tag = make_tag();
	char text[] = "abc";
	size_t n;
	int fd;

	open_type(_i % EVERY_TYPE, 0);
	n = fill_up(1000);
	before = af_file_write(rig.reader, "12", 2, AFIO_FULL, NULL);
	fd = tag.out;
	f = af_file_send_fds(rig.reader, flags ? "abc" : text, 3, &fd, 1, flags,
			     NULL);
	behind = af_file_write(rig.reader, "34", 2, AFIO_FULL, NULL);
	let_go(&tag);
	fd = 0;
	memcpy(text, "xyz", 3);
	turn(&rig);
	ck_assert(!af_future_is_done(f));
	ck_assert(!is_shut(&tag));
	take_out(n, 1000);
	expect_count(&rig, behind, 2, 0);
	expect_count(&rig, f, 3, 0);
	expect_count(&rig, before, 2, 0);
	if (TYPE_OF(_i % EVERY_TYPE) == STREAM) {
		/* The set is with its byte: what is behind is read later. */
		get(rig.out, text, 2);
		expect_passed("abc", 1, &tag);
	} else {
		expect_passed("12", 0, &tag);
		expect_passed("abc", 1, &tag);
	}
	expect_passed("34", 0, &tag);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

START_TEST(send_in_parts_passes_descriptors_once)
{
	struct tag tag = make_tag();
	struct af_future *f;
	size_t n = 0, fds = 0;

	open_type(_i % DRIVE_COUNT, 0);
	f = af_file_send_fds(rig.reader, data, LARGE, &tag.out, 1, 0, NULL);
	let_go(&tag);
	ck_assert(!af_future_is_done(f));
	ck_assert_uint_gt(af_future_count(f), 0);
	while (n < LARGE) {
		n += drain(&fds);
		turn(&rig);
	}
	expect_count(&rig, f, LARGE, 0);
	ck_assert_uint_eq(fds, 1);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Index: by a deadline, or by a cancel, a type, and who drives. */
START_TEST(send_that_ends_before_its_first_byte_passes_nothing)
{
	struct tag tag = make_tag();
	struct af_future *f;
	size_t n, fds = 0;

	open_type(_i % EVERY_TYPE, 0);
	n = fill_up(1000);
	if (_i < EVERY_TYPE) {
		expect_error(&rig,
			     af_file_send_fds(rig.reader, "abc", 3, &tag.out, 1,
					      0, MS(0)),
			     -ETIMEDOUT);
		f = af_file_send_fds(rig.reader, "abc", 3, &tag.out, 1, 0,
				     MS(5));
		let_go(&tag);
		expect_error(&rig, f, -ETIMEDOUT);
	} else {
		f = send_one("abc", &tag);
		let_go(&tag);
		af_future_cancel(f);
		expect_error(&rig, f, -ECANCELED);
	}
	ck_assert(is_shut(&tag));
	ck_assert_uint_eq(drain(&fds), n * 1000);
	ck_assert_uint_eq(fds, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Index: by a deadline, or by a cancel, and who drives. */
START_TEST(send_that_ends_after_its_first_byte_has_passed_all)
{
	const struct timeval *timeout = _i < DRIVE_COUNT ? MS(5) : NULL;
	struct tag tag = make_tag();
	struct af_future *f;
	size_t n, fds = 0;

	open_type(_i % DRIVE_COUNT, 0);
	f = af_file_send_fds(rig.reader, data, LARGE, &tag.out, 1, 0, timeout);
	let_go(&tag);
	if (!timeout)
		af_future_cancel(f);
	n = expect_part(&rig, f, LARGE, timeout ? 0 : -ECANCELED,
			timeout ? AFIO_TIMEDOUT : 0);
	ck_assert_uint_eq(drain(&fds), n);
	ck_assert_uint_eq(fds, 1);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Index: close, or the end of the loop, a type, and who drives. */
START_TEST(send_pending_when_its_file_ends_closes_its_own)
{
	struct tag tag = make_tag();
	struct af_future *f;

	open_type(_i % EVERY_TYPE, 0);
	fill_up(1000);
	f = send_one("abc", &tag);
	let_go(&tag);
	expect_dumped(rig.loop, "send fd %d, 3 bytes left",
		      af_file_fd(rig.reader));
	if (_i < EVERY_TYPE) {
		ck_assert_int_eq(af_file_close(rig.reader), 0);
		rig.reader = NULL;
	} else {
		af_loop_free(rig.loop);
		rig.loop = NULL;
	}
	ck_assert_int_eq(af_future_error(f), -ECANCELED);
	af_future_unref(f);
	ck_assert(is_shut(&tag));
	close_tag(&tag);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	rig_close(&rig);
}
END_TEST

/* Index: at once, or while it waits, a type, and who drives. */
START_TEST(send_to_nobody_is_epipe_without_a_signal)
{
	bool waits = _i >= EVERY_TYPE;
	struct tag tag = make_tag();
	struct af_future *f;
	int r;

	open_type(_i % EVERY_TYPE, 0);
	signal(SIGPIPE, SIG_DFL);
	if (waits) {
		fill_up(1000);
		f = send_one("abc", &tag);
		ck_assert(!af_future_is_done(f));
	}
	close(rig.out);
	rig.out = -1;
	if (!waits)
		f = send_one("abc", &tag);
	r = drive(&rig, f);
	/* Datagrams are refused, rather. */
	ck_assert(r == -EPIPE ||
		  (TYPE_OF(_i % EVERY_TYPE) == DATAGRAM && r == -ECONNREFUSED));
	ck_assert_uint_eq(af_future_count(f), 0);
	af_future_unref(f);
	let_go(&tag);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

static struct af_future *send_any(const void *buf, size_t len, const int *fds,
				  size_t n, unsigned flags)
{
	return af_file_send_fds(rig.reader, buf, len, fds, n, flags, NULL);
}

START_TEST(send_refused_says_why)
{
	int fds[AFIO_MAX_FDS + 1] = { 0 }, bad[] = { 0, -1 };
	size_t n;

	open_type(_i, 0);
	expect_error(&rig, af_file_send_fds(NULL, "x", 1, fds, 1, 0, NULL),
		     -EINVAL);
	expect_error(&rig, send_any("x", 1, fds, 0, 0), -EINVAL);
	expect_error(&rig, send_any("x", 1, NULL, 1, 0), -EINVAL);
	expect_error(&rig, send_any("x", 1, fds, AFIO_MAX_FDS + 1, 0), -EINVAL);
	expect_error(&rig, send_any(NULL, 1, fds, 1, 0), -EINVAL);
	expect_error(&rig, send_any("x", 1, fds, 1, AFIO_FULL), -EINVAL);
	expect_error(&rig,
		     af_file_send_fds(rig.reader, "x", 1, fds, 1, 0, MS(-1000)),
		     -EINVAL);
	if (TYPE_OF(_i) == STREAM)
		expect_error(&rig, send_any("", 0, fds, 1, 0), -EINVAL);
	expect_error(&rig, send_any("x", 1, bad, 2, 0), -EBADF);
	n = fill_up(1000);
	expect_error(&rig, send_any("x", 1, bad, 2, 0), -EBADF);
	take_out(n, 1000);
	expect_error(&rig, af_file_finish(rig.reader, NULL), 0);
	expect_error(&rig, send_any("x", 1, fds, 1, 0), -EBADF);
	rig_close(&rig);
}
END_TEST

START_TEST(send_to_what_is_no_unix_socket_is_enotsup)
{
	struct af_file *file;
	int fd = 0;

	rig_open(&rig, _i);
	if (_i / DRIVE_COUNT != KIND_SOCKETPAIR)
		expect_error(&rig,
			     af_file_send_fds(rig_writer(&rig), "x", 1, &fd, 1,
					      0, NULL),
			     -ENOTSUP);
	file = af_file_open(rig.loop, "/dev/null", "w");
	expect_error(&rig, af_file_send_fds(file, "x", 1, &fd, 1, 0, NULL),
		     -ENOTSUP);
	ck_assert_int_eq(af_file_close(file), 0);
	rig_close(&rig);
}
END_TEST

/* No descriptor is left for a duplicate. */
START_TEST(send_that_must_wait_without_room_is_emfile)
{
	struct rlimit limit, before;
	struct tag tag = make_tag();
	const int many[] = { tag.out, tag.out, tag.out };
	size_t n, fds = 0;

	open_type(_i, 0);
	n = fill_up(1000);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = (rlim_t)dup(0); /* all below that are in use */
	close((int)limit.rlim_cur);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect_error(&rig, send_one("abc", &tag), -EMFILE);
	/* There is room for the first of them. */
	limit.rlim_cur++;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	expect_error(&rig,
		     af_file_send_fds(rig.reader, "abc", 3, many, 3, 0, NULL),
		     -EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert_uint_eq(drain(&fds), n * 1000);
	ck_assert_uint_eq(fds, 0);
	let_go(&tag);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

#ifdef __linux__
/* In a child, as another user than root, whom the limit does not bind. */
static int send_too_many(void)
{
	struct rlimit limit = { 40, 40 };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *file;
	struct af_future *f;
	int fds[2], r = 0;

	if (is_root())
		become_nobody();
	make_sockets(SOCK_STREAM, fds);
	setrlimit(RLIMIT_NOFILE, &limit);
	file = af_file_new(loop, fds[0], 0);
	for (int i = 0; i < 99 && r == 0; i++) {
		f = af_file_send_fds(file, "x", 1, &fds[1], 1, 0, NULL);
		r = af_await(f);
		if (r < 0 && af_future_count(f) > 0)
			return 2;
		af_future_unref(f);
	}
	af_file_close(file);
	close(fds[1]);
	af_loop_free(loop);
	return r == -ETOOMANYREFS ? 0 : 1;
}

START_TEST(send_with_too_many_on_their_way_is_etoomanyrefs)
{
	if (without_valgrind("does not tell the system the limit"))
		expect_in_fork(send_too_many);
}
END_TEST
#endif

/* What passes from one process to another, as servers with workers do. */

static int listen_on_tcp(struct sockaddr_in *address)
{
	socklen_t len = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &len), 0);
	return fd;
}

/* Makes rig.writer a file of the peer's end. */
static void take_both_ends(void)
{
	rig.writer = af_file_new(rig.loop, rig.out, AFIO_RECEIVE_FDS);
	ck_assert_ptr_nonnull(rig.writer);
	rig.out = -1;
}

static int receive_one(const char *text)
{
	struct af_future *f =
		af_file_receive_fds(rig.writer, 99, 1, 0, MS(20000));
	int fd;

	af_future_ref(f);
	expect_bytes(&rig, f, text, strlen(text), 0);
	fd = af_future_take_fd(f, 0);
	ck_assert_int_ge(fd, 0);
	af_future_unref(f);
	return fd;
}

/* Index: whether it listens before it is sent, and who drives. */
START_TEST(send_of_a_listener_lets_the_receiver_accept)
{
	struct sockaddr_in address;
	int fd, other, client, accepted;

	open_type(_i % DRIVE_COUNT, 0);
	take_both_ends();
	fd = listen_on_tcp(&address);
	if (_i < DRIVE_COUNT)
		ck_assert_int_eq(listen(fd, 5), 0);
	expect_count(&rig,
		     af_file_send_fds(rig.reader, "listen", 6, &fd, 1, 0, NULL),
		     6, 0);
	if (_i >= DRIVE_COUNT)
		ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(close(fd), 0);
	other = receive_one("listen");
	client = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(
		connect(client, (struct sockaddr *)&address, sizeof address),
		0);
	accepted = accept(other, NULL, NULL);
	ck_assert_int_ge(accepted, 0);
	put_text(client, "hello");
	get(accepted, (char[5]){ 0 }, 5);
	close(accepted);
	close(client);
	close(other);
	rig_close(&rig);
}
END_TEST

/* A connection is handed over in its middle, and goes on as a file. */
START_TEST(send_of_a_connection_lets_the_receiver_go_on)
{
	struct af_file *file, *passed;
	int fds[2], fd;

	open_type(_i, 0);
	take_both_ends();
	make_pair(KIND_TCP, fds);
	file = af_file_new(rig.loop, fds[0], AFIO_UNBUFFERED);
	put_text(fds[1], "head\nbody");
	expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "head\n", 0);
	fd = af_file_fd(file);
	expect_count(&rig,
		     af_file_send_fds(rig.reader, "go on", 5, &fd, 1, 0, NULL),
		     5, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	passed = af_file_new(rig.loop, receive_one("go on"), 0);
	expect_text(&rig, af_file_read(passed, 4, AFIO_FULL, NULL), "body", 0);
	expect_count(&rig, af_file_write(passed, "answer", 6, AFIO_FULL, NULL),
		     6, 0);
	get(fds[1], (char[6]){ 0 }, 6);
	ck_assert_int_eq(af_file_close(passed), 0);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

/* Through another process: it sends back what it gets. */
static int echo_sets(int socket)
{
	int fds[AFIO_MAX_FDS];
	char buf[99];
	size_t n;
	ssize_t r;
	struct pollfd polled = { .fd = socket, .events = POLLIN };

	for (;;) {
		poll(&polled, 1, -1);
		r = take_passed(socket, buf, sizeof buf, fds, &n);
		if (r <= 0)
			return r < 0;
		if (try_pass(socket, buf, (size_t)r, fds, n) != r)
			return 2;
		for (size_t i = 0; i < n; i++)
			close(fds[i]);
	}
}

START_TEST(send_through_another_process_comes_back)
{
	struct tag tag = make_tag();
	struct af_future *f;
	int status;
	pid_t pid;

	open_type(_i % DRIVE_COUNT + (_i < DRIVE_COUNT ? 0 : DRIVE_COUNT),
		  AFIO_RECEIVE_FDS);
	pid = fork();
	if (pid == 0) {
		close(af_file_fd(rig.reader));
		_exit(echo_sets(rig.out));
	}
	close(rig.out);
	rig.out = -1;
	for (int i = 0; i < 9; i++) {
		expect_count(&rig, send_one("again", &tag), 5, 0);
		f = af_file_receive_fds(rig.reader, 99, 1, 0, MS(20000));
		af_future_ref(f);
		expect_text(&rig, f, "again", 0);
		take(f, 0, &tag);
		af_future_unref(f);
	}
	let_go(&tag);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

/* Both send far more than fits, at the same time, and set by set. */
struct traffic {
	struct af_file *file;
	size_t sent, received, sets;
};
#define ROUNDS 50
#define PIECE 50000

static struct af_future *receive_more(struct af_future *done, void *arg)
{
	struct traffic *t = arg;
	const char *bytes;
	size_t n;

	bytes = af_future_data(done, &n);
	ck_assert_uint_eq(pattern_match(bytes, n, t->received), n);
	t->received += n;
	t->sets += af_future_fds(done);
	if (t->received == ROUNDS * PIECE)
		return NULL;
	return af_then(af_file_receive_fds(t->file, 0x10000, 9, 0, NULL),
		       receive_more, t);
}

static struct af_future *send_more(struct af_future *done, void *arg)
{
	static unsigned char piece[PIECE];
	struct traffic *t = arg;
	int fd = 0;

	(void)done;
	if (t->sent == ROUNDS * PIECE)
		return NULL;
	pattern_fill(piece, PIECE, t->sent);
	t->sent += PIECE;
	return af_then(af_file_send_fds(t->file, piece, PIECE, &fd, 1, 0, NULL),
		       send_more, t);
}

START_TEST(send_and_receive_of_much_both_ways_does_not_get_stuck)
{
	struct traffic a = { 0 }, b = { 0 };
	struct af_future *parts[4];

	open_type(_i % DRIVE_COUNT, AFIO_RECEIVE_FDS);
	take_both_ends();
	a.file = rig.reader;
	b.file = rig.writer;
	parts[0] = send_more(NULL, &a);
	parts[1] = send_more(NULL, &b);
	parts[2] = af_then(af_file_receive_fds(a.file, 9, 9, 0, NULL),
			   receive_more, &a);
	parts[3] = af_then(af_file_receive_fds(b.file, 9, 9, 0, NULL),
			   receive_more, &b);
	expect_error(&rig, af_all(rig.loop, parts, 4), 0);
	ck_assert_uint_eq(a.sets, ROUNDS);
	ck_assert_uint_eq(b.sets, ROUNDS);
	rig_close(&rig);
}
END_TEST

static struct stage stage;

static void send_there(void *arg)
{
	struct tag tag = make_tag();
	struct af_future *f;
	size_t fds = 0;
	size_t n;

	(void)arg;
	n = fill_up(1000);
	f = send_one("abc", &tag);
	let_go(&tag);
	take_out(n, 1000);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	ck_assert_uint_eq(drain(&fds), 3);
	ck_assert_uint_eq(fds, 1);
	close_tag(&tag);
}

/* Index: a context. */
START_TEST(send_is_awaited_everywhere)
{
	int fds[2];

	stage_open(&stage, (enum context)_i);
	make_sockets(SOCK_STREAM, fds);
	rig.reader = af_file_new(stage.loop, fds[0], 0);
	ck_assert_ptr_nonnull(rig.reader);
	rig.out = fds[1];
	stage_play(&stage, send_there, NULL);
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	close(rig.out);
	stage_close(&stage);
}
END_TEST

static struct af_future *send_for_nobody(struct af_future *done, void *arg)
{
	(void)done;
	return send_one("abc", arg);
}

static struct af_future *send_at_once_for_nobody(struct af_future *done,
						 void *arg)
{
	const struct tag *tag = arg;

	(void)done;
	return af_file_send_fds(rig.reader, "abc", 3, &tag->out, 1, 0, MS(0));
}

START_TEST(send_of_a_cancelled_chain_passes_nothing)
{
	struct tag tag = make_tag();
	struct af_future *chain;
	size_t fds = 0;

	open_type(_i, 0);
	for (int i = 0; i < 2; i++) {
		chain = af_then(af_succeeded(rig.loop, NULL, NULL),
				i ? send_at_once_for_nobody : send_for_nobody,
				&tag);
		af_future_cancel(chain);
		expect_error(&rig, chain, -ECANCELED);
	}
	ck_assert_uint_eq(drain(&fds), 0);
	let_go(&tag);
	close_tag(&tag);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/send_fds");
	TCase *tc = test_case(s, "outcomes");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(send_passes_bytes_and_descriptors, EVERY_TYPE);
	ADD(send_of_as_many_as_can_be_sent_passes_all, EVERY_TYPE);
	ADD(send_of_an_empty_message_passes_descriptors, MESSAGES);
	ADD(send_that_waits_needs_nothing_of_the_callers, 2 * EVERY_TYPE);
	ADD(send_in_parts_passes_descriptors_once, DRIVE_COUNT);
	ADD(send_that_ends_before_its_first_byte_passes_nothing,
	    2 * EVERY_TYPE);
	ADD(send_that_ends_after_its_first_byte_has_passed_all,
	    2 * DRIVE_COUNT);
	ADD(send_pending_when_its_file_ends_closes_its_own, 2 * EVERY_TYPE);
	ADD(send_to_nobody_is_epipe_without_a_signal, 2 * EVERY_TYPE);
	ADD(send_refused_says_why, EVERY_TYPE);
	ADD(send_to_what_is_no_unix_socket_is_enotsup, EVERY_WAY);
	ADD(send_that_must_wait_without_room_is_emfile, EVERY_TYPE);
#ifdef __linux__
	tcase_add_test(tc, send_with_too_many_on_their_way_is_etoomanyrefs);
#endif
	tc = test_case(s, "processes");
	ADD(send_of_a_listener_lets_the_receiver_accept, 2 * DRIVE_COUNT);
	ADD(send_of_a_connection_lets_the_receiver_go_on, EVERY_TYPE);
	ADD(send_through_another_process_comes_back, 2 * DRIVE_COUNT);
	ADD(send_and_receive_of_much_both_ways_does_not_get_stuck, DRIVE_COUNT);
	tc = test_case(s, "places");
	ADD(send_is_awaited_everywhere, CONTEXT_COUNT);
	ADD(send_of_a_cancelled_chain_passes_nothing, EVERY_TYPE);
	return s;
}
