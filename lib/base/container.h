/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a member to the structure it is embedded in.
 */
#ifndef AFI_BASE_CONTAINER_H
#define AFI_BASE_CONTAINER_H

#include <stddef.h>

/*
 * The structure of a type whose member ptr points to. The unused branch has the
 * compiler check that ptr has the member's type.
 */
#define AFI_CONTAINER(ptr, type, member)                                       \
	((type *)((char *)(1 ? (ptr) : &((type *)0)->member) -                 \
		  offsetof(type, member)))

#endif
