/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Taking a signal that is blocked.
 */
#ifndef AFI_BASE_SIGTAKE_H
#define AFI_BASE_SIGTAKE_H

/* Discards the signal if it is pending, for this thread or the process. */
void afi_sigtake(int sig);

#endif
