/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pipes that no child inherits by accident.
 *
 * pipe_posix.c cannot make one with close-on-exec set: it makes the pipe and
 * marks it, under a lock that our own starts of children take, too. So none of
 * our children inherits it; one that another part of the program forks from
 * another thread in that moment may, and then keeps the pipe open.
 */
#ifndef AFI_BASE_PIPE_H
#define AFI_BASE_PIPE_H

/* A close-on-exec pipe, with both ends above 2; 0 or -errno. */
int afi_pipe_open(int fds[2]);
/* Around what makes descriptors and marks them later, and around fork(2). */
void afi_pipe_lock(void);
void afi_pipe_unlock(void);
/* Of a FIFO: whether it has a name in the file system, 1 or 0; or -errno. */
int afi_pipe_has_name(int fd);

#endif
