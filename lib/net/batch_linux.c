/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recvmmsg(2). An error behind some messages is kept by the kernel, for the next
 * call.
 */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/refused.h"
#include "net/batch.h"

static void batch_prepare(struct mmsghdr *header, struct iovec *iov,
			  struct afi_message *message)
{
	struct afi_address *sender = afi_incoming_sender(message->chunk);

	iov->iov_base = afi_message_data(message);
	iov->iov_len = AFI_READ_SIZE;
	*header = (struct mmsghdr){
		.msg_hdr = {
			.msg_name = &sender->storage,
			.msg_namelen = sizeof(sender->storage),
			.msg_iov = iov,
			.msg_iovlen = 1,
		},
	};
}

static void batch_seal(const struct mmsghdr *header,
		       struct afi_message *message)
{
	afi_incoming_seal(afi_incoming_sender(message->chunk),
			  header->msg_hdr.msg_namelen);
	message->len = header->msg_len;
	message->cut = header->msg_hdr.msg_flags & MSG_TRUNC;
}

/* For a kernel, or its sandbox, that refuses recvmmsg(2). */
static int batch_receive_one(int fd, struct mmsghdr *header)
{
	ssize_t r = recvmsg(fd, &header->msg_hdr, MSG_DONTWAIT);

	if (r < 0)
		return -1;
	header->msg_len = (unsigned)r;
	return 1;
}

int afi_batch_receive(int fd, struct afi_message *messages, unsigned n,
		      bool *ret_drained)
{
	struct mmsghdr headers[AFI_ARRIVED_MAX];
	struct iovec iovs[AFI_ARRIVED_MAX];
	unsigned most = n;
	int r;

	for (unsigned i = 0; i < n; i++)
		batch_prepare(&headers[i], &iovs[i], &messages[i]);
	do {
		r = recvmmsg(fd, headers, n, MSG_DONTWAIT, NULL);
		if (r < 0 && afi_refused(errno)) {
			most = 1;
			r = batch_receive_one(fd, headers);
		}
	} while (r < 0 && errno == EINTR);
	if (r < 0) {
		*ret_drained = errno == EWOULDBLOCK;
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	for (int i = 0; i < r; i++)
		batch_seal(&headers[i], &messages[i]);
	*ret_drained = (unsigned)r < most;
	return r;
}
