/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that make descriptors, and ask and change what files and terminals are.
 */
#include "config.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

#include "faults/wrap.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#ifndef TIOCGDEV
#define TIOCGDEV 0x80045432u
#endif

/*
 * A device or a file of the kernel's is opened at once. A child has all signals
 * blocked.
 */
static uint32_t open_harmless(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 ||
			       strncmp(path, "/proc/", 6) == 0 ||
			       strcmp(path, "cgroup.kill") == 0 ||
			       getpid() != faults->player
		       ? 0
		       : ON(EINTR);
}

int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	enum fault f =
		MEET(open, NO_DESCRIPTOR | ON(EACCES), open_harmless(path));
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return f != FAULT_NONE ? faults_fail(f) : open(path, flags, mode);
}

int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...)
{
	enum fault f =
		MEET(openat, NO_DESCRIPTOR | ON(EACCES), open_harmless(path));
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return f != FAULT_NONE ? faults_fail(f)
			       : openat(dir, path, flags, mode);
}

/* What is closed is gone, whatever it returns. */
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	enum fault f = MEET(close, 0, ON(EINTR));
	int r = close(fd);

	return f != FAULT_NONE ? faults_fail(f) : r;
}
WRAP(int, pipe, (int fds[2]), (fds), NO_DESCRIPTOR, 0)
WRAP(int, pipe2, (int fds[2], int flags), (fds, flags), NO_DESCRIPTOR, 0)

static uint32_t fcntl_errors(int cmd)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return ON(EMFILE);
	default:
		return 0;
	}
}

int __wrap_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...)
{
	enum fault f = MEET(fcntl, fcntl_errors(cmd),
			    cmd == F_SETPIPE_SZ ? ON(EPERM) | ON(ENOMEM) : 0);
	va_list args;
	long arg;

	va_start(args, cmd);
	arg = va_arg(args, long);
	va_end(args);
	return f != FAULT_NONE ? faults_fail(f) : fcntl(fd, cmd, arg);
}

static uint32_t ioctl_errors(unsigned long request)
{
	return request == TIOCGPTPEER			    ? NO_DESCRIPTOR
	       : request == TIOCGDEV || request == FIONREAD ? 0
							    : ON(EIO);
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	enum fault f = MEET(
		ioctl, ioctl_errors(request),
		request == TIOCGPTPEER || request == TIOCGDEV ? ON(ENOTTY) : 0);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	return f != FAULT_NONE ? faults_fail(f) : ioctl(fd, request, arg);
}

WRAP(int, fstat, (int fd, struct stat *st), (fd, st), ON(EIO), 0)
WRAP(int, stat, (const char *path, struct stat *st), (path, st), ON(EACCES), 0)
WRAP(int, lstat, (const char *path, struct stat *st), (path, st), ON(EACCES), 0)
WRAP(int, fstatfs, (int fd, struct statfs *st), (fd, st), ON(EIO) | ON(ENOSYS),
     0)
/* Without it, the end is looked at again. */
WRAP(int, statx,
     (int dir, const char *path, int flags, unsigned mask, struct statx *st),
     (dir, path, flags, mask, st), 0, ON(EIO) | ON(ENOSYS) | ON(EPERM))
WRAP(off_t, lseek, (int fd, off_t to, int whence), (fd, to, whence), ON(EIO), 0)
WRAP(int, fsync, (int fd), (fd), ON(EIO) | ON(ENOSPC), ON(EINTR))
WRAP(int, flock, (int fd, int op), (fd, op), ON(ENOLCK),
     op &LOCK_NB ? 0 : ON(EINTR))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), ON(EPERM), 0)
WRAP(int, chmod, (const char *path, mode_t mode), (path, mode), ON(EPERM), 0)
WRAP(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), ON(EPERM), 0)
WRAP(int, unlink, (const char *path), (path), ON(EACCES), 0)
WRAP(ssize_t, readlinkat, (int dir, const char *path, char *buf, size_t len),
     (dir, path, buf, len), ON(EACCES) | ON(ENOMEM), 0)
WRAP(int, posix_openpt, (int flags), (flags), NO_DESCRIPTOR | ON(ENOSPC), 0)
WRAP_CODE(ptsname_r, (int fd, char *buf, size_t len), (fd, buf, len),
	  ON(ENOTTY), 0)
WRAP(int, tcgetattr, (int fd, struct termios *to), (fd, to), ON(EIO), 0)
WRAP(int, tcsetattr, (int fd, int when, const struct termios *to),
     (fd, when, to), ON(EIO), ON(EINTR))
/* It waits for nothing, and SIGTTOU is blocked. */
WRAP(int, tcsetpgrp, (int fd, pid_t group), (fd, group), ON(EPERM), 0)
WRAP(pid_t, tcgetpgrp, (int fd), (fd), ON(ENOTTY), 0)
WRAP_CODE(posix_fadvise, (int fd, off_t at, off_t len, int advice),
	  (fd, at, len, advice), 0, ON(EINVAL) | ON(ENOSYS))

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd,
		  off_t from);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t from)
{
	enum fault f = MEET(mmap, ON(ENOMEM), 0);

	return f != FAULT_NONE ? (void *)(intptr_t)faults_fail(f)
			       : mmap(at, len, prot, flags, fd, from);
}

WRAP(int, madvise, (void *at, size_t len, int advice), (at, len, advice), 0,
     ON(EINVAL) | ON(ENOSYS))
