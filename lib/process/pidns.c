/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PID namespaces, as /proc shows them, also of a zombie. Knows no process of
 * ours.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/pidns.h"

/* Reads the beginning of its status, where the numbers are, as a string. */
static bool pidns_read_status(pid_t pid, char *buf, size_t size)
{
	char path[sizeof("/proc//status") + 3 * sizeof(pid_t)];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

int afi_pidns_depth(pid_t pid, long *ret_last)
{
	char buf[4096], *number, *end;
	int depth = 0;
	long value;

	if (!pidns_read_status(pid, buf, sizeof(buf)))
		return 0;
	number = strstr(buf, "\nNSpid:");
	if (!number)
		return 0;
	for (number += sizeof("\nNSpid:") - 1; *number == '\t'; number = end) {
		value = strtol(number + 1, &end, 10);
		*ret_last = value;
		depth++;
	}
	return depth;
}
