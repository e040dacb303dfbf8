/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the functions in front of the C library's are made: ld --wrap has the
 * library call __wrap_NAME for NAME.
 */
#ifndef TESTS_FAULTS_WRAP_H
#define TESTS_FAULTS_WRAP_H

#include "faults/layer.h"

/* One that returns -1 with errno when it fails. */
#define WRAP(ret, name, params, args, errors, harmless)                        \
	ret __wrap_##name params;                                              \
	ret __wrap_##name params                                               \
	{                                                                      \
		enum fault f = MEET(name, errors, harmless);                   \
                                                                               \
		return f != FAULT_NONE ? (ret)faults_fail(f) : name args;      \
	}

/* One that returns an errno. */
#define WRAP_CODE(name, params, args, errors, harmless)                        \
	int __wrap_##name params;                                              \
	int __wrap_##name params                                               \
	{                                                                      \
		enum fault f = MEET(name, errors, harmless);                   \
                                                                               \
		return f != FAULT_NONE ? faults_errno(f) : name args;          \
	}

/* What a call that makes a descriptor may fail with. */
#define NO_DESCRIPTOR (ON(EMFILE) | ON(ENFILE) | ON(ENOMEM))

#endif
