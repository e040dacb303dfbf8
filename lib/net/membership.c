/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Membership in multicast groups, by the calls of RFC 3678, which are the same
 * for IPv4 and IPv6.
 */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <asyncfile/datagram.h>

#include "file/file.h"
#include "net/address.h"

#ifdef MCAST_JOIN_GROUP
static int membership_change(const struct af_file *file, bool join,
			     const struct afi_address *group,
			     unsigned interface)
{
	struct group_req request = { .gr_interface = interface };
	int level = group->sa.sa_family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;

	memcpy(&request.gr_group, &group->storage, sizeof(request.gr_group));
	if (setsockopt(file->fd, level,
		       join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request,
		       sizeof(request)) == 0)
		return 0;
	/* An IPv4 socket does not have the options of IPv6. */
	return errno == ENOPROTOOPT ? -EINVAL : -errno;
}
#else
static int membership_change(const struct af_file *file, bool join,
			     const struct afi_address *group,
			     unsigned interface)
{
	(void)file;
	(void)join;
	(void)group;
	(void)interface;
	return -ENOTSUP;
}
#endif

/* The family of a file's socket, or AF_UNSPEC. */
static int membership_family(const struct af_file *file)
{
	struct sockaddr_storage own = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(own);

	if (file->is_datagram)
		getsockname(file->fd, (struct sockaddr *)&own, &len);
	return own.ss_family;
}

static int membership_set(const struct af_file *file, bool join,
			  const struct sockaddr *group, socklen_t len,
			  unsigned interface)
{
	struct afi_address address;
	int r = afi_file_check(file), family;

	if (r == 0)
		r = afi_address_copy(&address, group, len);
	if (r < 0)
		return r;
	family = membership_family(file);
	if (family != AF_INET && family != AF_INET6)
		return -ENOTSUP;
	family = address.sa.sa_family;
	if (len < (family == AF_INET6 ? sizeof(struct sockaddr_in6)
				      : sizeof(struct sockaddr_in)) ||
	    (family != AF_INET && family != AF_INET6))
		return -EINVAL;
	return membership_change(file, join, &address, interface);
}

int af_file_join_group(struct af_file *file, const struct sockaddr *group,
		       socklen_t len, unsigned interface)
{
	return membership_set(file, true, group, len, interface);
}

int af_file_leave_group(struct af_file *file, const struct sockaddr *group,
			socklen_t len, unsigned interface)
{
	return membership_set(file, false, group, len, interface);
}
