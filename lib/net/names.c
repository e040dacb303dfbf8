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
	code = getaddrinfo(query->host, query->service, &hints, &list);
	*text = code != 0 && code != EAI_SYSTEM ? gai_strerror(code) : NULL;
	if (code != 0)
		return names_error(code);
	names = names_copy(list);
	freeaddrinfo(list);
	if (!names)
		return -ENOMEM;
	*ret = names;
	return 0;
}
