/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bases as programs have them: with priorities, in debug mode, broken out of,
 * taken over by a child, configured, with locks, and in a process without
 * descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#ifdef HAVE_EVENT_PTHREADS
#include <event2/thread.h>
#endif

#include "support/children.h"

#define PRIORITIES 5

static struct event_base *base;
static struct af_loop *loop;

static void resolve(void *arg)
{
	af_future_resolve(arg, NULL, NULL);
}

/* Leaves that many descriptors to be had; what the limit was. */
static struct rlimit leave_descriptors(int n)
{
	struct rlimit before, limit;
	int unused = dup(0);

	ck_assert_int_ge(unused, 0);
	close(unused);
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = (rlim_t)(unused + n);
	setrlimit(RLIMIT_NOFILE, &limit);
	return before;
}

START_TEST(loop_without_descriptors_fails_emfile)
{
	bool made = false;
	int n;

	/* A base then has one more. */
	if (_i == 1)
		setenv("EVENT_PRECISE_TIMER", "1", 1);
	for (n = 0; !made && n < 20; n++) {
		struct rlimit before = leave_descriptors(n);

		loop = af_loop_new(NULL);
		made = loop;
		if (!made)
			ck_assert_int_eq(errno, EMFILE);
		af_loop_free(loop);
		setrlimit(RLIMIT_NOFILE, &before);
	}
	ck_assert_int_gt(n, 1);
	ck_assert(made);
}
END_TEST

/* Both ends of a pipe are to be above 2, and the first one is not. */
START_TEST(loop_without_descriptors_above_stdio_fails_emfile)
{
	struct rlimit before, limit;
	int stdin_copy = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), fd;

	getrlimit(RLIMIT_NOFILE, &before);
	fd = dup(stdin_copy);
	limit = before;
	limit.rlim_cur = (rlim_t)fd + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	close(fd);
	close(STDIN_FILENO);
	ck_assert_ptr_null(af_loop_new(NULL));
	ck_assert_int_eq(errno, EMFILE);
	/* Neither is left open. */
	ck_assert_int_eq(dup(stdin_copy), STDIN_FILENO);
	ck_assert_int_eq(dup(stdin_copy), fd);
	setrlimit(RLIMIT_NOFILE, &before);
	close(fd);
	close(stdin_copy);
}
END_TEST

static void await_without_descriptors(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f = af_sleep(loop, MS(1));
	int r = -EMFILE, n;

	(void)fd;
	(void)what;
	for (n = 0; r == -EMFILE && n < 20; n++) {
		struct rlimit before = leave_descriptors(n);

		r = af_await(f);
		setrlimit(RLIMIT_NOFILE, &before);
	}
	af_future_unref(f);
	ck_assert_int_gt(n, 1);
	*(int *)arg = r;
}

START_TEST(await_in_a_callback_without_descriptors_fails_emfile)
{
	int r = 1;

	base = event_base_new();
	loop = af_loop_new(base);
	event_base_once(base, -1, EV_TIMEOUT, await_without_descriptors, &r,
			MS(0));
	ck_assert_int_ge(event_base_dispatch(base), 0);
	ck_assert_int_eq(r, 0);
	af_loop_free(loop);
	event_base_free(base);
}
END_TEST

static void break_out(void *arg)
{
	(void)arg;
	event_base_loopbreak(base);
}

/* Else the second would go on for as long as the sleep does. */
#define WAITS 10

/* The descriptor that each of the waits in waits found free. */
static int free_fds[WAITS], n_waits;

/* Waits for the last of them, which lets all return. */
static void await_deeper(struct af_future *done, void *arg)
{
	(void)done;
	free_fds[n_waits] = dup(0);
	close(free_fds[n_waits]);
	if (++n_waits < WAITS)
		af_on_done(af_sleep(loop, MS(1)), await_deeper, arg);
	else
		af_future_resolve(arg, NULL, NULL);
	ck_assert_int_eq(af_await(arg), 0);
}

static void await_twice(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	for (int i = 0; i < 2; i++) {
		struct af_future *last = af_future_new(loop, NULL, NULL);

		n_waits = 0;
		await_deeper(NULL, last);
		af_future_unref(last);
		for (int depth = i == 0 ? 2 : 0; depth < WAITS; depth++)
			ck_assert_int_eq(free_fds[depth], free_fds[1]);
	}
}

