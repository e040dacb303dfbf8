/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that start threads and processes, signal them, and wait for them.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/wrap.h"

/* The last three arguments may be missing, and are passed on all the same. */
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	enum fault f = MEET(clone, ON(EAGAIN) | ON(ENOMEM),
			    flags & CLONE_VFORK ? ON(ENOSYS) | ON(EPERM) : 0);
	void *parent_tid, *tls, *child_tid;
	va_list args;

	va_start(args, arg);
	parent_tid = va_arg(args, void *);
	tls = va_arg(args, void *);
	child_tid = va_arg(args, void *);
	va_end(args);
	return f != FAULT_NONE ? faults_fail(f)
			       : clone(fn, stack, flags, arg, parent_tid, tls,
				       child_tid);
}

WRAP(pid_t, fork, (void), (), ON(EAGAIN) | ON(ENOMEM), 0)
/*
 * A child is there until it is reaped; and the acts start none that its user may
 * not kill: nothing else would end some of them.
 */
static uint32_t kill_errors(pid_t pid, int signo)
{
	const int look = WEXITED | WNOHANG | WNOWAIT;
	uint32_t set = signo ? ON(EPERM) | ON(ESRCH) : 0;
	int error = errno;
	siginfo_t info;

	if (waitid(P_PID, (id_t)abs(pid), &info, look) == 0)
		set &= signo == SIGKILL ? 0 : ~ON(ESRCH);
	errno = error;
	return set;
}

WRAP(int, kill, (pid_t pid, int signo), (pid, signo), kill_errors(pid, signo),
     0)

/* ECHILD: another part of the program was faster. */
pid_t __wrap_wait4(pid_t pid, int *status, int flags, struct rusage *usage);
pid_t __wrap_wait4(pid_t pid, int *status, int flags, struct rusage *usage)
{
	enum fault f = MEET(wait4, ON(ECHILD), ON(EINTR));
	pid_t r;

	if (f == FAULT_EINTR)
		return faults_fail(f);
	r = wait4(pid, status, flags, usage);
	return f == FAULT_ECHILD && r > 0 ? faults_fail(f) : r;
}

WRAP(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int flags),
     (type, id, info, flags), 0, ON(EINTR))
WRAP_CODE(pthread_create,
	  (pthread_t * ret, const pthread_attr_t *attr, void *(*fn)(void *),
	   void *arg),
	  (ret, attr, fn, arg), ON(EAGAIN), 0)
WRAP_CODE(pthread_mutex_init,
	  (pthread_mutex_t * mutex, const pthread_mutexattr_t *attr),
	  (mutex, attr), ON(ENOMEM), 0)
WRAP_CODE(pthread_cond_init,
	  (pthread_cond_t * cond, const pthread_condattr_t *attr), (cond, attr),
	  ON(ENOMEM), 0)
