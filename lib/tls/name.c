/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of servers. An IP address is verified as such, and never sent (RFC 6066
 * section 3). A dot at the end of a name is part of neither.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/x509v3.h>

#include "tls/name.h"

/* The longest name, with its NUL: 253 by RFC 1035, and a dot. */
#define NAME_MAX_SIZE 256

/* Copies it, without a dot at the end and the zone of an address; 0 or -EINVAL. */
static int name_copy(char *buf, const char *name)
{
	size_t len = strlen(name);
	const char *zone = strchr(name, ':') ? strchr(name, '%') : NULL;

	if (zone)
		len = (size_t)(zone - name);
	if (len > 1 && name[len - 1] == '.')
		len--;
	/* With a dot in front, OpenSSL accepts any name that ends so. */
	if (len == 0 || name[0] == '.' || len >= NAME_MAX_SIZE)
		return -EINVAL;
	memcpy(buf, name, len);
	buf[len] = '\0';
	return 0;
}

static bool name_is_address(const char *name)
{
	struct in6_addr address;

	return inet_pton(AF_INET, name, &address) == 1 ||
	       inet_pton(AF_INET6, name, &address) == 1;
}

int afi_name_set(SSL *ssl, const char *name, bool verifies)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	char plain[NAME_MAX_SIZE];
	bool address;

	SSL_set_verify(ssl, verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
		       SSL_get_verify_callback(ssl));
	if (!name)
		return verifies ? -EINVAL : 0;
	if (name_copy(plain, name) < 0)
		return -EINVAL;
	address = name_is_address(plain);
	if (!address && SSL_set_tlsext_host_name(ssl, plain) != 1)
		return -ENOMEM;
	if (!verifies)
		return 0;
	if (address)
		return X509_VERIFY_PARAM_set1_ip_asc(param, plain) ? 0
								   : -ENOMEM;
	/* A context of the program may have more of them. */
	SSL_set_hostflags(ssl, X509_VERIFY_PARAM_get_hostflags(param) |
				       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, plain) ? 0 : -ENOMEM;
}

/* The port of the peer, which is another server's; 0: it has none. */
static unsigned name_port(int fd)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage storage;
	} peer;
	socklen_t len = sizeof(peer);

	if (getpeername(fd, &peer.sa, &len) < 0)
		return 0;
	if (peer.sa.sa_family == AF_INET)
		return ntohs(peer.in.sin_port);
	return peer.sa.sa_family == AF_INET6 ? ntohs(peer.in6.sin6_port) : 0;
}

char *afi_name_key(const char *name, int fd)
{
	size_t size = (name ? strlen(name) : 0) + 8;
	char *key = malloc(size);

	if (key)
		snprintf(key, size, "%s %u", name ? name : "", name_port(fd));
	return key;
}
