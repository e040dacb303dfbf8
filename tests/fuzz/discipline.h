/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of a terminal's line discipline, with the modes that the fuzz target
 * terminals sets: which bytes each side reads, and where the terminal has its
 * end of file.
 */
#ifndef TESTS_FUZZ_DISCIPLINE_H
#define TESTS_FUZZ_DISCIPLINE_H

#include <termios.h>

#include "fuzz/input.h"

#define MAX_BYTES (1 << 17)
#define MAX_ENDS 64
#define CTRL_D 4

/* What has been written to one side, as the other one will read it. */
struct way {
	char bytes[MAX_BYTES];
	size_t len, pos;       /* that will be read, and that were read */
	size_t ends[MAX_ENDS]; /* before these bytes there is an end of file */
	unsigned n_ends, ended;
};

static struct way to_tty, to_master;
static size_t line; /* bytes of the unfinished line */
static struct termios modes;

static inline void put(struct way *way, char c)
{
	must(way->len < MAX_BYTES);
	way->bytes[way->len++] = c;
}

/* As the terminal writes it: also its echo. */
static inline void put_out(char c)
{
	if (c == '\n' && modes.c_oflag & OPOST && modes.c_oflag & ONLCR)
		put(&to_master, '\r');
	put(&to_master, c);
}

/* As the terminal reads it. */
static inline void put_in(char c)
{
	bool whole = modes.c_lflag & ICANON;

	if (modes.c_iflag & ISTRIP)
		c &= 0x7f;
	if (c == '\r' && modes.c_iflag & IGNCR)
		return;
	if (c == '\r' && modes.c_iflag & ICRNL)
		c = '\n';
	else if (c == '\n' && modes.c_iflag & INLCR)
		c = '\r';
	if (whole && c == CTRL_D) {
		if (line == 0)
			to_tty.ends[to_tty.n_ends++] = to_tty.len;
		line = 0;
		return;
	}
	put(&to_tty, c);
	line = whole && c != '\n' ? line + 1 : 0;
	if (modes.c_lflag & ECHO)
		put_out(c);
}

/* How many bytes can be read before an end of file, or a line's rest. */
static inline size_t there(const struct way *way)
{
	size_t end = way->len - (way == &to_tty ? line : 0);

	if (way->ended < way->n_ends && way->ends[way->ended] < end)
		end = way->ends[way->ended];
	return end - way->pos;
}

static inline bool at_end(const struct way *way)
{
	return way->ended < way->n_ends && way->ends[way->ended] == way->pos;
}

static inline void forget(struct way *way)
{
	way->len = way->pos = way->n_ends = way->ended = 0;
}

#endif
