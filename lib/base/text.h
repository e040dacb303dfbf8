/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Text that is put together.
 */
#ifndef AFI_BASE_TEXT_H
#define AFI_BASE_TEXT_H

#include <string.h>

/* memcpy(3), but returns the end of what was copied. */
static inline char *afi_text_add(char *to, const char *from, size_t n)
{
	memcpy(to, from, n);
	return to + n;
}

#endif
