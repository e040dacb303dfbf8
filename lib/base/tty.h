/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What kind of terminal a descriptor is.
 */
#ifndef AFI_BASE_TTY_H
#define AFI_BASE_TTY_H

#include <stdbool.h>

/* Whether it is the master of a pty. May change errno. */
bool afi_tty_is_master(int fd);

#endif
