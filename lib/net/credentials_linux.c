/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Credentials by SO_PEERCRED.
 */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>

#include "net/credentials.h"

int afi_credentials_of(int fd, struct afi_credentials *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	/* Where there is nobody, the kernel has no ids, either. */
	if (cred.uid == (uid_t)-1)
		return -ENOTSUP;
	*ret = (struct afi_credentials){ cred.pid, cred.uid, cred.gid };
	return 0;
}
