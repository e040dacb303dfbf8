/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asks getaddrinfo(3) for addresses, and turns its errors into those of errno.
 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "net/names.h"

const char afi_names_no_service[] = "no such service";

static int names_error(int code)
{
	switch (code) {
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_FAMILY:
		return -EAFNOSUPPORT;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SOCKTYPE:
	case EAI_BADFLAGS:
		return -EINVAL;
	case EAI_SYSTEM:
		return errno ? -errno : -EIO;
	case EAI_FAIL:
		return -EIO;
	default:
		/* EAI_NONAME and EAI_SERVICE; names beside POSIX's for them. */
		return -ENOENT;
	}
}

static bool names_has(const struct afi_names *names,
		      const struct addrinfo *info)
{
	for (size_t i = 0; i < names->n; i++)
		if (names->addresses[i].len == info->ai_addrlen &&
		    memcmp(&names->addresses[i].sa, info->ai_addr,
			   info->ai_addrlen) == 0)
			return true;
	return false;
}

/* A copy of the list, each address once; NULL: no memory. */
static struct afi_names *names_copy(const struct addrinfo *list)
{
	struct afi_names *names;
	size_t n = 0;

	for (const struct addrinfo *i = list; i; i = i->ai_next)
		n++;
	names = calloc(1, sizeof(*names) + n * sizeof(names->addresses[0]));
	if (!names)
		return NULL;
	for (const struct addrinfo *i = list; i; i = i->ai_next)
		if (!names_has(names, i) &&
		    afi_address_copy(&names->addresses[names->n], i->ai_addr,
				     i->ai_addrlen) == 0)
			names->n++;
	return names;
}

static int names_check_unix(const struct afi_names_query *query)
{
	struct afi_address address;

	if (query->service ||
	    (query->family != AF_UNSPEC && query->family != AF_UNIX))
		return -EINVAL;
	return afi_address_unix(&address, query->host);
}

int afi_names_check(const struct afi_names_query *query)
{
	if (afi_address_is_unix(query->host))
		return names_check_unix(query);
	if (query->family != AF_UNSPEC && query->family != AF_INET &&
	    query->family != AF_INET6)
		return query->family == AF_UNIX ? -EINVAL : -EAFNOSUPPORT;
	if (!query->host && !query->service)
		return -EINVAL;
	if ((query->host && strlen(query->host) >= NI_MAXHOST) ||
	    (query->service && strlen(query->service) >= NI_MAXHOST))
		return -ENAMETOOLONG;
	return 0;
}

/* A number that is no port; some systems would cut it to 16 bits. */
static bool names_is_out_of_range(const char *service)
{
	char *end;

	return service && strtoul(service, &end, 10) > 65535 && *end == '\0';
}

static const char *names_text(int code)
{
	if (code == EAI_SERVICE)
		return afi_names_no_service;
	return code != EAI_SYSTEM ? gai_strerror(code) : NULL;
}

int afi_names_find(const struct afi_names_query *query, struct afi_names **ret,
		   const char **text)
{
	struct addrinfo hints = {
		.ai_family = query->family,
		.ai_socktype = query->type,
	};
	struct addrinfo *list;
	struct afi_names *names;
	int code;

	if (query->passive)
		hints.ai_flags |= AI_PASSIVE;
	if (query->numeric)
		hints.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
	errno = 0;
	code = names_is_out_of_range(query->service)
		       ? EAI_SERVICE
		       : getaddrinfo(query->host, query->service, &hints,
				     &list);
	*text = code != 0 ? names_text(code) : NULL;
	if (code != 0)
		return names_error(code);
	names = names_copy(list);
	freeaddrinfo(list);
	if (!names)
		return -ENOMEM;
	*ret = names;
	return 0;
}

int afi_names_find_unix(const char *host, struct afi_names **ret)
{
	struct afi_names *names =
		malloc(sizeof(*names) + sizeof(names->addresses[0]));
	int r = names ? afi_address_unix(&names->addresses[0], host) : -ENOMEM;

	if (r < 0) {
		free(names);
		return r;
	}
	names->n = 1;
	*ret = names;
	return 0;
}

void afi_names_interleave(struct afi_names *names)
{
	struct afi_address *all = names->addresses, moved;
	size_t i, j;

	for (i = 1; i < names->n; i++) {
		/* The next one that is of another family than the last. */
		for (j = i; j < names->n; j++)
			if (all[j].sa.sa_family != all[i - 1].sa.sa_family)
				break;
		if (j == names->n)
			return;
		moved = all[j];
		memmove(&all[i + 1], &all[i], (j - i) * sizeof(moved));
		all[i] = moved;
	}
}
