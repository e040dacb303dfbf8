/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The acts of libasyncfile-tls: none without it.
 */
#ifndef TESTS_FAULTS_TLS_H
#define TESTS_FAULTS_TLS_H

#include "acts/acts.h"

/* Until one without a name. */
extern const struct act tls_acts[];

/* Makes the files that they need, in the working directory. */
void tls_acts_prepare(void);

#endif
