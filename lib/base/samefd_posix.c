/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Duplicates: POSIX does not say.
 */
#include "config.h"

#include "base/samefd.h"

enum afi_samefd afi_samefd(int a, int b)
{
	return a == b ? AFI_SAMEFD_YES : AFI_SAMEFD_UNKNOWN;
}
