/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices: which of them never wait, and which can be polled.
 */
#ifndef AFI_TRANSPORT_DEVICE_H
#define AFI_TRANSPORT_DEVICE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Whether ordinary calls on it never wait: /dev/null and the like. */
bool afi_device_never_waits(const struct stat *st);
/* Whether it is /dev/random. */
bool afi_device_is_random(const struct stat *st);
/*
 * Whether it can be polled: 1, 0 or -errno. For character devices and, as there
 * are a few of these in /proc, regular files. Leaves errno alone.
 */
int afi_device_can_poll(int fd, const struct stat *st);
/*
 * Whether bytes of the file that were read once are in the page cache, so that
 * splice(2) does not wait for them. May wait itself.
 */
bool afi_device_keeps(int fd);
/*
 * The size of a file, by which one that has grown is told; -1: it is not known.
 * Asks no server where the system can tell without.
 */
off_t afi_device_size(int fd);
/* Has the system begin to read what comes next, where it can. */
void afi_device_read_ahead(int fd);

#endif
