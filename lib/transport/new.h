/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making files of descriptors that the library has opened itself.
 */
#ifndef AFI_TRANSPORT_NEW_H
#define AFI_TRANSPORT_NEW_H

#include "file/file.h"

/* af_file_new() of a pipe end that nobody shares; no questions asked. */
struct af_file *afi_file_new_pipe(struct af_loop *loop, int fd,
				  enum afi_direction direction);
/* The same of the master of a pseudo-terminal, for both directions. */
struct af_file *afi_file_new_pty(struct af_loop *loop, int master);

#endif
