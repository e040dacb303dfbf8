/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the dump of a loop says of an operation that is pending.
 */
#ifndef TESTS_DUMPED_H
#define TESTS_DUMPED_H

#include <stdio.h>
#include <string.h>

#include "support/harness.h"

/* Expects a text in it. */
#define expect_dumped(loop, ...)                                               \
	do {                                                                   \
		char text_[8192] = "", want_[300];                             \
		FILE *out_ = fmemopen(text_, sizeof text_ - 1, "w");           \
                                                                               \
		snprintf(want_, sizeof want_, __VA_ARGS__);                    \
		ck_assert_int_eq(af_loop_dump(loop, out_), 0);                 \
		fclose(out_);                                                  \
		ck_assert_msg(strstr(text_, want_), "no \"%s\" in\n%s", want_, \
			      text_);                                          \
	} while (0)

#endif
