/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The addresses of a host and a service, by getaddrinfo(3). Knows no loop.
 */
#ifndef AFI_NET_NAMES_H
#define AFI_NET_NAMES_H

#include "net/address.h"

struct afi_names {
	size_t n;
	struct afi_address addresses[];
};

struct afi_names_query {
	const char *host; /* NULL: this machine's, or any if passive */
	const char *service;
	int family;
	int type; /* of the socket */
	bool passive;
	bool numeric; /* asks no name server and opens no file */
};

/* The text of afi_names_find() if it is the service that is not known. */
extern const char afi_names_no_service[];

/*
 * Whether the query makes sense: 0; -ENAMETOOLONG; or -EINVAL, for example
 * a Unix socket with a service.
 */
int afi_names_check(const struct afi_names_query *query);
/*
 * Finds the addresses, at least one, in the order of getaddrinfo(3) and each
 * once, in any thread; 0, and free(3) frees *ret. If not numeric, it may wait
 * for long. Or a negative errno: -ENOENT for an unknown name, -EAGAIN if no name
 * server answers. *text is a constant text for users, or NULL: that of the
 * errno.
 */
int afi_names_find(const struct afi_names_query *query, struct afi_names **ret,
		   const char **text);
/* Likewise, of a Unix socket. */
int afi_names_find_unix(const char *host, struct afi_names **ret);
/*
 * Puts addresses of two families in turns, that of the first one first, and
 * leaves the order within each as it is (RFC 8305, section 4).
 */
void afi_names_interleave(struct afi_names *names);

#endif
