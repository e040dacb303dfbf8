/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open file descriptions of the program that must be non-blocking while files
 * of ours use them. They stay so until the last of these files is closed.
 */
#ifndef AFI_BASE_NONBLOCK_H
#define AFI_BASE_NONBLOCK_H

struct afi_nonblock;

/*
 * Sets O_NONBLOCK on the description of fd. *ret: to be released before fd is
 * closed; NULL if the program itself had set the flag. 0 or -errno.
 */
int afi_nonblock_hold(int fd, struct afi_nonblock **ret);
/* The last one on a description clears the flag. NULL does nothing. */
void afi_nonblock_release(struct afi_nonblock *hold);

#endif
