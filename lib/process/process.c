/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Processes: their files, signals, and what becomes of a child whose process is
 * freed. Knows neither how a child is started nor the futures that wait for it.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/container.h"
#include "process/cgroup.h"
#include "process/notice.h"
#include "process/process.h"
#include "process/pty.h"

static void process_see_off(struct af_process *process);

static void process_see_off_again(struct afi_task *task)
{
	process_see_off(AFI_CONTAINER(task, struct af_process, again));
}

/* Of an orphan: frees it once it has ended, though memory runs out. */
static void process_see_off(struct af_process *process)
{
	/* In a child by fork(2), where its end cannot be seen. */
	if (!afi_loop_is_here(process->loop)) {
		afi_process_discard(process);
		return;
	}
	afi_process_look(process);
	/* Nobody else would reap it. */
	if (!process->ended && process->killed &&
	    !afi_loop_alive(process->loop) &&
	    afi_exit_await_killed(&process->exit))
		process->ended = true;
	if (process->ended || !afi_loop_alive(process->loop)) {
		afi_process_discard(process);
		return;
	}
	afi_process_expect_end(process, process->killed);
	if (afi_process_watch(process) < 0 ||
	    (process->tty >= 0 &&
	     afi_process_look_for(process, AFI_LOOK_TERMINAL) < 0))
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
	afi_process_unwatch(process);
}

struct af_process *afi_process_new(struct af_loop *loop)
{
	struct af_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->loop = loop;
	process->end.status = -1;
	process->cgroup = -1;
	process->tty = -1;
	afi_exit_init(&process->exit, 0, -1);
	TAILQ_INIT(&process->members);
	TAILQ_INIT(&process->changes);
	afi_loop_ref(loop);
	afi_loop_join(&loop->members, &process->member, process_lose_loop);
	LIST_INSERT_HEAD(&loop->children, process, child);
	return process;
}

void afi_process_close_files(struct af_process *process)
{
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
	struct af_file *file = process ? process->files[0] : NULL;

	/* A finished one is kept only to be freed. */
	return file && !file->finished ? file : NULL;
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
	if (file && file == process->pty && !file->finished)
		r = afi_pty_end_input(file);
	if (r < 0)
		return r;
	process->files[0] = NULL;
	return file == process->pty ? 0 : af_file_close(file);
}

int af_process_resize(struct af_process *process, unsigned rows,
		      unsigned columns)
{
	return af_process_resize_pixels(process, rows, columns, 0, 0);
}

int af_process_resize_pixels(struct af_process *process, unsigned rows,
			     unsigned columns, unsigned xpixel, unsigned ypixel)
{
	if (!process)
		return -EINVAL;
	if (!process->pty)
		return -ENOTTY;
	return afi_pty_resize(process->pty, rows, columns, xpixel, ypixel);
}

int af_process_pty_name(struct af_process *process, char *buf, size_t len)
{
	if (!process || !buf)
		return -EINVAL;
	if (!process->pty)
		return -ENOTTY;
	return afi_pty_name(process->pty, buf, len);
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
	int r;

	if (!process)
		return -EINVAL;
	if (process->ended)
		return -ESRCH;
	r = afi_exit_signal(&process->exit, sig);
	if (r == 0)
		afi_process_expect_end(process, sig == SIGKILL);
	return r;
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
	afi_process_tell(&process->members, -ECANCELED);
	afi_process_tell(&process->changes, -ECANCELED);
	afi_process_unwatch(process);
}

int afi_process_kill_cgroup(const struct af_process *process)
{
	return process->cgroup < 0 ? -ENOENT : afi_cgroup_kill(process->cgroup);
}

void afi_process_kill(struct af_process *process)
{
	/* In a child by fork(2) it is the parent's. */
	if (!afi_loop_is_here(process->loop))
		return;
	afi_process_kill_cgroup(process);
	/* A child that became another user's may not be killed. */
	if (!process->ended &&
	    afi_exit_signal_all(&process->exit, SIGKILL) == 0)
		process->killed = true;
}

void af_process_free(struct af_process *process)
{
	if (!process)
		return;
	afi_loop_split(process->loop);
	if (process->kill_on_free)
		afi_process_kill(process);
	afi_process_abandon(process);
	process->orphan = true;
	process_see_off(process);
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
	afi_process_kill(process);
	if (process->killed && afi_exit_await_killed(&process->exit))
		process->ended = true;
	af_process_free(process);
}
