/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking a signal by sigwait(3). By POSIX, the signal of a write is pending for
 * the thread that wrote when the write has failed: so this does not wait.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "base/sigtake.h"

void afi_sigtake(int sig)
{
	sigset_t set, pending;
	int taken;

	sigpending(&pending);
	if (!sigismember(&pending, sig))
		return;
	sigemptyset(&set);
	sigaddset(&set, sig);
	while (sigwait(&set, &taken) == EINTR)
		;
}
