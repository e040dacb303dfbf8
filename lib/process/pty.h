/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pseudo-terminals: their descriptors, their size and modes, the end of their input.
 */
#ifndef AFI_PROCESS_PTY_H
#define AFI_PROCESS_PTY_H

#include <sys/types.h>

struct af_file;
struct af_spawn_options;

/*
 * Makes a terminal of the size and modes of the options, that belongs to uid
 * (NULL: to us). Both descriptors are 3 or more, close-on-exec. 0 or -errno.
 */
int afi_pty_open(int *ret_master, int *ret_tty,
		 const struct af_spawn_options *options, const uid_t *uid);
/* 0, -EINVAL or -errno. */
int afi_pty_resize(const struct af_file *master, unsigned rows,
		   unsigned columns, unsigned xpixel, unsigned ypixel);
/* As ptsname_r(3); 0 or -errno. */
int afi_pty_name(const struct af_file *master, char *buf, size_t len);
/* Sends the VEOF character twice, behind what is still to be written. */
int afi_pty_end_input(struct af_file *master);

#endif
