/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes files from descriptors that the library has opened itself. Nothing in
 * transport/ knows a process.
 */
#ifndef AFI_TRANSPORT_NEW_H
#define AFI_TRANSPORT_NEW_H

#include <stdbool.h>
#include <sys/stat.h>

#include "file/file.h"

/* Whether af_file_new() knows all of these flags. */
bool afi_file_new_takes(unsigned flags);

/* What is known of a descriptor before it is made a file. */
struct afi_look {
	int mode; /* F_GETFL */
	bool can_poll;
	struct stat st;
};

/* Finds it out, in any thread; may wait for a file system. 0 or -errno. */
int afi_look_at(struct afi_look *look, int fd);
/* The rest of af_file_new(), without flags; waits for no file system. */
struct af_file *afi_file_new_looked(struct af_loop *loop, int fd,
				    const struct afi_look *look);
/*
 * af_file_new() for a connected socket that is not shared: non-blocking, and of
 * this SO_TYPE. flags as there, without AFIO_KEEP_FD. NULL: ENOMEM.
 */
struct af_file *afi_file_new_socket(struct af_loop *loop, int fd, int type,
				    unsigned flags);
/* af_file_new() for a pipe end that is not shared, without any checks. */
struct af_file *afi_file_new_pipe(struct af_loop *loop, int fd,
				  enum afi_direction direction);
/* af_file_new() for the master of a pty, for both directions. */
struct af_file *afi_file_new_pty(struct af_loop *loop, int master);

#endif
