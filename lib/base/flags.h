/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flags of a description that not every system has: there, none has them.
 */
#ifndef AFI_BASE_FLAGS_H
#define AFI_BASE_FLAGS_H

#include <fcntl.h>

#ifndef O_DIRECT
#define O_DIRECT 0
#endif
#ifndef O_PATH
#define O_PATH 0
#endif

#endif
