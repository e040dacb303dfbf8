/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Blocks SIGPIPE and SIGXFSZ in this thread during a call, and discards the one
 * that it raised.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>

#include "base/sigpipe.h"
#include "base/sigtake.h"

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
	sigset_t pending;

	afi_sigtake(sig);
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
