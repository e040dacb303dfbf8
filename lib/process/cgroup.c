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
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/cgroup.h"

#define CGROUP2_MAGIC 0x63677270
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

int afi_cgroup_open(int cgroup)
{
	struct statfs fs;
	int fd;

	if (fstatfs(cgroup, &fs) < 0)
		return -errno;
	if ((unsigned long)fs.f_type != CGROUP2_MAGIC)
		return -EBADF;
	fd = openat(cgroup, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOSYS : -errno;
	return afi_fd_above_stdio(fd);
}

int afi_cgroup_kill(int fd)
{
	return write(fd, "1", 1) < 0 ? -errno : 0;
}
