/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers and texts on the command line. */
#ifndef FANOUT_NUMBER_H
#define FANOUT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/time.h>

/** Parses a whole number from 1 to 1,000,000. 0 if text is not one. */
size_t number_parse(const char *text);

/**
 * Parses a size in bytes: a number, and one of k, m, g (powers of 1000) or K,
 * M, G (of 1024). 0 if text is not one, or is too large.
 */
size_t number_parse_size(const char *text);

/** Parses seconds, above 0 or, with zero, from 0. */
bool number_parse_seconds(const char *text, bool zero, struct timeval *ret);

/**
 * Replaces \n, \t, \r, \0 and \\ by the byte that they mean, in place. Returns
 * the length.
 */
size_t text_unescape(char *text);

#endif