/* The inner base is made once and kept. */
START_TEST(awaits_in_a_callback_share_one_inner_base)
{
	base = event_base_new();
	loop = af_loop_new(base);
	event_base_once(base, -1, EV_TIMEOUT, await_twice, NULL, MS(0));
	ck_assert_int_ge(event_base_dispatch(base), 0);
	ck_assert_int_eq(n_waits, WAITS);
	af_loop_free(loop);
	event_base_free(base);
}
END_TEST

START_TEST(break_of_a_run_after_one_that_was_broken_ends_it)
{
	struct af_future *quiet;

	loop = af_loop_new(NULL);
	base = af_loop_base(loop);
	quiet = af_sleep(loop, MS(100000));
	for (int lap = 0; lap < 3; lap++) {
		ck_assert_int_eq(af_loop_post(loop, break_out, NULL), 0);
		ck_assert_int_eq(af_loop_run(loop), 0);
		ck_assert(!af_future_is_done(quiet));
	}
	af_future_cancel(quiet);
	af_future_unref(quiet);
	af_loop_free(loop);
}
END_TEST

static struct af_file *file;
static struct bufferevent *bev;

static void read_in_callback(evutil_socket_t fd, short what, void *arg)
{
	struct af_future *f = af_file_read(file, 5, AFIO_FULL, NULL);

	(void)fd;
	(void)what;
	*(int *)arg = af_await(f);
	af_future_unref(f);
	ck_assert_int_eq(bufferevent_get_priority(bev), PRIORITIES - 1);
}

/* On the private base of the wait, too: libevent aborts where it has fewer. */
START_TEST(priority_of_a_bufferevent_outlasts_a_wait)
{
	int pair[2], r = 1;

	base = event_base_new();
	event_base_priority_init(base, PRIORITIES);
	loop = af_loop_new(base);
	make_pair(KIND_SOCKETPAIR, pair);
	evutil_make_socket_nonblocking(pair[0]);
	bev = bufferevent_socket_new(
		base, pair[0], BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
	bufferevent_priority_set(bev, PRIORITIES - 1);
	file = af_file_from_bufferevent(loop, bev, 0);
	put_text(pair[1], "hello");
	event_base_once(base, -1, EV_TIMEOUT, read_in_callback, &r, MS(0));
	ck_assert_int_ge(event_base_dispatch(base), 0);
	ck_assert_int_eq(r, 0);
	af_file_close(file);
	af_loop_free(loop);
	event_base_loop(base, EVLOOP_NONBLOCK);
	event_base_free(base);
	close(pair[1]);
}
END_TEST

/* There libevent aborts for what it does not like. */
START_TEST(debug_mode_finds_nothing)
{
	struct af_process *process;
	struct af_future *f;
	int pair[2];

	event_enable_debug_mode();
	loop = af_loop_new(NULL);
	process = af_spawn(loop, HELPER("exit", "3"), NULL);
	f = af_process_wait(process, NULL);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_future_status(f), EXITED(3));
	af_future_unref(f);
	af_process_free(process);
	make_pair(KIND_PIPE, pair);
	file = af_file_new(loop, pair[0], 0);
	f = af_file_hangup(file);
	ck_assert_int_eq(af_await_for(f, MS(1)), -ETIMEDOUT);
	close(pair[1]);
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	af_file_close(file);
	/* It stays blocking. */
	make_pair(KIND_SOCKETPAIR, pair);
	file = af_file_new(loop, pair[0], 0);
	f = af_file_read(file, 1, 0, NULL);
	ck_assert_int_eq(af_await_for(f, MS(1)), -ETIMEDOUT);
	put_text(pair[1], "x");
	ck_assert_int_eq(af_await(f), 0);
	af_future_unref(f);
	af_file_close(file);
	close(pair[1]);
	af_loop_free(loop);
}
END_TEST

static void *post_from_thread(void *arg)
{
	af_loop_post(loop, resolve, arg);
	return NULL;
}

