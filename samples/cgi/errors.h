/* SPDX-License-Identifier: BSD-3-Clause */
/* What a program writes to stderr goes to that of the server, line by line. */
#ifndef CGI_ERRORS_H
#define CGI_ERRORS_H

#include <stdbool.h>

struct af_file;
struct af_future;

struct errors {
	struct af_file *from, *to;
	const char *name; /* of the program */
	bool have_ended;
};

/* Returns a future that is done when there are no more. */
struct af_future *errors_pass_on(struct errors *errors);

#endif
