/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The version of the library that is linked, as opposed to that of its headers.
 */
#include "config.h"

#include <asyncfile/version.h>

const char *af_version(void)
{
	return PACKAGE_VERSION;
}