static void never(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* Goes on with the base, not with the loop, when told to. */
static void be_child(int told)
{
	char c;

	event_reinit(base);
	if (read(told, &c, 1) == 1)
		for (int i = 0; i < 10; i++)
			event_base_loop(base, EVLOOP_NONBLOCK);
	_exit(0);
}

START_TEST(base_taken_over_by_a_child_takes_no_post)
{
	struct af_future *f;
	struct event *event;
	pthread_t thread;
	int told[2];
	pid_t pid;

	base = event_base_new();
	loop = af_loop_new(base);
	make_pair(KIND_PIPE, told);
	event = event_new(base, told[1], EV_READ | EV_PERSIST, never, NULL);
	event_add(event, NULL);
	f = af_future_new(loop, NULL, NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		be_child(told[0]);
	pthread_create(&thread, NULL, post_from_thread, f);
	pthread_join(thread, NULL);
	put_text(told[1], "x");
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(af_await_for(f, MS(10000)), 0);
	af_future_unref(f);
	event_free(event);
	close(told[0]);
	close(told[1]);
	af_loop_free(loop);
	event_base_free(base);
}
END_TEST

static void count_call(struct af_future *done, void *arg)
{
	(void)done;
	++*(int *)arg;
}

/* What is ready, due or to be called when the child runs the base. */
START_TEST(base_taken_over_by_a_child_leaves_all_to_the_parent)
{
	struct af_future *read, *wait, *sleep;
	int data[2], bell[2], calls = 0, status;
	struct af_file *reader;
	pid_t pid;

	base = event_base_new();
	loop = af_loop_new(base);
	make_pair(KIND_PIPE, data);
	make_pair(KIND_PIPE, bell);
	reader = af_file_new(loop, data[0], 0);
	read = af_file_read(reader, 1, 0, NULL);
	wait = af_wait_fd(loop, bell[0], EV_READ, NULL);
	sleep = af_sleep(loop, MS(1));
	af_on_done(af_succeeded(loop, NULL, NULL), count_call, &calls);
	put_text(data[1], "x");
	put_text(bell[1], "y");
	spin(2);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		event_reinit(base);
		for (int i = 0; i < 10; i++)
			event_base_loop(base, EVLOOP_NONBLOCK);
		_exit(calls > 0 || af_future_is_done(read) ||
		      af_future_is_done(wait) || af_future_is_done(sleep));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(af_await(read), 0);
	ck_assert_str_eq(af_future_data(read, NULL), "x");
	ck_assert_int_eq(af_await(wait), 0);
	ck_assert_int_eq(af_await(sleep), 0);
	ck_assert_int_eq(calls, 1);
	af_future_unref(read);
	af_future_unref(wait);
	af_future_unref(sleep);
	ck_assert_int_eq(af_file_close(reader), 0);
	close(data[1]);
	close(bell[0]);
	close(bell[1]);
	af_loop_free(loop);
	event_base_free(base);
}
END_TEST

static void be_quiet(int severity, const char *text)
{
	(void)severity;
	(void)text;
}

static void run_in_callback(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(int *)arg = af_loop_run(loop);
}

/* Bases that a program configures; of each of them without some backends. */
static const struct base_kind {
	const char *name;
	int flags;
	const char *avoid[3];
} base_kinds[] = {
	{ "no lock", EVENT_BASE_FLAG_NOLOCK, { 0 } },
	{ "changelist", EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST, { 0 } },
	{ "precise timer", EVENT_BASE_FLAG_PRECISE_TIMER, { 0 } },
	{ "all of these",
	  EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST |
		  EVENT_BASE_FLAG_PRECISE_TIMER,
	  { 0 } },
	{ "poll", EVENT_BASE_FLAG_IGNORE_ENV, { "epoll", "kqueue" } },
	{ "select", EVENT_BASE_FLAG_IGNORE_ENV, { "epoll", "kqueue", "poll" } },
};
#define BASE_KINDS ((int)(sizeof base_kinds / sizeof *base_kinds))

static struct event_base *make_base(const struct base_kind *kind)
{
	struct event_config *config = event_config_new();
	struct event_base *made;

	event_config_set_flag(config, kind->flags);
	for (int i = 0; i < 3 && kind->avoid[i]; i++)
		event_config_avoid_method(config, kind->avoid[i]);
	made = event_base_new_with_config(config);
	event_config_free(config);
	return made;
}

static int far_end;

static void *write_and_post(void *arg)
{
	put_text(far_end, "hello");
	af_loop_post(loop, resolve, arg);
	return NULL;
}

/* Waits for a thread that writes and posts, and for a child. */
static void wait_for_all_kinds(void)
{
	struct af_future *read = af_file_read(file, 5, AFIO_FULL, NULL);
	struct af_future *post = af_future_new(loop, NULL, NULL), *f;
	struct af_process *process = af_spawn(loop, HELPER("exit", "3"), NULL);
	pthread_t thread;

	pthread_create(&thread, NULL, write_and_post, post);
	f = af_process_wait(process, NULL);
	ck_assert_int_eq(af_await(f), 0);
	ck_assert_int_eq(af_future_status(f), EXITED(3));
	af_future_unref(f);
	ck_assert_int_eq(af_await(read), 0);
	ck_assert_int_eq(af_await(post), 0);
	pthread_join(thread, NULL);
	af_process_free(process);
	af_future_unref(read);
	af_future_unref(post);
}

static void wait_in_callback(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	wait_for_all_kinds();
	*(int *)arg = 0;
}

static void expect_base_serves(const struct base_kind *kind)
{
	int pair[2], r = 1;

	base = make_base(kind);
	ck_assert_msg(base, "%s: no base", kind->name);
	loop = af_loop_new(base);
	make_pair(KIND_SOCKETPAIR, pair);
	far_end = pair[1];
	file = af_file_new(loop, pair[0], 0);
	wait_for_all_kinds();
	event_base_once(base, -1, EV_TIMEOUT, wait_in_callback, &r, MS(0));
	ck_assert_int_ge(event_base_dispatch(base), 0);
	ck_assert_int_eq(r, 0);
	af_file_close(file);
	close(far_end);
	af_loop_free(loop);
	event_base_free(base);
}

START_TEST(base_of_every_configuration_serves_a_loop)
{
	expect_base_serves(&base_kinds[_i]);
}
END_TEST

#ifdef HAVE_EVENT_PTHREADS
START_TEST(base_serves_a_loop_if_libevent_uses_locks)
{
	ck_assert_int_eq(evthread_use_pthreads(), 0);
	expect_base_serves(&base_kinds[_i]);
}
END_TEST
#endif

/* With that flag it is not to be seen that the base is being run. */
START_TEST(run_in_a_callback_is_ebusy_or_eio_without_cached_time)
{
	for (int cached = 0; cached < 2; cached++) {
		struct event_config *config = event_config_new();
		int r = 1;

		if (!cached)
			event_config_set_flag(config,
					      EVENT_BASE_FLAG_NO_CACHE_TIME);
		base = event_base_new_with_config(config);
		event_config_free(config);
		loop = af_loop_new(base);
		event_set_log_callback(be_quiet);
		event_base_once(base, -1, EV_TIMEOUT, run_in_callback, &r,
				MS(0));
		ck_assert_int_ge(event_base_dispatch(base), 0);
		ck_assert_int_eq(r, cached ? -EBUSY : -EIO);
		af_loop_free(loop);
		event_base_free(base);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("loop/event_base");
	TCase *tc = test_case(s, "base");

	tcase_add_loop_test(tc, loop_without_descriptors_fails_emfile, 0, 2);
	tcase_add_test(tc,
		       await_in_a_callback_without_descriptors_fails_emfile);
	tcase_add_test(tc, awaits_in_a_callback_share_one_inner_base);
	tcase_add_test(tc, break_of_a_run_after_one_that_was_broken_ends_it);
	tcase_add_test(tc, priority_of_a_bufferevent_outlasts_a_wait);
	tcase_add_test(tc, debug_mode_finds_nothing);
	tcase_add_test(tc, base_taken_over_by_a_child_takes_no_post);
	tcase_add_test(tc,
		       run_in_a_callback_is_ebusy_or_eio_without_cached_time);
	tcase_add_loop_test(tc, base_of_every_configuration_serves_a_loop, 0,
			    BASE_KINDS);
#ifdef HAVE_EVENT_PTHREADS
	tcase_add_loop_test(tc, base_serves_a_loop_if_libevent_uses_locks, 0,
			    BASE_KINDS);
#else
	puts("skipped: libevent without threads has no locks");
#endif
	tcase_add_test(tc, loop_without_descriptors_above_stdio_fails_emfile);
	tcase_add_test(tc, base_taken_over_by_a_child_leaves_all_to_the_parent);
	return s;
}
