/* SPDX-License-Identifier: BSD-3-Clause */
/* Words: a command's argv, filled in for a line, quoted for a shell. */
#ifndef SAMPLES_WORDS_H
#define SAMPLES_WORDS_H

#include <stddef.h>

/** words_fill() replaces this with the line. */
#define WORDS_HOLE "{}"

/**
 * Copies the words, which end with NULL, and replaces every hole with line; if
 * there is no hole, adds line as the last word. NULL if memory ran out.
 */
char **words_fill(char *const words[], const char *line);

/** Frees such a copy. NULL is fine. */
void words_free(char **words);

/**
 * Returns the words quoted for a POSIX shell, in one string, which the caller
 * must free. NULL if memory ran out.
 */
char *words_quote(char *const words[]);

/** The characters at which words_split() splits. */
#define WORDS_BLANKS " \t"

/**
 * Splits text at blanks, in place. Returns an array of the words, a NULL, and
 * room for room more words. The caller must free the array, but not the words.
 * NULL if memory ran out.
 */
char **words_split(char *text, size_t room);

#endif
