/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of an error, in any thread.
 */
#ifndef AFI_BASE_ERRORTEXT_H
#define AFI_BASE_ERRORTEXT_H

#include <stddef.h>

/* Room for every such text. */
#define AFI_ERROR_TEXT 200

/* strerror(3) of an errno or of a negated one; perhaps written to buf. */
const char *afi_error_text(int error, char *buf, size_t size);

#endif
