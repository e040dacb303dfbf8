/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layer between the library, with libevent, and the C library. It sees each
 * system call and each allocation that these two make, and makes some of them
 * fail, or transfer one byte only. It knows nothing of what is played.
 */
#ifndef TESTS_FAULTS_LAYER_H
#define TESTS_FAULTS_LAYER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What can go wrong. SHORT: a transfer of one byte. */
#define FAULTS_LIST(X)                                                         \
	X(SHORT, 0)                                                            \
	X(EINTR, EINTR)                                                        \
	X(EAGAIN, EAGAIN)                                                      \
	X(EMFILE, EMFILE)                                                      \
	X(ENFILE, ENFILE)                                                      \
	X(ENOMEM, ENOMEM)                                                      \
	X(EIO, EIO)                                                            \
	X(ENOSPC, ENOSPC)                                                      \
	X(EPERM, EPERM)                                                        \
	X(EACCES, EACCES)                                                      \
	X(ENOSYS, ENOSYS)                                                      \
	X(EINVAL, EINVAL)                                                      \
	X(ENOTTY, ENOTTY)                                                      \
	X(EOPNOTSUPP, EOPNOTSUPP)                                              \
	X(ENOBUFS, ENOBUFS)                                                    \
	X(ENOLCK, ENOLCK)                                                      \
	X(ESRCH, ESRCH)                                                        \
	X(ECHILD, ECHILD)                                                      \
	X(ECONNABORTED, ECONNABORTED)                                          \
	X(ENETUNREACH, ENETUNREACH)                                            \
	X(EADDRINUSE, EADDRINUSE)                                              \
	X(ENOTCONN, ENOTCONN)                                                  \
	X(EAI_AGAIN, EAGAIN)                                                   \
	X(EAI_MEMORY, ENOMEM)                                                  \
	X(EAI_SYSTEM, EMFILE)

#define FAULTS_ENUM(name, error) FAULT_##name,
enum fault { FAULTS_LIST(FAULTS_ENUM) FAULT_COUNT, FAULT_NONE = -1 };

/* A set of them. */
#define ON(name) (UINT32_C(1) << FAULT_##name)

