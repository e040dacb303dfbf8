/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices by the names that they usually have. All others can be polled, and a
 * regular file cannot.
 */
#include "config.h"

#include <stddef.h>

#include "transport/device.h"

static bool device_has_name(const struct stat *st, const char *name)
{
	struct stat named;

	return S_ISCHR(st->st_mode) && stat(name, &named) == 0 &&
	       S_ISCHR(named.st_mode) && st->st_rdev == named.st_rdev;
}

bool afi_device_never_waits(const struct stat *st)
{
	static const char *const device_names[] = { "/dev/null", "/dev/zero",
						    "/dev/full",
						    "/dev/urandom" };

	for (size_t i = 0; i < sizeof(device_names) / sizeof(*device_names);
	     i++)
		if (device_has_name(st, device_names[i]))
			return true;
	return false;
}

/* On some systems /dev/random and /dev/urandom are one device. */
bool afi_device_is_random(const struct stat *st)
{
	return device_has_name(st, "/dev/random");
}

int afi_device_can_poll(int fd, const struct stat *st)
{
	(void)fd;
	return S_ISCHR(st->st_mode);
}

/* Nothing is spliced here. */
bool afi_device_keeps(int fd)
{
	(void)fd;
	return false;
}

off_t afi_device_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? -1 : st.st_size;
}

/* Not every system has posix_fadvise(3). */
void afi_device_read_ahead(int fd)
{
	(void)fd;
}
