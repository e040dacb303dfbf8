/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an operation costs grows as what it is given does: four times as much
 * may cost more than four times as much, but not sixteen times.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/harness.h"

#define FACTOR 4
/* In between the linear and the quadratic, with room for caches and noise. */
#define RATIO_MAX 10
/* The smallest of several tries is the one that nothing else disturbed. */
#define TRIES 5
/* A shorter time than this says nothing. */
#define LEAST_US 200

static struct rig rig;

/* Processor time of this process and of the children that it has reaped. */
static int64_t used_us(void)
{
	struct timespec ts;
	struct rusage usage;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	getrusage(RUSAGE_CHILDREN, &usage);
	return ts.tv_sec * INT64_C(1000000) + ts.tv_nsec / 1000 +
	       (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) *
		       INT64_C(1000000) +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/* Each does n of something, with a pipe and a loop of its own. */
typedef void (*work_fn)(size_t n);

static int64_t cost(work_fn work, size_t n)
{
	int64_t since;

	rig_open(&rig, KIND_PIPE);
	since = used_us();
	work(n);
	since = used_us() - since;
	rig_close(&rig);
	return since;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void expect_growth(work_fn work, size_t n)
{
	int64_t few = INT64_MAX, many = INT64_MAX;

	if (!without_valgrind("takes more time the more memory there is")) {
		cost(work, n);
		return;
	}
	for (int i = 0; i < TRIES; i++) {
		few = smaller(few, cost(work, n));
		many = smaller(many, cost(work, FACTOR * n));
		if (many < RATIO_MAX * few / 2)
			break;
	}
	few = few < LEAST_US ? LEAST_US : few;
	ck_assert_msg(many < RATIO_MAX * few, "%lld us became %lld us",
		      (long long)few, (long long)many);
}

static char *repeated(char c, size_t n)
{
	char *text = malloc(n + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, c, n);
	text[n] = '\0';
	return text;
}

/* Gives the reader n bytes, in its buffer. */
static void unread(size_t n)
{
	char *text = repeated('x', n);

	ck_assert_int_eq(af_file_unread(rig_reader(&rig), text, n), 0);
	free(text);
}

static void unread_bytes(size_t n)
{
	unread(64 * n);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(af_file_unread(rig.reader, "y", 1), 0);
}

START_TEST(unread_of_many_bytes_before_many_costs_as_much_as_they_are)
{
	expect_growth(unread_bytes, 2000);
}
END_TEST

/* Each piece in a wake-up of its own. */
static void feed_pieces(const char *data, size_t piece, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put(rig.out, data + i * piece, piece);
		turn(&rig);
	}
}

static void find_delimiter(size_t n)
{
	char *text = repeated('a', 2 * n);
	struct af_future *f;

	text[2 * n - 1] = 'b';
	f = af_file_read_until(rig_reader(&rig), text + n, n, 0, 0, NULL);
	feed_pieces(text, 1, 2 * n);
	expect_bytes(&rig, f, text, 2 * n, 0);
	free(text);
}

START_TEST(read_until_a_long_delimiter_in_bytes_costs_as_much_as_it_is)
{
	expect_growth(find_delimiter, 2000);
}
END_TEST

#define PIECE 1024

static void read_in_pieces(size_t n)
{
	char *text = repeated('a', n * PIECE);
	struct af_future *f = af_file_read(rig_reader(&rig), n * PIECE,
					   AFIO_FULL, NULL);

	feed_pieces(text, PIECE, n);
	expect_bytes(&rig, f, text, n * PIECE, 0);
	free(text);
}

static void readline_in_pieces(size_t n)
{
	char *text = repeated('a', n * PIECE);
	struct af_future *f;

	text[n * PIECE - 1] = '\n';
	f = af_file_readline(rig_reader(&rig), 0, 0, 0, NULL);
	feed_pieces(text, PIECE, n);
	expect_bytes(&rig, f, text, n * PIECE, 0);
	free(text);
}

static int count_bytes(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)flags;
	*(size_t *)arg += len;
	return 1;
}

static void each_line_in_pieces(size_t n)
{
	char *text = repeated('a', n * PIECE);
	struct af_future *f;
	size_t bytes = 0;

	text[n * PIECE - 1] = '\n';
	f = af_file_each_line(rig_reader(&rig), count_bytes, &bytes);
	feed_pieces(text, PIECE, n);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_uint_eq(bytes, n * PIECE);
	af_future_unref(f);
	free(text);
}

static void peek_in_pieces(size_t n)
{
	char *text = repeated('a', n * PIECE);
	struct af_future *f = af_file_peek(rig_reader(&rig), n * PIECE, NULL);

	feed_pieces(text, PIECE, n);
	expect_bytes(&rig, f, text, n * PIECE, 0);
	free(text);
}

