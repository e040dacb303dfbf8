/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the soak runs: a folder of its own, and the path of its helper. */
#ifndef TESTS_SOAKING_PLACE_H
#define TESTS_SOAKING_PLACE_H

/* Enters a new folder, which is removed when the program exits. */
void place_enter(void);
/* The absolute path of tests/support/helper, beside this program. */
const char *place_helper(const char *program);

#endif
