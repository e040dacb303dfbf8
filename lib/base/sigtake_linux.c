/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking a signal by sigtimedwait(2), which need not wait.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/sigtake.h"

void afi_sigtake(int sig)
{
	static const struct timespec zero;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	while (sigtimedwait(&set, NULL, &zero) < 0 && errno == EINTR)
		;
}
