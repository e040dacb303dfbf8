/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sockets that carry messages: datagrams, and those of SOCK_SEQPACKET.
 */
#ifndef AFI_TRANSPORT_MESSAGE_H
#define AFI_TRANSPORT_MESSAGE_H

#include "file/file.h"

/* Finds out whether a file's socket does; 0 or -errno. */
int afi_message_inspect(struct af_file *file);
/* Reads one whole message, however long; otherwise as afi_fill(). */
ssize_t afi_message_fill(struct af_file *file);

#endif
