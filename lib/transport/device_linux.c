/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices by their numbers, and what epoll(7) says to them.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "transport/device.h"

#define MEMORY_DEVICES 1

/* Bytes. More is slower: it takes memory that is read before it is needed. */
#define AHEAD (512 * 1024)

/* File systems, as statfs(2) names them; not every libc has <linux/magic.h>. */
#define TMPFS 0x01021994
#define RAMFS 0x858458f6
#define OVERLAYFS 0x794c7630

static bool device_is_of_memory(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && major(st->st_rdev) == MEMORY_DEVICES;
}

bool afi_device_never_waits(const struct stat *st)
{
	if (!device_is_of_memory(st))
		return false;
	switch (minor(st->st_rdev)) {
	case 3: /* null */
	case 5: /* zero */
	case 7: /* full */
	case 9: /* urandom */
		return true;
	}
	return false;
}

bool afi_device_is_random(const struct stat *st)
{
	return device_is_of_memory(st) && minor(st->st_rdev) == 8;
}

int afi_device_can_poll(int fd, const struct stat *st)
{
	struct epoll_event event = { .events = EPOLLIN };
	int before = errno, ep = epoll_create1(EPOLL_CLOEXEC), r = 1;

	(void)st;
	if (ep < 0)
		return -errno;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event) < 0)
		r = errno == EPERM ? 0 : -errno;
	close(ep);
	errno = before;
	return r;
}

/*
 * FUSE, NFS and the like may ask their server at every read, also of what is in
 * the page cache. Of overlayfs, what is below it is not known, but is a disk
 * nearly always: containers have it for all of their files.
 */
bool afi_device_keeps(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	switch ((unsigned long)fs.f_type) {
	case TMPFS:
	case RAMFS:
	case OVERLAYFS:
		return true;
	}
	return false;
}

off_t afi_device_size(int fd)
{
#ifdef STATX_SIZE
	const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
	struct statx st;

	if (statx(fd, "", flags, STATX_SIZE, &st) == 0)
		return (off_t)st.stx_size;
#else
	(void)fd;
#endif
	return -1;
}

void afi_device_read_ahead(int fd)
{
	off_t at = lseek(fd, 0, SEEK_CUR);

	if (at >= 0)
		posix_fadvise(fd, at, AHEAD, POSIX_FADV_WILLNEED);
}
