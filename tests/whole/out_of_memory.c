/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Out of memory: every allocation of an act fails in turn, the library's and
 * libevent's, once alone and once with some that follow. The library is built
 * into this program, with its calls of malloc() and the others renamed.
 * Whatever fails, every future is done once.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "support/children.h"
#include "support/denied.h"
#include "support/framed.h"
#include "support/harness.h"
#include "support/memory.h"
#include "support/pattern.h"
#include "support/resolver.h"
#include "support/server.h"
#include "support/system.h"

/* Longer than what an operation holds without an allocation. */
#define DELIM "--a delimiter of some length--"
/* More than a pipe holds, and than one chunk of the library. */
#define BULK 300000
/* How many fail in a row, in the second round. */
#define SPELL 12

struct scene {
	struct event_base *base; /* the program's */
	struct af_loop *loop;
	struct af_file *in, *out;
	int source, sink; /* the other ends of in and of out */
	unsigned told, to_tell;
	struct af_future *gift; /* to be resolved by a post */
	unsigned values, freed; /* given to makers, and taken back */
	int follows;		/* an error that a failure may lead to */
	int naps;		/* that are still to be made */
	char got[200];		/* what was read, all together */
	size_t n_got;
};

/* What a constructor made; nothing only for want of memory. */
static void *made(void *object)
{
	ck_assert_msg(object || (errno == ENOMEM && memory.failed > 0),
		      "not made: %s", strerror(errno));
	return object;
}

static void tell(struct af_future *done, void *arg)
{
	ck_assert(af_future_is_done(done));
	++*(unsigned *)arg;
}

static void watch_end(struct scene *s, struct af_future *f)
{
	s->to_tell++;
	af_on_done(f, tell, &s->told);
}

/* Waits for f, which ends with an error or for want of memory; drops it. */
static int end(struct scene *s, struct af_future *f, int error)
{
	const char *data;
	size_t len;
	int r;

	watch_end(s, af_future_ref(f));
	do
		r = af_await(f);
	while (r == -ENOMEM && !af_future_is_done(f));
	ck_assert_int_eq(r, af_future_error(f));
	ck_assert_msg(r == error || (memory.failed > 0 &&
				     (r == -ENOMEM || r == s->follows)),
		      "error is %d (%s), not %d", r, strerror(-r), error);
	data = af_future_data(f, &len);
	if (data && s->n_got + len <= sizeof s->got) {
		memcpy(s->got + s->n_got, data, len);
		s->n_got += len;
	}
	af_future_unref(f);
	return r;
}

static unsigned *values_freed;

static void count_call(void *arg)
{
	++*(unsigned *)arg;
}

static void act_reads(struct scene *s)
{
	static const char text[] =
		"abcdefa line\nuntil" DELIM "any" DELIM "the rest";
	static const struct af_text texts[] = { { DELIM, sizeof DELIM - 1 },
						{ DELIM "x", sizeof DELIM } };
	const size_t len = sizeof text - 1;

	put(s->source, text, len);
	end(s, af_file_read(s->in, 3, 0, NULL), 0);
	end(s, af_file_read(s->in, 3, AFIO_FULL, MS(10000)), 0);
	end(s, af_file_readline(s->in, 0, 0, 0, MS(10000)), 0);
	end(s, af_file_read_until(s->in, DELIM, sizeof DELIM - 1, 0, 0, NULL),
	    0);
	end(s, af_file_read_until_any(s->in, texts, 2, 0, 0, NULL), 0);
	/* Whatever failed, not a byte is lost. */
	while (s->n_got < len)
		end(s, af_file_read(s->in, len - s->n_got, 0, NULL), 0);
	ck_assert_mem_eq(s->got, text, len);
	end(s, af_file_read(s->in, 1, 0, MS(1)), -ETIMEDOUT);
	end(s, af_file_read(s->in, 1, 0, MS(0)), -ETIMEDOUT);
}

/* Waits for a write, and counts what it says that it wrote. */
static void end_write(struct scene *s, struct af_future *f, size_t *total)
{
	af_future_ref(f);
	end(s, f, 0);
	*total += af_future_count(f);
	af_future_unref(f);
}

static void expect_sunk(struct scene *s, size_t total)
{
	int left;

	expect_pattern(s->sink, total, 0);
	ck_assert_int_eq(ioctl(s->sink, FIONREAD, &left), 0);
	ck_assert_int_eq(left, 0);
}

static void act_writes(struct scene *s)
{
	struct evbuffer *buffer = evbuffer_new();
	unsigned char data[300];
	size_t total = 0;
	int r;

	pattern_fill(data, sizeof data, 0);
	end_write(s, af_file_write(s->out, data, 100, 0, NULL), &total);
	if (buffer && evbuffer_add(buffer, data + total, 100) == 0)
		end_write(s,
			  af_file_write_buffer(s->out, buffer, AFIO_FULL,
					       MS(10000)),
			  &total);
	end_write(s, af_file_write(s->out, data + total, 50, AFIO_FULL, NULL),
		  &total);
	if (buffer)
		evbuffer_free(buffer);
	expect_sunk(s, total);
	/* It closes the file, or leaves it open. */
	r = end(s, af_file_finish(s->out, MS(10000)), 0);
	ck_assert_int_eq(af_file_fd(s->out) == -EBADF, r == 0);
}

static void act_copy(struct scene *s)
{
	size_t total = 0;

	put_pattern(s->source, 300, 0);
	end_write(s, af_file_copy(s->in, s->out, 100, MS(10000)), &total);
	/* A line takes bytes into memory, from where the rest is copied. */
	end_write(s, af_file_copy(s->in, s->out, 50, NULL), &total);
	expect_sunk(s, total);
	end(s, af_file_copy(s->in, s->out, 0, NULL), 0);
}

static struct af_future *wait_a_little(struct af_future *done, void *arg)
{
	struct scene *s = arg;

	(void)done;
	return af_sleep(s->loop, MS(1));
}

/* Each line is written, from where it was read, before the next. */
static struct af_future *write_piece(const char *data, size_t len,
				     unsigned flags, void *arg)
{
	struct scene *s = arg;

	(void)flags;
	return af_then(
		af_file_write(s->out, data, len, AFIO_FULL | AFIO_BORROW, NULL),
		wait_a_little, s);
}

static void act_each_async(struct scene *s)
{
	int left;

	put_text(s->source, "one\ntwo\nthree\n");
	close(s->source);
	s->source = -1;
	s->follows = -ECANCELED;
	end(s, af_file_each_async(s->in, AFIO_EACH_LINE, write_piece, s), 0);
	ck_assert_int_eq(ioctl(s->sink, FIONREAD, &left), 0);
	ck_assert(left == 14 || memory.failed > 0);
}

static void act_copy_both(struct scene *s)
{
	struct af_file *side;
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	side = made(af_file_new(s->loop, fds[0], 0));
	if (!side) {
		close(fds[0]);
		close(fds[1]);
		return;
	}
	put_text(fds[1], "question");
	put_text(s->sink, "answer");
	shutdown(fds[1], SHUT_WR);
	shutdown(s->sink, SHUT_WR);
	end(s, af_file_copy_both(side, s->out, MS(10000)), 0);
	if (memory.failed == 0)
		end(s, af_file_copy_both(side, s->out, MS(0)), 0);
	ck_assert_int_eq(af_file_close(side), 0);
	close(fds[1]);
}

static int stop_at_last(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	return len == 5 && memcmp(data, "last\n", 5) == 0;
}

