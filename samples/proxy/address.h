/* SPDX-License-Identifier: BSD-3-Clause */
/* An address on the command line: HOST:PORT, [::1]:PORT, :PORT, /PATH, @NAME. */
#ifndef PROXY_ADDRESS_H
#define PROXY_ADDRESS_H

struct address {
	char *host;    /* as for af_listen() and af_connect(); may be NULL */
	char *service; /* NULL for a Unix socket */
};

/* Returns 0; -EINVAL; -ENOMEM. */
int address_parse(struct address *ret, const char *text);
void address_clear(struct address *address);

#endif
