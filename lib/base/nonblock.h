/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open file descriptions of the program that must be non-blocking while files
 * of ours use them. They stay so until the last of these files is closed.
 */
#ifndef AFI_BASE_NONBLOCK_H
#define AFI_BASE_NONBLOCK_H

struct afi_nonblock;

/*
 * Sets O_NONBLOCK on the description of fd. Release *ret before fd is closed;
 * it is NULL if the program itself has set the flag. 0 or -errno.
 */
int afi_nonblock_hold(int fd, struct afi_nonblock **ret);
/* Releasing the last one of a description clears the flag. NULL is fine. */
void afi_nonblock_release(struct afi_nonblock *hold);

#endif
