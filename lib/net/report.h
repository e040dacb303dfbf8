/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What failed on the network, as a text for users: "SUBJECT: REASON; ...".
 */
#ifndef AFI_NET_REPORT_H
#define AFI_NET_REPORT_H

#include "net/address.h"
#include "net/lookup.h"

/* Begins as zeros; free(3) frees the text. */
struct afi_report {
	char *text; /* NULL: empty, or no memory */
	bool incomplete;
};

/* Adds what failed. text: the reason; NULL: that of the error. */
void afi_report_add(struct afi_report *report, const char *subject, int error,
		    const char *text);
void afi_report_address(struct afi_report *report,
			const struct afi_address *address, int error,
			const char *text);
/* A lookup that failed. */
void afi_report_found(struct afi_report *report, const struct afi_found *found);

#endif
