/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The door of all other system calls, syscall(2). Most are of a child before its
 * exec, where it may share the memory of its parent.
 */
#include "config.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults/wrap.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif

#define REFUSED (ON(ENOSYS) | ON(EPERM))

/*
 * Those that are not here have their reason in tests/faults_calls.sh. A child
 * blocks all signals until its exec, so nothing is interrupted there.
 */
static const struct {
	long nr;
	enum faults_call call;
	uint32_t errors, harmless;
} doors[] = {
	{ SYS_execve, CALL_sys_execve, ON(ENOMEM), 0 },
	{ SYS_execveat, CALL_sys_execveat, ON(ENOMEM) | ON(ENOSYS), 0 },
	{ SYS_pidfd_open, CALL_sys_pidfd_open, NO_DESCRIPTOR, REFUSED },
	{ SYS_pidfd_send_signal, CALL_sys_pidfd_send_signal, 0, REFUSED },
	{ SYS_clone3, CALL_sys_clone3, REFUSED | ON(EAGAIN) | ON(ENOMEM), 0 },
	{ SYS_close_range, CALL_sys_close_range, 0, REFUSED },
	{ SYS_kcmp, CALL_sys_kcmp, 0, REFUSED },
	{ SYS_openat2, CALL_sys_openat2, NO_DESCRIPTOR, REFUSED },
	{ SYS_openat, CALL_sys_openat, NO_DESCRIPTOR | ON(EACCES), 0 },
	{ SYS_dup3, CALL_sys_dup3, ON(EMFILE), 0 },
	{ SYS_fcntl, CALL_sys_fcntl, ON(EMFILE), 0 },
	{ SYS_ioctl, CALL_sys_ioctl, ON(EPERM) | ON(EIO), 0 },
	{ SYS_setsid, CALL_sys_setsid, ON(EPERM), 0 },
	{ SYS_setpgid, CALL_sys_setpgid, ON(EPERM), 0 },
	{ SYS_prlimit64, CALL_sys_prlimit64, ON(EPERM), 0 },
	{ SYS_setpriority, CALL_sys_setpriority, ON(EACCES), 0 },
	{ SYS_chdir, CALL_sys_chdir, ON(EACCES), 0 },
	{ SYS_fchdir, CALL_sys_fchdir, ON(EACCES), 0 },
	{ SYS_prctl, CALL_sys_prctl, ON(EPERM), 0 },
	{ SYS_capget, CALL_sys_capget, ON(EPERM), 0 },
	{ SYS_capset, CALL_sys_capset, ON(EPERM), 0 },
	{ SYS_setgroups, CALL_sys_setgroups, ON(EPERM) | ON(ENOMEM), 0 },
	{ SYS_setresuid, CALL_sys_setresuid, ON(EPERM) | ON(EAGAIN), 0 },
	{ SYS_setresgid, CALL_sys_setresgid, ON(EPERM), 0 },
	{ SYS_faccessat2, CALL_sys_faccessat2, 0, REFUSED },
	{ SYS_waitid, CALL_sys_waitid, 0, ON(EINTR) },
};
#define N_DOORS (sizeof doors / sizeof *doors)

static enum fault meet(long nr, long second, const void *site)
{
	/* Other commands only set a flag. */
	if (nr == SYS_fcntl && second != F_DUPFD_CLOEXEC)
		nr = -1;
	for (size_t i = 0; i < N_DOORS; i++)
		if (doors[i].nr == nr)
			return faults_meet(doors[i].call, doors[i].errors,
					   doors[i].harmless, site);
	return faults_meet(CALL_sys_other, 0, 0, site);
}

long __wrap_syscall(long nr, ...);
long __wrap_syscall(long nr, ...)
{
	enum fault f;
	va_list args;
	long arg[6];

	va_start(args, nr);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	f = meet(nr, arg[1], __builtin_return_address(0));
	return f != FAULT_NONE ? faults_fail(f)
			       : syscall(nr, arg[0], arg[1], arg[2], arg[3],
					 arg[4], arg[5]);
}
