/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is at the other end of a Unix socket, as the system tells it.
 */
#ifndef AFI_NET_CREDENTIALS_H
#define AFI_NET_CREDENTIALS_H

#include <sys/types.h>

struct afi_credentials {
	pid_t pid; /* -1: not known */
	uid_t uid;
	gid_t gid;
};

/* 0; -ENOTSUP: the system does not tell; another -errno. */
int afi_credentials_of(int fd, struct afi_credentials *ret);

#endif
