/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The address of a socket, of any family, and its text.
 */
#ifndef AFI_NET_ADDRESS_H
#define AFI_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <asyncfile/net.h>

struct afi_address {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	};
};

/* Room for the text of every address, with the NUL at its end. */
#define AFI_ADDRESS_TEXT 512

/* Whether a host names a Unix socket: "/path" or "@name". */
bool afi_address_is_unix(const char *host);
/* The address that such a host names; 0 or -ENAMETOOLONG. */
int afi_address_unix(struct afi_address *address, const char *host);
/* A copy of one of the program's; 0 or -EINVAL. */
int afi_address_copy(struct afi_address *address, const struct sockaddr *sa,
		     socklen_t len);
/* Its text in buf, of AFI_ADDRESS_TEXT bytes, which is returned. */
const char *afi_address_put(char *buf, const struct afi_address *address);

#endif
