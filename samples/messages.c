/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <asyncfile.h>

#include "common.h"
#include "messages.h"

#define NAME_MAX_LENGTH 255

struct af_file *messages_open(struct af_loop *loop)
{
	return af_file_new(loop, STDERR_FILENO, AFIO_KEEP_FD);
}

struct af_future *messages_line(struct af_file *to, const char *name,
				const char *text, size_t len)
{
	static const struct timeval patience = { .tv_sec = 1 };
	char line[NAME_MAX_LENGTH + MESSAGE_MAX + 64];
	size_t i, n;

	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > MESSAGE_MAX)
		len = MESSAGE_MAX;
	n = (size_t)snprintf(line, sizeof(line) - MESSAGE_MAX,
			     "%s: %.*s: ", program_name, NAME_MAX_LENGTH, name);
	memcpy(line + n, text, len);
	n += len;
	for (i = 0; i < n; i++)
		if (iscntrl((unsigned char)line[i]) && line[i] != '\t')
			line[i] = '?';
	line[n++] = '\n';
	return af_file_write(to, line, n, AFIO_FULL, &patience);
}

void messages_write(struct af_file *to, const char *name, const char *text)
{
	af_future_unref(messages_line(to, name, text, strlen(text)));
}
