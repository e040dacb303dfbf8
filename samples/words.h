/* SPDX-License-Identifier: BSD-3-Clause */
/* Words: a command's argv, filled in for a line, quoted for a shell. */
#ifndef SAMPLES_WORDS_H
#define SAMPLES_WORDS_H

#include <stddef.h>

/** Stands for what words_fill() puts in. */
#define WORDS_HOLE "{}"

/**
 * A copy of the words, up to their NULL, with line for every hole; as one more
 * word where there is none. NULL without memory.
 */
char **words_fill(char *const words[], const char *line);

/** Frees such a copy. NULL is fine. */
void words_free(char **words);

/**
 * The words as a shell of POSIX reads them, in one string to be freed. NULL
 * without memory.
 */
char *words_quote(char *const words[]);

/** What words_split() splits at. */
#define WORDS_BLANKS " \t"

/**
 * The words between the blanks of text, which is changed, a NULL, and room for
 * so many more. The array is to be freed, the words are not. NULL without
 * memory.
 */
char **words_split(char *text, size_t room);

#endif
