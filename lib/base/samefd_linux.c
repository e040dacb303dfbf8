/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Duplicates, by kcmp(2), which a kernel may lack and a sandbox may refuse.
 */
#include "config.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "base/samefd.h"

#define KCMP_FILE 0

enum afi_samefd afi_samefd(int a, int b)
{
	pid_t pid = getpid();
	long r = syscall(SYS_kcmp, pid, pid, KCMP_FILE, a, b);

	if (r < 0)
		return AFI_SAMEFD_UNKNOWN;
	return r == 0 ? AFI_SAMEFD_YES : AFI_SAMEFD_NO;
}
