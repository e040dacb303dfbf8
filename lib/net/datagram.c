/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens datagram sockets: finds the address, sets the options, binds. Knows no
 * operation.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <asyncfile/datagram.h>

#include "base/fd.h"
#include "base/pipe.h"
#include "base/reserved.h"
#include "loop/loop.h"
#include "net/address.h"
#include "net/names.h"

/* The most hops. */
#define TTL_MAX 255

/* A close-on-exec socket, above 2; or -errno. */
#ifdef SOCK_CLOEXEC
static int datagram_socket(int family)
{
	return afi_fd_above_stdio(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}
#else
static int datagram_socket(int family)
{
	int fd;

	afi_pipe_lock();
	fd = socket(family, SOCK_DGRAM, 0);
	if (fd >= 0)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	afi_pipe_unlock();
	return afi_fd_above_stdio(fd);
}
#endif

static int datagram_set(int fd, int level, int name, const void *value,
			socklen_t len)
{
	return setsockopt(fd, level, name, value, len) < 0 ? -errno : 0;
}

static int datagram_set_int(int fd, int level, int name, int value)
{
	return datagram_set(fd, level, name, &value, sizeof(value));
}

#ifdef SO_REUSEPORT
static int datagram_share_port(int fd)
{
	return datagram_set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}
#else
static int datagram_share_port(int fd)
{
	(void)fd;
	return -ENOTSUP;
}
#endif

/* The interface of what is sent to multicast groups, by its index. */
#ifdef HAVE_STRUCT_IP_MREQN
static int datagram_choose_interface(int fd, unsigned interface)
{
	const struct ip_mreqn by = { .imr_ifindex = (int)interface };

	return datagram_set(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof(by));
}
#else
/* An address that begins with 0 is an index. */
static int datagram_choose_interface(int fd, unsigned interface)
{
	const struct in_addr by = { htonl(interface) };

	return datagram_set(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof(by));
}
#endif

/* Those of both families. */
static int datagram_set_up(int fd, const struct af_datagram_options *options)
{
	int r = 0;

	if (options->broadcast)
		r = datagram_set_int(fd, SOL_SOCKET, SO_BROADCAST, 1);
	if (r == 0 && options->reuse_address)
		r = datagram_set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r == 0 && options->reuse_port)
		r = datagram_share_port(fd);
	return r;
}

/* Some systems want the options of multicast to be of one byte. */
static int datagram_set_up_4(int fd, const struct af_datagram_options *options)
{
	const unsigned char hops = (unsigned char)options->multicast_ttl;
	const unsigned char off = 0;
	int r = 0;

	if (options->ttl)
		r = datagram_set_int(fd, IPPROTO_IP, IP_TTL, options->ttl);
	if (r == 0 && options->multicast_ttl)
		r = datagram_set(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, 1);
	if (r == 0 && options->no_multicast_loop)
		r = datagram_set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &off, 1);
	if (r == 0 && options->interface)
		r = datagram_choose_interface(fd, options->interface);
	return r == -EADDRNOTAVAIL ? -ENODEV : r;
}

static int datagram_set_up_6(int fd, const struct af_datagram_options *options)
{
	int r = datagram_set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY,
				 !options->dual_stack);

	if (r == 0 && options->ttl)
		r = datagram_set_int(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS,
				     options->ttl);
	if (r == 0 && options->multicast_ttl)
		r = datagram_set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS,
				     options->multicast_ttl);
	if (r == 0 && options->no_multicast_loop)
		r = datagram_set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	if (r == 0 && options->interface)
		r = datagram_set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF,
				     (int)options->interface);
	/* The system may not have these, and then sends no IPv4 so. */
	if (r == 0 && options->dual_stack)
		datagram_set_up_4(fd, options);
	return r;
}

/* Options of UDP over one of its families; 0 or -errno. */
static int datagram_set_up_inet(int fd, int family,
				const struct af_datagram_options *options)
{
	int r = datagram_set_up(fd, options);

	if (r < 0)
		return r;
	return family == AF_INET6 ? datagram_set_up_6(fd, options)
				  : datagram_set_up_4(fd, options);
}

