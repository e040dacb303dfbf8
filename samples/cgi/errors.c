/* SPDX-License-Identifier: BSD-3-Clause */
#include <asyncfile.h>

#include "../messages.h"
#include "errors.h"

static struct af_future *errors_write(struct af_future *line, void *arg)
{
	struct errors *errors = arg;
	const char *text;
	size_t len = 0;

	text = af_future_data(line, &len);
	errors->have_ended = len == 0;
	if (errors->have_ended)
		return NULL;
	return messages_line(errors->to, errors->name, text, len);
}

static struct af_future *errors_next(void *arg)
{
	struct errors *errors = arg;
	struct af_future *line;

	if (errors->have_ended)
		return NULL;
	line = af_file_readline(errors->from, MESSAGE_MAX, 0, 0, NULL);
	return af_finally(line, errors_write, errors);
}

/* One at a time. What cannot be written is lost, and the next one is read. */
struct af_future *errors_pass_on(struct errors *errors)
{
	return af_map(af_file_loop(errors->from), errors_next, errors, 1,
		      AFIO_SETTLE);
}
