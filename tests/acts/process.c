/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes: started in every way, and all that ends them.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "support/children.h"
#include "support/denied.h"
#include "acts/acts.h"

/* However often it takes; it is there until that has worked. */
static void end_stdin(struct af_process *process)
{
	int r;

	while ((r = af_process_close_stdin(process)) < 0) {
		ck_assert(excused(r));
		ck_assert_ptr_nonnull(af_process_stdin(process));
	}
}

void act_spawn(struct scene *s)
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
	end_stdin(process);
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
void act_options(struct scene *s)
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
void act_attributes(struct scene *s)
{
	const char *const edits[] = { "A=1", "B", NULL };
	const struct af_fd_map map = { s->source, 7 };
	const char *const missing[] = { "./missing", NULL };
	struct af_process *process;
	const char *error;

	errno = 0;
	ck_assert_ptr_null(af_spawn(s->loop, missing, WITH(ALL_PIPES)));
	ck_assert(errno == ENOENT || excused(-errno));
	error = af_spawn_error(s->loop);
	ck_assert(strcmp(error, "exec ./missing: No such file or directory") ==
			  0 ||
		  disturbed());
	process = made(
		af_spawn(s->loop, HELPER("cat"),
			 WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY,
			      .pty_flags = AFIO_PTY_NO_ECHO, .env_edits = edits,
			      .fds = &map, .n_fds = 1)));
	if (!process)
		return;
	ck_assert_str_eq(af_spawn_error(s->loop), "");
	end_stdin(process);
	while (end(s, af_file_read(af_process_stdout(process), 0, 0, NULL), 0) <
	       0)
		;
	expect_end(s, process);
	af_process_free(process);
}

/* A terminal that leaves its process with the end of its input pending. */
void act_take(struct scene *s)
{
	struct af_process *process =
		made(af_spawn(s->loop, HELPER("cat"),
			      WITH(.in.kind = AFIO_PTY, .out.kind = AFIO_PTY,
				   .pty_flags = AFIO_PTY_NO_ECHO)));
	struct af_future *finish;
	struct af_file *file;
	char name[64];
	int r;

	if (!process)
		return;
	finish = af_process_finish_stdin(process, NULL);
	while ((r = af_process_pty_name(process, name, sizeof name)) < 0)
		ck_assert(excused(r));
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
void act_orphan(struct scene *s)
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
void act_look(struct scene *s)
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
	end_stdin(process);
	while (end(s, af_process_wait_change(process, MS(20000)), 0) < 0)
		;
	af_process_free(process);
	process = made(
		af_spawn(s->loop, HELPER("cat"), WITH(.in.kind = AFIO_PIPE)));
	if (!process)
		return;
	end_stdin(process);
	while (end(s, af_process_wait(process, MS(20000)), 0) < 0)
		;
	af_process_free(process);
}

/*
 * Reaped by the program, where the kernel tells nobody else the status: it is
 * waited for in vain. And one for a start that is still to come.
 */
void act_reaped(struct scene *s)
{
	static const struct denied facts[] = { DENIED_FACTS };
	static bool denied;
	struct af_process *process;
	struct af_future *f;
	int r;

	if (!denied)
		deny(facts, 1, ENOSYS);
	denied = true;
	process = made(af_spawn(s->loop, HELPER("exit", "0"), NULL));
	if (process) {
		f = af_process_wait(process, NULL);
		while (waitpid(af_process_pid(process), NULL, 0) < 0)
			;
		end(s, f, -ECHILD);
		while (end(s, af_process_wait(process, NULL), -ECHILD) !=
		       -ECHILD)
			;
	}
	af_process_free(process);
	f = af_spawn_async(s->loop, HELPER("exit", "0"), NULL);
	r = af_loop_reaped(s->loop, 5000000, 0);
	ck_assert(r == 0 || excused(r));
	end(s, f, 0);
}

/* Stops a process and a chain, however often it takes. */
void act_stop(struct scene *s)
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
void act_release(struct scene *s)
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
		ck_assert(excused(r));
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

/* Taken, left to be killed, cancelled, and not started. */
void act_spawn_async(struct scene *s)
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
	ck_assert(af_future_spawn_step(f) == AFIO_STEP_EXEC || disturbed());
	af_future_unref(f);
}