static void copy_in_pieces(size_t n)
{
	char *text = repeated('a', n);
	struct af_file *to = af_file_open(rig.loop, "/dev/null", "w");
	struct af_future *f =
		af_file_copy(rig_reader(&rig), to, (int64_t)n, NULL);

	feed_pieces(text, 1, n);
	expect_count(&rig, f, n, 0);
	ck_assert_int_eq(af_file_close(to), 0);
	free(text);
}

START_TEST(read_in_small_pieces_costs_as_much_as_they_are)
{
	expect_growth(read_in_pieces, 1000);
}
END_TEST

START_TEST(readline_in_small_pieces_costs_as_much_as_they_are)
{
	expect_growth(readline_in_pieces, 1000);
}
END_TEST

START_TEST(each_line_in_small_pieces_costs_as_much_as_they_are)
{
	expect_growth(each_line_in_pieces, 1000);
}
END_TEST

START_TEST(peek_in_small_pieces_costs_as_much_as_they_are)
{
	expect_growth(peek_in_pieces, 1000);
}
END_TEST

START_TEST(copy_in_small_pieces_costs_as_much_as_they_are)
{
	expect_growth(copy_in_pieces, 2000);
}
END_TEST

/* Takes what is buffered byte by byte, and puts every other one back. */
static void take_bytes(size_t n)
{
	unread(n);
	for (size_t i = 0; i < n; i++) {
		af_future_unref(af_file_read(rig.reader, 1, 0, NULL));
		if (i % 2)
			ck_assert_int_eq(af_file_unread(rig.reader, "z", 1), 0);
	}
}

START_TEST(read_of_single_bytes_costs_as_much_as_they_are)
{
	expect_growth(take_bytes, 50000);
}
END_TEST

/* Makes n operations of a kind, and cancels them from the back. */
static void cancel_from_the_back(size_t n, struct af_future *make(void))
{
	struct af_future **all = calloc(n, sizeof(struct af_future *));

	for (size_t i = 0; i < n; i++)
		all[i] = make();
	for (size_t i = n; i-- > 0;) {
		ck_assert(!af_future_is_done(all[i]));
		af_future_cancel(all[i]);
		af_future_unref(all[i]);
	}
	free(all);
}

static struct af_future *make_read(void)
{
	static const struct timeval hour = { 3600, 0 };

	return af_file_read(rig.reader, 1, 0, &hour);
}

static void cancel_reads(size_t n)
{
	rig_reader(&rig);
	cancel_from_the_back(n, make_read);
}

static struct af_future *make_write(void)
{
	return af_file_write(rig.writer, "x", 1, 0, NULL);
}

static void cancel_writes(size_t n)
{
	stuff(rig.out);
	rig_writer(&rig);
	cancel_from_the_back(n, make_write);
}

static struct af_future *make_sleep(void)
{
	static const struct timeval hour = { 3600, 0 };

	return af_sleep(rig.loop, &hour);
}

static void cancel_sleeps(size_t n)
{
	cancel_from_the_back(n, make_sleep);
}

START_TEST(cancel_of_many_reads_from_the_back_costs_as_much_as_they_are)
{
	expect_growth(cancel_reads, 10000);
}
END_TEST

START_TEST(cancel_of_many_writes_from_the_back_costs_as_much_as_they_are)
{
	expect_growth(cancel_writes, 10000);
}
END_TEST

START_TEST(cancel_of_many_sleeps_from_the_back_costs_as_much_as_they_are)
{
	expect_growth(cancel_sleeps, 10000);
}
END_TEST

/* Ends with the loop, which rig_close() frees. */
static void leave_sleeps(size_t n)
{
	for (size_t i = 0; i < n; i++)
		af_future_unref(make_sleep());
	af_loop_free(rig.loop);
	rig.loop = NULL;
}

START_TEST(free_of_a_loop_with_many_sleeps_costs_as_much_as_they_are)
{
	expect_growth(leave_sleeps, 10000);
}
END_TEST

static void count_post(void *arg)
{
	++*(size_t *)arg;
}

static void post(size_t n)
{
	size_t posts = 0;

	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(af_loop_post(rig.loop, count_post, &posts), 0);
	while (posts < n)
		turn(&rig);
}

START_TEST(many_posts_cost_as_much_as_they_are)
{
	expect_growth(post, 20000);
}
END_TEST

