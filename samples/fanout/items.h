/* SPDX-License-Identifier: BSD-3-Clause */
/* The items: lines of files, arguments, or blocks, one for each job. */
#ifndef FANOUT_ITEMS_H
#define FANOUT_ITEMS_H

#include <stddef.h>
#include <stdint.h>

struct af_future;
struct af_loop;
struct block;
struct items;
struct plan;

/** An item. It belongs to the caller. */
struct item {
	char *text;	     /* of a block: its number */
	struct block *block; /* NULL without plan->pipe */
	size_t bytes;	     /* of the input */
};

/** NULL after a complaint. */
struct items *items_open(struct af_loop *loop, const struct plan *plan);

/** Reads the next item. Pass the future to items_take() when it is done. */
struct af_future *items_next(struct items *items);

/**
 * Takes the item that was read. Call it once for each future.
 *
 * @return 1: item is set; 0: the input has ended; -1 after a complaint, if the
 *         item could not be read or cannot be an argument
 */
int items_take(struct items *items, struct af_future *read, struct item *item);

void item_clear(struct item *item);

/**
 * Returns the size of the whole input in bytes; 0: unknown. It is known for
 * arguments, and once the last file is being read if that is on disk, or all of
 * it has arrived and less than 1 MiB of it is unread.
 */
uint64_t items_total(struct items *items);

/** NULL is fine. */
void items_close(struct items *items);

#endif
