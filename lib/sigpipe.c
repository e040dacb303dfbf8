/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps SIGPIPE from happening, one write at a time: by a flag where the kernel
 * has it, else by blocking the signal in this thread and taking it back.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "sigpipe.h"

/* Linux 6.18 and later; the C library's headers may be older. */
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

void afi_sigpipe_hold(struct afi_sigpipe_hold *hold)
{
	sigset_t pending, set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, &hold->before);
	/* One that is pending already is not ours to take. */
	sigpending(&pending);
	hold->was_pending = sigismember(&pending, SIGPIPE);
}

void afi_sigpipe_release(struct afi_sigpipe_hold *hold, int error)
{
	static const struct timespec zero;
	sigset_t set;

	if (error == -EPIPE && !hold->was_pending) {
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		while (sigtimedwait(&set, NULL, &zero) < 0 && errno == EINTR)
			;
	}
	pthread_sigmask(SIG_SETMASK, &hold->before, NULL);
}

ssize_t afi_sigpipe_writev(int fd, const struct iovec *iov, int n)
{
	struct afi_sigpipe_hold hold;
	ssize_t r;

#ifdef HAVE_RWF
	r = pwritev2(fd, iov, n, -1, RWF_NOSIGNAL);
	if (r >= 0)
		return r;
	if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL &&
	    errno != ESPIPE)
		return -errno;
#endif
	afi_sigpipe_hold(&hold);
	r = writev(fd, iov, n);
	r = r < 0 ? -errno : r;
	afi_sigpipe_release(&hold, (int)(r < 0 ? r : 0));
	return r;
}
