/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading ahead: within a limit, or not at all, so that another process finds
 * on the descriptor all that no operation has asked for.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "file/ahead.h"
#include "transport/disk.h"

/* How far to look for the end of a line at once. */
#define PEEK_MAX 1024

size_t afi_ahead_limit(const struct af_file *file, size_t want, size_t room)
{
	size_t most = want == SIZE_MAX ? 0 : want - file->len;

	/* All was asked for. */
	if (file->unbuffered && want == SIZE_MAX)
		return room;
	if (!file->unbuffered && most <= SIZE_MAX - file->read_ahead)
		most += file->read_ahead;
	return most < room ? most : room;
}

size_t afi_ahead_span(const struct af_file *file, char last)
{
	char data[PEEK_MAX];
	const char *found;
	ssize_t n;

	if (file->is_disk)
		return SIZE_MAX - file->len;
	if (!file->is_socket)
		return 1;
	n = recv(file->fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
	if (n <= 0)
		return 1; /* to find out why */
	found = memchr(data, last, (size_t)n);
	return found ? (size_t)(found - data) + 1 : (size_t)n;
}

void afi_ahead_put_back(struct af_file *file)
{
	/* With a thread out it is put back when the file is closed. */
	if (file->is_disk && TAILQ_EMPTY(&file->ops[AFI_READ]))
		afi_disk_put_back(file);
}

int af_file_set_read_ahead(struct af_file *file, size_t bytes)
{
	if (!file || bytes == 0)
		return -EINVAL;
	file->read_ahead = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
	return 0;
}
