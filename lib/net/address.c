/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses of sockets: of Unix sockets from their names, of both ends of a
 * file, and as text. Knows no name server, and opens nothing.
 */
#include "config.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "file/file.h"
#include "net/address.h"

bool afi_address_is_unix(const char *host)
{
	return host && (host[0] == '/' || host[0] == '@');
}

int afi_address_unix(struct afi_address *address, const char *host)
{
	struct sockaddr_un *un = &address->un;
	size_t len = strlen(host);
	bool has_path = host[0] == '/';

	/* A path has a NUL at its end, because not every system adds one. */
	if (len + has_path > sizeof(un->sun_path))
		return -ENAMETOOLONG;
	memset(address, 0, sizeof(*address));
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, host, len);
	if (!has_path)
		un->sun_path[0] = '\0';
	address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				   len + has_path);
	return 0;
}

int afi_address_copy(struct afi_address *address, const struct sockaddr *sa,
		     socklen_t len)
{
	if (!sa || len < sizeof(sa->sa_family) ||
	    len > sizeof(address->storage))
		return -EINVAL;
	memset(address, 0, sizeof(*address));
	memcpy(&address->storage, sa, len);
	address->len = len;
	return 0;
}

/* A text that is put together: what does not fit is counted only. */
struct address_text {
	char *buf;
	size_t size;
	size_t len;
};

static void address_add(struct address_text *text, char c)
{
	if (text->len + 1 < text->size)
		text->buf[text->len] = c;
	text->len++;
}

static void address_add_text(struct address_text *text, const char *s)
{
	while (*s)
		address_add(text, *s++);
}

/* Control characters, which would spoil a log or a terminal, as \xHH. */
static void address_add_byte(struct address_text *text, unsigned char byte)
{
	char hex[8];

	if (byte >= ' ' && byte != 0x7f && byte != '\\') {
		address_add(text, (char)byte);
		return;
	}
	snprintf(hex, sizeof(hex), "\\x%02x", byte);
	address_add_text(text, hex);
}

static void address_add_unix(struct address_text *text,
			     const struct sockaddr_un *un, size_t len)
{
	const char *name = un->sun_path;
	size_t head = offsetof(struct sockaddr_un, sun_path);
	size_t n = len > head ? len - head : 0;

	if (n == 0) {
		address_add_text(text, "unnamed");
		return;
	}
	if (name[0] == '\0') {
		address_add(text, '@');
		name++;
		n--;
	} else {
		n = strnlen(name, n);
	}
	for (size_t i = 0; i < n; i++)
		address_add_byte(text, (unsigned char)name[i]);
}

static void address_add_inet(struct address_text *text,
			     const struct sockaddr *sa, socklen_t len)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	bool v6 = sa->sa_family == AF_INET6;
	int r = getnameinfo(sa, len, host, sizeof(host), port, sizeof(port),
			    NI_NUMERICHOST | NI_NUMERICSERV);

	if (r != 0) {
		address_add_text(text, "unknown");
		return;
	}
	if (v6)
		address_add(text, '[');
	address_add_text(text, host);
	if (v6)
		address_add(text, ']');
	address_add(text, ':');
	address_add_text(text, port);
}

int af_address_text(const struct sockaddr *address, socklen_t len, char *buf,
		    size_t size)
{
	struct address_text text = { .buf = buf, .size = size };

	if (!address || (size > 0 && !buf) || len < sizeof(address->sa_family))
		return -EINVAL;
	if (address->sa_family == AF_UNIX)
		address_add_unix(&text, (const struct sockaddr_un *)address,
				 len);
	else
		address_add_inet(&text, address, len);
	if (size > 0)
		buf[text.len < size ? text.len : size - 1] = '\0';
	return (int)text.len;
}

const char *afi_address_put(char *buf, const struct afi_address *address)
{
	af_address_text(&address->sa, address->len, buf, AFI_ADDRESS_TEXT);
	return buf;
}

/* One end of a file's connection, by getsockname(2) or getpeername(2). */
static int address_of(const struct af_file *file,
		      int (*get)(int, struct sockaddr *, socklen_t *),
		      struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_storage storage;
	socklen_t len = sizeof(storage);
	int r = afi_file_check(file);

	if (r == 0 && !ret)
		r = -EINVAL;
	if (r == 0 && get(file->fd, (struct sockaddr *)&storage, &len) < 0)
		r = -errno;
	if (r < 0)
		return r;
	*ret = storage;
	if (ret_len)
		*ret_len = len;
	return 0;
}

int af_file_peer_address(const struct af_file *file,
			 struct sockaddr_storage *ret, socklen_t *ret_len)
{
	return address_of(file, getpeername, ret, ret_len);
}

int af_file_local_address(const struct af_file *file,
			  struct sockaddr_storage *ret, socklen_t *ret_len)
{
	return address_of(file, getsockname, ret, ret_len);
}

const struct sockaddr *af_future_address(const struct af_future *f, size_t i,
					 socklen_t *ret_len)
{
	const struct afi_address *address = NULL;

	if (!f || !f->done || f->error)
		return NULL;
	if (f->source)
		f = f->source;
	if (f->ops->address)
		address = f->ops->address(f, i);
	if (!address)
		return NULL;
	if (ret_len)
		*ret_len = address->len;
	return &address->sa;
}

const char *af_connect_error(const struct af_future *f)
{
	const char *text = NULL;

	if (!f || !f->done)
		return "";
	if (f->source)
		f = f->source;
	if (f->error && f->ops && f->ops->error_text)
		text = f->ops->error_text(f);
	return text ? text : "";
}
