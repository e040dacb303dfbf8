/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding lines and passing them on, in place: 64 bytes at a time.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "file/each.h"
#include "file/newlines.h"

/*
 * So many bytes of lines are searched between two looks at the clock: far more
 * lines than it costs, and no more than matter if the next ones take long.
 */
#define WINDOW_MAX 8192

/*
 * A line up to end is longer than a piece may be: calls fn with all pieces but
 * the last one, which it returns. NULL: the operation has ended or waits.
 */
__attribute__((noinline)) static const char *
lines_hand_out_pieces(struct afi_each *each, struct af_file *file,
		      const char *data, const char *end, const char *stop)
{
	if (!each->gate) {
		afi_each_finish(each, -EMSGSIZE, 0);
		return NULL;
	}
	for (; (size_t)(end - data) > each->limit; data += each->limit)
		if (afi_each_hand_out(each, file, data, data + each->limit,
				      stop, AFIO_TRUNCATED))
			return NULL;
	return data;
}

__attribute__((noinline)) static uint64_t lines_find_last(const char *from,
							  const char *stop)
{
	char rest[AFI_NEWLINES] = { 0 };

	memcpy(rest, from, (size_t)(stop - from));
	return afi_newlines(rest);
}

/* The newlines of the next 64 bytes, or of those up to stop. */
static inline uint64_t lines_find(const char *from, const char *stop)
{
	return stop - from < AFI_NEWLINES ? lines_find_last(from, stop)
					  : afi_newlines(from);
}

/*
 * Where to go on after 64 bytes, or stop. If these were a part of a long line,
 * memchr(3) is faster.
 */
static inline const char *lines_next(const char *from, const char *stop,
				     bool is_long)
{
	if (stop - from <= AFI_NEWLINES)
		return stop;
	from += AFI_NEWLINES;
	if (is_long)
		from = memchr(from, '\n', (size_t)(stop - from));
	return from ? from : stop;
}

/*
 * Calls fn with every line that ends between from and until; the first one begins
 * at data. Returns where the next one does. NULL: the operation has ended or
 * waits. A function of its own, as then all that it needs is in registers.
 */
__attribute__((noinline)) static const char *
lines_hand_out(struct afi_each *each, struct af_file *file, const char *data,
	       const char *from, const char *until, const char *stop)
{
	while (from < until) {
		uint64_t found = lines_find(from, until);
		bool is_long = !found;

		for (; found; found &= found - 1) {
			const char *end = from + __builtin_ctzll(found) + 1;

			if ((size_t)(end - data) > each->limit) {
				data = lines_hand_out_pieces(each, file, data,
							     end, stop);
				if (!data)
					return NULL;
			}
			if (afi_each_hand_out(each, file, data, end, stop, 0))
				return NULL;
			data = end;
		}
		from = lines_next(from, until, is_long);
	}
	return data;
}

/* How far to search for lines before the clock is read again; NULL: poll. */
static const char *lines_window(struct afi_each *each, const char *from,
				const char *end, bool first)
{
	struct afi_turn *turn = &each->compound.future.loop->turn;
	size_t n = first ? afi_pace_begin(&each->pace, turn)
			 : afi_pace_next(&each->pace, turn, WINDOW_MAX);

	if (n == 0 || !afi_loop_is_here(each->compound.future.loop))
		return NULL;
	return (size_t)(end - from) > n ? from + n : end;
}

bool afi_each_lines(struct afi_each *each, struct af_file *file,
		    const char **data, const char *stop)
{
	const char *from = *data + each->scanned;
	const char *until = lines_window(each, from, stop, true);

	for (; until; until = lines_window(each, from, stop, false)) {
		*data = lines_hand_out(each, file, *data, from, until, stop);
		if (!*data)
			return true;
		from = until;
		if (until == stop)
			break;
	}
	each->scanned = (size_t)(from - *data);
	return !until;
}
