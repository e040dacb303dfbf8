/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes: their exit watch, files, signals and reaping. Knows neither how a
 * child is started nor the futures that wait for it.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "base/evbase.h"
#include "process/process.h"
#include "process/pty.h"

int afi_process_check_loop(const struct af_loop *loop)
{
	if (!loop)
		return -EINVAL;
	if (!afi_loop_is_mine(loop))
		return -EPERM;
	return afi_loop_alive(loop) ? 0 : -ECANCELED;
}

struct af_future *afi_process_operation(struct af_loop *loop, bool valid,
					const struct afi_future_ops *ops)
{
	struct af_future *f;
	int r = afi_process_check_loop(loop);

	/* Another thread's loop has no memory to give. */
	if (r == -EPERM)
		return afi_future_failed(NULL, r);
	if (!valid)
		r = -EINVAL;
	if (r < 0)
		return afi_future_failed(loop, r);
	f = afi_operation_new(loop, ops);
	return f ? f : afi_future_failed(loop, -ENOMEM);
}

static void process_unwatch(struct af_process *process)
{
	if (process->watch.move)
		event_del(&process->event);
	afi_watch_stop(&process->watch);
	afi_exit_unwatch(&process->exit);
}

void afi_process_discard(struct af_process *process)
{
	process_unwatch(process);
	afi_exit_close(&process->exit);
	afi_task_cancel(&process->loop->later, &process->again);
	afi_loop_leave(&process->loop->members, &process->member);
	afi_loop_unref(process->loop);
	free(process);
}

void afi_process_join(struct af_process *process,
		      struct afi_process_member *member,
		      void (*tell)(struct afi_process_member *, int))
{
	member->tell = tell;
	TAILQ_INSERT_TAIL(&process->members, member, entry);
}

void afi_process_leave(struct af_process *process,
		       struct afi_process_member *member)
{
	TAILQ_REMOVE(&process->members, member, entry);
	if (TAILQ_EMPTY(&process->members))
		process_unwatch(process);
}

static void process_tell(struct afi_process_members *members, int error)
{
	struct afi_process_member *member;

	while ((member = TAILQ_FIRST(members))) {
		TAILQ_REMOVE(members, member, entry);
		member->tell(member, error);
	}
}

void afi_process_look(struct af_process *process)
{
	if (process->ended || afi_exit_look(&process->exit, &process->end) == 0)
		return;
	process->ended = true;
	process_unwatch(process);
	process_tell(&process->members, 0);
}

static void process_on_exit(evutil_socket_t fd, short what, void *arg)
{
	struct af_process *process = arg;

	(void)fd;
	(void)what;
	/* A child by fork(2) that took the base over. */
	if (!afi_loop_is_here(process->loop)) {
		event_del(&process->event);
		return;
	}
	afi_process_look(process);
	if (process->ended && process->orphan)
		afi_process_discard(process);
}

static int process_add_event(struct af_process *process)
{
	int fd = afi_exit_fd(&process->exit);

	if (fd < 0)
		return fd;
	afi_event_assign(&process->event, process->loop->base, fd,
			 EV_READ | EV_PERSIST, process_on_exit, process);
	if (process->orphan) /* an orphan does not keep the base running */
		afi_event_set_internal(&process->event);
	return event_add(&process->event, NULL) ? -ENOMEM : 0;
}

static int process_move(struct afi_watch *watch)
{
	struct af_process *process =
		AFI_CONTAINER(watch, struct af_process, watch);

	event_del(&process->event);
	return process_add_event(process);
}

int afi_process_watch(struct af_process *process)
{
	int r = process->watch.move ? 0 : process_add_event(process);

	if (r == 0)
		afi_loop_watch(process->loop, &process->watch, process_move);
	return r;
}

static void process_see_off(struct af_process *process);

static void process_see_off_again(struct afi_task *task)
{
	process_see_off(AFI_CONTAINER(task, struct af_process, again));
}

/* Of an orphan: frees it once it has ended, though memory runs out. */
static void process_see_off(struct af_process *process)
{
	afi_process_look(process);
	/* Nobody else would reap it. */
	if (!process->ended && process->killed &&
	    !afi_loop_alive(process->loop))
		afi_exit_await(&process->exit);
	if (process->ended || !afi_loop_alive(process->loop))
		afi_process_discard(process);
	else if (afi_process_watch(process) < 0)
		afi_loop_later(process->loop, &process->again,
			       process_see_off_again);
}

/* The loop is being freed. */
static void process_lose_loop(struct afi_member *member)
{
	struct af_process *process =
		AFI_CONTAINER(member, struct af_process, member);

	if (process->orphan) {
		process_see_off(process);
		return;
	}
	afi_loop_leave(&process->loop->members, member);
	process_unwatch(process);
}

struct af_process *afi_process_new(struct af_loop *loop)
{
	struct af_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->loop = loop;
	process->end.status = -1;
	afi_exit_init(&process->exit, 0, -1);
	TAILQ_INIT(&process->members);
	TAILQ_INIT(&process->finishes);
	afi_loop_ref(loop);
	afi_loop_join(&loop->members, &process->member, process_lose_loop);
	return process;
}

void afi_process_close_files(struct af_process *process)
{
	process_tell(&process->finishes, -ECANCELED);
	for (int i = 0; i < 3; i++) {
		if (process->files[i] != process->pty)
			af_file_close(process->files[i]);
		process->files[i] = NULL;
	}
	af_file_close(process->pty);
	process->pty = NULL;
}

struct af_loop *af_process_loop(const struct af_process *process)
{
	return process ? process->loop : NULL;
}

void af_process_set_data(struct af_process *process, void *data)
{
	if (process)
		process->data = data;
}

void *af_process_data(const struct af_process *process)
{
	return process ? process->data : NULL;
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
	if (!afi_loop_is_mine(process->loop))
		return -EPERM;
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

int af_process_signal_group(struct af_process *process, int sig)
{
	return process ? afi_exit_signal_group(&process->exit, sig) : -EINVAL;
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
	afi_process_close_files(process);
	process_tell(&process->members, -ECANCELED);
	process_unwatch(process);
}

void af_process_free(struct af_process *process)
{
	if (!process)
		return;
	afi_process_abandon(process);
	process->orphan = true;
	process_see_off(process);
}

void afi_process_kill(struct af_process *process)
{
	/* A child that became another user's may not be killed. */
	process->killed = !process->ended &&
			  afi_exit_signal_all(&process->exit, SIGKILL) == 0;
}

void afi_process_drop(struct af_process *process)
{
	if (process)
		afi_process_kill(process);
	af_process_free(process);
}

void afi_process_destroy(struct af_process *process)
{
	if (!process)
		return;
	/* A child that became another user's may live on for long. */
	if (!process->ended &&
	    afi_exit_signal_all(&process->exit, SIGKILL) == 0) {
		afi_exit_await(&process->exit);
		process->ended = true;
	}
	af_process_free(process);
}