/* A file that is there, and one that comes after it. */
static void act_follow(struct scene *s)
{
	const struct af_follow_options options = { .poll = MS(1) };
	char path[] = "follow.XXXXXX", moved[] = "follow.XXXXXX.1";
	int fd = mkstemp(path), next;
	struct af_future *f;

	ck_assert_int_ge(fd, 0);
	memcpy(moved, path, strlen(path));
	put_text(fd, "one\ntwo\npart");
	f = af_file_follow(s->loop, path, &options, stop_at_last, NULL);
	end(s, af_file_read(s->in, 1, 0, MS(2)), -ETIMEDOUT);
	rename(path, moved);
	next = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	put_text(next, "next\nlast\n");
	end(s, f, 0);
	close(fd);
	close(next);
	unlink(path);
	unlink(moved);
}

static void cancel_other(struct af_future *done, void *arg)
{
	if (af_future_error(done) || af_future_count(done) < BULK)
		af_future_cancel(arg);
	af_future_unref(arg);
}

/* Two operations that need each other, and more than fits. */
static void act_bulk(struct scene *s)
{
	static unsigned char data[BULK];
	struct af_future *parts[2], *all;
	struct af_file *peer = made(af_file_new(s->loop, s->sink, 0));
	size_t len;

	if (!peer)
		return;
	s->sink = -1;
	pattern_fill(data, BULK, 0);
	parts[0] = af_file_write(s->out, data, BULK, AFIO_FULL, MS(20000));
	parts[1] = af_file_read(peer, BULK, AFIO_FULL, MS(20000));
	for (int i = 0; i < 2; i++)
		watch_end(s, af_future_ref(af_future_ref(parts[i])));
	for (int i = 0; i < 2; i++)
		af_on_done(af_future_ref(parts[i]), cancel_other,
			   af_future_ref(parts[1 - i]));
	s->follows = -ECANCELED;
	all = af_all(s->loop, parts, 2);
	if (end(s, all, 0) == 0) {
		const char *read = af_future_data(parts[1], &len);

		ck_assert_uint_eq(pattern_match(read, len, 0), len);
		/* A failure after some bytes is for the next read to say. */
		ck_assert(len == BULK || memory.failed > 0);
	}
	ck_assert_int_eq(af_file_close(peer), 0);
	for (int i = 0; i < 2; i++) {
		af_future_cancel(parts[i]);
		end(s, parts[i], 0);
	}
}

static struct af_future *then_sleep(struct af_future *done, void *arg)
{
	struct scene *s = arg;

	(void)done;
	return af_sleep(s->loop, MS(1));
}

static struct af_future *then_fail(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	return af_file_read(NULL, 0, 0, NULL);
}

static struct af_future *then_count(struct af_future *done, void *arg)
{
	tell(done, arg);
	return NULL;
}

static void act_chains(struct scene *s)
{
	struct af_future *f = af_sleep(s->loop, MS(1));

	for (int i = 0; i < 3; i++)
		watch_end(s, af_then(af_future_ref(f), then_sleep, s));
	f = af_then(f, then_sleep, s);
	f = af_finally(af_finally(f, then_fail, s), then_count, &s->told);
	end(s, af_catch(f, then_sleep, s), 0);
	f = af_finally(af_sleep(s->loop, MS(100000)), then_count, &s->told);
	af_future_cancel(f);
	end(s, f, -ECANCELED);
	/* A continuation for whose link there was no memory is told, too. */
	s->to_tell += 2;
}

static struct af_future *sleeping(struct scene *s, int ms)
{
	struct af_future *f = af_sleep(s->loop, MS(ms));

	watch_end(s, af_future_ref(f));
	return f;
}

static void act_groups(struct scene *s)
{
	struct af_future *parts[3], *f, *limited;

	for (int i = 0; i < 3; i++)
		parts[i] = sleeping(s, 1);
	end(s, af_all(s->loop, parts, 3), 0);
	for (int i = 0; i < 3; i++)
		parts[i] = sleeping(s, i == 1 ? 1 : 100000);
	end(s, af_race(s->loop, parts, 3), 0);
	end(s, af_with_timeout(sleeping(s, 1), MS(10000)), 0);
	end(s, af_with_timeout(sleeping(s, 100000), MS(1)), -ETIMEDOUT);
	/* What cannot be limited does not go on. */
	f = sleeping(s, 100000);
	limited = af_with_timeout(af_future_ref(f), MS(100000));
	ck_assert(!af_future_is_done(limited) || af_future_is_done(f));
	af_future_cancel(limited);
	ck_assert(af_future_is_done(f));
	af_future_unref(limited);
	af_future_unref(f);
}

static struct af_future *make_nap(void *arg)
{
	struct scene *s = arg;

	return s->naps-- > 0 ? af_sleep(s->loop, MS(1)) : NULL;
}

/* More than a map has room for at first. */
static void act_map(struct scene *s)
{
	struct af_future *f;

	s->naps = 9;
	f = af_future_ref(af_map(s->loop, make_nap, s, 100, AFIO_SETTLE));
	if (end(s, f, 0) == 0)
		ck_assert(af_future_count(f) == 9 || memory.failed > 0);
	af_future_unref(f);
}

/* Shields that end, are cancelled, dropped and forgotten. */
static void act_shields(struct scene *s)
{
	struct af_future *f = sleeping(s, 1);
	struct af_future *late = af_sleep(s->loop, MS(100000));
	unsigned never = 0;

	end(s, af_shield(af_future_ref(f)), 0);
	end(s, af_shield(f), 0);
	f = af_shield(af_future_ref(late));
	watch_end(s, af_future_ref(f));
	af_future_cancel(f);
	end(s, f, -ECANCELED);
	af_future_unref(af_shield(af_future_ref(late)));
	f = af_finally(af_future_ref(late), then_count, &never);
	af_future_forget(af_future_ref(late));
	end(s, f, -ECANCELED);
	/* Without memory, it runs at once. */
	ck_assert(never == 0 || memory.failed > 0);
	af_future_cancel(late);
	af_future_unref(late);
}

static void take_back(void *value)
{
	((struct scene *)value)->freed++;
}

static void give(struct scene *s, struct af_future *f)
{
	int r = af_future_resolve(f, s, take_back);

	s->values += r == 0;
	/* A static one, or given already. */
	ck_assert(r == 0 || memory.failed > 0);
}

static void give_posted(void *arg)
{
	struct scene *s = arg;

	give(s, s->gift);
	af_future_unref(s->gift);
}

static void on_cancel(struct af_future *f, void *arg)
{
	(void)f;
	++*(unsigned *)arg;
}

static void act_makers(struct scene *s)
{
	struct af_future *f = af_future_new(s->loop, NULL, NULL);
	unsigned canceled = 0;
	int r, error;

	s->gift = af_future_ref(f);
	r = af_loop_post(s->loop, give_posted, s);
	ck_assert(r == 0 || (r == -ENOMEM && memory.failed > 0));
	if (r < 0)
		give_posted(s);
	end(s, af_then(f, then_sleep, s), 0);
	f = af_future_new(s->loop, on_cancel, &canceled);
	error = af_future_error(f);
	af_future_cancel(f);
	ck_assert_uint_eq(canceled, error == -EINPROGRESS);
	end(s, f, -ECANCELED);
	s->values++;
	end(s, af_succeeded(s->loop, s, take_back), 0);
	end(s, af_failed(s->loop, -EIO), -EIO);
}

/* Waits until a process has ended, however often it takes. */
static void expect_end(struct scene *s, struct af_process *process)
{
	while (end(s, af_process_wait(process, MS(20000)), 0) < 0)
		;
}

