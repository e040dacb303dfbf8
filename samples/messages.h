/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages of a server to its stderr, each with a name in front. A stderr that
 * nobody reads does not hold up the loop: what it does not take within a second
 * is lost.
 */
#ifndef SAMPLES_MESSAGES_H
#define SAMPLES_MESSAGES_H

#include <stddef.h>

struct af_file;
struct af_future;
struct af_loop;

/** What is longer is cut. */
#define MESSAGE_MAX 1024

/** Opens the server's stderr. NULL with errno. */
struct af_file *messages_open(struct af_loop *loop);

/** Writes "PROGRAM: NAME: TEXT", without control characters. */
struct af_future *messages_line(struct af_file *to, const char *name,
				const char *text, size_t len);

/** The same, where nobody waits for it. */
void messages_write(struct af_file *to, const char *name, const char *text);

#endif
