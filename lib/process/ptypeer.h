/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two ends of a pseudo-terminal. Both descriptors are 3 or more,
 * close-on-exec.
 */
#ifndef AFI_PROCESS_PTYPEER_H
#define AFI_PROCESS_PTYPEER_H

#include <stddef.h>

/* Makes a master; the descriptor or -errno. */
int afi_ptypeer_open_master(void);
/* Opens its terminal, for the first time; the descriptor or -errno. */
int afi_ptypeer_open_tty(int master);
/* Copies the name of its terminal; 0, -ERANGE or another -errno. */
int afi_ptypeer_name(int master, char *buf, size_t len);

#endif
