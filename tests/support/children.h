/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the tests of processes and pipelines: starts the helper, compares
 * its exit status, and checks that it is gone.
 */
#ifndef TESTS_CHILDREN_H
#define TESTS_CHILDREN_H

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"

/*
 * An argv of the helper, the stages of a pipeline, and options: valid until the
 * end of the block.
 */
#define HELPER(...) ((const char *const[]){ helper_path(), __VA_ARGS__, NULL })
#define CHAIN(...) ((const char *const *const[]){ __VA_ARGS__, NULL })
#define WITH(...) (&(struct af_spawn_options){ __VA_ARGS__ })

/* For WITH(): a stream to a descriptor, two streams to pipes, all three. */
#define TO_FD(n)                                                               \
	{                                                                      \
		.kind = AFIO_FD, .fd = (n)                                     \
	}
#define IN_OUT_PIPES .in.kind = AFIO_PIPE, .out.kind = AFIO_PIPE
#define ALL_PIPES IN_OUT_PIPES, .err.kind = AFIO_PIPE

/* The wait status of a process that exited. */
#define EXITED(code) ((code) << 8)

/* Start a process or a pipeline, which must succeed. */
#define start(rig, argv, options)                                              \
	check_process(__FILE__, __LINE__,                                      \
		      af_spawn((rig)->loop, (argv), (options)))
#define start_chain(rig, stages, options)                                      \
	check_chain(__FILE__, __LINE__,                                        \
		    af_pipe_spawn((rig)->loop, (stages), (options)))

/* Drives f, which must succeed with this wait status, and drops it. */
#define expect_status(rig, f, status)                                          \
	check_status(__FILE__, __LINE__, (rig), (f), (status))

static inline struct af_process *check_process(const char *file, int line,
					       struct af_process *process)
{
	ck_assert_msg(process, "%s:%d: %s", file, line, strerror(errno));
	return process;
}

static inline struct af_pipe *check_chain(const char *file, int line,
					  struct af_pipe *pipe)
{
	ck_assert_msg(pipe, "%s:%d: %s", file, line, strerror(errno));
	return pipe;
}

static inline void check_status(const char *file, int line, struct rig *rig,
				struct af_future *f, int status)
{
	int r = drive(rig, f);

	ck_assert_msg(r == 0, "%s:%d: error is %d (%s)", file, line, r,
		      strerror(-r));
	ck_assert_msg(af_future_status(f) == status,
		      "%s:%d: status is %#x, not %#x", file, line,
		      (unsigned)af_future_status(f), (unsigned)status);
	ck_assert_msg(af_future_flags(f) == 0, "%s:%d: flags are %#x", file,
		      line, af_future_flags(f));
	af_future_unref(f);
}

/* Starts a child that lives until rig->out is closed. */
static inline struct af_process *start_held(struct rig *rig)
{
	return start(rig, HELPER("hold", "0"), WITH(.in = TO_FD(rig->in)));
}

/*
 * Starts a child with the same stdin and a pipe for stdout, and waits until it
 * has written "up".
 */
static inline struct af_process *start_up(struct rig *rig,
					  const char *const argv[])
{
	struct af_process *process = start(
		rig, argv, WITH(.in = TO_FD(rig->in), .out.kind = AFIO_PIPE));

	expect_text(rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0, NULL),
		    "up\n", 0);
	return process;
}

/* Waits for a process to exit with a code, and frees it. */
static inline void expect_exit(struct rig *rig, struct af_process *process,
			       int code)
{
	expect_status(rig, af_process_wait(process, NULL), EXITED(code));
	af_process_free(process);
}

/* Takes a child over from the library, which must work; its pid. */
static inline pid_t take_over(struct af_process *process, int fds[3],
			      struct evbuffer *unread[3])
{
	pid_t pid = -1;

	ck_assert_int_eq(af_process_release(process, &pid, fds, unread), 0);
	ck_assert_int_gt(pid, 0);
	return pid;
}

/* Waits for every stage to exit with 0, and closes the pipe. */
static inline void expect_success(struct rig *rig, struct af_pipe *pipe)
{
	expect_status(rig, af_pipe_wait(pipe, NULL), 0);
	af_pipe_close(pipe);
}

static inline void await_change(pid_t pid, int options)
{
	siginfo_t info;
	int r;

	do
		r = waitid(P_PID, (id_t)pid, &info, options);
	while (r < 0 && errno == EINTR);
	ck_assert_int_eq(r, 0);
}

