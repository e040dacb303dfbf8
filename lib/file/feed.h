/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Feeding a file with what a function of the program gives.
 */
#ifndef AFI_FILE_FEED_H
#define AFI_FILE_FEED_H

#include <sys/types.h>

#include <asyncfile/future.h>

struct af_file;

/* Bytes put into buf, at most len; 0: no more; a negative errno. */
typedef ssize_t (*afi_feed_fn)(void *buf, size_t len, void *arg);

/*
 * Calls fn, from the ready queue, and writes what it gave, until it gives no
 * more. The future has fn's error, or that of writing; its count is what was
 * written. What fn gave and was not written is dropped: one chunk at most.
 */
struct af_future *afi_feed(struct af_file *file, afi_feed_fn fn, void *arg);

#endif
