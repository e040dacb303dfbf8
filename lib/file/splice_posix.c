/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where nothing is moved in the kernel. The sendfile(2) of FreeBSD and macOS
 * moves from disk to a socket, but waits for the disk. What is in memory cannot
 * be asked for there, so that a worker would have to read everything first: then
 * it saves no copy.
 */
#include "config.h"

#include <errno.h>

#include "file/splice.h"

bool afi_splice_may(const struct af_file *from, const struct af_file *to)
{
	(void)from;
	(void)to;
	return false;
}

ssize_t afi_splice(struct af_file *from, struct af_file *to, size_t len)
{
	(void)from;
	(void)to;
	(void)len;
	return -EINVAL;
}