/* Calls, by their names; sys_ ones are made through syscall(2). */
#define FAULTS_CALLS(X)                                                        \
	X(read)                                                                \
	X(readv)                                                               \
	X(pread)                                                               \
	X(preadv2)                                                             \
	X(write)                                                               \
	X(writev)                                                              \
	X(pwrite)                                                              \
	X(pwritev2)                                                            \
	X(recv)                                                                \
	X(recvmsg)                                                             \
	X(recvmmsg)                                                            \
	X(send)                                                                \
	X(sendmsg)                                                             \
	X(sendfile)                                                            \
	X(splice)                                                              \
	X(tee)                                                                 \
	X(open)                                                                \
	X(openat)                                                              \
	X(close)                                                               \
	X(pipe)                                                                \
	X(pipe2)                                                               \
	X(fcntl)                                                               \
	X(ioctl)                                                               \
	X(fstat)                                                               \
	X(stat)                                                                \
	X(lstat)                                                               \
	X(fstatfs)                                                             \
	X(statx)                                                               \
	X(lseek)                                                               \
	X(fsync)                                                               \
	X(flock)                                                               \
	X(fchmod)                                                              \
	X(chmod)                                                               \
	X(fchown)                                                              \
	X(unlink)                                                              \
	X(readlinkat)                                                          \
	X(posix_openpt)                                                        \
	X(ptsname_r)                                                           \
	X(tcgetattr)                                                           \
	X(tcsetattr)                                                           \
	X(tcsetpgrp)                                                           \
	X(tcgetpgrp)                                                           \
	X(posix_fadvise)                                                       \
	X(mmap)                                                                \
	X(madvise)                                                             \
	X(socket)                                                              \
	X(socketpair)                                                          \
	X(bind)                                                                \
	X(listen)                                                              \
	X(connect)                                                             \
	X(accept)                                                              \
	X(accept4)                                                             \
	X(getsockopt)                                                          \
	X(setsockopt)                                                          \
	X(getsockname)                                                         \
	X(getpeername)                                                         \
	X(shutdown)                                                            \
	X(getaddrinfo)                                                         \
	X(getnameinfo)                                                         \
	X(epoll_create)                                                        \
	X(epoll_create1)                                                       \
	X(epoll_ctl)                                                           \
	X(epoll_wait)                                                          \
	X(poll)                                                                \
	X(eventfd)                                                             \
	X(timerfd_create)                                                      \
	X(timerfd_settime)                                                     \
	X(inotify_init1)                                                       \
	X(inotify_add_watch)                                                   \
	X(inotify_rm_watch)                                                    \
	X(clone)                                                               \
	X(fork)                                                                \
	X(kill)                                                                \
	X(wait4)                                                               \
	X(waitid)                                                              \
	X(pthread_create)                                                      \
	X(pthread_mutex_init)                                                  \
	X(pthread_cond_init)                                                   \
	X(nanosleep)                                                           \
	X(sigtimedwait)                                                        \
	X(setsid)                                                              \
	X(setpgid)                                                             \
	X(setrlimit)                                                           \
	X(setpriority)                                                         \
	X(chdir)                                                               \
	X(fchdir)                                                              \
	X(setgroups)                                                           \
	X(setregid)                                                            \
	X(setreuid)                                                            \
	X(seteuid)                                                             \
	X(faccessat)                                                           \
	X(dup2)                                                                \
	X(execve)                                                              \
	X(fexecve)                                                             \
	X(grantpt)                                                             \
	X(unlockpt)                                                            \
	X(sys_execve)                                                          \
	X(sys_execveat)                                                        \
	X(sys_pidfd_open)                                                      \
	X(sys_pidfd_send_signal)                                               \
	X(sys_clone3)                                                          \
	X(sys_close_range)                                                     \
	X(sys_kcmp)                                                            \
	X(sys_openat2)                                                         \
	X(sys_openat)                                                          \
	X(sys_dup3)                                                            \
	X(sys_fcntl)                                                           \
	X(sys_ioctl)                                                           \
	X(sys_setsid)                                                          \
	X(sys_setpgid)                                                         \
	X(sys_prlimit64)                                                       \
	X(sys_setpriority)                                                     \
	X(sys_chdir)                                                           \
	X(sys_fchdir)                                                          \
	X(sys_prctl)                                                           \
	X(sys_capget)                                                          \
	X(sys_capset)                                                          \
	X(sys_setgroups)                                                       \
	X(sys_setresuid)                                                       \
	X(sys_setresgid)                                                       \
	X(sys_faccessat2)                                                      \
	X(sys_waitid)                                                          \
	X(sys_other)                                                           \
	X(malloc)                                                              \
	X(calloc)                                                              \
	X(realloc)                                                             \
	X(event_malloc)                                                        \
	X(event_realloc)

#define FAULTS_CALL_ENUM(name) CALL_##name,
enum faults_call { FAULTS_CALLS(FAULTS_CALL_ENUM) CALL_COUNT };

/* One fault to be: at the index-th call of a name, from 0. */
struct faults_plan {
	enum faults_call call;
	unsigned index;
	enum fault fault;
};
#define PLANS_MAX 2

/* A call that was made, and what could have gone wrong with it. */
struct faults_entry {
	enum faults_call call;
	unsigned index;
	uint32_t faults;
	const void *site; /* where it was made */
};
#define ENTRIES_MAX 20000

/* Shared with all children, so that calls between fork and exec count. */
struct faults_state {
	atomic_bool on;
	pid_t player; /* who plays the act, and starts children */
	struct faults_plan plans[PLANS_MAX];
	unsigned n_plans;
	atomic_uint made[CALL_COUNT]; /* calls */
	atomic_uint n_entries;
	struct faults_entry entries[ENTRIES_MAX];
	atomic_uint injected;  /* how many were */
	atomic_uint disturbed; /* a set: those that may show */
	atomic_long live;      /* allocations that are not freed */
	char failure[600];     /* what the run says about its failure */
};

extern struct faults_state *faults;

const char *faults_call_name(enum faults_call call);
const char *faults_name(enum fault fault);
int faults_errno(enum fault fault);

/* Reads "CALL:INDEX:FAULT". False: it is none. */
bool faults_parse(const char *text, struct faults_plan *ret);

/*
 * Called for each call: the fault that it must have, or FAULT_NONE. errors may
 * show in an outcome; nothing may ever show of those in harmless.
 */
enum fault faults_meet(enum faults_call call, uint32_t errors,
		       uint32_t harmless, const void *site);

/* Sets errno; -1. */
int faults_fail(enum fault fault);

#define MEET(name, errors, harmless)                                           \
	faults_meet(CALL_##name, (errors), (harmless),                         \
		    __builtin_return_address(0))

/* Allocations for libevent. */
void *faults_event_malloc(size_t size);
void *faults_event_realloc(void *before, size_t size);

#endif
