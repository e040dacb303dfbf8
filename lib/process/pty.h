/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pseudo-terminals: their descriptors, their size, the end of their input.
 */
#ifndef AFI_PROCESS_PTY_H
#define AFI_PROCESS_PTY_H

#include <sys/types.h>

struct af_file;

/*
 * Makes a terminal that belongs to uid (NULL: to us); 0 rows means 24, and 0
 * columns 80. Both descriptors are 3 or more, close-on-exec. 0 or -errno.
 */
int afi_pty_open(int *ret_master, int *ret_tty, unsigned short rows,
		 unsigned short columns, const uid_t *uid);
/* 0, -EINVAL or -errno. */
int afi_pty_resize(const struct af_file *master, unsigned rows,
		   unsigned columns);
/* Sends the VEOF character twice, behind what is still to be written. */
int afi_pty_end_input(struct af_file *master);

#endif
