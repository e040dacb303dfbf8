/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Children by pidfds and by the system calls that take them, where the kernel
 * has them and no sandbox refuses.
 */
#include "config.h"

#include <errno.h>
#include <linux/posix_types.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/refused.h"
#include "process/pidfd.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* To the group that the pidfd's process leads or led: Linux 6.9. */
#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2)
#endif

/*
 * The kernel's struct pidfd_info, up to the field that we want. Its size, which
 * is part of the request, tells the kernel the version.
 */
struct pidfd_facts {
	uint64_t mask; /* what is asked for, and then what was answered */
	uint64_t cgroup;
	uint32_t ids[11];
	int32_t exit_code; /* a wait status; Linux 6.15 */
};
#define FACTS_EXIT (UINT64_C(1) << 3)
#define GET_FACTS _IOWR(0xff, 11, struct pidfd_facts)
_Static_assert(sizeof(struct pidfd_facts) == 64, "the kernel's first version");

#ifdef HAVE_PIDFD
int afi_pidfd_open(pid_t pid)
{
	return afi_fd_above_stdio((int)syscall(SYS_pidfd_open, pid, 0));
}
#else
int afi_pidfd_open(pid_t pid)
{
	(void)pid;
	return -ENOSYS;
}
#endif

/* Where a sandbox refuses waitid(2): the same for ends, which are reaped. */
static int pidfd_wait4(pid_t pid, siginfo_t *info, int options,
		       struct rusage *usage)
{
	int status;
	pid_t ended = wait4(pid, &status, options & WNOHANG, usage);

	if (ended > 0)
		afi_pidfd_translate(info, ended, status);
	return ended < 0 ? -1 : 0;
}

/* struct rusage as the kernel has it, whatever time_t is. */
struct pidfd_usage {
	__kernel_long_t user[2], system[2]; /* s and us */
	__kernel_long_t maxrss, ixrss, idrss, isrss, minflt, majflt, nswap;
	__kernel_long_t inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw;
	__kernel_long_t nivcsw;
};

static void pidfd_take_usage(const struct pidfd_usage *from,
			     struct rusage *ret_usage)
{
	*ret_usage = (struct rusage){
		.ru_utime = { from->user[0], (suseconds_t)from->user[1] },
		.ru_stime = { from->system[0], (suseconds_t)from->system[1] },
		.ru_maxrss = from->maxrss,
		.ru_ixrss = from->ixrss,
		.ru_idrss = from->idrss,
		.ru_isrss = from->isrss,
		.ru_minflt = from->minflt,
		.ru_majflt = from->majflt,
		.ru_nswap = from->nswap,
		.ru_inblock = from->inblock,
		.ru_oublock = from->oublock,
		.ru_msgsnd = from->msgsnd,
		.ru_msgrcv = from->msgrcv,
		.ru_nsignals = from->nsignals,
		.ru_nvcsw = from->nvcsw,
		.ru_nivcsw = from->nivcsw,
	};
}

/* Only the system call, not the C library's function, returns the usage. */
static long pidfd_waitid(int type, int id, siginfo_t *info, int options,
			 struct rusage *usage)
{
	struct pidfd_usage from = { 0 };
	long r = syscall(SYS_waitid, type, id, info, options,
			 usage ? &from : NULL);

	if (r == 0 && usage)
		pidfd_take_usage(&from, usage);
	return r;
}

/*
 * waitid(2) for this child, by pidfd, as its pid may be another child's by now.
 */
int afi_pidfd_wait(int pidfd, pid_t pid, siginfo_t *info, int options,
		   struct rusage *usage, bool *has_usage)
{
	long r = -1;

	do {
		info->si_pid = 0;
		errno = EINVAL;
		if (pidfd >= 0)
			r = pidfd_waitid(P_PIDFD, pidfd, info, options, usage);
		/* EINVAL: Linux before 5.4 */
		if (r < 0 && (errno == EINVAL || afi_refused(errno)))
			r = pidfd_waitid(P_PID, pid, info, options, usage);
		if (r < 0 && afi_refused(errno) && options & WEXITED &&
		    !(options & WNOWAIT))
			r = pidfd_wait4(pid, info, options, usage);
	} while (r < 0 && errno == EINTR);
	if (has_usage)
		*has_usage = r == 0;
	return r < 0 ? -errno : 0;
}

int afi_pidfd_status(int pidfd, int *ret_status)
{
	struct pidfd_facts facts;
	int r = -1;

	/* This fails once if the process is reaped during the call. */
	for (int i = 0; i < 2 && r < 0; i++) {
		facts = (struct pidfd_facts){ .mask = FACTS_EXIT };
		r = ioctl(pidfd, GET_FACTS, &facts);
	}
	if (r < 0)
		return -errno;
	if (facts.mask & FACTS_EXIT) {
		*ret_status = facts.exit_code;
		return 1;
	}
	return afi_fd_poll(pidfd, POLLIN) ? 0 : -ENODATA;
}

#ifdef SYS_pidfd_send_signal
int afi_pidfd_signal(int pidfd, int sig, bool group)
{
	unsigned flags = group ? PIDFD_SIGNAL_PROCESS_GROUP : 0;

	if (pidfd < 0)
		return -ENOSYS;
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, flags) < 0
		       ? -errno
		       : 0;
}
#else
int afi_pidfd_signal(int pidfd, int sig, bool group)
{
	(void)pidfd;
	(void)sig;
	(void)group;
	return -ENOSYS;
}
#endif
