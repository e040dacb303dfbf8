/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where there is no /proc with the names of threads.
 */
#include "config.h"

#include "support/harness.h"

int library_threads(void)
{
	return 0;
}
