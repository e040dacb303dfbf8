/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line. */
#ifndef FANOUT_OPTIONS_H
#define FANOUT_OPTIONS_H

struct plan;

/** The exit status for a wrong command line and for errors of our own. */
#define STATUS_ERROR 255

/**
 * Parses the command line into a plan, which must be zero and borrows from it.
 *
 * @return 0; or -1 after a complaint. Does not return after --help.
 */
int options_parse(struct plan *plan, int argc, char *argv[]);

void options_free(struct plan *plan);

#endif
