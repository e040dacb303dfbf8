/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes: start, exit watch, signals, reaping. Knows no pipe.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/evbase.h"
#include "process/process.h"
#include "process/pty.h"
#include "process/spawn.h"

void afi_process_unwatch(struct af_process *process)
{
	if (process->watch.move)
		event_del(&process->event);
	afi_watch_stop(&process->watch);
	afi_exit_unwatch(&process->exit);
}

void afi_process_discard(struct af_process *process)
{
	afi_process_unwatch(process);
	afi_exit_close(&process->exit);
	afi_task_cancel(&process->loop->later, &process->again);
	afi_loop_leave(&process->loop->members, &process->member);
	afi_loop_unref(process->loop);
	free(process);
}

void afi_process_look(struct af_process *process)
{
	struct afi_process_wait *wait;

	if (process->ended || afi_exit_look(&process->exit, &process->end) == 0)
		return;
	process->ended = true;
	afi_process_unwatch(process);
	while ((wait = TAILQ_FIRST(&process->waits)))
		afi_process_wait_finish(wait, 0);
}

static void on_exit_event(evutil_socket_t fd, short what, void *arg)
{
	struct af_process *process = arg;

	(void)fd;
	(void)what;
	afi_process_look(process);
	if (process->ended && process->orphan)
		afi_process_discard(process);
}

static int add_event(struct af_process *process)
{
	int fd = afi_exit_fd(&process->exit);

	if (fd < 0)
		return fd;
	afi_event_assign(&process->event, process->loop->base, fd,
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

int afi_process_watch(struct af_process *process)
{
	int r = process->watch.move ? 0 : add_event(process);

	if (r == 0)
		afi_loop_watch(process->loop, &process->watch, move);
	return r;
}

static void see_off(struct af_process *process);

static void see_off_again(struct afi_task *task)
{
	see_off((void *)((char *)task - offsetof(struct af_process, again)));
}

/* Of an orphan: frees it when it has ended, though memory runs out. */
static void see_off(struct af_process *process)
{
	afi_process_look(process);
	if (process->ended || !afi_loop_alive(process->loop))
		afi_process_discard(process);
	else if (afi_process_watch(process) < 0)
		afi_loop_later(process->loop, &process->again, see_off_again);
}

static void on_orphan(struct afi_member *member)
{
	struct af_process *process =
		(void *)((char *)member - offsetof(struct af_process, member));

	if (process->orphan) {
		see_off(process);
		return;
	}
	afi_loop_leave(&process->loop->members, member);
	afi_process_unwatch(process);
}

struct af_process *afi_process_new(struct af_loop *loop)
{
	struct af_process *process;

	if (!afi_loop_alive(loop)) {
		errno = ECANCELED;
		return NULL;
	}
	process = calloc(1, sizeof(*process));
	if (!process)
		return NULL;
	process->loop = loop;
	process->end.status = -1;
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
	process = afi_process_new(loop);
	if (!process) {
		afi_fail(failure, "memory", NULL, ENOMEM);
		return NULL;
	}
	if (afi_launch(process, argv, options, failure) < 0) {
		close_files(process);
		afi_process_discard(process);
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

struct af_file *af_process_stdin(struct af_process *process)
{
	return process ? process->files[0] : NULL;
}

struct af_file *af_process_stdout(struct af_process *process)
{
	return process ? process->files[1] : NULL;
}

struct af_file *af_process_stderr(struct af_process *process)
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
	afi_process_look(process);
	if (process->ended && ret_status)
		*ret_status = process->end.status;
	return process->ended;
}

int af_process_signal(struct af_process *process, int sig)
{
	if (!process)
		return -EINVAL;
	if (process->ended)
		return -ESRCH;
	return afi_exit_signal(&process->exit, sig);
}

int af_process_usage(const struct af_process *process, struct rusage *ret_usage)
{
	if (!process || !ret_usage)
		return -EINVAL;
	if (!process->ended)
		return -EINPROGRESS;
	if (!process->end.has_usage)
		return -ECHILD;
	*ret_usage = process->end.usage;
	return 0;
}

void afi_process_abandon(struct af_process *process)
{
	struct afi_process_wait *wait;

	close_files(process);
	while ((wait = TAILQ_FIRST(&process->waits)))
		afi_process_wait_finish(wait, -ECANCELED);
	afi_process_unwatch(process);
}

void af_process_free(struct af_process *process)
{
	if (!process)
		return;
	afi_process_abandon(process);
	process->orphan = true;
	see_off(process);
}

void afi_process_destroy(struct af_process *process)
{
	if (!process)
		return;
	/* Of another user's the end may be far: it is seen off as others are. */
	if (!process->ended && afi_process_signal_all(process, SIGKILL) == 0) {
		afi_exit_await(&process->exit);
		process->ended = true;
	}
	af_process_free(process);
}
