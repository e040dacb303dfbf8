/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The version of the linked library; that of the headers may differ.
 */
#include "config.h"

#include <asyncfile/version.h>

const char *af_version(void)
{
	return PACKAGE_VERSION;
}
