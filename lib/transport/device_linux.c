/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices by their numbers, and what epoll(7) says to them.
 */
#include "config.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "transport/device.h"

#define MEMORY_DEVICES 1

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
