/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pseudo-terminals, opened without a moment in which another thread's child
 * could inherit one.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "process/ptypeer.h"

#define PTYPEER_FLAGS (O_RDWR | O_NOCTTY | O_CLOEXEC)

int afi_ptypeer_open_master(void)
{
	return afi_fd_above_stdio(posix_openpt(PTYPEER_FLAGS));
}

static int ptypeer_open_by_name(int master)
{
	char name[PATH_MAX];
	int r = ptsname_r(master, name, sizeof(name));

	errno = r;
	return r == 0 ? open(name, PTYPEER_FLAGS) : -1;
}

/* From the master, as /dev/pts may be out of sight; or else by name. */
#ifdef HAVE_PTPEER
static int ptypeer_open(int master)
{
	int fd = ioctl(master, TIOCGPTPEER, PTYPEER_FLAGS);

	return fd < 0 ? ptypeer_open_by_name(master) : fd;
}
#else
static int ptypeer_open(int master)
{
	return ptypeer_open_by_name(master);
}
#endif

int afi_ptypeer_open_tty(int master)
{
	int unlock = 0;

	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	return afi_fd_above_stdio(ptypeer_open(master));
}

int afi_ptypeer_name(int master, char *buf, size_t len)
{
	char name[PATH_MAX];
	int r = ptsname_r(master, name, sizeof(name));

	if (r != 0)
		return -r;
	if (strlen(name) >= len)
		return -ERANGE;
	strcpy(buf, name);
	return 0;
}
