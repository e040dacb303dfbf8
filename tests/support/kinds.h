/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every kind of file that there is: a table of how to make a connected pair of
 * it, and of what is peculiar to it. A row of an outcome table is a function
 * that is played on each of them.
 */
#ifndef TESTS_KINDS_H
#define TESTS_KINDS_H

#include "support/harness.h"

/* What keeps a row from applying to a kind. */
enum trait {
	ONE_WAY = 1 << 0,    /* the reader cannot write back */
	FOREIGN = 1 << 1,    /* a bufferevent: no descriptor of its own */
	MESSAGES = 1 << 2,   /* a write is one message, and not too large */
	NO_EOF = 1 << 3,     /* nobody says that the writer left */
	DROPS = 1 << 4,	     /* what was not read when the writer leaves */
	NO_EPIPE = 1 << 5,   /* that the reader left is said otherwise */
	MOVES_ON = 1 << 6,   /* after a while there is room for some more */
	FIXED_BASE = 1 << 7, /* cannot go to the private base of a wait */
	NO_BUFFER = 1 << 8,  /* nothing leaves before somebody reads */
	NO_RESET = 1 << 9,   /* no ECONNRESET when unread bytes are dropped */
	PTY = 1 << 10,	     /* one end is non-blocking while it is open */
};

struct file_kind {
	const char *name;
	unsigned traits;
	/* Makes the files rig->reader and rig->writer. */
	void (*make)(struct rig *rig);
	/* What the writer's side says before it goes; may be NULL. */
	void (*say_goodbye)(struct rig *rig);
};

extern const struct file_kind file_kinds[];
extern const int n_file_kinds;

/* Plays a row on one kind, with every way of waiting. */
void play_row(struct rig *rig, int kind, void (*row)(void));

void play_row_once(struct rig *rig, int kind, enum driver driver,
		   void (*row)(void));

/*
 * Once, while another holds both ends, whose flags are the same after
 * the files are closed; and, where that can be, all the time.
 */
void play_row_shared(struct rig *rig, int kind, void (*row)(void));
void expect_flags_unchanged(void);

/* The kind that is being played. */
const struct file_kind *kind_played(void);

/*
 * A row of a table, which uses the global rig; and its place in a test case, on
 * all kinds that have none of the traits.
 */
#define ROW(name)                                                              \
	static void name##_row(void);                                          \
	START_TEST(name)                                                       \
	{                                                                      \
		play_row(&rig, _i, name##_row);                                \
	}                                                                      \
	END_TEST                                                               \
	static void name##_row(void)
#define ADD_ROW(tc, name, but)                                                 \
	for (int kind_ = 0; kind_ < n_file_kinds; kind_++)                     \
		if (!(file_kinds[kind_].traits & (but)))                       \
			tcase_add_loop_test(tc, name, kind_, kind_ + 1);

/*
 * Has the writer send these bytes, in the background: they are in its hands, or
 * on their way, when this returns. What remained of them when it was closed
 * counts as long as it is sent, which rig_close() checks.
 */
void send_bytes(struct rig *rig, const void *data, size_t len);
void send_text(struct rig *rig, const char *text);
/* Closes the writer in a polite way. */
void leave(struct rig *rig);

/*
 * Expects that so much of the pattern arrives, and then, after the writer left,
 * nothing more.
 */
void expect_arrival(struct rig *rig, size_t len, size_t offset);

#endif
