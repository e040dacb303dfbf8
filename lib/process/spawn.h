/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of the options to start a child with.
 */
#ifndef AFI_PROCESS_SPAWN_H
#define AFI_PROCESS_SPAWN_H

#include <stdbool.h>

#include <asyncfile/process.h>

/* Whether all reserved fields are zero, those of in, out and err included. */
bool afi_spawn_reserved_clear(const struct af_spawn_options *options);

#endif
