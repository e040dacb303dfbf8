/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Puts the text of a failure together. Without memory there is none, rather than
 * a part of one.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/errortext.h"
#include "net/report.h"

void afi_report_add(struct afi_report *report, const char *subject, int error,
		    const char *text)
{
	char buf[AFI_ERROR_TEXT], *longer;
	size_t before = report->text ? strlen(report->text) : 0, size;

	if (report->incomplete)
		return;
	if (!text)
		text = afi_error_text(error, buf, sizeof(buf));
	/* With "; " and ": " and a NUL. */
	size = before + strlen(subject) + strlen(text) + 5;
	longer = realloc(report->text, size);
	if (!longer) {
		free(report->text);
		report->text = NULL;
		report->incomplete = true;
		return;
	}
	snprintf(longer + before, size - before, "%s%s: %s",
		 before > 0 ? "; " : "", subject, text);
	report->text = longer;
}

void afi_report_address(struct afi_report *report,
			const struct afi_address *address, int error,
			const char *text)
{
	char buf[AFI_ADDRESS_TEXT];

	afi_report_add(report, afi_address_put(buf, address), error, text);
}

/* What would spoil a log or a terminal is not repeated, nor what is too long. */
static void report_clean(char *subject)
{
	for (; *subject; subject++)
		if ((unsigned char)*subject < ' ' || *subject == 0x7f)
			*subject = '?';
}

void afi_report_found(struct afi_report *report, const struct afi_found *found)
{
	const struct afi_names_query *query = found->query;
	const char *host = query->host ? query->host : "localhost";
	char subject[AFI_ADDRESS_TEXT];

	if (found->text == afi_names_no_service)
		snprintf(subject, sizeof(subject), "%s:%s", host,
			 query->service);
	else
		snprintf(subject, sizeof(subject), "%s", host);
	report_clean(subject);
	afi_report_add(report, subject, found->error, found->text);
}
