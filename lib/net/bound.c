/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Makes sockets, binds them and has them listen: all of one host on the same
 * port. Knows no loop and no listener.
 */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/bound.h"
#include "net/socket.h"

/* How often the system may choose a port that another family does not have. */
#define PORT_TRIES 32

static int bound_set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno
								      : 0;
}

#ifdef SO_REUSEPORT
static int bound_reuse_port(int fd)
{
	return bound_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
}
#else
static int bound_reuse_port(int fd)
{
	(void)fd;
	return -ENOTSUP;
}
#endif

/* It is a hint: where it cannot be had, connections are accepted earlier. */
#if defined(TCP_DEFER_ACCEPT)
static void bound_wait_for_data(int fd)
{
	bound_set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1);
}
#elif defined(SO_ACCEPTFILTER)
static void bound_wait_for_data(int fd)
{
	struct accept_filter_arg filter = { .af_name = "dataready" };

	setsockopt(fd, SOL_SOCKET, SO_ACCEPTFILTER, &filter, sizeof(filter));
}
#else
static void bound_wait_for_data(int fd)
{
	(void)fd;
}
#endif

static int bound_set_options(int fd, int family,
			     const struct af_listen_options *options)
{
	int r = 0;

	if (!options->no_reuse_address)
		afi_socket_reuse_address(fd);
	if (options->reuse_port)
		r = bound_reuse_port(fd);
	if (r == 0 && family == AF_INET6)
		r = bound_set(fd, IPPROTO_IPV6, IPV6_V6ONLY,
			      !options->dual_stack);
	return r;
}

/* The address that it has by now, with a port that the system has chosen. */
static int bound_look(struct afi_bound *bound)
{
	socklen_t len = sizeof(bound->address.storage);

	if (getsockname(bound->fd, &bound->address.sa, &len) < 0)
		return -errno;
	bound->address.len = len;
	return 0;
}

static int bound_listen(struct afi_bound *bound,
			const struct af_listen_options *options,
			struct afi_listen_failure *failure)
{
	int backlog = options->backlog ? options->backlog : SOMAXCONN;

	if (listen(bound->fd, backlog) < 0)
		return afi_listen_fail_address(failure, "listen",
					       &bound->address, errno);
	return 0;
}

static int bound_bind(struct afi_bound *bound,
		      struct afi_listen_failure *failure)
{
	if (bind(bound->fd, &bound->address.sa, bound->address.len) < 0)
		return afi_listen_fail_address(failure, "bind", &bound->address,
					       errno);
	return 0;
}

/* Makes the socket of an address; 0 or -errno. */
static int bound_make(struct afi_bound *bound,
		      const struct afi_address *address,
		      const struct af_listen_options *options,
		      struct afi_listen_failure *failure)
{
	int type = options->type ? options->type : SOCK_STREAM;
	int fd = afi_socket_new(address->sa.sa_family, type);

	*bound = (struct afi_bound){ .fd = -1, .type = type };
	bound->address = *address;
	if (fd < 0)
		return afi_listen_fail_address(failure, "socket", address, -fd);
	bound->fd = fd;
	return 0;
}

static int bound_open_inet(struct afi_bound *bound,
			   const struct afi_address *address,
			   const struct af_listen_options *options,
			   struct afi_listen_failure *failure)
{
	int r = bound_make(bound, address, options, failure);

	if (r < 0)
		return r;
	r = bound_set_options(bound->fd, address->sa.sa_family, options);
	if (r < 0)
		r = afi_listen_fail_address(failure, "setsockopt", address, -r);
	if (r == 0)
		r = bound_bind(bound, failure);
	if (r == 0)
		r = bound_listen(bound, options, failure);
	/* FreeBSD wants a socket that listens. */
	if (r == 0 && options->wait_for_data)
		bound_wait_for_data(bound->fd);
	if (r == 0)
		r = bound_look(bound);
	if (r < 0)
		afi_bound_close(bound);
	return r;
}

/* Binds a path, which was locked if lock is not negative. */
static int bound_bind_path(struct afi_bound *bound, int lock,
			   const struct af_listen_options *options,
			   struct afi_listen_failure *failure)
{
	const char *path = bound->address.un.sun_path;
	int r;

	/*
	 * Where the system heeds it, the path is never there with more
	 * permissions; nor can anyone connect before listen(2).
	 */
	if (options->mode)
		fchmod(bound->fd, options->mode);
	r = bound_bind(bound, failure);
	if (r == -EADDRINUSE && lock >= 0 && afi_sockpath_clear(path) == 0)
		r = bound_bind(bound, failure);
	if (r < 0)
		return r;
	r = afi_sockpath_own(&bound->path, path, options->mode);
	if (r < 0)
		afi_listen_fail_address(failure, "chmod", &bound->address, -r);
	return r;
}

static int bound_open_path(struct afi_bound *bound,
			   const struct af_listen_options *options,
			   struct afi_listen_failure *failure)
{
	const char *path = bound->address.un.sun_path;
	int lock = -ENOSYS, r;