static void act_spawn(struct scene *s)
{
	struct af_process *process;
	size_t total = 0;

	process = made(af_spawn(s->loop, HELPER("cat"), WITH(ALL_PIPES)));
	if (!process)
		return;
	end_write(s,
		  af_file_write(af_process_stdin(process), "hello", 5,
				AFIO_FULL, MS(10000)),
		  &total);
	ck_assert_int_eq(af_process_close_stdin(process), 0);
	while (end(s, af_file_read(af_process_stdout(process), 0, 0, NULL), 0) <
	       0)
		;
	ck_assert_uint_eq(s->n_got, total);
	ck_assert_mem_eq(s->got, "hello", total);
	expect_end(s, process);
	af_process_free(process);
}

static int do_nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* A search, a path that root walks link by link, and a copy of our memory. */
static void act_options(struct scene *s)
{
	const char *const argv[] = { "true", NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct af_process *process;
	char path[32];

	ck_assert_int_ge(null, 0);
	snprintf(path, sizeof path, "/dev/fd/%d", null);
	process = made(af_spawn(s->loop, argv,
				WITH(.in = { .kind = AFIO_PATH, .path = path },
				     .search_path = "/nowhere:/bin:/usr/bin",
				     .no_new_privs = have_linux("no_new_privs"),
				     .before_exec = do_nothing)));
	close(null);
	if (!process)
		return;
	expect_end(s, process);
	af_process_free(process);
}

/* With a terminal, and with all that is allocated for attributes. */
static void act_attributes(struct scene *s)
{
	const char *const edits[] = { "A=1", "B", NULL };
	const struct af_fd_map map = { s->source, 7 };
	const char *const missing[] = { "./missing", NULL };
	struct af_process *process;
	const char *error;

	errno = 0;
	ck_assert_ptr_null(af_spawn(s->loop, missing, WITH(ALL_PIPES)));
	ck_assert(errno == ENOENT || (errno == ENOMEM && memory.failed > 0));
	error = af_spawn_error(s->loop);
	ck_assert(strcmp(error, "exec ./missing: No such file or directory") ==
			  0 ||
		  memory.failed > 0);
	process = made(
		af_spawn(s->loop, HELPER("cat"),
			 WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY,
			      .pty_flags = AFIO_PTY_NO_ECHO, .env_edits = edits,
			      .fds = &map, .n_fds = 1)));
	if (!process)
		return;
	ck_assert_str_eq(af_spawn_error(s->loop), "");
	while (af_process_close_stdin(process) == -ENOMEM)
		ck_assert_ptr_nonnull(af_process_stdin(process));
	while (end(s, af_file_read(af_process_stdout(process), 0, 0, NULL), 0) <
	       0)
		;
	expect_end(s, process);
	af_process_free(process);
}

/* A terminal that leaves its process with the end of its input pending. */
static void act_take(struct scene *s)
{
	struct af_process *process =
		made(af_spawn(s->loop, HELPER("cat"),
			      WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY,
				   .pty_flags = AFIO_PTY_NO_ECHO)));
	struct af_future *finish;
	struct af_file *file;
	char name[64];

	if (!process)
		return;
	finish = af_process_finish_stdin(process, NULL);
	ck_assert_int_eq(af_process_pty_name(process, name, sizeof name), 0);
	file = af_process_take(process, 1);
	ck_assert_ptr_nonnull(file);
	if (end(s, finish, 0) < 0)
		while (end(s, af_file_write(file, "\4", 1, 0, NULL), 0) < 0)
			;
	while (end(s, af_file_read(file, 0, 0, NULL), 0) < 0)
		;
	expect_end(s, process);
	af_process_free(process);
	af_file_close(file);
}

/* One whose process is freed while it runs is reaped, however late. */
static void act_orphan(struct scene *s)
{
	struct af_process *process = made(
		af_spawn(s->loop, HELPER("wait-eof"),
			 WITH(.in.kind = AFIO_PIPE, .out.kind = AFIO_NULL)));
	int64_t since = now_us();
	pid_t pid;

	if (!process)
		return;
	pid = af_process_pid(process);
	af_process_free(process);
	while (kill(pid, 0) == 0) {
		ck_assert_int_lt(now_us() - since, 20000000);
		end(s, af_sleep(s->loop, MS(1)), 0);
	}
}

/* Looked at by a timer: its changes; and its end, where there is no pidfd. */
static void act_look(struct scene *s)
{
	static const struct denied pidfds[] = { DENIED_PIDFDS };
	static bool denied;
	struct af_process *process;

	if (!denied)
		deny(pidfds, 2, EPERM);
	denied = true;
	process = made(
		af_spawn(s->loop, HELPER("cat"), WITH(.in.kind = AFIO_PIPE)));
	if (!process)
		return;
	end(s, af_process_wait_change(process, MS(1)), -ETIMEDOUT);
	af_process_close_stdin(process);
	while (end(s, af_process_wait_change(process, MS(20000)), 0) < 0)
		;
	af_process_free(process);
	process = made(
		af_spawn(s->loop, HELPER("cat"), WITH(.in.kind = AFIO_PIPE)));
	if (!process)
		return;
	af_process_close_stdin(process);
	while (end(s, af_process_wait(process, MS(20000)), 0) < 0)
		;
	af_process_free(process);
}

/* Stops a process and a chain, however often it takes. */
static void act_stop(struct scene *s)
{
	struct af_process *process = made(
		af_spawn(s->loop, HELPER("lead", "wait-eof"),
			 WITH(.in.kind = AFIO_PIPE, .out.kind = AFIO_NULL)));
	struct af_pipe *pipe = made(af_pipe_spawn(
		s->loop, CHAIN(HELPER("cat"), HELPER("cat")), WITH(ALL_PIPES)));

	if (process)
		while (end(s, af_process_stop(process, MS(20000)), 0) < 0)
			;
	af_process_free(process);
	if (pipe)
		while (end(s, af_pipe_stop(pipe, MS(0)), 0) < 0)
			;
	af_pipe_close(pipe);
}

/* A child changes hands, twice; what it said goes along. */
static void act_release(struct scene *s)
{
	struct evbuffer *unread[3] = { NULL };
	struct af_process *process = made(af_spawn(
		s->loop, HELPER("echo", "one\ntwo"), WITH(IN_OUT_PIPES)));
	int fds[3], r;
	pid_t pid;

	if (!process)
		return;
	await_zombie(af_process_pid(process));
	while (end(s,
		   af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		   0) < 0)
		;
	while (!(unread[1] = evbuffer_new()))
		;
	while ((r = af_process_release(process, &pid, fds, unread)) < 0)
		ck_assert_int_eq(r, -ENOMEM);
	while (!(process = made(af_process_adopt(s->loop, pid, fds[0], fds[1],
						 fds[2]))))
		;
	while (end(s, af_file_read(af_process_stdout(process), 0, 0, NULL), 0) <
	       0)
		;
	ck_assert_uint_eq(s->n_got + evbuffer_get_length(unread[1]), 8);
	evbuffer_free(unread[1]);
	expect_end(s, process);
	af_process_free(process);
}

/* Feeds a chain of two; returns how it ended. */
static int converse(struct scene *s, struct af_communicate_options *options,
		    const char *text)
{
	struct af_pipe *pipe = made(af_pipe_spawn(
		s->loop, CHAIN(HELPER("cat"), HELPER("cat")), WITH(ALL_PIPES)));
	struct af_future *f;
	int r;

	if (!pipe)
		return -ENOMEM;
	f = af_future_ref(af_pipe_communicate(pipe, options));
	r = end(s, f, 0);
	if (r == 0)
		ck_assert_str_eq(af_future_output(f)->out, text);
	af_future_unref(f);
	af_pipe_close_stdin(pipe);
	while (end(s, af_pipe_wait(pipe, MS(20000)), 0) < 0)
		;
	af_pipe_close(pipe);
	return r;
}

