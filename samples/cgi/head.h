/* SPDX-License-Identifier: BSD-3-Clause */
/* The header that a program writes before its output (RFC 3875, section 6). */
#ifndef CGI_HEAD_H
#define CGI_HEAD_H

#include <stddef.h>

struct evkeyvalq;

struct head {
	int status;
	char reason[64]; /* empty: the usual one */
};

/*
 * Reads a header, and adds its fields to those of a reply.
 *
 * | the program writes              | then                                    |
 * |---------------------------------|-----------------------------------------|
 * | Status, 200 to 599              | that is the status; otherwise 200, or 302
 *                                     with Location                           |
 * | Location, also one that is only
 *   a path                          | the client follows it                   |
 * | Content-Length, and fields of
 *   the connection                  | they are dropped: the server itself says
 *                                     where the reply ends                    |
 * | none of Status, Content-Type
 *   and Location, or one twice      | -EBADMSG                                |
 * | a line that is no field, or has
 *   control characters              | -EBADMSG: it could end the header of the
 *                                     reply early                             |
 *
 * Returns 0; -EBADMSG; -ENOMEM. After a failure, some fields may be added.
 */
int head_parse(const char *text, size_t len, struct evkeyvalq *fields,
	       struct head *ret);

#endif
