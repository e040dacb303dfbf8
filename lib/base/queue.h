/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked lists inside the structs that are in them: those macros of the BSDs'
 * <sys/queue.h> that the library uses, with the same names and fields. Not every
 * C library has that header, and those that have it differ. A LIST needs only
 * the entry to take something out of it; a TAILQ has an end to add to, too.
 */
#ifndef AFI_BASE_QUEUE_H
#define AFI_BASE_QUEUE_H

#include <stddef.h>

/* A header of the system or of libevent may have brought its own. */
#undef LIST_HEAD
#undef LIST_ENTRY
#undef LIST_INIT
#undef LIST_EMPTY
#undef LIST_FIRST
#undef LIST_NEXT
#undef LIST_FOREACH
#undef LIST_INSERT_HEAD
#undef LIST_REMOVE
#undef TAILQ_HEAD
#undef TAILQ_ENTRY
#undef TAILQ_INIT
#undef TAILQ_EMPTY
#undef TAILQ_FIRST
#undef TAILQ_NEXT
#undef TAILQ_FOREACH
#undef TAILQ_INSERT_HEAD
#undef TAILQ_INSERT_TAIL
#undef TAILQ_REMOVE

#define LIST_HEAD(name, type)                                                  \
	struct name {                                                          \
		struct type *lh_first;                                         \
	}
/* le_prev: the pointer to this one, of the one before or of the head. */
#define LIST_ENTRY(type)                                                       \
	struct {                                                               \
		struct type *le_next;                                          \
		struct type **le_prev;                                         \
	}

#define LIST_INIT(head) ((head)->lh_first = NULL)
#define LIST_FIRST(head) ((head)->lh_first)
#define LIST_EMPTY(head) (!(head)->lh_first)
#define LIST_NEXT(item, field) ((item)->field.le_next)
#define LIST_FOREACH(item, head, field)                                        \
	for ((item) = LIST_FIRST(head); (item); (item) = LIST_NEXT(item, field))

#define LIST_INSERT_HEAD(head, item, field)                                    \
	do {                                                                   \
		(item)->field.le_next = (head)->lh_first;                      \
		if ((head)->lh_first)                                          \
			(head)->lh_first->field.le_prev =                      \
				&(item)->field.le_next;                        \
		(head)->lh_first = (item);                                     \
		(item)->field.le_prev = &(head)->lh_first;                     \
	} while (0)
#define LIST_REMOVE(item, field)                                               \
	do {                                                                   \
		if ((item)->field.le_next)                                     \
			(item)->field.le_next->field.le_prev =                 \
				(item)->field.le_prev;                         \
		*(item)->field.le_prev = (item)->field.le_next;                \
	} while (0)

/* tqh_last: where the pointer to the next one to be added belongs. */
#define TAILQ_HEAD(name, type)                                                 \
	struct name {                                                          \
		struct type *tqh_first;                                        \
		struct type **tqh_last;                                        \
	}
#define TAILQ_ENTRY(type)                                                      \
	struct {                                                               \
		struct type *tqe_next;                                         \
		struct type **tqe_prev;                                        \
	}

#define TAILQ_INIT(head)                                                       \
	do {                                                                   \
		(head)->tqh_first = NULL;                                      \
		(head)->tqh_last = &(head)->tqh_first;                         \
	} while (0)
#define TAILQ_FIRST(head) ((head)->tqh_first)
#define TAILQ_EMPTY(head) (!(head)->tqh_first)
#define TAILQ_NEXT(item, field) ((item)->field.tqe_next)
#define TAILQ_FOREACH(item, head, field)                                       \
	for ((item) = TAILQ_FIRST(head); (item);                               \
	     (item) = TAILQ_NEXT(item, field))

#define TAILQ_INSERT_HEAD(head, item, field)                                   \
	do {                                                                   \
		(item)->field.tqe_next = (head)->tqh_first;                    \
		if ((head)->tqh_first)                                         \
			(head)->tqh_first->field.tqe_prev =                    \
				&(item)->field.tqe_next;                       \
		else                                                           \
			(head)->tqh_last = &(item)->field.tqe_next;            \
		(head)->tqh_first = (item);                                    \
		(item)->field.tqe_prev = &(head)->tqh_first;                   \
	} while (0)
#define TAILQ_INSERT_TAIL(head, item, field)                                   \
	do {                                                                   \
		(item)->field.tqe_next = NULL;                                 \
		(item)->field.tqe_prev = (head)->tqh_last;                     \
		*(head)->tqh_last = (item);                                    \
		(head)->tqh_last = &(item)->field.tqe_next;                    \
	} while (0)
#define TAILQ_REMOVE(head, item, field)                                        \
	do {                                                                   \
		if ((item)->field.tqe_next)                                    \
			(item)->field.tqe_next->field.tqe_prev =               \
				(item)->field.tqe_prev;                        \
		else                                                           \
			(head)->tqh_last = (item)->field.tqe_prev;             \
		*(item)->field.tqe_prev = (item)->field.tqe_next;              \
	} while (0)

#endif
