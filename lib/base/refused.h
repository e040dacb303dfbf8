/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether an error may mean that a system call as such is refused: by a kernel
 * that does not have it, or by a sandbox, which often answers EPERM or EACCES.
 */
#ifndef AFI_BASE_REFUSED_H
#define AFI_BASE_REFUSED_H

#include <errno.h>
#include <stdbool.h>

/*
 * The older call that does the same then tells whether the error was about what
 * the call was made for: it fails in the same way.
 */
static inline bool afi_refused(int error)
{
	return error == ENOSYS || error == EPERM || error == EACCES;
}

#endif
