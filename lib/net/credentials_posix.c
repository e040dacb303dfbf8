/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Credentials by getpeereid(3), which macOS and the BSDs have. POSIX has nothing
 * of the kind.
 */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/credentials.h"

#ifdef HAVE_GETPEEREID

#if defined(LOCAL_PEERPID) && defined(SOL_LOCAL)
static pid_t credentials_pid(int fd)
{
	pid_t pid;
	socklen_t len = sizeof(pid);

	return getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, &pid, &len) < 0 ? -1
									: pid;
}
#else
static pid_t credentials_pid(int fd)
{
	(void)fd;
	return -1;
}
#endif

int afi_credentials_of(int fd, struct afi_credentials *ret)
{
	struct afi_credentials cred;

	if (getpeereid(fd, &cred.uid, &cred.gid) < 0)
		return errno == EOPNOTSUPP ? -ENOTSUP : -errno;
	cred.pid = credentials_pid(fd);
	*ret = cred;
	return 0;
}

#else

int afi_credentials_of(int fd, struct afi_credentials *ret)
{
	(void)fd;
	(void)ret;
	return -ENOTSUP;
}

#endif
