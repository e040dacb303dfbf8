/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes: start, exit watch, waits, signals, reaping. Knows no pipe.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "process.h"
#include "pty.h"

struct afi_process_wait {
	struct af_future future;
	TAILQ_ENTRY(afi_process_wait) entry;
	struct af_process *process; /* NULL: not in its list */
};

static void unwatch(struct af_process *process)
{
	if (process->watch.move)
		event_del(&process->event);
	afi_watch_stop(&process->watch);
	afi_exit_unwatch(&process->exit);
}

static void process_free(struct af_process *process)
{
	unwatch(process);
	afi_exit_close(&process->exit);
	afi_loop_leave(&process->loop->members, &process->member);
	afi_loop_unref(process->loop);
	free(process);
}

static void wait_finish(struct afi_process_wait *wait, int error)
{
	struct af_process *process = wait->process;

	if (process) {
		TAILQ_REMOVE(&process->waits, wait, entry);
		if (TAILQ_EMPTY(&process->waits))
			unwatch(process);
	}
	afi_future_finish(&wait->future, error);
}

/* Looks whether the child has ended, and tells whoever waits. */
static void look(struct af_process *process)
{
	struct afi_process_wait *wait;
	int status = -1;

	if (process->ended || afi_exit_reap(&process->exit, &status) == 0)
		return;
	process->ended = true;
	process->status = status;
	unwatch(process);
	while ((wait = TAILQ_FIRST(&process->waits))) {
		wait->future.status = status;
		wait_finish(wait, status < 0 ? -ECHILD : 0);
	}
}

static void on_exit_event(evutil_socket_t fd, short what, void *arg)
{
	struct af_process *process = arg;

	(void)fd;
	(void)what;
	look(process);
	if (process->ended && process->orphan)
		process_free(process);
}

static int add_event(struct af_process *process)
{
	int fd = afi_exit_fd(&process->exit);

	if (fd < 0)
		return fd;
	event_assign(&process->event, process->loop->base, fd,
		     EV_READ | EV_PERSIST, on_exit_event, process);
	if (process->orphan) /* nobody's business but ours */
		afi_event_set_internal(&process->event);
	return event_add(&process->event, NULL) ? -ENOMEM : 0;
}

static int move(struct afi_watch *watch)
{
	struct af_process *process =
		(void *)((char *)watch - offsetof(struct af_process, watch));

	event_del(&process->event);
	return add_event(process);
}

static int watch(struct af_process *process)
{
	int r = process->watch.move ? 0 : add_event(process);

	if (r == 0)
		afi_loop_watch(process->loop, &process->watch, move);
	return r;
}

static void on_orphan(struct afi_member *member)
{
	struct af_process *process =
		(void *)((char *)member - offsetof(struct af_process, member));

	if (process->orphan) {
		look(process);
		process_free(process);
		return;
	}
	afi_loop_leave(&process->loop->members, member);
	unwatch(process);
}

static struct af_process *process_alloc(struct af_loop *loop)
{
	struct af_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->loop = loop;
	process->status = -1;
	afi_exit_init(&process->exit, 0, -1);
	TAILQ_INIT(&process->waits);
	afi_loop_ref(loop);
	afi_loop_join(&loop->members, &process->member, on_orphan);
	return process;
}

static void close_files(struct af_process *process)
{
	for (int i = 0; i < 3; i++) {
		if (process->files[i] != process->pty)
			af_file_close(process->files[i]);
		process->files[i] = NULL;
	}
	af_file_close(process->pty);
	process->pty = NULL;
}

/* The process, or NULL and what failed. */
static struct af_process *spawn(struct af_loop *loop, const char *const argv[],
				const struct af_spawn_options *options,
				struct afi_failure *failure)
{
	struct af_process *process;

	if (!argv || !argv[0]) {
		afi_fail(failure, "option", "argv", EINVAL);
		return NULL;
	}
	process = process_alloc(loop);
	if (!process) {
		afi_fail(failure, "memory", NULL, ENOMEM);
		return NULL;
	}
	if (afi_launch(process, argv, options, failure) < 0) {
		close_files(process);
		process_free(process);
		return NULL;
	}
	return process;
}

struct af_process *af_spawn(struct af_loop *loop, const char *const argv[],
			    const struct af_spawn_options *options)
{
	static const struct af_spawn_options inherit;
	struct afi_failure failure;
	struct af_process *process;

	if (!afi_loop_alive(loop)) {
		errno = loop ? ECANCELED : EINVAL;
		return NULL;
	}
	process = spawn(loop, argv, options ? options : &inherit, &failure);
	afi_failure_keep(loop, process ? NULL : &failure);
	if (!process)
		errno = failure.error;
	return process;
}