static void act_communicate(struct scene *s)
{
	converse(s, HOW(MEMORY("hello", 5), .timeout = MS(20000)), "hello");
	converse(s,
		 HOW(MEMORY("hello", 5), .max_output = 3,
		     .overflow = AFIO_OVERFLOW_TRUNCATE, .linger = MS(20000)),
		 "hel");
	put_text(s->source, "hello");
	close(s->source);
	s->source = -1;
	converse(s, HOW(.input_kind = AFIO_INPUT_FILE, .input_file = s->in),
		 "hello");
}

static ssize_t give_hello(void *buf, size_t len, void *arg)
{
	size_t *given = arg;

	ck_assert_uint_ge(len, 5);
	memcpy(buf, "hello", 5);
	*given += 5;
	return *given > 5 ? 0 : 5;
}

static int take_line(const struct af_line *line, void *arg)
{
	*(size_t *)arg += line->len;
	return 0;
}

/* Input by a function; a stderr a stage; then every line of it. */
static void act_capture(struct scene *s)
{
	size_t given = 0, taken = 0;
	struct af_pipe *pipe;

	converse(s,
		 HOW(.input_kind = AFIO_INPUT_CALLBACK, .input_fn = give_hello,
		     .input_arg = &given),
		 "hello");
	pipe = made(af_pipe_spawn(
		s->loop, CHAIN(HELPER("tag", "a"), HELPER("tag", "b")),
		WITH(IN_OUT_PIPES, .err.kind = AFIO_PIPE_EACH)));
	af_pipe_close_stdin(pipe);
	while (pipe && end(s, af_pipe_each_line(pipe, take_line, &taken), 0))
		;
	ck_assert_uint_eq(taken, pipe ? 4 : 0);
	af_pipe_close(pipe);
}

/* In one call: to its end, to its timeout, cancelled, and not started. */
static void act_run(struct scene *s)
{
	const char *const missing[] = { "./missing", NULL };
	struct af_run_options options = {
		.communicate = { MEMORY("hello", 5), .timeout = MS(20000) },
		.grace = MS(0),
	};
	struct af_future *f = af_run(s->loop, HELPER("cat"), &options);

	if (end(s, af_future_ref(f), 0) == 0)
		ck_assert_str_eq(af_future_output(f)->out, "hello");
	af_future_unref(f);
	options.communicate.timeout = MS(1);
	end(s, af_run(s->loop, HELPER("pause"), &options), -ETIMEDOUT);
	f = af_run(s->loop, HELPER("pause"), NULL);
	af_future_cancel(f);
	end(s, f, -ECANCELED);
	f = af_run(s->loop, missing, NULL);
	end(s, af_future_ref(f), -ENOENT);
	ck_assert(strstr(af_future_spawn_error(f), "exec ./missing: ") ||
		  memory.failed > 0);
	af_future_unref(f);
}

/* Taken, left to be killed, cancelled, and not started. */
static void act_spawn_async(struct scene *s)
{
	const char *const missing[] = { "./missing", NULL };
	const struct af_fd_map map = { s->source, 7 };
	struct af_process *process;
	struct af_future *f;

	f = af_spawn_async(s->loop, HELPER("exit", "0"),
			   WITH(ALL_PIPES, .fds = &map, .n_fds = 1));
	end(s, af_future_ref(f), 0);
	process = af_future_take_process(f);
	af_future_unref(f);
	if (process)
		expect_end(s, process);
	af_process_free(process);
	end(s, af_spawn_async(s->loop, HELPER("pause"), NULL), 0);
	f = af_spawn_async(s->loop, HELPER("pause"), WITH(ALL_PIPES));
	af_future_cancel(f);
	end(s, f, -ECANCELED);
	f = af_spawn_async(s->loop, missing, NULL);
	end(s, af_future_ref(f), -ENOENT);
	ck_assert(af_future_spawn_step(f) == AFIO_STEP_EXEC ||
		  memory.failed > 0);
	af_future_unref(f);
}

/* Stages with options of their own; their chunks; the end of their input. */
static void act_stages(struct scene *s)
{
	const struct af_stage stages[] = {
		{ .argv = HELPER("cat") },
		{ .argv = HELPER("tag", "b"),
		  .options = WITH(.err.kind = AFIO_PIPE) },
	};
	struct af_pipe *pipe = made(
		af_pipe_spawn_stages(s->loop, stages, 2, WITH(IN_OUT_PIPES)));
	struct af_process *process;
	size_t taken = 0;

	/* Nothing is wrong with what was asked for. */
	ck_assert_int_ne(af_spawn_error_step(s->loop), AFIO_STEP_OPTION);
	while (pipe && end(s, af_pipe_finish_stdin(pipe, MS(20000)), 0) < 0)
		;
	while (pipe && end(s, af_pipe_each_chunk(pipe, take_line, &taken), 0))
		;
	ck_assert_uint_eq(taken, pipe ? 2 : 0);
	af_pipe_close(pipe);
	process = made(af_spawn(s->loop, HELPER("exit", "0"), NULL));
	if (!process)
		return;
	while (!(pipe = made(af_pipe_from(&process, 1))))
		;
	while (end(s, af_pipe_wait(pipe, MS(20000)), 0) < 0)
		;
	af_pipe_close(pipe);
}

