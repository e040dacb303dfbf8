/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children in a cgroup: started there, so that they are never elsewhere, and
 * killed with all that they have started. Knows no process but the child.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/cgroup.h"

#define INTO_CGROUP UINT64_C(0x200000000)
#define WITH_PIDFD UINT64_C(0x1000)

/* struct clone_args as Linux 5.7 has it. */
struct cgroup_clone_args {
	uint64_t flags;
	uint64_t pidfd;
	uint64_t child_tid, parent_tid;
	uint64_t exit_signal;
	uint64_t stack, stack_size, tls;
	uint64_t set_tid, set_tid_size;
	uint64_t cgroup;
};

pid_t afi_cgroup_clone(struct afi_child *child, int *ret_pidfd)
{
#ifdef SYS_clone3
	struct cgroup_clone_args args = {
		.flags = INTO_CGROUP | WITH_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)*child->plan->options->cgroup_fd,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		afi_child_main(child);
	if (pid > 0)
		return (pid_t)pid;
	/* E2BIG: of a kernel whose clone3(2) knows no cgroups. */
	return errno == E2BIG ? -ENOSYS : -errno;
#else
	(void)child;
	(void)ret_pidfd;
	return -ENOSYS;
#endif
}

int afi_cgroup_kill(int cgroup)
{
	int fd = openat(cgroup, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, "1", 1) < 0)
		r = -errno;
	close(fd);
	return r;
}
