/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Takes datagrams out of a socket, each into a chunk, behind the address of its
 * sender. All memory is there before a message is taken.
 */
#ifndef AFI_NET_INCOMING_H
#define AFI_NET_INCOMING_H

#include "net/address.h"
#include "transport/arrived.h"

/* Where the bytes begin in such a chunk. */
#define AFI_INCOMING_START sizeof(struct afi_address)

/* The address in a chunk; the sender's, or room for it. */
static inline struct afi_address *afi_incoming_sender(struct afi_chunk *chunk)
{
	return (struct afi_address *)(void *)chunk->data;
}
/* To be called when recvmsg(2) has filled in len bytes of it. */
static inline void afi_incoming_seal(struct afi_address *sender, socklen_t len)
{
	/* Only the sender on a Unix socket may have no name. */
	if (len == 0) {
		sender->un.sun_family = AF_UNIX;
		len = offsetof(struct sockaddr_un, sun_path);
	}
	sender->len = len;
	/* A path of full length has no NUL of its own. */
	if (len < sizeof(sender->storage))
		((char *)&sender->storage)[len] = '\0';
}

/*
 * Takes one message whose first part, of size bytes at most, gets a chunk of its
 * own; the rest is put into the file's buffer, which must be empty. 1 and *ret;
 * 0 at the end; -EAGAIN; or another negative errno, and nothing was taken:
 * -EMSGSIZE if it is longer than limit. limit and size may be SIZE_MAX.
 */
int afi_incoming_take(struct af_file *file, size_t size, size_t limit,
		      struct afi_message *ret);
/*
 * Takes up to most messages, AFI_READ_SIZE of each, into file->arrived, which
 * must be NULL. How many; 0 at the end; -EAGAIN; or another negative errno.
 */
int afi_incoming_take_many(struct af_file *file, unsigned most);

#endif
