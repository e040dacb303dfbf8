/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_SOAKING_SERVER_H
#define TESTS_SOAKING_SERVER_H

/* Runs the base under load for so long; then nothing is under way. */
void server_run(unsigned seconds);

#endif
