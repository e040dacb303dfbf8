/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a request ends before its reply is whole. */
#ifndef CGI_WHY_H
#define CGI_WHY_H

#include <stdbool.h>

enum why {
	WHY_NOT, /* it does not */
	WHY_LEFT,
	WHY_NOT_FOUND,
	WHY_FORBIDDEN,
	WHY_MANY_FIELDS,
	WHY_NO_TURN,
	WHY_STOP,
	WHY_TROUBLE,
	WHY_NOT_STARTED,
	WHY_NO_HEAD,
	WHY_BAD_HEAD,
	WHY_LONG_HEAD,
	WHY_LATE,
	WHY_MUCH,
	WHY_KILLED,
};

/* The status of a reply that has not begun. */
int why_status(enum why why);
const char *why_text(enum why why);
/* Whether it is a fault of the program, for whoever wrote it. */
bool why_is_of_program(enum why why);

#endif
