/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds the structure that a member is embedded in.
 */
#ifndef AFI_BASE_CONTAINER_H
#define AFI_BASE_CONTAINER_H

#include <stddef.h>

/*
 * Returns the structure of this type whose member ptr points to. The unused
 * branch makes the compiler check that ptr has the member's type. It is aligned
 * well, which void * keeps some compilers from doubting.
 */
#define AFI_CONTAINER(ptr, type, member)                                       \
	((type *)(void *)((char *)(1 ? (ptr) : &((type *)0)->member) -         \
			  offsetof(type, member)))

#endif