static void write_chains(size_t n)
{
	struct af_file *to = af_file_open(rig.loop, "/dev/null", "w");
	struct evbuffer *buf = evbuffer_new();

	for (size_t i = 0; i < n; i++)
		evbuffer_add_reference(buf, "x", 1, NULL, NULL);
	expect_count(&rig, af_file_write_buffer(to, buf, AFIO_FULL, NULL), n, 0);
	evbuffer_free(buf);
	ck_assert_int_eq(af_file_close(to), 0);
}

START_TEST(write_buffer_of_many_chains_costs_as_much_as_they_are)
{
	expect_growth(write_chains, 20000);
}
END_TEST

static const char *const nowhere[] = { "/nowhere/at/all", NULL };

/* n names, each of them edited twice. */
static void edit_environment(size_t n)
{
	const char **env = calloc(n + 1, sizeof(*env));
	const char **edits = calloc(2 * n + 1, sizeof(*edits));
	char *texts = malloc(n * 32);
	struct af_spawn_options options = { .env = env, .env_edits = edits };

	for (size_t i = 0; i < n; i++) {
		snprintf(texts + 32 * i, 32, "N%zu=x", i);
		env[i] = edits[2 * n - 1 - i] = edits[i] = texts + 32 * i;
	}
	ck_assert_ptr_null(af_spawn(rig.loop, nowhere, &options));
	ck_assert_int_eq(errno, ENOENT);
	free(texts);
	free(edits);
	free(env);
}

START_TEST(many_edits_of_an_environment_cost_as_much_as_they_are)
{
	expect_growth(edit_environment, 5000);
}
END_TEST

#define MAPS 4000

/* The child is there already when it finds out that there is no program. */
static void map_descriptors(size_t n)
{
	struct af_fd_map *fds = calloc(n, sizeof(*fds));
	struct af_spawn_options options = { .fds = fds, .n_fds = n };

	for (size_t i = 0; i < n; i++)
		fds[i] = (struct af_fd_map){ rig.in, (int)(100 + i) };
	ck_assert_ptr_null(af_spawn(rig.loop, nowhere, &options));
	ck_assert_int_eq(errno, ENOENT);
	free(fds);
}

START_TEST(many_descriptors_of_a_child_cost_as_much_as_they_are)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= 100 + FACTOR * MAPS)
		expect_growth(map_descriptors, MAPS);
}
END_TEST

/* The name is not copied for each part of PATH. */
START_TEST(spawn_of_an_endless_name_fails_in_little_memory)
{
	const size_t len = 100 << 20;
	char *name = repeated('n', len);
	const char *const argv[] = { name, NULL };
	struct rusage before, after;

	rig_open(&rig, KIND_PIPE);
	setenv("PATH", "/a:/b:/c:/d:/e:/f:/g:/h", 1);
	getrusage(RUSAGE_SELF, &before);
	ck_assert_ptr_null(af_spawn(rig.loop, argv, NULL));
	ck_assert_int_eq(errno, ENAMETOOLONG);
	ck_assert_int_eq(strncmp(af_spawn_error(rig.loop), "exec nnnn", 9), 0);
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 50 << 10);
	rig_close(&rig);
	free(name);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("whole/growth");
	TCase *tc = test_case(s, "bytes");

#define ADD(test) tcase_add_test(tc, test)
	ADD(unread_of_many_bytes_before_many_costs_as_much_as_they_are);
	ADD(read_until_a_long_delimiter_in_bytes_costs_as_much_as_it_is);
	ADD(read_in_small_pieces_costs_as_much_as_they_are);
	ADD(readline_in_small_pieces_costs_as_much_as_they_are);
	ADD(each_line_in_small_pieces_costs_as_much_as_they_are);
	ADD(peek_in_small_pieces_costs_as_much_as_they_are);
	ADD(copy_in_small_pieces_costs_as_much_as_they_are);
	ADD(read_of_single_bytes_costs_as_much_as_they_are);
	ADD(write_buffer_of_many_chains_costs_as_much_as_they_are);

	tc = test_case(s, "operations");
	ADD(cancel_of_many_reads_from_the_back_costs_as_much_as_they_are);
	ADD(cancel_of_many_writes_from_the_back_costs_as_much_as_they_are);
	ADD(cancel_of_many_sleeps_from_the_back_costs_as_much_as_they_are);
	ADD(free_of_a_loop_with_many_sleeps_costs_as_much_as_they_are);
	ADD(many_posts_cost_as_much_as_they_are);

	tc = test_case(s, "children");
	ADD(many_edits_of_an_environment_cost_as_much_as_they_are);
	ADD(many_descriptors_of_a_child_cost_as_much_as_they_are);
	ADD(spawn_of_an_endless_name_fails_in_little_memory);
	return s;
}
