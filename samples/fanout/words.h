/* SPDX-License-Identifier: BSD-3-Clause */
/* Words: a command's argv, filled in for an item, quoted for a shell. */
#ifndef FANOUT_WORDS_H
#define FANOUT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** What replaces the holes. */
struct filling {
	const char *item; /* {}, and its parts: {.} {/} {//} {/.} */
	size_t number;	  /* {#} */
	size_t slot;	  /* {%} */
};

/** Whether one of the words, which end with NULL, has a hole. */
bool words_have_hole(char *const words[]);

/**
 * Copies the words, and replaces the holes.
 *
 * @param append whether to add the item as the last word
 * @return the copy; NULL if memory ran out
 */
char **words_fill(char *const words[], const struct filling *filling,
		  bool append);

/**
 * Makes the argv of a shell that runs the words, joined by spaces, as a script.
 * What replaces a hole is quoted. Without words, the item is the script.
 */
char **words_fill_script(char *const words[], const struct filling *filling,
			 bool append);

/** Frees such a copy. NULL is fine. */
void words_free(char **words);

/** Writes text, quoted for a POSIX shell if it must be. */
void words_print_quoted(FILE *out, const char *text);

/**
 * Returns the words quoted for a POSIX shell, in one string, which the caller
 * must free. NULL if memory ran out.
 */
char *words_quote(char *const words[]);

/** The same in one line without control characters, as bash understands it. */
char *words_show(char *const words[]);

/** The characters at which words_split() splits. */
#define WORDS_BLANKS " \t"

/**
 * Splits text at blanks, in place. Returns an array of the words, a NULL, and
 * room for room more words. The caller must free the array, but not the words.
 * NULL if memory ran out.
 */
char **words_split(char *text, size_t room);

/** Returns how many words there are, without the NULL at their end. */
size_t words_count(char *const words[]);

#endif
