/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages on stderr. A subject may be an item, with any bytes in it, so it is
 * shown as an item is shown on a terminal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "filter.h"
#include "message.h"

static bool colours;

void message_set_colour(bool colour)
{
	colours = colour;
}

static void print_subject(const char *subject)
{
	struct evbuffer *shown = evbuffer_new();

	if (!shown)
		return;
	filter_show(subject, shown);
	fwrite(evbuffer_pullup(shown, -1), 1, evbuffer_get_length(shown),
	       stderr);
	evbuffer_free(shown);
}

void message_text(const char *subject, const char *reason)
{
	fputs(colours ? "\033[31mfanout:\033[m " : "fanout: ", stderr);
	print_subject(subject);
	fprintf(stderr, ": %s\n", reason);
}

void message_error(const char *subject, int error)
{
	message_text(subject, strerror(abs(error)));
}
