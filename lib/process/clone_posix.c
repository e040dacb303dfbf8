/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The creation of a child: fork(2), and the error of whatever failed in it. Knows
 * no libevent. fork(2) costs more the larger the parent is; but posix_spawn(3)
 * cannot do most of what the options ask for.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "process/clone.h"
#include "process/exit.h"

/*
 * With all signals blocked, as the child is not to run a handler of the program;
 * and while no other thread makes descriptors that it has still to mark.
 */
static pid_t clone_fork(struct afi_child *child)
{
	sigset_t all, before;
	pid_t pid;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	afi_pipe_lock();
	pid = fork();
	if (pid == 0)
		afi_child_main(child);
	error = errno;
	afi_pipe_unlock();
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid < 0 ? -error : pid;
}

/*
 * Waits until the child has executed or failed; 0, or its errno. It was killed
 * where the end comes after a part of the failure.
 */
static int clone_outcome(struct afi_child *child, int error_fd)
{
	struct afi_failure failure;
	size_t got = 0;
	ssize_t n;

	do {
		n = read(error_fd, (char *)&failure + got,
			 sizeof(failure) - got);
		if (n > 0)
			got += (size_t)n;
	} while (got < sizeof(failure) && (n > 0 || (n < 0 && errno == EINTR)));
	if (got == sizeof(failure))
		child->failure = failure;
	return child->failure.error;
}

/* Creates the child, with a pipe for its failure; its pid or -errno. */
static pid_t clone_start(struct afi_child *child, struct afi_birth *birth,
			 struct afi_failure *failure)
{
	int error_pipe[2], error;
	struct afi_exit failed;
	pid_t pid = afi_pipe_open(error_pipe);

	if (pid < 0)
		return afi_fail(failure, AFIO_STEP_PIPE, NULL, -pid);
	child->error_fd = error_pipe[1];
	pid = clone_fork(child);
	close(error_pipe[1]);
	if (pid > 0 && birth)
		birth->born(birth, pid, -1);
	error = pid > 0 ? clone_outcome(child, error_pipe[0]) : 0;
	if (pid > 0 && birth)
		birth->born(birth, 0, -1);
	close(error_pipe[0]);
	if (pid < 0)
		return afi_fail(failure, AFIO_STEP_CLONE, NULL, -pid);
	if (!error)
		return pid;
	afi_exit_init(&failed, pid, -1);
	afi_exit_await(&failed);
	*failure = child->failure;
	return -error;
}

pid_t afi_clone(const struct afi_child_plan *plan, struct afi_birth *birth,
		int *ret_pidfd, struct afi_failure *failure)
{
	const struct af_spawn_options *options = plan->options;
	struct afi_child child = {
		.plan = plan,
		.cwd_fd = options->cwd_fd ? *options->cwd_fd : -1,
		.program_fd = options->program_fd ? *options->program_fd : -1,
		.parent = getpid(),
	};
	pid_t pid = clone_start(&child, birth, failure);

	if (pid > 0)
		*ret_pidfd = -1;
	return pid;
}
