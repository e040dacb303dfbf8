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

static bool is_pending(void)
{
	sigset_t pending;

	sigpending(&pending);
	return sigismember(&pending, SIGPIPE);
}

void afi_sigpipe_hold(struct afi_sigpipe_hold *hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, &hold->before);
	/* Were it not blocked before, it would have been delivered. */
	hold->was_pending = sigismember(&hold->before, SIGPIPE) && is_pending();
}

void afi_sigpipe_release(struct afi_sigpipe_hold *hold, int error)
{
	static const struct timespec zero;
	sigset_t set;

	if (error == -EPIPE) {
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		while (sigtimedwait(&set, NULL, &zero) < 0 && errno == EINTR)
			;
		/*
		 * One was there before, and ours went with it if it was this
		 * thread's: put it back. If it was the process's, it still is.
		 */
		if (hold->was_pending && !is_pending())
			raise(SIGPIPE);
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
