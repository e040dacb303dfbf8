/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes the bytes to a file that a function of the program provides.
 */
#ifndef AFI_FILE_FEED_H
#define AFI_FILE_FEED_H

#include <sys/types.h>

#include <asyncfile/future.h>

struct af_file;

/* Puts up to len bytes into buf. How many; 0: no more; a negative errno. */
typedef ssize_t (*afi_feed_fn)(void *buf, size_t len, void *arg);

/*
 * Calls fn from the ready queue and writes its bytes, until it returns 0. The
 * future has the error of fn or of the write; its count is the bytes written.
 * Bytes not written by then are dropped: one chunk at most.
 */
struct af_future *afi_feed(struct af_file *file, afi_feed_fn fn, void *arg);

#endif
