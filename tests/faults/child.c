/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of a child by fork(2) before its exec, as the files for POSIX make them;
 * those for Linux make most of them through syscall(2).
 */
#include "config.h"

#include <grp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "faults/wrap.h"

WRAP(int, setsid, (void), (), ON(EPERM), 0)
WRAP(int, setpgid, (pid_t pid, pid_t group), (pid, group), ON(EPERM), 0)
WRAP(int, setrlimit, (int resource, const struct rlimit *limit),
     (resource, limit), ON(EPERM), 0)
WRAP(int, setpriority, (int which, id_t who, int nice), (which, who, nice),
     ON(EACCES), 0)
WRAP(int, chdir, (const char *path), (path), ON(EACCES), 0)
WRAP(int, fchdir, (int fd), (fd), ON(EACCES), 0)
WRAP(int, setgroups, (size_t n, const gid_t *groups), (n, groups),
     ON(EPERM) | ON(ENOMEM), 0)
WRAP(int, setregid, (gid_t real, gid_t effective), (real, effective), ON(EPERM),
     0)
WRAP(int, setreuid, (uid_t real, uid_t effective), (real, effective),
     ON(EPERM) | ON(EAGAIN), 0)
WRAP(int, seteuid, (uid_t effective), (effective), ON(EPERM), 0)
WRAP(int, faccessat, (int dir, const char *path, int mode, int flags),
     (dir, path, mode, flags), 0, ON(ENOSYS) | ON(EPERM))
WRAP(int, dup2, (int fd, int number), (fd, number), ON(EMFILE), 0)
WRAP(int, execve, (const char *path, char *const *argv, char *const *env),
     (path, argv, env), ON(ENOMEM), 0)
WRAP(int, fexecve, (int fd, char *const *argv, char *const *env),
     (fd, argv, env), ON(ENOMEM) | ON(ENOSYS), 0)
WRAP(int, grantpt, (int master), (master), ON(EACCES), 0)
WRAP(int, unlockpt, (int master), (master), ON(EINVAL), 0)
