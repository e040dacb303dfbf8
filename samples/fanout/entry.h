/* SPDX-License-Identifier: BSD-3-Clause */
/* An entry of an array: a task, and what becomes of it. */
#ifndef FANOUT_ENTRY_H
#define FANOUT_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

struct af_future;
struct af_loop;
struct array_end;
struct task;

struct entry {
	struct task *task;
	size_t index;
	struct af_future *over; /* NULL: the entry has ended */
};

/** Ends an entry: with success if error is 0. */
void entry_end(struct entry *entry, int error);

/**
 * Gives the task its job, with the output that is in the folder, and ends the
 * entry.
 *
 * @param end   what the files say
 * @param error 0: the job ended by itself; 1: it was killed; or why it did not
 */
struct af_future *entry_read(struct entry *entry, struct af_loop *loop,
			     const char *folder, const struct array_end *end,
			     int error);

#endif
