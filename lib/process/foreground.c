/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which process group has the program's controlling terminal, as far as its
 * children are concerned. Knows neither how a child is started nor how its stop
 * or its end is noticed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/foreground.h"
#include "process/process.h"

/* Its descriptor, or -ENOTTY or -errno. */
static int foreground_open_tty(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return -errno;
	/* The name may be missing, as in a bare chroot. */
	for (int i = 0; fd < 0 && i < 3; i++)
		if (tcgetpgrp(i) >= 0)
			fd = fcntl(i, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -ENOTTY : afi_fd_above_stdio(fd);
}

/* Another child that has not ended, and whose group that is. */
static bool foreground_is_of_another(const struct af_process *process,
				     pid_t group)
{
	const struct af_process *other;

	LIST_FOREACH (other, &process->loop->children, child)
		if (other != process && other->tty >= 0 &&
		    other->tty_group == group)
			return true;
	return false;
}

static bool foreground_is_gone(pid_t group)
{
	return kill(-group, 0) < 0 && errno == ESRCH;
}

/* Whether we may give away what this group has now. */
static bool foreground_may_give(const struct af_process *process, pid_t now,
				pid_t group)
{
	return now == getpgrp() || now == group ||
	       foreground_is_of_another(process, now) ||
	       foreground_is_gone(now);
}

int afi_foreground_open(struct af_process *process, pid_t group)
{
	int fd = foreground_open_tty(), r = 0;
	pid_t now;

	if (fd < 0)
		return fd;
	now = tcgetpgrp(fd);
	if (now < 0)
		r = -errno;
	else if (!foreground_may_give(process, now, group))
		r = -EPERM;
	if (r < 0)
		close(fd);
	else
		process->tty = fd;
	return r;
}

/* The kernel would stop us for this if we were in the background. */
static void foreground_take_back(int tty)
{
	sigset_t ttou, before;

	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &before);
	/* Fails when the terminal has hung up: nobody has it then. */
	tcsetpgrp(tty, getpgrp());
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void afi_foreground_stopped(struct af_process *process)
{
	if (process->tty >= 0 && tcgetpgrp(process->tty) == process->tty_group)
		foreground_take_back(process->tty);
}

int afi_foreground_leave(struct af_process *process)
{
	int tty = process->tty;
	pid_t now;

	if (tty < 0)
		return -1;
	process->tty = -1;
	/* In a child by fork(2) it is the parent's. */
	if (!afi_loop_is_here(process->loop))
		return tty;
	/* The child may have given it to a group that it has made. */
	now = tcgetpgrp(tty);
	if (now != getpgrp() && !foreground_is_of_another(process, now) &&
	    !foreground_is_of_another(process, process->tty_group))
		foreground_take_back(tty);
	return tty;
}

void afi_foreground_end(struct af_process *process)
{
	int tty = afi_foreground_leave(process);

	if (tty >= 0)
		close(tty);
}

bool afi_foreground_is_shared(const struct af_process *process, pid_t group)
{
	return group > 0 && foreground_is_of_another(process, group);
}

void afi_foreground_reclaim(int tty, pid_t group)
{
	pid_t now = tcgetpgrp(tty);

	if (now > 0 && (now == group || foreground_is_gone(now)))
		foreground_take_back(tty);
	close(tty);
}
