/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a listener could not be made, as text for af_listen_error().
 */
#ifndef AFI_NET_LISTEN_ERROR_H
#define AFI_NET_LISTEN_ERROR_H

#include "loop/loop.h"
#include "net/address.h"

struct afi_listen_failure {
	const char *step;		/* "bind"; NULL: only the subject */
	char subject[AFI_ADDRESS_TEXT]; /* what it was about; "": nothing */
	int error;			/* as in errno */
	const char *text;		/* a constant; NULL: that of error */
};

/* All fill it in and return -error; the subject is cut if it is too long. */
int afi_listen_fail(struct afi_listen_failure *failure, const char *step,
		    const char *subject, int error);
int afi_listen_fail_text(struct afi_listen_failure *failure, const char *step,
			 const char *subject, int error, const char *text);
int afi_listen_fail_address(struct afi_listen_failure *failure,
			    const char *step, const struct afi_address *address,
			    int error);
/* The whole text, which free(3) frees; NULL: no memory. */
char *afi_listen_failure_text(const struct afi_listen_failure *failure);
/* The loop's text is now this one, or (NULL) none. */
void afi_listen_error_keep(struct af_loop *loop,
			   const struct afi_listen_failure *failure);

#endif