static void act_bufferevent(struct scene *s)
{
	struct bufferevent *bevs[2];
	struct af_file *files[2];
	size_t total = 0;

	/* If it fails half-way, libevent 2.1.12 crashes. */
	memory.watched = false;
	bufferevent_pair_new(af_loop_base(s->loop), 0, bevs);
	memory.watched = true;
	for (int i = 0; i < 2; i++) {
		files[i] = made(af_file_from_bufferevent(s->loop, bevs[i], 0));
		if (!files[i])
			bufferevent_free(bevs[i]);
	}
	if (files[0] && files[1]) {
		/* A pair's ends move bytes when both want to. */
		struct af_future *f = NULL;

		do {
			af_future_unref(f);
			f = af_file_read(files[1], 9, 0, MS(10000));
		} while (af_future_is_done(f));
		end_write(s,
			  af_file_write(files[0], "hello", 5, AFIO_FULL,
					MS(10000)),
			  &total);
		if (total == 0)
			af_future_cancel(f);
		while (end(s, f, total == 0 ? -ECANCELED : 0) == -ENOMEM &&
		       total > 0)
			f = af_file_read(files[1], 9, 0, MS(10000));
		ck_assert_uint_eq(s->n_got, total);
		ck_assert_mem_eq(s->got, "hello", total);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
	/* libevent has deferred a callback of each, and frees it with that. */
	ck_assert_int_ge(
		event_base_loop(af_loop_base(s->loop), EVLOOP_NONBLOCK), 0);
}

/* What a bufferevent has taken was copied, also if the copy fails after that. */
static void act_copy_away(struct scene *s)
{
	struct event_base *base = af_loop_base(s->loop);
	struct bufferevent *bev;
	struct af_file *away;
	size_t total = 0;
	int fds[2], left;

	make_pair(KIND_SOCKETPAIR, fds);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	memory.watched = false;
	bev = bufferevent_socket_new(base, fds[1], BEV_OPT_CLOSE_ON_FREE);
	/* That it cannot add its event libevent tells nobody: it can. */
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	bufferevent_disable(bev, EV_READ | EV_WRITE);
	bufferevent_enable(bev, EV_WRITE);
	memory.watched = true;
	away = made(af_file_from_bufferevent(s->loop, bev, 0));
	put_pattern(s->source, 300, 0);
	if (away) {
		end_write(s, af_file_copy(s->in, away, 100, MS(10000)), &total);
		end_write(s, af_file_copy(s->in, away, 50, NULL), &total);
	} else {
		bufferevent_free(bev);
	}
	for (int i = 0; i < 5; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	expect_pattern(fds[0], total, 0);
	ck_assert_int_eq(ioctl(fds[0], FIONREAD, &left), 0);
	ck_assert_int_eq(left, 0);
	while (s->n_got == 0)
		end(s, af_file_read(s->in, 80, AFIO_FULL, NULL), 0);
	ck_assert_uint_eq(pattern_match(s->got, 80, total), 80);
	ck_assert_int_eq(af_file_close(away), 0);
	close(fds[0]);
	event_base_loop(base, EVLOOP_NONBLOCK);
}

/* Bytes that are looked at, put back, and read as messages. */
static void act_front(struct scene *s)
{
	struct af_file *file;
	int fds[2];

	put_text(s->source, "def");
	end(s, af_file_peek(s->in, 3, NULL), 0);
	end(s, af_file_peek(s->in, 2, MS(10000)), 0);
	while (af_file_unread(s->in, "abc", 3) == -ENOMEM)
		ck_assert_uint_gt(memory.failed, 0);
	s->n_got = 0;
	while (s->n_got < 6)
		end(s, af_file_read(s->in, 6 - s->n_got, 0, NULL), 0);
	ck_assert_mem_eq(s->got, "abcdef", 6);
	end(s, af_file_peek(s->in, 1, MS(1)), -ETIMEDOUT);

	ck_assert_int_eq(cloexec_socketpair(SOCK_SEQPACKET, fds), 0);
	file = made(af_file_new(s->loop, fds[0], AFIO_UNBUFFERED));
	put_text(fds[1], "abc");
	s->n_got = 0;
	while (file && s->n_got == 0)
		end(s, af_file_read(file, 9, 0, NULL), 0);
	ck_assert_uint_eq(s->n_got, file ? 3 : 0);
	if (file)
		ck_assert_int_eq(af_file_close(file), 0);
	else
		close(fds[0]);
	close(fds[1]);
}

/* The other side leaves; half a connection is shut behind a write. */
static void act_leave(struct scene *s)
{
	static unsigned char data[BULK];
	struct af_future *f = af_file_hangup(s->in);
	struct pollfd sink = { .fd = s->sink, .events = POLLRDHUP };
	size_t total;
	int r;

	close(s->source);
	s->source = -1;
	while (end(s, f, 0) < 0)
		f = af_file_hangup(s->in);

	pattern_fill(data, BULK, 0);
	f = af_file_write(s->out, data, BULK, AFIO_FULL, NULL);
	r = af_file_shutdown(s->out, SHUT_WR);
	ck_assert(r == 0 || (r == -ENOMEM && memory.failed > 0));
	af_future_cancel(f);
	total = af_future_count(f);
	end(s, f, -ECANCELED);
	ck_assert_int_eq(poll(&sink, 1, 0), r == 0);
	expect_sunk(s, total);
}

/* Waits under the program's own dispatch. */
static void on_last(struct af_future *done, void *arg)
{
	struct scene *s = arg;

	(void)done;
	event_base_loopbreak(s->base);
	s->told++;
}

static void act_dispatch(struct scene *s)
{
	struct af_future *f = af_then(af_sleep(s->loop, MS(1)), then_sleep, s);

	s->to_tell++;
	af_on_done(f, on_last, s);
	if (s->told == 0)
		event_base_dispatch(s->base);
	ck_assert_uint_eq(s->told, s->to_tell);
}

static void wait_in_callback(evutil_socket_t fd, short what, void *arg)
{
	struct scene *s = arg;
	struct af_process *process;

	(void)fd;
	(void)what;
	/* Of all kinds, to be moved to another base and back. */
	process = made(af_spawn(s->loop, HELPER("exit", "0"), NULL));
	watch_end(s, af_process_wait(process, NULL));
	watch_end(s, af_file_read(s->in, 1, 0, MS(100000)));
	act_groups(s);
	end(s, af_sleep(s->loop, MS(1)), 0);
	put_text(s->source, "abc");
	while (s->n_got < 2)
		end(s, af_file_read(s->in, 1, 0, NULL), 0);
	if (process)
		expect_end(s, process);
	af_process_free(process);
}

static void act_callback(struct scene *s)
{
	struct event event;

	evtimer_assign(&event, s->base, wait_in_callback, s);
	event_active(&event, EV_TIMEOUT, 0);
	ck_assert_int_ge(event_base_loop(s->base, EVLOOP_NONBLOCK), 0);
}

static void try_to_wait(evutil_socket_t fd, short what, void *arg)
{
	struct scene *s = arg;
	struct af_future *f = af_sleep(s->loop, MS(100000));
	int r = af_await_for(f, MS(1));

	(void)fd;
	(void)what;
	ck_assert(r == -ETIMEDOUT || (r == -ENOMEM && memory.failed > 0));
	af_future_cancel(f);
	af_future_unref(f);
}

/* Whether or not it could move, all goes on where it was before. */
static void act_move(struct scene *s)
{
	struct af_process *process =
		made(af_spawn(s->loop, HELPER("wait-eof"), WITH(IN_OUT_PIPES)));
	struct event event;

	s->to_tell = 3;
	af_on_done(af_process_wait(process, NULL), on_last, s);
	af_on_done(af_file_read(s->in, 1, 0, NULL), on_last, s);
	af_on_done(af_sleep(s->loop, MS(5)), on_last, s);
	evtimer_assign(&event, s->base, try_to_wait, s);
	event_active(&event, EV_TIMEOUT, 0);
	ck_assert_int_ge(event_base_loop(s->base, EVLOOP_NONBLOCK), 0);
	event_del(&event);
	put_text(s->source, "a");
	af_process_close_stdin(process);
	while (s->told < s->to_tell)
		ck_assert_int_eq(event_base_dispatch(s->base), 0);
	if (process)
		expect_end(s, process);
	af_process_free(process);
}

/* Of each kind, left to end with their file, with the loop, and detached. */
static void act_ends(struct scene *s)
{
	struct evbuffer *unread = evbuffer_new();
	FILE *null = fopen("/dev/null", "w");
	struct af_future *parts[2], *read;
	int fd, left, copied;
	bool done;

	put_text(s->source, "abc");
	end(s, af_file_read(s->in, 1, 0, NULL), 0);
	read = af_file_read(s->in, 9, AFIO_FULL, MS(100000));
	watch_end(s, af_future_ref(read));
	watch_end(s, af_file_copy(s->in, s->out, -1, MS(100000)));
	watch_end(s, af_finally(sleeping(s, 100000), then_sleep, s));
	parts[0] = af_future_new(s->loop, NULL, NULL);
	parts[1] = sleeping(s, 100000);
	watch_end(s, af_all(s->loop, parts, 2));
	watch_end(s, af_with_timeout(sleeping(s, 100000), MS(100000)));
	ck_assert_int_eq(af_loop_dump(s->loop, null), 0);
	fclose(null);
	s->n_got += af_future_count(read);
	done = af_future_is_done(read);
	fd = unread ? af_file_detach(s->in, unread) : -ENOMEM;
	while (unread && fd == -ENOMEM) {
		ck_assert_int_eq(af_future_is_done(read), done);
		fd = af_file_detach(s->in, unread);
	}
	af_future_unref(read);
	if (!unread)
		return;
	s->in = NULL;
	/* Each of the three bytes went one way. */
	ck_assert_int_eq(ioctl(fd, FIONREAD, &left), 0);
	ck_assert_int_eq(ioctl(s->sink, FIONREAD, &copied), 0);
	ck_assert_uint_eq(evbuffer_get_length(unread) + s->n_got +
				  (size_t)left + (size_t)copied,
			  3);
	close(fd);
	evbuffer_free(unread);
}

static void act_disk(struct scene *s)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	unsigned char data[50];
	struct af_file *file;
	size_t total = 0;

	/* Threads free what they have when they please. */
	ck_assert_int_eq(af_loop_set_workers(s->loop, 0), 0);
	close(mkostemp(path, O_CLOEXEC));
	file = made(af_file_open(s->loop, path, "w+"));
	unlink(path);
	if (!file)
		return;
	pattern_fill(data, sizeof data, 0);
	end_write(s, af_file_write(file, data, sizeof data, AFIO_FULL, NULL),
		  &total);
	end(s, af_file_sync(file, MS(20000)), 0);
	ck_assert_int_eq(af_file_size(file), (off_t)total);
	ck_assert_int_eq(af_file_seek(file, 0, SEEK_SET), 0);
	while (s->n_got < total)
		end(s, af_file_read(file, total - s->n_got, 0, NULL), 0);
	ck_assert_uint_eq(pattern_match(s->got, total, 0), total);
	ck_assert_int_eq(af_file_close(file), 0);
}

/* At offsets, by jobs. */
static void act_disk_at(struct scene *s)
{
	char path[] = P_tmpdir "/asyncfile-XXXXXX";
	unsigned char data[50];
	struct af_file *file;
	size_t total = 0;
	int fd = mkostemp(path, O_CLOEXEC);

	ck_assert_int_eq(af_loop_set_workers(s->loop, 0), 0);
	unlink(path);
	/* Without it, reads would need no job. */
	fcntl(fd, F_SETFL, O_DIRECT);
	file = made(af_file_new(s->loop, fd, 0));
	if (!file) {
		close(fd);
		return;
	}
	fcntl(fd, F_SETFL, 0);
	pattern_fill(data, sizeof data, 0);
	end_write(s,
		  af_file_write_at(file, data, sizeof data, 0, AFIO_FULL, NULL),
		  &total);
	while (s->n_got < total)
		end(s,
		    af_file_read_at(file, total - s->n_got, (int64_t)s->n_got,
				    0, MS(20000)),
		    0);
	ck_assert_uint_eq(pattern_match(s->got, total, 0), total);
	end(s, af_file_read_at(file, 9, 1000, AFIO_FULL, NULL), 0);
	ck_assert_int_eq(af_file_close(file), 0);
}

/* What is passed is a descriptor of its own, and shows if it is lost. */
static void pass_one(struct scene *s, struct af_file *from, struct af_file *to)
{
	struct af_future *f;
	int r;

	do {
		f = af_file_send_fds(from, "x", 1, &s->source, 1, 0, NULL);
		af_future_ref(f);
		r = end(s, f, 0);
		af_future_unref(f);
	} while (r < 0);
	do {
		f = af_file_receive_fds(to, 1, 1, 0, MS(20000));
		af_future_ref(f);
		r = end(s, f, 0);
		if (r == 0)
			ck_assert_uint_eq(af_future_fds(f), 1);
		af_future_unref(f);
	} while (r < 0);
}

static void act_pass(struct scene *s)
{
	const unsigned keeps = AFIO_RECEIVE_FDS;
	static const char bulk[BULK];
	struct af_file *files[2] = { NULL, NULL };
	struct af_future *f;
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	for (int i = 0; i < 2; i++) {
		files[i] = made(af_file_new(s->loop, fds[i], i ? keeps : 0));
		if (!files[i])
			close(fds[i]);
	}
	if (files[0] && files[1]) {
		/* The first one turns it on. */
		pass_one(s, files[1], files[0]);
		pass_one(s, files[0], files[1]);
		/* More than there is room for; some stay in the file. */
		for (int i = 0; i < 2; i++) {
			f = af_file_send_fds(files[0], bulk, BULK, &s->source,
					     1, 0, NULL);
			af_future_cancel(f);
			af_future_unref(f);
		}
		end(s, af_file_peek(files[1], 9, NULL), 0);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
}

static void *find_length(void *arg)
{
	return (void *)strlen(arg);
}

static void count_value(void *value)
{
	ck_assert_uint_eq((size_t)value, 3);
	++*values_freed;
}

/* On threads, which have left when the loop was freed: see play(). */
static void act_work(struct scene *s)
{
	static char text[] = "abc";
	struct af_future *f;

	values_freed = &s->freed;
	for (int i = 0; i < 3; i++) {
		f = af_work(s->loop, find_length, text, count_value);
		af_future_ref(f);
		end(s, f, 0);
		s->values += (unsigned)af_future_count(f);
		af_future_unref(f);
	}
	end(s, af_work(s->loop, NULL, text, NULL), -EINVAL);
}

/* Opened on threads; one is taken, one is not, one does not exist. */
static void act_open_async(struct scene *s)
{
	struct af_future *f;

	for (int i = 0; i < 2; i++) {
		f = af_file_open_async(s->loop, "/proc/self/exe", "r");
		af_future_ref(f);
		if (end(s, f, 0) == 0 && i == 0)
			ck_assert_int_eq(af_file_close(af_future_take_file(f)),
					 0);
		af_future_unref(f);
	}
	end(s, af_file_open_async(s->loop, "/missing", "r"), -ENOENT);
}

static const struct resolver_name names[] = {
	{ .host = "both", .addresses = { "::1", "127.0.0.1" } },
	{ .host = NULL },
};

/* Names are looked up on threads, of both sides. */
static void act_resolve(struct scene *s)
{
	resolver_names = names;
	end(s, af_resolve(s->loop, "both", "80", NULL, MS(20000)), 0);
	end(s, af_resolve(s->loop, "missing", "80", NULL, NULL), -ENOENT);
	end(s, af_resolve(s->loop, "::1", "80", NULL, NULL), 0);
	end(s, af_resolve(s->loop, "/run/server", NULL, NULL, NULL), 0);
}

/* One is taken, one is not, one is refused, and one is not answered. */
static void act_connect(struct scene *s)
{
	const struct af_connect_options from = { .local_host = "both" };
	int listener = server_listen("127.0.0.1", 0, 64);
	struct server_hole hole = server_dig("127.0.0.1", 0);
	char service[20], no_answer[20];
	struct af_future *f;

	resolver_names = names;
	snprintf(service, sizeof service, "%d", server_port(listener));
	snprintf(no_answer, sizeof no_answer, "%d", server_port(hole.listener));
	for (int i = 0; i < 2; i++) {
		f = af_connect(s->loop, "both", service, i > 0 ? &from : NULL,
			       MS(20000));
		af_future_ref(f);
		if (end(s, f, 0) == 0 && i == 0)
			ck_assert_int_eq(af_file_close(af_future_take_file(f)),
					 0);
		af_future_unref(f);
	}
	close(listener);
	end(s, af_connect(s->loop, "127.0.0.1", service, NULL, NULL),
	    -ECONNREFUSED);
	end(s, af_connect(s->loop, "127.0.0.1", no_answer, NULL, MS(1)),
	    -ETIMEDOUT);
	server_fill(&hole);
}

/* A full queue of a Unix socket is tried again. */
static void act_connect_again(struct scene *s)
{
	char name[50];
	struct server_hole hole;

	snprintf(name, sizeof name, "@asyncfile-memory-%d", (int)getpid());
	hole = server_dig(name, 0);
	end(s, af_connect(s->loop, name, NULL, NULL, MS(5)), -ETIMEDOUT);
	server_fill(&hole);
}

/* Peers that come, and hang up. */
static void come(const struct af_listener *listener, int n)
{
	socklen_t len;
	const struct sockaddr *address = af_listener_address(listener, 0, &len);

	for (; n > 0; n--) {
		int fd = cloexec_socket(address->sa_family, SOCK_STREAM);

		ck_assert_int_eq(connect(fd, address, len), 0);
		close(fd);
	}
}

static int close_accepted(struct af_file *file, void *arg)
{
	ck_assert_int_eq(af_file_close(file), 0);
	return ++*(int *)arg == 2;
}

/* Whatever fails, nobody who has come is lost. */
static void act_accept(struct scene *s, struct af_listener *listener)
{
	struct af_future *f = af_listener_accept(listener, MS(20000));
	int n = 0;

	come(listener, 2);
	if (end(s, f, 0) < 0)
		while (end(s, af_listener_accept(listener, NULL), 0) < 0)
			;
	while (end(s, af_listener_accept(listener, NULL), 0) < 0)
		;
	end(s, af_listener_accept(listener, MS(1)), -ETIMEDOUT);
	end(s, af_listener_accept(listener, MS(0)), -ETIMEDOUT);
	come(listener, 2);
	while (end(s, af_listener_each(listener, close_accepted, &n), 0) < 0)
		;
	ck_assert_int_eq(n, 2);
	while (end(s, af_listener_stop(listener, NULL), 0) < 0)
		;
	ck_assert_uint_eq(af_listener_connections(listener), 0);
}

static bool keep_peer(const struct sockaddr *peer, socklen_t len, void *arg)
{
	(void)peer;
	(void)len;
	++*(int *)arg;
	return true;
}

static void act_listen(struct scene *s)
{
	int asked = 0;
	const struct af_listen_options options = { .filter = keep_peer,
						   .filter_arg = &asked };
	struct af_listener *listener;
	struct af_future *f;
	int fd = server_listen("127.0.0.1", 0, 64);

	listener = made(af_listen(s->loop, "127.0.0.1", "0", NULL));
	if (listener)
		act_accept(s, listener);
	af_listener_close(listener);
	listener = made(af_listener_new(s->loop, &fd, 1, &options));
	if (listener) {
		act_accept(s, listener);
		/* Each of them once. */
		ck_assert_int_eq(asked, 4);
	} else {
		close(fd);
	}
	af_listener_close(listener);
	resolver_names = names;
	f = af_listen_async(s->loop, "both", "0", NULL);
	end(s, af_future_ref(f), 0);
	af_listener_close(af_future_take_listener(f));
	af_future_unref(f);
	end(s, af_file_idle(s->in, MS(2)), 0);
}

static void act_wait_fd(struct scene *s)
{
	int fd = fcntl(s->sink, F_DUPFD_CLOEXEC, 0);
	struct af_future *parts[2];

	ck_assert_int_ge(fd, 0);
	end(s, af_wait_fd(s->loop, fd, EV_WRITE, NULL), 0);
	end(s, af_wait_fd(s->loop, fd, EV_READ, MS(0)), -ETIMEDOUT);
	end(s, af_wait_fd(s->loop, fd, EV_READ, MS(1)), -ETIMEDOUT);
	for (int i = 0; i < 2; i++) {
		parts[i] = af_wait_fd(s->loop, fd, EV_READ, MS(20000));
		watch_end(s, af_future_ref(parts[i]));
	}
	put_text(af_file_fd(s->out), "abc");
	end(s, af_all(s->loop, parts, 2), 0);
	end(s, af_wait_fd(s->loop, fd, EV_READ, NULL), 0);
	close(fd);
}

static void act_post_handle(struct scene *s)
{
	struct af_post_handle *handle = made(af_post_handle_new(s->loop));
	unsigned posted = 0;
	int r;

	if (!handle)
		return;
	for (int i = 0; i < 2; i++) {
		r = af_post_handle_post(handle, count_call, &s->told);
		ck_assert(r == 0 || (r == -ENOMEM && memory.failed > 0));
		posted += r == 0;
	}
	s->to_tell += posted;
	af_post_handle_unref(handle);
	ck_assert_int_eq(af_loop_run(s->loop), 0);
}

/* A loop that is not the program's. */
static void act_loop(struct scene *s)
{
	struct af_loop *loop = made(af_loop_new(NULL));

	if (!loop)
		return;
	watch_end(s, af_sleep(loop, MS(1)));
	ck_assert_int_eq(af_loop_run(loop), 0);
	ck_assert_uint_eq(s->told, 1);
	af_loop_free(loop);
}

/* All at once; taken, left to be killed, and not started. */
static void act_stages_async(struct scene *s)
{
	const char *const missing[] = { "./missing", NULL };
	struct af_pipe *pipe;
	struct af_future *f;

	f = af_pipe_spawn_async(s->loop,
				CHAIN(HELPER("tag", "a"), HELPER("cat")),
				WITH(IN_OUT_PIPES, .err.kind = AFIO_PIPE));
	end(s, af_future_ref(f), 0);
	pipe = af_future_take_pipe(f);
	af_future_unref(f);
	af_pipe_close_stdin(pipe);
	while (pipe && end(s, af_pipe_wait(pipe, NULL), 0) < 0)
		;
	af_pipe_close(pipe);
	end(s,
	    af_pipe_spawn_async(s->loop,
				CHAIN(HELPER("pause"), HELPER("pause")), NULL),
	    0);
	end(s,
	    af_pipe_spawn_async(s->loop, CHAIN(HELPER("pause"), missing), NULL),
	    -ENOENT);
}

static int take_one(const char *data, size_t len, const struct sockaddr *from,
		    socklen_t from_len, unsigned flags, void *arg)
{
	struct scene *s = arg;

	(void)from_len;
	ck_assert(len == 1 && from && flags == 0);
	s->got[s->n_got++] = *data;
	return 1;
}

/* Messages that are read together, and each is taken in another way. */
static void act_datagrams(struct scene *s)
{
	struct af_file *file =
		made(af_datagram_open(s->loop, "127.0.0.1", NULL, NULL));
	struct sockaddr_storage to;
	socklen_t len;
	int fd = cloexec_socket(AF_INET, SOCK_DGRAM);

	ck_assert_int_ge(fd, 0);
	if (!file) {
		close(fd);
		return;
	}
	ck_assert_int_eq(af_file_local_address(file, &to, &len), 0);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(sendto(fd, &"01234567"[i], 1, 0,
					(struct sockaddr *)&to, len),
				 1);
	while (s->n_got < 8) {
		end(s, af_file_each_datagram(file, take_one, s), 0);
		if (s->n_got < 8)
			end(s, af_file_receive_from(file, 0, 0, MS(20000)), 0);
		if (s->n_got < 8)
			end(s, af_file_read(file, 9, 0, NULL), 0);
	}
	ck_assert_mem_eq(s->got, "01234567", 8);
	ck_assert_int_eq(sendto(fd, "89ab", 4, 0, (struct sockaddr *)&to, len),
			 4);
	while (s->n_got < 9)
		end(s, af_file_receive_from(file, 1, 0, NULL), 0);
	while (s->n_got < 12)
		end(s, af_file_receive_from(file, 0, 0, NULL), 0);
	ck_assert_mem_eq(s->got, "0123456789ab", 12);
	end(s, af_file_receive_from(file, 0, 0, MS(1)), -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
}

/* To a socket that has no room, which no event reports. */
static void act_send_to(struct scene *s)
{
	const struct af_datagram_options options = { .family = AF_UNIX };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len = sizeof to;
	struct af_file *file =
		made(af_datagram_open(s->loop, NULL, NULL, &options));
	int fd = cloexec_socket(AF_UNIX, SOCK_DGRAM), n = 0;
	struct af_future *f;
	char c;

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to,
			      offsetof(struct sockaddr_un, sun_path)),
			 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&to, &len), 0);
	for (; file; n += end(s, f, 0) == 0) {
		f = af_file_send_to(file, "x", 1, (struct sockaddr *)&to, len,
				    0, MS(20000));
		if (!af_future_is_done(f))
			break;
	}
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(recv(fd, &c, 1, 0), 1);
	if (file) {
		int r = end(s, f, 0);

		ck_assert_int_eq(recv(fd, &c, 1, MSG_DONTWAIT), r ? -1 : 1);
	}
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
}

