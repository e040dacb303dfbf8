/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether two descriptors are duplicates of one another.
 */
#ifndef AFI_BASE_SAMEFD_H
#define AFI_BASE_SAMEFD_H

enum afi_samefd { AFI_SAMEFD_NO, AFI_SAMEFD_YES, AFI_SAMEFD_UNKNOWN };

/* Whether both are of one open file description. */
enum afi_samefd afi_samefd(int a, int b);

#endif
