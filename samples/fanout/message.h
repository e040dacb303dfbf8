/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages on stderr. */
#ifndef FANOUT_MESSAGE_H
#define FANOUT_MESSAGE_H

#include <stdbool.h>

/** How messages look: set once. Colours are off until then. */
void message_set_colour(bool colour);

/**
 * Prints "fanout: subject: reason". Control characters of the subject are shown
 * as ^X. error is an errno, negated or not.
 */
void message_error(const char *subject, int error);

/** The same with any reason. */
void message_text(const char *subject, const char *reason);

#endif
