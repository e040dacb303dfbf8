/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls on descriptors that several files use.
 */
#ifndef AFI_BASE_FD_H
#define AFI_BASE_FD_H

#include <stdbool.h>
#include <sys/types.h>

/* openat(2), begun again when a signal interrupts it. */
int afi_fd_openat(int dir, const char *path, int flags, mode_t mode);
/*
 * Takes what a system call has returned: moves a descriptor above 2, and returns
 * its number; or closes it, and returns -errno. Of a negative one, -errno.
 */
int afi_fd_above_stdio(int fd);
/* The same of two: 0, or -errno and closes both. Changes ends, too. */
int afi_fd_both_above_stdio(int ends[2], int fds[2]);
/* poll(2), never waiting or interrupted: its revents; 0 on an error. */
short afi_fd_poll(int fd, short events);
/*
 * Whether a FIFO has had no writer yet, or has one again: then a read of 0
 * bytes is not end of file.
 */
bool afi_fifo_is_early(int fd);
/* Whether poll(2) reports that the other side is closed. */
bool afi_fd_is_hung_up(int fd);
/* Sets or clears O_NONBLOCK and leaves the other flags alone. */
void afi_fd_set_nonblock(int fd, bool on);

#endif
