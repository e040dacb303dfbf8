/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Suppresses SIGPIPE for one write: by a flag where the kernel has one, else by
 * blocking the signal in this thread and discarding it afterwards. SIGXFSZ has
 * no such flag and is blocked.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/refused.h"
#include "base/sigpipe.h"

/* Linux 6.18 and later; the C library's headers may be older. */
#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

void afi_sigpipe_hold(struct afi_sigpipe_hold *hold)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigaddset(&set, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &set, &hold->before);
	sigemptyset(&hold->pending);
	/* A signal can be pending only if it was blocked before. */
	if (sigismember(&hold->before, SIGPIPE) ||
	    sigismember(&hold->before, SIGXFSZ))
		sigpending(&hold->pending);
}

/* The signal that an error was raised with, or 0. */
static int sigpipe_signal_of(int error)
{
	return error == -EPIPE ? SIGPIPE : error == -EFBIG ? SIGXFSZ : 0;
}

static void sigpipe_take_back(const struct afi_sigpipe_hold *hold, int sig)
{
	static const struct timespec zero;
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, sig);
	while (sigtimedwait(&set, NULL, &zero) < 0 && errno == EINTR)
		;
	/*
	 * One that was pending for this thread before has merged with ours and
	 * is gone: raise it again. One for the process is still pending.
	 */
	sigpending(&pending);
	if (sigismember(&hold->pending, sig) && !sigismember(&pending, sig))
		raise(sig);
}

void afi_sigpipe_release(struct afi_sigpipe_hold *hold, int error)
{
	int sig = sigpipe_signal_of(error);

	if (sig)
		sigpipe_take_back(hold, sig);
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
	if (errno != EOPNOTSUPP && errno != EINVAL && errno != ESPIPE &&
	    !afi_refused(errno))
		return -errno;
#endif
	afi_sigpipe_hold(&hold);
	r = writev(fd, iov, n);
	r = r < 0 ? -errno : r;
	afi_sigpipe_release(&hold, (int)(r < 0 ? r : 0));
	return r;
}
