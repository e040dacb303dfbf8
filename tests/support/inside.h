/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks a child about its own state, by the program inside.c.
 */
#ifndef TESTS_INSIDE_H
#define TESTS_INSIDE_H

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/children.h"

/* An argv of that program, beside the helper; valid until the block's end. */
#define ASK(...) ((const char *const[]){ inside_path(), __VA_ARGS__, NULL })

static inline const char *inside_path(void)
{
	static char path[PATH_MAX];
	const char *helper = helper_path();
	int len = (int)(strrchr(helper, '/') - helper);

	snprintf(path, sizeof path, "%.*s/inside", len, helper);
	ck_assert_msg(access(path, X_OK) == 0, "%s: %s", path, strerror(errno));
	return path;
}

/* Whether a test that needs root can run; prints a line if not. */
static inline bool is_root(void)
{
	if (geteuid() == 0)
		return true;
	fprintf(stderr, "skipped: only root may\n");
	return false;
}

/* Expects that a start fails, and the text of af_spawn_error(). */
static inline void expect_reason(struct rig *rig, const char *const argv[],
				 const struct af_spawn_options *options,
				 int error, const char *text)
{
	expect_refused(rig, argv, options, error);
	ck_assert_str_eq(af_spawn_error(rig->loop), text);
}

#endif