/* Without memory to send in the background, the next write does it. */
static void act_layer(struct scene *s)
{
	static unsigned char data[BULK];
	struct framed *framed = framed_new(af_file_fd(s->out), NULL);
	struct af_future *f;
	size_t total = 0;
	int r = af_file_set_layer(s->out, &framed_layer, framed, NULL);

	if (r < 0) {
		ck_assert(r == -ENOMEM && memory.failed > 0);
		framed_layer.release(framed);
		return;
	}
	end_write(s, af_file_write(s->out, data, 100, AFIO_FULL, NULL), &total);
	f = af_file_write(s->out, data, BULK, AFIO_FULL, MS(1));
	end(s, f, 0);
	end(s, af_file_finish(s->out, MS(1)), -ETIMEDOUT);
}

static void act_file_maker(struct scene *s)
{
	struct af_future *f = af_future_new(s->loop, NULL, NULL);
	int fds[2];

	make_pair(KIND_PIPE, fds);
	close(fds[1]);
	if (!af_future_is_done(f)) {
		struct af_file *file = made(af_file_new(s->loop, fds[0], 0));

		if (file)
			ck_assert_int_eq(af_future_resolve_file(f, file), 0);
		else
			ck_assert_int_eq(af_future_fail(f, -ENOMEM), 0);
		if (!file)
			close(fds[0]);
	} else {
		close(fds[0]);
	}
	end(s, f, 0);
	f = af_future_new(s->loop, NULL, NULL);
	if (!af_future_is_done(f)) {
		ck_assert_int_eq(af_future_fail_text(f, -EIO, "a text"), 0);
		ck_assert(memory.failed > 0 || *af_connect_error(f));
	}
	end(s, f, -EIO);
}

