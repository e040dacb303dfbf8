/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is common to the two ways to accept: numbers of descriptors, and errors.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "net/acceptfd.h"

/* Not every system has these. */
#ifndef EHOSTDOWN
#define EHOSTDOWN EHOSTUNREACH
#endif
#ifndef ENONET
#define ENONET ENETUNREACH
#endif

int afi_acceptfd_above_stdio(int fd)
{
	int copy;

	if (fd > 2)
		return fd;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return fd;
	close(fd);
	return copy;
}

/* Linux and others return here the error of a connection that is gone. */
bool afi_acceptfd_passes(int error)
{
	static const int passing[] = {
		ECONNABORTED, ECONNRESET,  EPROTO,     EPERM,
		ENETDOWN,     ENETUNREACH, EHOSTDOWN,  EHOSTUNREACH,
		ENONET,	      ENOPROTOOPT, EOPNOTSUPP, ETIMEDOUT,
	};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (error == -passing[i])
			return true;
	return false;
}
