/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why the last start of a child failed, as text that the loop keeps.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile/process.h>

#include "process/failure.h"

__attribute__((format(printf, 1, 2))) static char *text(const char *format, ...)
{
	va_list args;
	char *result;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	result = malloc((size_t)len + 1);
	if (!result)
		return NULL;
	va_start(args, format);
	vsnprintf(result, (size_t)len + 1, format, args);
	va_end(args);
	return result;
}

void afi_failure_keep(struct af_loop *loop, const struct afi_failure *failure)
{
	char buf[64];
	const char *error;

	free(loop->spawn_error);
	loop->spawn_error = NULL;
	if (!failure)
		return;
	error = strerror_r(failure->error, buf, sizeof(buf));
	if (failure->name)
		loop->spawn_error =
			text("%s %s: %s", failure->step, failure->name, error);
	else if (failure->number != AFI_NO_NUMBER)
		loop->spawn_error = text("%s %ld: %s", failure->step,
					 failure->number, error);
	else
		loop->spawn_error = text("%s: %s", failure->step, error);
}

void afi_failure_in_stage(struct af_loop *loop, size_t stage)
{
	char *before = loop->spawn_error;

	if (!before)
		return;
	loop->spawn_error = text("stage %zu: %s", stage, before);
	free(before);
}

const char *af_spawn_error(const struct af_loop *loop)
{
	return loop && loop->spawn_error ? loop->spawn_error : "";
}