typedef void (*act_fn)(struct scene *s);

static const struct {
	act_fn act;
	bool own_base; /* the loop makes it */
} acts[] = {
	{ act_loop, true },	    { act_reads, false },
	{ act_writes, false },	    { act_copy, true },
	{ act_bulk, false },	    { act_chains, true },
	{ act_groups, false },	    { act_makers, false },
	{ act_spawn, true },	    { act_attributes, false },
	{ act_communicate, false }, { act_dispatch, false },
	{ act_callback, false },    { act_move, false },
	{ act_ends, false },	    { act_bufferevent, true },
	{ act_disk, true },	    { act_orphan, true },
	{ act_look, false },	    { act_look, true },
	{ act_take, false },	    { act_take, true },
	{ act_stop, false },	    { act_release, true },
	{ act_capture, false },	    { act_copy_away, true },
	{ act_front, false },	    { act_leave, false },
	{ act_run, false },	    { act_stages, true },
	{ act_spawn_async, true },  { act_stages_async, true },
	{ act_options, true },	    { act_work, true },
	{ act_wait_fd, false },	    { act_post_handle, true },
	{ act_open_async, true },   { act_each_async, false },
	{ act_copy_both, true },    { act_follow, true },
	{ act_map, true },	    { act_shields, false },
	{ act_layer, true },	    { act_file_maker, false },
	{ act_resolve, true },	    { act_connect, true },
	{ act_connect, false },	    { act_connect_again, true },
	{ act_datagrams, false },   { act_send_to, true },
	{ act_listen, true },	    { act_listen, false },
	{ act_disk_at, true },	    { act_pass, true },
};
#define N_ACTS (int)(sizeof acts / sizeof *acts)

