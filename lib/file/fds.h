/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that came with bytes of a file, a Unix socket, and that nobody has
 * taken. Those of a set were sent together. Knows no socket.
 */
#ifndef AFI_FILE_FDS_H
#define AFI_FILE_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/queue.h"

struct af_file;

/* The most descriptors in a set: SCM_MAX_FD of Linux. */
#define AFI_FDS_MAX 253

/*
 * A set. It came with one of the bytes from `at` to `end`, which were read by one
 * call: the kernel does not say with which. So it is taken with the first of
 * them, and dropped with the last. Of a lost one, only its place is left.
 */
struct afi_fdset {
	TAILQ_ENTRY(afi_fdset) entry;
	uint64_t at, end; /* the place of the first byte, and behind the last */
	bool lost;  /* its descriptors were closed; perhaps several sets */
	bool alone; /* of an empty message, in front of the byte `at` */
	int error;  /* a lost one: to be reported once, or 0 */
	unsigned n;
	int fds[AFI_FDS_MAX];
};
TAILQ_HEAD(afi_fdsets, afi_fdset);

/* Those of a file. */
struct afi_fds {
	struct afi_fdsets sets;
	struct afi_fdset *spare; /* for the next set */
	unsigned n_sets, n_fds;	 /* in the list */
	uint64_t total;		 /* the place of the next byte to be read */
	bool came;		 /* a set, with the last read */
	size_t most;		 /* how much may be read by one call */
};

struct afi_fds *afi_fds_new(void);
/* Closes all descriptors; NULL is fine. */
void afi_fds_free(struct afi_fds *fds);

/* To be called before a read: makes room for a set. 0 or -ENOMEM. */
int afi_fds_prepare(struct af_file *file);
/*
 * To be called after a read of len bytes, 0 of an empty message, that brought n
 * descriptors; with more than the file may keep, they are closed. n 0: none
 * came.
 */
void afi_fds_add(struct af_file *file, size_t len, const int *fds, unsigned n);
/* Likewise, if descriptors came that the process had no room for. */
void afi_fds_add_lost(struct af_file *file, size_t len);

/* The first set; NULL: there is none. */
struct afi_fdset *afi_fds_first(const struct af_file *file);
/* How many buffered bytes are in front of a set. */
size_t afi_fds_before(const struct af_file *file, const struct afi_fdset *set);
/* Takes a set out, for afi_fdset_free(). */
void afi_fds_remove(struct af_file *file, struct afi_fdset *set);
/* Closes what is left of it, from the i-th on. */
void afi_fdset_close(struct afi_fdset *set, unsigned i);
/* Closes what is left of it, and frees it; NULL is fine. */
void afi_fdset_free(struct afi_fdset *set);

/*
 * Closes the sets of bytes that were taken; empty: also those of empty messages
 * in front of the next byte. Returns AFIO_FDS_DROPPED or 0.
 */
unsigned afi_fds_drop(struct af_file *file, bool empty);

#endif
