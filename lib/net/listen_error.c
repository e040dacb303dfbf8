/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a listener could not be made: the step, the address and the error. The
 * text of the last one is kept by its loop.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile/listener.h>

#include "base/container.h"
#include "base/errortext.h"
#include "net/listen_error.h"

struct afi_listen_error {
	struct afi_member member;
	struct af_loop *loop;
	char *text;
};

int afi_listen_fail_text(struct afi_listen_failure *failure, const char *step,
			 const char *subject, int error, const char *text)
{
	failure->step = step;
	failure->error = error;
	failure->text = text;
	snprintf(failure->subject, sizeof(failure->subject), "%s",
		 subject ? subject : "");
	return -error;
}

int afi_listen_fail(struct afi_listen_failure *failure, const char *step,
		    const char *subject, int error)
{
	return afi_listen_fail_text(failure, step, subject, error, NULL);
}

int afi_listen_fail_address(struct afi_listen_failure *failure,
			    const char *step, const struct afi_address *address,
			    int error)
{
	char text[AFI_ADDRESS_TEXT];

	return afi_listen_fail(failure, step, afi_address_put(text, address),
			       error);
}

char *afi_listen_failure_text(const struct afi_listen_failure *failure)
{
	char buf[AFI_ERROR_TEXT];
	const char *step = failure->step ? failure->step : "";
	const char *space = *step && failure->subject[0] ? " " : "";
	const char *error = failure->text;
	char *text;
	int len;

	if (!error)
		error = afi_error_text(failure->error, buf, sizeof(buf));
	len = snprintf(NULL, 0, "%s%s%s: %s", step, space, failure->subject,
		       error);
	text = malloc((size_t)len + 1);
	if (text)
		snprintf(text, (size_t)len + 1, "%s%s%s: %s", step, space,
			 failure->subject, error);
	return text;
}

static void listen_error_orphan(struct afi_member *member)
{
	struct afi_listen_error *error =
		AFI_CONTAINER(member, struct afi_listen_error, member);

	afi_loop_leave(&error->loop->last, member);
	error->loop->listen_error = NULL;
	free(error->text);
	free(error);
}

static struct afi_listen_error *
listen_error_new(const struct afi_listen_failure *failure)
{
	struct afi_listen_error *error = calloc(1, sizeof(*error));

	if (!error)
		return NULL;
	error->text = afi_listen_failure_text(failure);
	if (error->text)
		return error;
	free(error);
	return NULL;
}

void afi_listen_error_keep(struct af_loop *loop,
			   const struct afi_listen_failure *failure)
{
	struct afi_listen_error *error;

	if (loop->listen_error)
		listen_error_orphan(&loop->listen_error->member);
	if (!failure)
		return;
	error = listen_error_new(failure);
	if (!error)
		return;
	error->loop = loop;
	loop->listen_error = error;
	afi_loop_join(&loop->last, &error->member, listen_error_orphan);
}

const char *af_listen_error(const struct af_loop *loop)
{
	return loop && loop->listen_error ? loop->listen_error->text : "";
}
