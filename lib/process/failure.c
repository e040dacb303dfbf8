/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a start of a child failed, as a step and a text: of the last start, kept by
 * its loop; and of one that a future stands for.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile/process.h>

#include "base/container.h"
#include "base/errortext.h"
#include "future/future.h"
#include "process/failure.h"

/* So much of a name is in the text: as long as a path can be. */
#define NAME_SHOWN 4096

struct afi_spawn_error {
	struct afi_member member;
	struct af_loop *loop; /* NULL: of a future, and no member of a loop */
	enum af_spawn_step step;
	char text[];
};

static const char *failure_name(enum af_spawn_step step)
{
	static const char *const failure_names[] = {
		[AFIO_STEP_NONE] = "",
		[AFIO_STEP_OPTION] = "option",
		[AFIO_STEP_MEMORY] = "memory",
		[AFIO_STEP_PIPE] = "pipe",
		[AFIO_STEP_TERMINAL] = "terminal",
		[AFIO_STEP_OPEN] = "open",
		[AFIO_STEP_FD] = "fd",
		[AFIO_STEP_CLONE] = "clone",
		[AFIO_STEP_SETSID] = "setsid",
		[AFIO_STEP_SETPGID] = "setpgid",
		[AFIO_STEP_SETGROUPS] = "setgroups",
		[AFIO_STEP_SETGID] = "setgid",
		[AFIO_STEP_SETUID] = "setuid",
		[AFIO_STEP_LIMIT] = "setrlimit",
		[AFIO_STEP_NICE] = "nice",
		[AFIO_STEP_CHDIR] = "chdir",
		[AFIO_STEP_DIE_WITH_PARENT] = "prctl",
		[AFIO_STEP_SIGNALS] = "sigprocmask",
		[AFIO_STEP_EXEC] = "exec",
		[AFIO_STEP_NO_NEW_PRIVS] = "no_new_privs",
		[AFIO_STEP_AMBIENT] = "ambient",
		[AFIO_STEP_CGROUP] = "cgroup",
		[AFIO_STEP_BEFORE_IDENTITY] = "before_identity",
		[AFIO_STEP_BEFORE_EXEC] = "before_exec",
	};

	return failure_names[step];
}

static void failure_orphan(struct afi_member *member)
{
	struct afi_spawn_error *error =
		AFI_CONTAINER(member, struct afi_spawn_error, member);

	afi_loop_leave(&error->loop->last, member);
	error->loop->spawn_error = NULL;
	free(error);
}

/* Makes a text; NULL: no memory. */
__attribute__((format(printf, 2, 3))) static struct afi_spawn_error *
failure_format(enum af_spawn_step step, const char *format, ...)
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
	error->loop = NULL;
	error->step = step;
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
	const char *error, *step;

	if (!failure) {
		failure_set(loop, NULL);
		return;
	}
	step = failure_name(failure->step);
	error = afi_error_text(failure->error, buf, sizeof(buf));
	if (failure->name)
		kept = failure_format(failure->step, "%s %.*s: %s", step,
				      NAME_SHOWN, failure->name, error);
	else if (failure->number != AFI_NO_NUMBER)
		kept = failure_format(failure->step, "%s %ld: %s", step,
				      failure->number, error);
	else
		kept = failure_format(failure->step, "%s: %s", step, error);
	failure_set(loop, kept);
}

void afi_failure_in_stage(struct af_loop *loop, size_t stage,
			  const struct afi_spawn_error *error)
{
	failure_set(loop, error ? failure_format(error->step, "stage %zu: %s",
						 stage, error->text)
				: NULL);
}

struct afi_spawn_error *afi_failure_copy(const struct af_loop *loop)
{
	const struct afi_spawn_error *error = loop->spawn_error;

	return error ? failure_format(error->step, "%s", error->text) : NULL;
}

const struct afi_spawn_error *afi_failure_of(const struct af_future *f)
{
	if (!f || !f->done)
		return NULL;
	/* It may have its result from another. */
	f = f->source ? f->source : f;
	return f->ops && f->ops->spawn_error ? f->ops->spawn_error(f) : NULL;
}

const char *af_spawn_error(const struct af_loop *loop)
{
	return loop && loop->spawn_error ? loop->spawn_error->text : "";
}

enum af_spawn_step af_spawn_error_step(const struct af_loop *loop)
{
	return loop && loop->spawn_error ? loop->spawn_error->step
					 : AFIO_STEP_NONE;
}

const char *af_future_spawn_error(const struct af_future *f)
{
	const struct afi_spawn_error *error = afi_failure_of(f);

	return error ? error->text : "";
}

enum af_spawn_step af_future_spawn_step(const struct af_future *f)
{
	const struct afi_spawn_error *error = afi_failure_of(f);

	return error ? error->step : AFIO_STEP_NONE;
}
