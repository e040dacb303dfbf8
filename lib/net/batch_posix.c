/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One message a call: after an error behind others, that could not be reported.
 */
#include "config.h"

#include <errno.h>
#include <sys/uio.h>

#include "net/batch.h"

int afi_batch_receive(int fd, struct afi_message *messages, unsigned n,
		      bool *ret_drained)
{
	struct afi_message *message = &messages[0];
	struct afi_address *sender = afi_incoming_sender(message->chunk);
	struct iovec iov = { afi_message_data(message), AFI_READ_SIZE };
	struct msghdr header = {
		.msg_name = &sender->storage,
		.msg_namelen = sizeof(sender->storage),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t r;

	(void)n;
	do
		r = recvmsg(fd, &header, MSG_DONTWAIT);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		*ret_drained = errno == EWOULDBLOCK;
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	afi_incoming_seal(sender, header.msg_namelen);
	message->len = (size_t)r;
	message->cut = header.msg_flags & MSG_TRUNC;
	return 1;
}
