/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_SOAKING_CROWD_H
#define TESTS_SOAKING_CROWD_H

/*
 * Has n children at once, each of which takes a line and gives it back; or as
 * many as can be started, then says why the next one cannot. The exit status.
 */
int crowd_run(unsigned long n);

#endif
