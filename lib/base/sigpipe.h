/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes that would raise a signal, whatever its disposition: SIGPIPE if a pipe
 * has no reader, SIGXFSZ beyond the file size limit. Here they raise none.
 */
#ifndef AFI_BASE_SIGPIPE_H
#define AFI_BASE_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

/* writev(2) without these signals: bytes or -errno. */
ssize_t afi_sigpipe_writev(int fd, const struct iovec *iov, int n);

/*
 * For other calls that may raise one of them: hold, make the call, and release
 * with the call's result if that is -errno.
 */
struct afi_sigpipe_hold {
	sigset_t before;
	sigset_t pending;
};
void afi_sigpipe_hold(struct afi_sigpipe_hold *hold);
void afi_sigpipe_release(struct afi_sigpipe_hold *hold, int error);

#endif
