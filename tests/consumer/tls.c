/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program of a user with both libraries.
 */
#include <asyncfile.h>
#include <asyncfile/tls.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct af_tls *client = af_tls_client_new(NULL, NULL, 0), *server;
	struct af_tls_options options;
	char why[256];

	memset(&options, 0, sizeof(options));
	options.cert_file = "no.pem";
	server = af_tls_server_new(&options, why, sizeof(why));
	printf("%s\n", why);
	af_tls_free(client);
	return !client || server;
}
