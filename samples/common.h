/* SPDX-License-Identifier: BSD-3-Clause */
/* What the samples share: messages, standard streams, children, SHA-1. */
#ifndef SAMPLES_COMMON_H
#define SAMPLES_COMMON_H

#include <stddef.h>

struct af_file;
struct af_future;
struct af_loop;
struct af_pipe;

/** For messages; every sample defines its own. */
extern char program_name[];

/** Prints "program: subject: reason". error is an errno, negated or not. */
void complain(const char *subject, int error);

/** As complain(), about a wait status that is not success. */
void complain_status(const char *subject, int status);

/** After a wrong command line. Returns 2, the exit status for that. */
int usage_error(const char *reason);

/**
 * Fills the places of closed standard streams, so that no file opened later
 * becomes 0, 1 or 2 by accident. Reading or writing them is EBADF as before.
 */
void hold_standard_streams(void);

/** Prints text and closes stdout; 0 or -1 as close_stdout(). */
int print_help(const char *text);

/**
 * Begins main() where --help is the only option: standard streams, name,
 * options. Returns the exit status if that was all, or -1: go on with
 * argv[optind].
 */
int begin(int argc, char *argv[], const char *help_text);

/** Ends main(): the exit status. r is negative if something failed. */
int end(int r);

/** Closes stdout. Returns 0; or complains and returns -1 if it lost output. */
int close_stdout(void);

/** A path as messages have it: "-" is stdin. */
const char *input_name(const char *path);

/** Opens what is to be read; "-" is stdin. NULL after a complaint. */
struct af_file *open_input(struct af_loop *loop, const char *path);

/** As af_await(), and drops the reference. */
int await_once(struct af_future *f);

/** Ends every stage that still runs, waits for all, closes. NULL is fine. */
void end_pipe(struct af_pipe *pipe);

#define SHA1_DIGITS 40

/** Starts sha1sum between two pipes. NULL after a complaint. */
struct af_pipe *spawn_sha1sum(struct af_loop *loop);

/**
 * Copies the digits from a line that sha1sum printed. Returns 0, or -EBADMSG
 * and an empty string if that is no such line.
 */
int parse_sha1(const char *line, size_t len, char sum[SHA1_DIGITS + 1]);

#endif
