/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef RUNWEB_JSON_H
#define RUNWEB_JSON_H

#include <stddef.h>

struct evbuffer;

/*
 * Appends bytes as a JSON string. What is not UTF-8 becomes U+FFFD, a byte at a
 * time. Returns 0, or -1 if memory is short.
 */
int json_string(struct evbuffer *to, const char *bytes, size_t len);

#endif
