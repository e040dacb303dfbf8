/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two ends of a pseudo-terminal. Both descriptors are 3 or more,
 * close-on-exec.
 */
#ifndef AFI_PROCESS_PTYPEER_H
#define AFI_PROCESS_PTYPEER_H

/* Makes a master; the descriptor or -errno. */
int afi_ptypeer_open_master(void);
/* Opens its terminal, for the first time; the descriptor or -errno. */
int afi_ptypeer_open_tty(int master);

#endif
