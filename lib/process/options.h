/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of the options to start a child with.
 */
#ifndef AFI_PROCESS_OPTIONS_H
#define AFI_PROCESS_OPTIONS_H

#include <stdbool.h>

#include <asyncfile/process.h>

#include "process/failure.h"

/* Whether all reserved fields are zero, those of in, out and err included. */
bool afi_options_reserved_clear(const struct af_spawn_options *options);
/* Whether the child runs as somebody else than the parent does. */
bool afi_options_change_user(const struct af_spawn_options *options);
/* 0; or -errno, and failure says which makes no sense. */
int afi_options_check(const struct af_spawn_options *options,
		      struct afi_failure *failure);
/* The set of ignored_signals, which are checked: bit 0 is signal 1. */
uint64_t afi_options_ignored(const struct af_spawn_options *options);

#endif