static void close_end(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* Whether a thread is one that never ends. */
static bool is_keeper(const char *task)
{
	char path[300], name[32] = "";
	FILE *comm;

	snprintf(path, sizeof path, "/proc/self/task/%s/comm", task);
	comm = fopen(path, "re");
	if (!comm)
		return false;
	(void)!fgets(name, sizeof name, comm);
	fclose(comm);
	return strcmp(name, "asyncfile-keep\n") == 0;
}

/* How many are left: one that has just started does not have its name yet. */
static int threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.' && !is_keeper(entry->d_name);
	closedir(dir);
	return n;
}

/* What is there before the test: an emulator has a thread of its own. */
static struct {
	int threads;
	nlink_t tasks;
} idle;

/* Whatever failed: all are told, and all is given back. */
static void play(struct scene *s, act_fn act)
{
	int in[2], out[2];

	make_pair(KIND_PIPE, in);
	make_pair(KIND_SOCKETPAIR, out);
	s->source = in[1];
	s->sink = out[0];
	s->loop = made(af_loop_new(s->base));
	if (s->loop)
		s->in = made(af_file_new(s->loop, in[0], 0));
	if (s->in)
		s->out = made(af_file_new(s->loop, out[1], 0));
	else
		close(in[0]);
	if (s->out)
		act(s);
	else
		close(out[1]);
	ck_assert_int_eq(af_file_close(s->in), 0);
	ck_assert_int_eq(af_file_close(s->out), 0);
	close_end(s->source);
	close_end(s->sink);
	af_loop_free(s->loop);
	while (threads() > idle.threads)
		sched_yield();
	ck_assert_uint_eq(s->told, s->to_tell);
	ck_assert_uint_eq(s->freed, s->values);
}

/* The number that the next descriptor gets: it grows if any is lost. */
static int next_fd(void)
{
	int fd = dup(0);

	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

static nlink_t tasks(void)
{
	struct stat st;

	ck_assert_int_eq(stat("/proc/self/task", &st), 0);
	return st.st_nlink;
}

START_TEST(allocation_fails_and_nothing_is_lost)
{
	size_t in_a_row = _i < N_ACTS ? 1 : SPELL;
	int fd = next_fd();
	long live;

	idle.threads = threads();
	idle.tasks = tasks();
	event_set_mem_functions(scarce_malloc, scarce_realloc, scarce_free);
	event_set_log_callback(expect_cause);
	for (size_t from = 0;; from++) {
		struct scene s = { .base = NULL };

		live = memory.live;
		if (!acts[_i % N_ACTS].own_base)
			s.base = event_base_new();
		memory.n = memory.failed = 0;
		memory.from = from;
		memory.until = from + in_a_row;
		memory.watched = true;
		play(&s, acts[_i % N_ACTS].act);
		/* Also those that have not begun, and have no name yet. */
		while (tasks() > idle.tasks)
			sched_yield();
		memory.watched = false;
		if (s.base)
			event_base_free(s.base);
		ck_assert_msg(memory.live == live, "%ld blocks lost after %zu",
			      memory.live - live, from);
		ck_assert_int_eq(next_fd(), fd);
		expect_no_child();
		if (memory.failed == 0)
			break;
	}
	ck_assert_uint_gt(memory.n, 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("whole/out_of_memory");
	TCase *tc = test_case(s, "out of memory");

	/* By select(2), libevent allocates to wait, and fails without. */
	unsetenv("EVENT_NOEPOLL");
	unsetenv("EVENT_NOPOLL");
	/* Each act, with one failure and with several in a row. */
	tcase_add_loop_test(tc, allocation_fails_and_nothing_is_lost, 0,
			    2 * N_ACTS);
	return s;
}