/* Waits until a child has ended, and leaves the zombie to its owner. */
static inline void await_zombie(pid_t pid)
{
	await_change(pid, WEXITED | WNOWAIT);
}

/* Waits until a signal has stopped a child. */
static inline void await_stopped(pid_t pid)
{
	await_change(pid, WSTOPPED);
}

static inline void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/*
 * Runs the loop's base until it has reaped a child that ends. A timer keeps the
 * base running, as a program's own events do; the child alone does not.
 */
static inline void expect_reaped(struct rig *rig, pid_t pid)
{
	struct event_base *base = af_loop_base(rig->loop);
	int64_t since = now_us();

	while (kill(pid, 0) == 0) {
		ck_assert_msg(now_us() - since < 20000000, "%d is not reaped",
			      (int)pid);
		event_base_once(base, -1, EV_TIMEOUT, on_tick, NULL, MS(5));
		event_base_loop(base, EVLOOP_ONCE);
	}
}

/* Fails if there is any child, running or not. */
static inline void expect_no_child(void)
{
	siginfo_t info = { 0 };
	int r = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);

	ck_assert_msg(r < 0 && errno == ECHILD, "there is a child");
}

/* Starts a child with a pipe for stdout, and compares all that it writes. */
static inline void expect_says(struct rig *rig, const char *const argv[],
			       const struct af_spawn_options *options,
			       const char *text)
{
	struct af_spawn_options piped = { .in.kind = AFIO_DEFAULT };
	struct af_process *process;

	if (options)
		piped = *options;
	piped.out.kind = AFIO_PIPE;
	process = start(rig, argv, &piped);
	expect_bytes(rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		     text, strlen(text), AFIO_EOF);
	expect_exit(rig, process, 0);
}

/* Expects that a start fails and leaves no child. */
static inline void expect_refused(struct rig *rig, const char *const argv[],
				  const struct af_spawn_options *options,
				  int error)
{
	errno = 0;
	ck_assert_ptr_null(af_spawn(rig->loop, argv, options));
	ck_assert_msg(errno == error, "%s, not %s", strerror(errno),
		      strerror(error));
	expect_no_child();
}

/* Whether a process is a child of ours: by the fourth field of its stat. */
static inline bool is_child(const char *pid)
{
	char path[300], text[300] = "", *end;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(text, sizeof text, file))
		text[0] = '\0';
	fclose(file);
	end = strrchr(text, ')');
	return end && strlen(end) > 4 && atoi(end + 4) == (int)getpid();
}

/* Waits until there is a child of ours, of which nobody has told us the pid. */
static inline pid_t find_child(void)
{
	struct dirent *entry;
	pid_t pid = 0;

	while (pid == 0) {
		DIR *dir = opendir("/proc");

		while (pid == 0 && (entry = readdir(dir)))
			if (atoi(entry->d_name) > 0 && is_child(entry->d_name))
				pid = atoi(entry->d_name);
		closedir(dir);
	}
	return pid;
}

/* For af_pipe_communicate(). */
#define HOW(...) (&(struct af_communicate_options){ __VA_ARGS__ })
#define MEMORY(data, len)                                                      \
	.input_kind = AFIO_INPUT_MEMORY, .input = (data), .input_len = (len)

/*
 * Drives a communicate until it is done, compares error and flags, and returns
 * its output, which lives as long as f.
 */
#define outcome(rig, f, error, flags)                                          \
	check_output(__FILE__, __LINE__, (rig), (f), (error), (flags))

static inline const struct af_output *check_output(const char *file, int line,
						   struct rig *rig,
						   struct af_future *f,
						   int error, unsigned flags)
{
	int r = drive(rig, f);
	const struct af_output *output = af_future_output(f);

	ck_assert_msg(r == error, "%s:%d: error is %d (%s), not %d", file, line,
		      r, strerror(-r), error);
	ck_assert_msg(output, "%s:%d: no output", file, line);
	ck_assert_msg(af_future_flags(f) == flags,
		      "%s:%d: flags are %#x, not %#x", file, line,
		      af_future_flags(f), flags);
	ck_assert_msg(af_future_status(f) == output->status,
		      "%s:%d: status is %#x and %#x", file, line,
		      (unsigned)af_future_status(f), (unsigned)output->status);
	ck_assert_msg(output->out && output->out[output->out_len] == '\0' &&
			      output->err &&
			      output->err[output->err_len] == '\0',
		      "%s:%d: no NUL at the end", file, line);
	return output;
}

#endif
