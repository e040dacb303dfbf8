/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses as text, and texts as addresses: hosts and services, Unix paths,
 * those of the command line of samples/proxy. No name server is asked.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "../../samples/proxy/address.h"
#include "fuzz/loop.h"

#define TEXT_SIZE 1024

static void check_text(const char *text)
{
	for (; *text; text++)
		must(!iscntrl((unsigned char)*text));
}

/* What fits of it, and the same length. */
static void check_sizes(const struct sockaddr *sa, socklen_t len,
			const char *text, int r)
{
	char *small;

	for (size_t size = 1; size < 24; size++) {
		small = malloc(size);
		must(small && af_address_text(sa, len, small, size) == r);
		must(memchr(small, '\0', size) &&
		     strncmp(small, text, size - 1) == 0);
		free(small);
	}
	must(af_address_text(sa, len, NULL, 0) == r);
	must(af_address_text(sa, len, NULL, 1) == -EINVAL);
}

/* The text of an address of the internet can be read again. */
static void check_inet(const struct sockaddr *sa, const char *text)
{
	char host[TEXT_SIZE], *end;
	unsigned char back[16];
	in_port_t port;
	size_t len = sa->sa_family == AF_INET ? 4 : 16;
	const void *bytes = sa->sa_family == AF_INET ? (const char *)sa + 4
						     : (const char *)sa + 8;

	snprintf(host, sizeof(host), "%s", text + (*text == '['));
	end = strrchr(host, ':');
	memcpy(&port, (const char *)sa + 2, sizeof(port));
	must(end && strtoul(end + 1, NULL, 10) == ntohs(port));
	*end = '\0';
	host[strcspn(host, "]%")] = '\0';
	must(inet_pton(sa->sa_family, host, back) == 1);
	must(memcmp(back, bytes, len) == 0);
}

static void write_text(struct input *in)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6, AF_UNIX };
	unsigned choice = take_below(in, 4);
	char text[TEXT_SIZE];
	socklen_t len;
	size_t size;
	struct sockaddr *sa;
	const uint8_t *data = take_bytes(in, 140, &size);
	int r;

	len = (socklen_t)size;
	sa = malloc(size + 1);
	must(sa);
	memcpy(sa, data, size);
	if (choice < 3 && size >= sizeof(sa->sa_family))
		sa->sa_family = families[choice];
	r = af_address_text(sa, len, text, sizeof(text));
	if (len < sizeof(sa->sa_family)) {
		must(r == -EINVAL);
	} else {
		must(r >= 0 && (size_t)r == strlen(text) &&
		     (size_t)r < sizeof(text));
		check_text(text);
		check_sizes(sa, len, text, r);
		if ((sa->sa_family == AF_INET || sa->sa_family == AF_INET6) &&
		    strcmp(text, "unknown") != 0)
			check_inet(sa, text);
	}
	free(sa);
}

/* What af_resolve() finds is of the family, and in the list once. */
static void check_found(struct af_future *f, int family)
{
	size_t n = af_future_count(f);
	socklen_t len, other_len;
	char text[TEXT_SIZE];

	must(n > 0 && !af_future_address(f, n, NULL));
	for (size_t i = 0; i < n; i++) {
		const struct sockaddr *sa = af_future_address(f, i, &len);

		must(sa && (family == AF_UNSPEC || sa->sa_family == family));
		must(af_address_text(sa, len, text, sizeof(text)) > 0);
		check_text(text);
		for (size_t k = 0; k < i; k++) {
			const struct sockaddr *other =
				af_future_address(f, k, &other_len);

			must(len != other_len || memcmp(sa, other, len) != 0);
		}
	}
}

static void find(struct input *in)
{
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX };
	struct af_resolve_options options = { .family = 0 };
	unsigned flags = take_byte(in);
	char *host, *service;
	struct af_future *f;
	struct af_file *file;
	struct af_datagram_options datagram = { .family = 0 };

	options.family = flags & 4 ? take_int(in) : families[flags & 3];
	options.type = flags & 8 ? take_int(in) : 0;
	options.passive = flags & 16;
	options.reserved[0] = flags & 32 ? take_byte(in) : 0;
	host = take_string(in, 200);
	service = take_string(in, 40);
	f = af_resolve(loop, flags & 64 ? NULL : host,
		       flags & 128 ? NULL : service, &options, &at_once);
	must(af_future_is_done(f));
	if (af_future_error(f) == 0)
		check_found(f, options.family);
	else
		check_text(af_connect_error(f));
	must(!options.reserved[0] || af_future_error(f) == -EINVAL);
	af_future_unref(f);
	/* A path would be made. */
	datagram.family = options.family;
	if (*host != '/' || flags & 64) {
		file = af_datagram_open(loop, flags & 64 ? NULL : host,
					flags & 128 ? NULL : service,
					&datagram);
		must(af_file_close(file) == 0);
	}
	free(host);
	free(service);
}

#ifdef __linux__
/* A name of a Unix socket is that which the kernel has. */
static void bind_name(struct input *in)
{
	struct sockaddr_storage address;
	struct sockaddr_un *un = (struct sockaddr_un *)&address;
	char name[140] = "@";
	size_t len;
	socklen_t address_len;
	struct af_file *file;

	take_text(in, name + 1, sizeof(name) - 1);
	len = strlen(name);
	file = af_datagram_open(loop, name, NULL, NULL);
	if (!file) {
		must(errno == (len > sizeof(un->sun_path) ? ENAMETOOLONG
							  : EADDRINUSE) ||
		     len == 1);
		return;
	}
	must(len <= sizeof(un->sun_path));
	must(af_file_local_address(file, &address, &address_len) == 0);
	if (len > 1)
		must(address_len ==
		     offsetof(struct sockaddr_un, sun_path) + len);
	must(un->sun_path[0] == '\0' &&
	     (len == 1 || memcmp(un->sun_path + 1, name + 1, len - 1) == 0));
	af_file_close(file);
}
#endif

/* The argument is put together again of its parts. */
static void parse_argument(struct input *in)
{
	char *text = take_string(in, 100), *again;
	size_t size = strlen(text) + 4;
	struct address address;
	int r = address_parse(&address, text);

	if (r < 0) {
		must(r == -EINVAL && !address.host && !address.service);
	} else if (!address.service) {
		must(strcmp(address.host, text) == 0);
		must(text[0] == '/' || text[0] == '@');
	} else {
		const char *host = address.host ? address.host : "";

		again = malloc(size);
		must(again && *address.service &&
		     !strchr(address.service, ':'));
		snprintf(again, size, "%s:%s", host, address.service);
		if (strcmp(again, text) != 0)
			snprintf(again, size, "[%s]:%s", host, address.service);
		must(strcmp(again, text) == 0);
		free(again);
	}
	address_clear(&address);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	int lowest;

	need_loop();
	lowest = lowest_fd();
	switch (take_below(&in, 4)) {
	case 0:
		write_text(&in);
		break;
	case 1:
		find(&in);
		break;
	case 2:
#ifdef __linux__
		bind_name(&in);
		break;
#endif
	default:
		parse_argument(&in);
	}
	turn();
	must(lowest_fd() == lowest);
	return 0;
}
