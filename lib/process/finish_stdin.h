/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Closings of a child's stdin that are pending.
 */
#ifndef AFI_PROCESS_FINISH_STDIN_H
#define AFI_PROCESS_FINISH_STDIN_H

struct af_file;

/* A terminal leaves its process: what is pending on it knows that no more. */
void afi_finish_stdin_leave(struct af_file *pty);

#endif