struct af_file *af_process_stdin(const struct af_process *process)
{
	return process ? process->files[0] : NULL;
}

struct af_file *af_process_stdout(const struct af_process *process)
{
	return process ? process->files[1] : NULL;
}

struct af_file *af_process_stderr(const struct af_process *process)
{
	return process ? process->files[2] : NULL;
}

int af_process_close_stdin(struct af_process *process)
{
	struct af_file *file;
	int r = 0;

	if (!process)
		return -EINVAL;
	file = process->files[0];
	if (file && file == process->pty)
		r = afi_pty_end_input(file);
	if (r < 0)
		return r;
	process->files[0] = NULL;
	return file == process->pty ? 0 : af_file_close(file);
}

int af_process_resize(struct af_process *process, unsigned rows,
		      unsigned columns)
{
	if (!process)
		return -EINVAL;
	if (!process->pty)
		return -ENOTTY;
	return afi_pty_resize(process->pty, rows, columns);
}

pid_t af_process_pid(const struct af_process *process)
{
	return process ? process->exit.pid : -EINVAL;
}

bool af_process_poll(struct af_process *process, int *ret_status)
{
	if (!process)
		return false;
	look(process);
	if (process->ended && ret_status)
		*ret_status = process->status;
	return process->ended;
}

static void wait_cancel(struct af_future *f)
{
	wait_finish((struct afi_process_wait *)f, -ECANCELED);
}

static void wait_expire(struct af_future *f)
{
	struct afi_process_wait *wait = (struct afi_process_wait *)f;

	af_future_ref(f);
	look(wait->process);
	if (!f->done)
		wait_finish(wait, -ETIMEDOUT);
	af_future_unref(f);
}

static void wait_describe(const struct af_future *f, FILE *out)
{
	const struct afi_process_wait *wait = (const void *)f;

	fprintf(out, " for process %d", (int)wait->process->exit.pid);
}

struct af_future *af_process_wait(struct af_process *process,
				  const struct timeval *timeout)
{
	static const struct afi_future_ops ops = {
		.name = "wait",
		.size = sizeof(struct afi_process_wait),
		.cancel = wait_cancel,
		.expire = wait_expire,
		.describe = wait_describe,
	};
	struct af_loop *loop = process ? process->loop : NULL;
	struct afi_process_wait *wait;
	int r = 0;

	if (!process || !afi_timeout_valid(timeout))
		return afi_future_failed(loop, -EINVAL);
	if (!afi_loop_alive(loop))
		return afi_future_failed(loop, -ECANCELED);
	wait = (struct afi_process_wait *)afi_operation_new(loop, &ops);
	if (!wait)
		return afi_future_failed(loop, -ENOMEM);
	wait->future.status = process->status;
	if (process->ended) {
		wait_finish(wait, process->status < 0 ? -ECHILD : 0);
		return &wait->future;
	}
	wait->process = process;
	TAILQ_INSERT_TAIL(&process->waits, wait, entry);
	if (afi_timeout_zero(timeout)) {
		wait_expire(&wait->future);
		return &wait->future;
	}
	r = watch(process);
	if (r == 0)
		r = afi_future_expire_after(&wait->future, timeout);
	if (r < 0)
		wait_finish(wait, r);
	return &wait->future;
}

int af_process_signal(struct af_process *process, int sig)
{
	if (!process)
		return -EINVAL;
	if (process->ended)
		return -ESRCH;
	return afi_exit_signal(&process->exit, sig);
}

/* Ends what was asked of it. */
static void abandon(struct af_process *process)
{
	struct afi_process_wait *wait;

	close_files(process);
	while ((wait = TAILQ_FIRST(&process->waits)))
		wait_finish(wait, -ECANCELED);
	unwatch(process);
}

void af_process_free(struct af_process *process)
{
	if (!process)
		return;
	abandon(process);
	look(process);
	process->orphan = true;
	if (process->ended || !afi_loop_alive(process->loop) ||
	    watch(process) < 0)
		process_free(process);
}

void afi_process_destroy(struct af_process *process)
{
	if (!process)
		return;
	abandon(process);
	if (!process->ended) {
		afi_exit_signal(&process->exit, SIGKILL);
		while (waitpid(process->exit.pid, NULL, 0) < 0 &&
		       errno == EINTR)
			;
	}
	process_free(process);
}
