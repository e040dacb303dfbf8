/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table of all kinds of file: how to make a connected pair of each, and how
 * it differs from others. A row of an outcome table is a function that is
 * played on each kind.
 */
#ifndef TESTS_KINDS_H
#define TESTS_KINDS_H

#include "support/harness.h"

/* Differences because of which a row may not apply to a kind. */
enum trait {
	ONE_WAY = 1 << 0,    /* the reader cannot write back */
	FOREIGN = 1 << 1,    /* a bufferevent: no descriptor of its own */
	MESSAGES = 1 << 2,   /* a write is one message, of limited size */
	NO_EOF = 1 << 3,     /* no end of file after the writer has left */
	DROPS = 1 << 4,	     /* drops unread bytes when the writer leaves */
	NO_EPIPE = 1 << 5,   /* another error after the reader has left */
	MOVES_ON = 1 << 6,   /* has room for more bytes after a while */
	FIXED_BASE = 1 << 7, /* cannot move to the private base of a wait */
	NO_BUFFER = 1 << 8,  /* sends nothing before the other end reads */
	NO_RESET = 1 << 9,   /* no ECONNRESET when unread bytes are dropped */
	PTY = 1 << 10,	     /* one end is non-blocking while it is open */
	LAYERED = 1 << 11,   /* a layer of the program moves the bytes */
};

struct file_kind {
	const char *name;
	unsigned traits;
	/* Makes the files rig->reader and rig->writer. */
	void (*make)(struct rig *rig);
	/* What the writer does before it closes; may be NULL. */
	void (*say_goodbye)(struct rig *rig);
};

extern const struct file_kind file_kinds[];
extern const int n_file_kinds;

/* Plays a row on one kind, with every driver. */
void play_row(struct rig *rig, int kind, void (*row)(void));

void play_row_once(struct rig *rig, int kind, enum driver driver,
		   void (*row)(void));

/*
 * Plays a row once while another holds both ends. Their flags must be the same
 * after the files are closed and, where possible, all the time.
 */
void play_row_shared(struct rig *rig, int kind, void (*row)(void));
void expect_flags_unchanged(void);

/* The kind that the row is played on now. */
const struct file_kind *kind_played(void);

/*
 * ROW() defines a row, which uses the global rig. ADD_ROW() adds it to a test
 * case, for all kinds that have none of the traits.
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
 * Sends bytes from the writer in the background: some may not have left when
 * this returns. If the writer is closed before, the write may be -ECANCELED.
 */
void send_bytes(struct rig *rig, const void *data, size_t len);
void send_text(struct rig *rig, const char *text);
/* Closes the writer, after the kind's say_goodbye(). */
void leave(struct rig *rig);

/*
 * Expects len bytes of the pattern and, after the writer has left, nothing
 * more.
 */
void expect_arrival(struct rig *rig, size_t len, size_t offset);

#endif
