/* SPDX-License-Identifier: BSD-3-Clause */
/* Looks for a program in a folder, in a thread: a disk may be slow. */
#ifndef CGI_LOOK_H
#define CGI_LOOK_H

struct af_future;
struct af_loop;

struct look {
	int error;   /* 0; ENOENT: not there; EACCES: not to be run */
	char path[]; /* of the program */
};

/* Returns a future whose value is a struct look. */
struct af_future *look_for(struct af_loop *loop, const char *folder,
			   const char *name);

#endif
