/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Message sockets: SOCK_DGRAM and SOCK_SEQPACKET.
 */
#ifndef AFI_TRANSPORT_MESSAGE_H
#define AFI_TRANSPORT_MESSAGE_H

#include "file/fill.h"

/* Reads one whole message, however long, into the buffer; see afi_fill(). */
ssize_t afi_message_fill(struct af_file *file);
ssize_t afi_message_fill_datagram(struct af_file *file);

#endif