	if (!options->keep_stale)
		lock = afi_sockpath_lock(path);
	if (lock == -EADDRINUSE)
		return afi_listen_fail_address(failure, "bind", &bound->address,
					       EADDRINUSE);
	r = bound_bind_path(bound, lock, options, failure);
	if (r == 0)
		r = bound_listen(bound, options, failure);
	afi_sockpath_unlock(path, lock);
	if (r < 0)
		afi_bound_remove(bound);
	else if (options->keep_path)
		bound->path.ours = false;
	return r;
}

static int bound_open_unix(struct afi_bound *bound,
			   const struct afi_address *address,
			   const struct af_listen_options *options,
			   struct afi_listen_failure *failure)
{
	int r = bound_make(bound, address, options, failure);

	if (r < 0)
		return r;
	if (address->un.sun_path[0] != '\0')
		r = bound_open_path(bound, options, failure);
	else
		r = bound_bind(bound, failure);
	if (r == 0 && address->un.sun_path[0] == '\0')
		r = bound_listen(bound, options, failure);
	if (r < 0)
		afi_bound_close(bound);
	return r;
}

static in_port_t *bound_port(struct afi_address *address)
{
	if (address->sa.sa_family == AF_INET6)
		return &((struct sockaddr_in6 *)&address->storage)->sin6_port;
	return &((struct sockaddr_in *)&address->storage)->sin_port;
}

static bool bound_is_any(const struct afi_address *address, int family)
{
	const struct sockaddr_in6 *in6 =
		(const struct sockaddr_in6 *)&address->storage;
	const struct sockaddr_in *in =
		(const struct sockaddr_in *)&address->storage;

	if (address->sa.sa_family != family)
		return false;
	return family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr)
				  : in->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* Whether a socket of both families has that address, too. */
static bool bound_has(const struct afi_bound *bound, size_t n,
		      const struct afi_address *address)
{
	if (!bound_is_any(address, AF_INET))
		return false;
	for (size_t i = 0; i < n; i++)
		if (bound_is_any(&bound[i].address, AF_INET6))
			return true;
	return false;
}

/* The system does not have that family, or this address. */
static bool bound_is_left_out(int r)
{
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL;
}

/*
 * Adds the sockets of a family (0: of all) to the *n that there are, of the port
 * of the first one. 0; or -errno: that of the last which was left out, or a
 * failure of the whole.
 */
static int bound_add(const struct afi_names *names, int family,
		     const struct af_listen_options *options,
		     struct afi_bound *bound, size_t *n,
		     struct afi_listen_failure *failure)
{
	int left_out = 0, r;

	for (size_t i = 0; i < names->n; i++) {
		struct afi_address address = names->addresses[i];

		if (family && address.sa.sa_family != family)
			continue;
		if (options->dual_stack && bound_has(bound, *n, &address))
			continue;
		if (*n > 0)
			*bound_port(&address) = *bound_port(&bound[0].address);
		r = bound_open_inet(&bound[*n], &address, options, failure);
		if (r == 0)
			++*n;
		else if (bound_is_left_out(r))
			left_out = r;
		else
			return r;
	}
	return left_out;
}

static void bound_close_all(struct afi_bound *bound, size_t n)
{
	for (size_t i = 0; i < n; i++)
		afi_bound_close(&bound[i]);
}

static int bound_open_all(const struct afi_names *names,
			  const struct af_listen_options *options,
			  struct afi_bound *bound, size_t *ret_n,
			  struct afi_listen_failure *failure)
{
	size_t n = 0;
	int left_out = 0, r;

	/* First what may take the place of the others. */
	if (options->dual_stack)
		left_out =
			bound_add(names, AF_INET6, options, bound, &n, failure);
	r = left_out;
	if (r == 0 || bound_is_left_out(r))
		r = bound_add(names, options->dual_stack ? AF_INET : 0, options,
			      bound, &n, failure);
	if (r == 0)
		r = left_out;
	if (bound_is_left_out(r) && n > 0)
		r = 0;
	if (r == 0 && n == 0)
		r = -EADDRNOTAVAIL;
	if (r < 0)
		bound_close_all(bound, n);
	else
		*ret_n = n;
	return r;
}

int afi_bound_open(const struct afi_names *names,
		   const struct af_listen_options *options,
		   struct afi_bound *bound, size_t *ret_n,
		   struct afi_listen_failure *failure)
{
	struct afi_address first = names->addresses[0];
	int r;

	if (first.sa.sa_family == AF_UNIX) {
		r = bound_open_unix(bound, &first, options, failure);
		if (r == 0)
			*ret_n = 1;
		return r;
	}
	/* A port that the system has chosen may be taken in another family. */
	for (int i = 1;; i++) {
		r = bound_open_all(names, options, bound, ret_n, failure);
		if (r != -EADDRINUSE || *bound_port(&first) || i == PORT_TRIES)
			return r;
	}
}

void afi_bound_remove(struct afi_bound *bound)
{
	afi_sockpath_remove(&bound->path, bound->address.un.sun_path);
}

/* First the path: while the socket is bound, nobody takes that for stale. */
void afi_bound_close(struct afi_bound *bound)
{
	afi_bound_remove(bound);
	if (bound->fd >= 0)
		close(bound->fd);
	bound->fd = -1;
}
