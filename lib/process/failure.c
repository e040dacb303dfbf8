/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why the last start of a child failed, as text that lives as long as the loop.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile/process.h>

#include "base/container.h"
#include "process/failure.h"

struct afi_spawn_error {
	struct afi_member member;
	struct af_loop *loop;
	char text[];
};

static void failure_orphan(struct afi_member *member)
{
	struct afi_spawn_error *error =
		AFI_CONTAINER(member, struct afi_spawn_error, member);

	afi_loop_leave(&error->loop->last, member);
	error->loop->spawn_error = NULL;
	free(error);
}

/* Makes a text; NULL: no memory. */
__attribute__((format(printf, 1, 2))) static struct afi_spawn_error *
failure_format(const char *format, ...)
{
	struct afi_spawn_error *error;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	error = malloc(sizeof(*error) + (size_t)len + 1);
	if (!error)
		return NULL;
	va_start(args, format);
	vsnprintf(error->text, (size_t)len + 1, format, args);
	va_end(args);
	return error;
}

/* Makes a text, or NULL, the loop's in place of the one before. */
static void failure_set(struct af_loop *loop, struct afi_spawn_error *error)
{
	if (loop->spawn_error)
		failure_orphan(&loop->spawn_error->member);
	if (!error)
		return;
	error->loop = loop;
	loop->spawn_error = error;
	afi_loop_join(&loop->last, &error->member, failure_orphan);
}

void afi_failure_keep(struct af_loop *loop, const struct afi_failure *failure)
{
	struct afi_spawn_error *kept;
	char buf[64];
	const char *error;

	if (!failure) {
		failure_set(loop, NULL);
		return;
	}
	error = strerror_r(failure->error, buf, sizeof(buf));
	if (failure->name)
		kept = failure_format("%s %s: %s", failure->step, failure->name,
				      error);
	else if (failure->number != AFI_NO_NUMBER)
		kept = failure_format("%s %ld: %s", failure->step,
				      failure->number, error);
	else
		kept = failure_format("%s: %s", failure->step, error);
	failure_set(loop, kept);
}

void afi_failure_in_stage(struct af_loop *loop, size_t stage)
{
	const struct afi_spawn_error *error = loop->spawn_error;

	if (error)
		failure_set(loop, failure_format("stage %zu: %s", stage,
						 error->text));
}

const char *af_spawn_error(const struct af_loop *loop)
{
	return loop && loop->spawn_error ? loop->spawn_error->text : "";
}
