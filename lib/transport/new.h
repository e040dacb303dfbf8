/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes files from descriptors that the library has opened itself. Nothing in
 * transport/ knows a process.
 */
#ifndef AFI_TRANSPORT_NEW_H
#define AFI_TRANSPORT_NEW_H

#include "file/file.h"

/* af_file_new() for a pipe end that is not shared, without any checks. */
struct af_file *afi_file_new_pipe(struct af_loop *loop, int fd,
				  enum afi_direction direction);
/* af_file_new() for the master of a pty, for both directions. */
struct af_file *afi_file_new_pty(struct af_loop *loop, int master);

#endif
