/* SPDX-License-Identifier: BSD-3-Clause */
/* What --help and --version print. */
#ifndef FANOUT_USAGE_H
#define FANOUT_USAGE_H

extern const char usage_text[], usage_version[];

#endif
