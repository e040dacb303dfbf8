/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Masters of ptys, by the number that only they have.
 */
#include "config.h"

#include <sys/ioctl.h>

#include "base/tty.h"

bool afi_tty_is_master(int fd)
{
	unsigned number;

	return ioctl(fd, TIOCGPTN, &number) == 0;
}
