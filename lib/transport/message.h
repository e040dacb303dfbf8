/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Message sockets, SOCK_DGRAM and SOCK_SEQPACKET, and other sources of records.
 */
#ifndef AFI_TRANSPORT_MESSAGE_H
#define AFI_TRANSPORT_MESSAGE_H

#include "file/fill.h"

/* Reads one whole message, however long, into the buffer; see afi_fill(). */
ssize_t afi_message_fill(struct af_file *file, size_t want);
ssize_t afi_message_fill_datagram(struct af_file *file, size_t want);
/* Whether reading from a datagram socket was shut, which is its only end. */
bool afi_message_is_shut(const struct af_file *file);
/*
 * The length of the next message in the socket. 0: it is empty, or its length is
 * not known, and AFI_READ_SIZE at most. Or -EAGAIN, or another negative errno.
 */
ssize_t afi_message_size(const struct af_file *file);
/* Likewise, of a file that keeps the descriptors that come with it. */
ssize_t afi_message_fill_fds(struct af_file *file, size_t want);
ssize_t afi_message_fill_datagram_fds(struct af_file *file, size_t want);
/*
 * Whether fd is a packet pipe, of which a read of room bytes may drop some. 1 or
 * 0; -EAGAIN: there is nothing to read; -ENODATA: not known. Such a read then drops
 * nothing, unless tee(2) is refused or no descriptors are left to find it out.
 */
int afi_message_is_packet(int fd, size_t room);
/* Reads from a descriptor that is not a socket, with room for any record. */
ssize_t afi_message_fill_record(struct af_file *file, size_t want);

#endif
