/* SPDX-License-Identifier: BSD-3-Clause */
/* Used by all samples: messages, standard streams, children, SHA-1. */
#ifndef SAMPLES_COMMON_H
#define SAMPLES_COMMON_H

#include <stddef.h>

struct af_file;
struct af_future;
struct af_loop;
struct af_pipe;

/** The name in messages; each sample defines it. */
extern char program_name[];

/** Prints "program: subject: reason". error is an errno, negated or not. */
void complain(const char *subject, int error);

/** Like complain(), for what is no errno. */
void complain_text(const char *subject, const char *reason);

/** Like complain(), for a wait status other than success. */
void complain_status(const char *subject, int status);

/** Reports a wrong command line. Returns 2, the exit status for that. */
int usage_error(const char *reason);

/**
 * Opens closed standard streams, so that no file opened later gets descriptor
 * 0, 1 or 2. Reading or writing such a stream still fails with EBADF.
 */
void hold_standard_streams(void);

/** Prints text and closes stdout. Returns what close_stdout() does. */
int print_help(const char *text);

/**
 * Begins main() of a sample whose only option is --help: sets up the standard
 * streams and the name, and parses the options. Returns the exit status if the
 * program must exit now; or -1, and the arguments begin at argv[optind].
 */
int begin(int argc, char *argv[], const char *help_text);

/** Returns main()'s exit status. r is negative if something failed. */
int end(int r);

/** Closes stdout. Returns 0; or -1 after a complaint if output was lost. */
int close_stdout(void);

/** Returns the name to use in messages: "stdin" for "-", else path. */
const char *input_name(const char *path);

/** Opens a file for reading; "-" is stdin. NULL after a complaint. */
struct af_file *open_input(struct af_loop *loop, const char *path);

/** af_await(), and then drops the reference. */
int await_once(struct af_future *f);

/** Programs that the sample starts do not inherit this descriptor. */
void close_on_exec(int fd);

/** Stops the stages that still run, waits for all, closes. NULL is fine. */
void end_pipe(struct af_pipe *pipe);

#define SHA1_DIGITS 40

/** Starts sha1sum with pipes to stdin and stdout. NULL after a complaint. */
struct af_pipe *spawn_sha1sum(struct af_loop *loop);

/**
 * Copies the digits from a line that sha1sum printed. Returns 0; or -EBADMSG,
 * with an empty string in sum, if the line does not begin with a SHA-1.
 */
int parse_sha1(const char *line, size_t len, char sum[SHA1_DIGITS + 1]);

#endif
