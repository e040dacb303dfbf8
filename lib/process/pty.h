/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pseudo-terminals: a pair of descriptors, and what is particular to them.
 */
#ifndef AFI_PROCESS_PTY_H
#define AFI_PROCESS_PTY_H

#include <sys/types.h>

struct af_file;

/*
 * Makes one of a size, its tty owned by uid (NULL: by us); neither descriptor
 * below 3, both close-on-exec. 0 or -errno.
 */
int afi_pty_open(int *ret_master, int *ret_tty, unsigned short rows,
		 unsigned short columns, const uid_t *uid);
int afi_pty_resize(const struct af_file *master, unsigned rows,
		   unsigned columns);
/* Sends, after what is still to be written, what ends the input. */
int afi_pty_end_input(struct af_file *master);

#endif
