/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is done to descriptors in more than one place.
 */
#ifndef AFI_BASE_FD_H
#define AFI_BASE_FD_H

#include <stdbool.h>

/* pipe2(O_CLOEXEC) with neither end below 3; 0 or -errno. */
int afi_pipe_open(int fds[2]);
/* Moves a descriptor that is below 3 out of the way; it, or -errno. */
int afi_fd_above_stdio(int fd);
/* Whether a FIFO has had no writer yet, so that reading 0 is not its end. */
bool afi_fifo_is_early(int fd);
/* Whether poll(2) says that nobody has the other side open any more. */
bool afi_fd_is_hung_up(int fd);
/* Sets or clears O_NONBLOCK, and nothing else. */
void afi_fd_set_nonblock(int fd, bool on);

#endif
