/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reserved fields at the end of the program's option structs.
 */
#ifndef AFI_BASE_RESERVED_H
#define AFI_BASE_RESERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether all n are zero: no option of a later version is asked for. */
static inline bool afi_reserved_clear(const uint64_t *reserved, size_t n)
{
	uint64_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= reserved[i];
	return any == 0;
}

#define AFI_RESERVED_CLEAR(options)                                            \
	afi_reserved_clear((options)->reserved,                                \
			   sizeof((options)->reserved) / sizeof(uint64_t))

#endif