static bool datagram_is_valid(const struct af_datagram_options *options)
{
	return AFI_RESERVED_CLEAR(options) && options->ttl >= 0 &&
	       options->ttl <= TTL_MAX && options->multicast_ttl >= 0 &&
	       options->multicast_ttl <= TTL_MAX &&
	       !(options->file_flags & AFIO_KEEP_FD);
}

/* The address of a Unix socket; with no name, of length of its family. */
static int datagram_find_unix(struct afi_address *address, const char *host,
			      const char *service)
{
	if (service || (host && !afi_address_is_unix(host)))
		return -EINVAL;
	if (host)
		return afi_address_unix(address, host);
	address->un.sun_family = AF_UNIX;
	address->len = offsetof(struct sockaddr_un, sun_path);
	return 0;
}

static bool datagram_is_port(const char *service)
{
	size_t len = strspn(service, "0123456789");

	return len > 0 && service[len] == '\0' &&
	       strtoul(service, NULL, 10) <= 65535;
}

/* Which address to bind; 0 or -errno. */
static int datagram_find(struct afi_address *address, const char *host,
			 const char *service,
			 const struct af_datagram_options *options)
{
	struct afi_names_query query = {
		.host = host,
		.service = service ? service : "0",
		.family = options->family,
		.type = SOCK_DGRAM,
		.passive = true,
		.numeric = true,
	};
	struct afi_names *names;
	const char *text;
	int r;

	if (options->family == AF_UNIX ||
	    (options->family == AF_UNSPEC && afi_address_is_unix(host)))
		return datagram_find_unix(address, host, service);
	/* getaddrinfo(3) may take it modulo 65536. */
	if (!datagram_is_port(query.service))
		return -EINVAL;
	if (!host && options->family == AF_UNSPEC)
		query.family = options->dual_stack ? AF_INET6 : AF_INET;
	r = afi_names_find(&query, &names, &text);
	if (r == 0) {
		*address = names->addresses[0];
		free(names);
	}
	/* No name server was asked: there is no such number. */
	return r == -ENOENT ? -EINVAL : r;
}

/* Where a Unix socket cannot get a name by itself, it has none. */
static int datagram_bind(int fd, const struct afi_address *address)
{
	if (bind(fd, &address->sa, address->len) == 0)
		return 0;
	if (address->sa.sa_family == AF_UNIX &&
	    address->len == offsetof(struct sockaddr_un, sun_path) &&
	    (errno == EINVAL || errno == ENOENT))
		return 0;
	return -errno;
}

/* The file of a new socket, which it takes over; NULL and errno. */
static struct af_file *datagram_make(struct af_loop *loop, int fd,
				     const struct afi_address *address,
				     const struct af_datagram_options *options)
{
	struct af_file *file = af_file_new(loop, fd, options->file_flags);
	int family = address->sa.sa_family, r = 0;

	if (!file) {
		r = errno;
		close(fd);
		errno = r;
		return NULL;
	}
	if (family != AF_UNIX)
		r = datagram_set_up_inet(fd, family, options);
	/* Last, because it may make a path. */
	if (r == 0)
		r = datagram_bind(fd, address);
	if (r == 0)
		return file;
	af_file_close(file);
	errno = -r;
	return NULL;
}

struct af_file *af_datagram_open(struct af_loop *loop, const char *host,
				 const char *service,
				 const struct af_datagram_options *options)
{
	static const struct af_datagram_options defaults;
	struct afi_address address = { .len = 0 };
	int r = afi_loop_usable(loop);

	if (!options)
		options = &defaults;
	if (r == 0 && !datagram_is_valid(options))
		r = -EINVAL;
	if (r == 0)
		r = datagram_find(&address, host, service, options);
	if (r == 0)
		r = datagram_socket(address.sa.sa_family);
	if (r >= 0)
		return datagram_make(loop, r, &address, options);
	errno = -r;
	return NULL;
}
