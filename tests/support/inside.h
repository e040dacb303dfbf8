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

	if (path[0] != '\0')
		return path;
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

/* The step that a text of af_spawn_error() begins with, after its stage. */
static inline enum af_spawn_step step_of(const char *text)
{
	static const char *const words[] = {
		"",	     "option", "memory",      "pipe",	   "terminal",
		"open",	     "fd",     "clone",	      "setsid",	   "setpgid",
		"setgroups", "setgid", "setuid",      "setrlimit", "nice",
		"chdir",     "prctl",  "sigprocmask", "exec",
		"no_new_privs",	"ambient", "cgroup", "before_identity",
		"before_exec",
	};
	size_t n = sizeof words / sizeof *words, len;

	if (strncmp(text, "stage ", 6) == 0)
		text = strchr(text, ':') + 2;
	len = strcspn(text, " :");
	while (n-- > 0)
		if (strlen(words[n]) == len &&
		    strncmp(words[n], text, len) == 0)
			return (enum af_spawn_step)n;
	ck_abort_msg("no step: %s", text);
}

/* "STEP: what errno means", which C libraries say in words of their own. */
static inline const char *reason_of(const char *step, int error)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s: %s", step, strerror(error));
	return text;
}

/* Compares the text and the step of the loop's last start. */
static inline void expect_spawn_error(const struct rig *rig, const char *text)
{
	ck_assert_str_eq(af_spawn_error(rig->loop), text);
	ck_assert_int_eq(af_spawn_error_step(rig->loop), step_of(text));
}

/* Expects that a start fails, and the text and step of af_spawn_error(). */
static inline void expect_reason(struct rig *rig, const char *const argv[],
				 const struct af_spawn_options *options,
				 int error, const char *text)
{
	expect_refused(rig, argv, options, error);
	expect_spawn_error(rig, text);
}

#endif
