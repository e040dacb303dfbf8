/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of an error, by strerror_r(3), which comes in two forms.
 */
#include "config.h"

#include <string.h>

#include "base/errortext.h"

#ifdef STRERROR_R_CHAR_P
static const char *errortext_get(int error, char *buf, size_t size)
{
	return strerror_r(error, buf, size);
}
#else
static const char *errortext_get(int error, char *buf, size_t size)
{
	return strerror_r(error, buf, size) == 0 ? buf : "unknown error";
}
#endif

const char *afi_error_text(int error, char *buf, size_t size)
{
	return errortext_get(error < 0 ? -error : error, buf, size);
}
