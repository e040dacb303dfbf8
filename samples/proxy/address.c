/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"

static int address_unix(struct address *ret, const char *text)
{
	if (!text[1])
		return -EINVAL;
	ret->host = strdup(text);
	return ret->host ? 0 : -ENOMEM;
}

int address_parse(struct address *ret, const char *text)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t len;

	*ret = (struct address){ NULL, NULL };
	if (*text == '/' || *text == '@')
		return address_unix(ret, text);
	if (!colon || !colon[1])
		return -EINVAL;
	len = (size_t)(colon - text);
	if (len > 2 && *host == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	ret->service = strdup(colon + 1);
	if (len > 0)
		ret->host = strndup(host, len);
	if (ret->service && (ret->host || len == 0))
		return 0;
	address_clear(ret);
	return -ENOMEM;
}

void address_clear(struct address *address)
{
	free(address->host);
	free(address->service);
	*address = (struct address){ NULL, NULL };
}
