/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time is shared, by each thing of the library that work may come from without
 * an end: a timer of the program fires in between. See fair.c for continuations,
 * posts and lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/children.h"
#include "support/fairness.h"
#include "support/kinds.h"
#include "support/scratch.h"

/* With 1 ms for each, longer than the timer may wait. */
enum { MANY = 200 };

static struct rig rig;

static void work_long(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	spin(1);
}

/* A child that fills, or empties, a descriptor as fast as it can. */
static pid_t fill_or_empty(int fd, bool fill)
{
	static char bytes[1 << 16];
	pid_t pid = fork();

	while (pid == 0) {
		ssize_t n = fill ? write(fd, bytes, sizeof bytes)
				 : read(fd, bytes, sizeof bytes);

		if (n <= 0)
			_exit(0);
	}
	return pid;
}

static void end_child(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* Copies */

enum end { ZERO, DISK, MEMORY, PIPE, SOCKET, NOTHING };

static const struct {
	enum end from, to;
	int n; /* at a time */
} copies[] = {
	{ ZERO, NOTHING, 1 },  { ZERO, PIPE, 1 },     { ZERO, SOCKET, 1 },
	{ DISK, NOTHING, 1 },  { DISK, PIPE, 1 },     { DISK, SOCKET, 1 },
	{ MEMORY, MEMORY, 1 }, { PIPE, PIPE, 1 },     { PIPE, SOCKET, 1 },
	{ SOCKET, SOCKET, 1 }, { SOCKET, PIPE, 1 },   { DISK, SOCKET, 8 },
	{ DISK, NOTHING, 64 }, { ZERO, NOTHING, 64 }, { PIPE, NOTHING, 16 },
};
#define COPIES ((int)(sizeof copies / sizeof *copies))

/* All of it is in the page cache. */
static int open_disk(void)
{
	int fd = open("disk", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	static char bytes[1 << 20];

	ck_assert_int_ge(fd, 0);
	if (lseek(fd, 0, SEEK_END) == 0)
		for (int i = 0; i < 32; i++)
			put(fd, bytes, sizeof bytes);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

/* A file has an end after all, and is copied again; so is what timed out. */
static struct row_copy {
	struct af_file *from, *to;
	struct af_future *whole;
	size_t count;
	pid_t in, out;
} rows[64];

static void copy_on(struct af_future *done, void *arg)
{
	struct row_copy *row = arg;

	if (done) {
		ck_assert(af_future_error(done) == 0 ||
			  af_future_error(done) == -ETIMEDOUT);
		row->count += af_future_count(done);
		af_file_seek(row->from, 0, SEEK_SET);
	}
	/* The child at the other end may not have run yet. */
	if (is_enough() && row->count > 0)
		af_future_resolve(row->whole, NULL, NULL);
	else
		af_on_done(af_file_copy(row->from, row->to, -1,
					MS(ENOUGH * TICK_MS)),
			   copy_on, row);
}

/* A descriptor that has bytes, or takes them, without an end. */
static int open_end(enum end end, bool to, pid_t *ret_child)
{
	int fds[2];

	*ret_child = 0;
	switch (end) {
	case ZERO:
		return open("/dev/zero", O_RDWR | O_CLOEXEC);
	case NOTHING:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	case DISK:
		return open_disk();
	case MEMORY:
		/* Of holes, which need no memory to speak of. */
		fds[0] = memfd_create("row", MFD_CLOEXEC);
		ck_assert_int_ge(fds[0], 0);
		ck_assert_int_eq(ftruncate(fds[0], to ? 0 : (off_t)1 << 40), 0);
		return fds[0];
	default:
		make_pair(end == PIPE ? KIND_PIPE : KIND_SOCKETPAIR, fds);
		*ret_child = fill_or_empty(fds[!to], !to);
		close(fds[!to]);
		return fds[to];
	}
}

/* Index: which ends, and who drives. */
START_TEST(endless_copy_lets_timers_fire)
{
	int row = _i / DRIVE_COUNT, n = copies[row].n;
	struct row_copy *r;

	rig_open_loop(&rig, (enum driver)(_i % DRIVE_COUNT));
	for (r = rows; r < rows + n; r++) {
		r->from = af_file_new(
			rig.loop, open_end(copies[row].from, false, &r->in), 0);
		r->to = af_file_new(rig.loop,
				    open_end(copies[row].to, true, &r->out), 0);
		ck_assert(r->from && r->to);
		r->whole = af_future_new(rig.loop, NULL, NULL);
	}
	start_timer(&rig);
	for (r = rows; r < rows + n; r++)
		copy_on(NULL, r);
	for (r = rows; r < rows + n; r++) {
		expect_error(&rig, r->whole, 0);
		ck_assert_uint_gt(r->count, 0);
	}
	stop_timer();
	for (r = rows; r < rows + n; r++) {
		ck_assert_int_eq(af_file_close(r->from), 0);
		ck_assert_int_eq(af_file_close(r->to), 0);
		end_child(r->in);
		end_child(r->out);
	}
	rig_close(&rig);
}
END_TEST

static struct af_file *sink;

struct late_copy {
	struct af_future *future;
	size_t len;
};

/* Of more than one move; a timer is due before it begins. */
static void copy_late(evutil_socket_t fd, short what, void *arg)
{
	struct late_copy *copy = arg;

	(void)fd;
	(void)what;
	start_timer(&rig);
	spin(2 * TICK_MS);
	copy->future = af_file_copy(rig.reader, sink, (int64_t)copy->len, NULL);
	ck_assert(!af_future_is_done(copy->future));
}

START_TEST(copy_after_long_work_in_a_callback_lets_timers_fire)
{
	struct late_copy copy = { .future = NULL };

	rig_open(&rig, WAY(KIND_SOCKETPAIR, _i));
	copy.len = stuff(rig.out);
	rig_reader(&rig);
	sink = af_file_open(rig.loop, "/dev/null", "w");
	event_base_once(af_loop_base(rig.loop), -1, EV_TIMEOUT, copy_late,
			&copy, MS(0));
	while (!copy.future)
		turn(&rig);
	expect_count(&rig, copy.future, copy.len, 0);
	ck_assert_int_ge(fairness.fired, 1);
	event_free(fairness.event);
	ck_assert_int_eq(af_file_close(sink), 0);
	rig_close(&rig);
}
END_TEST

/* Streams of each kind, both of whose ends are the loop's. */

static char block[30000];

static void write_on(struct af_future *done, void *arg)
{
	(void)arg;
	if (done && af_future_error(done))
		return;
	af_on_done(af_file_write(rig.writer, block, sizeof block,
				 AFIO_FULL | AFIO_BORROW, NULL),
		   write_on, NULL);
}

static int count_piece(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	return is_enough();
}

static struct af_future *count_async(const char *data, size_t len,
				     unsigned flags, void *arg)
{
	return count_piece(data, len, flags, arg) ? af_failed(rig.loop, -EPROTO)
						  : NULL;
}

static void play_stream(struct af_future *f, int error)
{
	start_timer(&rig);
	write_on(NULL, NULL);
	ck_assert_int_eq(drive(&rig, f), error);
	af_future_unref(f);
	stop_timer();
}

static void fill_block(void)
{
	memset(block, 'x', sizeof block);
	for (size_t i = 99; i < sizeof block; i += 100)
		block[i] = '\n';
}

ROW(endless_lines_of_every_kind_let_timers_fire)
{
	fill_block();
	play_stream(af_file_each_line(rig.reader, count_piece, NULL), 0);
}

ROW(endless_chunks_of_every_kind_let_timers_fire)
{
	fill_block();
	play_stream(af_file_each_async(rig.reader, AFIO_EACH_CHUNK, count_async,
				       NULL),
		    -EPROTO);
}

ROW(endless_records_let_timers_fire)
{
	fill_block();
	play_stream(af_file_each_async(rig.reader, AFIO_EACH_RECORD,
				       count_async, NULL),
		    -EPROTO);
}

ROW(endless_copy_of_every_kind_lets_timers_fire)
{
	struct af_future *f;

	sink = af_file_new(rig.loop, open("/dev/null", O_WRONLY | O_CLOEXEC),
			   0);
	fill_block();
	f = af_file_copy(rig.reader, sink, -1, NULL);
	play_stream(until_enough(f), -ECANCELED);
	ck_assert_int_eq(af_file_close(sink), 0);
}

static void read_on(struct af_future *done, void *arg)
{
	struct af_future *whole = arg;

	if (done && af_future_error(done))
		return;
	if (is_enough()) {
		af_future_resolve(whole, NULL, NULL);
		return;
	}
	af_on_done(af_file_readline(rig.reader, 0, 0, 0, NULL), read_on, whole);
}

ROW(endless_reads_of_every_kind_let_timers_fire)
{
	struct af_future *whole = af_future_new(rig.loop, NULL, NULL);

	fill_block();
	start_timer(&rig);
	write_on(NULL, NULL);
	read_on(NULL, whole);
	ck_assert_int_eq(drive(&rig, whole), 0);
	stop_timer();
	ck_assert_int_eq(af_file_close(rig.reader), 0);
	rig.reader = NULL;
	af_future_unref(whole);
}

/* Writes that never wait */

static void write_null(struct af_future *done, void *arg)
{
	struct af_future *whole = arg;

	(void)done;
	if (is_enough()) {
		af_future_resolve(whole, NULL, NULL);
		return;
	}
	af_on_done(af_file_write(sink, block, sizeof block, AFIO_FULL, NULL),
		   write_null, whole);
}

START_TEST(endless_writes_let_timers_fire)
{
	struct af_future *whole;

	rig_open_loop(&rig, (enum driver)_i);
	sink = af_file_new(rig.loop, open("/dev/null", O_WRONLY | O_CLOEXEC),
			   0);
	whole = af_future_new(rig.loop, NULL, NULL);
	start_timer(&rig);
	write_null(NULL, whole);
	expect_error(&rig, whole, 0);
	stop_timer();
	ck_assert_int_eq(af_file_close(sink), 0);
	rig_close(&rig);
}
END_TEST

/* Exits */

START_TEST(exits_of_many_at_once_let_timers_fire)
{
	struct af_process *children[MANY];
	struct af_future *waits[MANY], *all;
	int fds[2];

	rig_open_loop(&rig, (enum driver)_i);
	make_pair(KIND_PIPE, fds);
	for (int i = 0; i < MANY; i++) {
		children[i] =
			start(&rig, HELPER("cat"), WITH(.in = TO_FD(fds[0])));
		waits[i] = af_process_wait(children[i], NULL);
		af_on_done(af_future_ref(waits[i]), work_long, NULL);
	}
	close(fds[0]);
	/* All of them end, and the loop knows nothing of it yet. */
	close(fds[1]);
	for (int i = 0; i < MANY; i++) {
		siginfo_t info;

		ck_assert_int_eq(waitid(P_PID,
					(id_t)af_process_pid(children[i]),
					&info, WEXITED | WNOWAIT),
				 0);
	}
	start_timer(&rig);
	all = af_all(rig.loop, waits, MANY);
	expect_error(&rig, all, 0);
	expect_error(&rig, until_enough(af_sleep(rig.loop, MS(60000))),
		     -ECANCELED);
	stop_timer();
	for (int i = 0; i < MANY; i++)
		af_process_free(children[i]);
	rig_close(&rig);
}
END_TEST

/* Threads */

static void *nothing(void *arg)
{
	return arg;
}

enum { WORKS = 3 * MANY };

START_TEST(work_of_many_lets_timers_fire)
{
	struct af_future *works[WORKS];

	rig_open_loop(&rig, (enum driver)_i);
	start_timer(&rig);
	for (int i = 0; i < WORKS; i++) {
		works[i] = af_work(rig.loop, nothing, NULL, NULL);
		if (i % 3 == 0)
			af_on_done(af_future_ref(works[i]), work_long, NULL);
	}
	expect_error(&rig, af_all(rig.loop, works, WORKS), 0);
	expect_error(&rig, until_enough(af_sleep(rig.loop, MS(60000))),
		     -ECANCELED);
	stop_timer();
	rig_close(&rig);
}
END_TEST

static atomic_bool stop_posting;
static atomic_int posted;

static void on_post(void *arg)
{
	(void)arg;
	posted--;
}

static void *post_on(void *handle)
{
	while (!stop_posting)
		if (posted < 100000 &&
		    af_post_handle_post(handle, on_post, NULL) == 0)
			posted++;
	return NULL;
}

START_TEST(posts_of_a_thread_without_end_let_timers_fire)
{
	struct af_post_handle *handle;
	pthread_t thread;

	rig_open_loop(&rig, (enum driver)_i);
	handle = af_post_handle_new(rig.loop);
	start_timer(&rig);
	pthread_create(&thread, NULL, post_on, handle);
	expect_error(&rig, until_enough(af_sleep(rig.loop, MS(60000))),
		     -ECANCELED);
	stop_timer();
	stop_posting = true;
	pthread_join(thread, NULL);
	af_post_handle_unref(handle);
	rig_close(&rig);
}
END_TEST

/* Maps */

static struct af_future *make_done(void *arg)
{
	(void)arg;
	if (is_enough())
		return NULL;
	return af_succeeded(rig.loop, NULL, NULL);
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return NULL;
}

static struct af_future *make_link(void *arg)
{
	(void)arg;
	if (is_enough())
		return NULL;
	return af_finally(af_succeeded(rig.loop, NULL, NULL), pass, NULL);
}

START_TEST(endless_map_lets_timers_fire)
{
	static const af_make_fn makes[] = { make_done, make_link };
	struct af_future *f;

	rig_open_loop(&rig, (enum driver)(_i % DRIVE_COUNT));
	start_timer(&rig);
	f = af_map(rig.loop, makes[_i / DRIVE_COUNT], NULL, 10, 0);
	ck_assert_int_eq(drive(&rig, f), 0);
	af_future_unref(f);
	stop_timer();
	rig_close(&rig);
}
END_TEST

/* Waits for what is ready at once */

static void wait_on(struct af_future *done, void *arg)
{
	struct af_future *whole = arg;

	(void)done;
	if (is_enough())
		af_future_resolve(whole, NULL, NULL);
	else
		af_on_done(af_wait_fd(rig.loop, rig.out, EV_WRITE, NULL),
			   wait_on, whole);
}

START_TEST(endless_waits_for_what_is_ready_let_timers_fire)
{
	struct af_future *whole;

	rig_open(&rig, _i);
	whole = af_future_new(rig.loop, NULL, NULL);
	start_timer(&rig);
	wait_on(NULL, whole);
	expect_error(&rig, whole, 0);
	stop_timer();
	rig_close(&rig);
}
END_TEST

/* Pipelines */

START_TEST(endless_output_of_a_child_lets_timers_fire)
{
	const struct af_communicate_options options = {
		.max_output = 1000,
		.overflow = AFIO_OVERFLOW_TRUNCATE,
	};
	const char *const argv[] = { "yes", NULL };
	struct af_pipe *pipe;
	struct af_future *f;

	rig_open_loop(&rig, (enum driver)_i);
	pipe = af_pipe_spawn(rig.loop, CHAIN(argv), WITH(ALL_PIPES));
	ck_assert_ptr_nonnull(pipe);
	start_timer(&rig);
	f = until_enough(af_pipe_communicate(pipe, &options));
	ck_assert_int_eq(drive(&rig, f), -ECANCELED);
	af_future_unref(f);
	stop_timer();
	expect_error(&rig, af_pipe_stop(pipe, MS(0)), 0);
	af_pipe_close(pipe);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("loop/fair_rows");
	TCase *tc = scratch_case(s, "copies");

	tcase_add_loop_test(tc, endless_copy_lets_timers_fire, 0,
			    COPIES * DRIVE_COUNT);
	tcase_add_loop_test(tc,
			    copy_after_long_work_in_a_callback_lets_timers_fire,
			    0, DRIVE_COUNT);

	tc = test_case(s, "streams");
	ADD_ROW(tc, endless_lines_of_every_kind_let_timers_fire, MESSAGES);
	ADD_ROW(tc, endless_chunks_of_every_kind_let_timers_fire, 0);
	ADD_ROW(tc, endless_copy_of_every_kind_lets_timers_fire, 0);
	ADD_ROW(tc, endless_reads_of_every_kind_let_timers_fire, 0);
	for (int i = 0; i < n_file_kinds; i++)
		if (file_kinds[i].traits & MESSAGES)
			tcase_add_loop_test(tc, endless_records_let_timers_fire,
					    i, i + 1);

	tc = test_case(s, "others");
	tcase_add_loop_test(tc, endless_writes_let_timers_fire, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, exits_of_many_at_once_let_timers_fire, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, work_of_many_lets_timers_fire, 0, DRIVE_COUNT);
	tcase_add_loop_test(tc, posts_of_a_thread_without_end_let_timers_fire,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, endless_map_lets_timers_fire, 0,
			    2 * DRIVE_COUNT);
	tcase_add_loop_test(tc, endless_waits_for_what_is_ready_let_timers_fire,
			    0, DRIVE_COUNT);
	tcase_add_loop_test(tc, endless_output_of_a_child_lets_timers_fire, 0,
			    DRIVE_COUNT);
	return s;
}
