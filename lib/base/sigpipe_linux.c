/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes without SIGPIPE, by a flag where the kernel has it. SIGXFSZ has no such
 * flag and is blocked.
 */
#include "config.h"

#include <errno.h>

#include "base/refused.h"
#include "base/sigpipe.h"

/* Linux 6.18 and later; the C library's headers may be older. */
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

void afi_sigpipe_quiet_socket(int fd)
{
	(void)fd;
}

#ifdef HAVE_RWF
/* -EINVAL: there is no such flag, and nothing was written. */
static ssize_t sigpipe_write_by_flag(int fd, const struct iovec *iov, int n)
{
	ssize_t r = pwritev2(fd, iov, n, -1, RWF_NOSIGNAL);

	if (r >= 0)
		return r;
	return errno == EOPNOTSUPP || errno == ESPIPE || afi_refused(errno)
		       ? -EINVAL
		       : -errno;
}
#else
static ssize_t sigpipe_write_by_flag(int fd, const struct iovec *iov, int n)
{
	(void)fd;
	(void)iov;
	(void)n;
	return -EINVAL;
}
#endif

ssize_t afi_sigpipe_writev(int fd, const struct iovec *iov, int n)
{
	struct afi_sigpipe_hold hold;
	ssize_t r = sigpipe_write_by_flag(fd, iov, n);

	if (r != -EINVAL)
		return r;
	afi_sigpipe_hold(&hold);
	r = writev(fd, iov, n);
	r = r < 0 ? -errno : r;
	afi_sigpipe_release(&hold, (int)(r < 0 ? r : 0));
	return r;
}
