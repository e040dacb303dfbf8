/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Detaching: the descriptor and the buffered bytes return to the program, and
 * the file is freed. Knows no single operation.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <event2/buffer.h>

#include "base/fd.h"
#include "file/file.h"

/*
 * Makes sure that unread can take the buffered bytes. Copies those that a worker
 * has read to *ret_held, as they cannot be moved. 0 or -ENOMEM.
 */
static int detach_prepare(struct af_file *file, struct evbuffer *unread,
			  struct evbuffer **ret_held)
{
	size_t len = afi_file_buffered(file);
	struct evbuffer_iovec room;

	if (len == 0)
		return 0;
	if (evbuffer_reserve_space(unread, (ev_ssize_t)len, &room, 1) < 1)
		return -ENOMEM;
	if (!file->transport->put_back ||
	    file->in.len == afi_file_buffered(file))
		return 0;
	*ret_held = evbuffer_new();
	return *ret_held ? file->transport->move_held(file, *ret_held)
			 : -ENOMEM;
}

/* Appends the bytes that are still buffered to unread. */
static void detach_move_buffered(struct af_file *file, struct evbuffer *unread,
				 struct evbuffer *held)
{
	struct evbuffer_iovec room;

	/* The room is still there, unless code of the program has used it. */
	if (file->in.len > 0 &&
	    evbuffer_reserve_space(unread, (ev_ssize_t)file->in.len, &room,
				   1) == 1) {
		room.iov_len = file->in.len;
		memcpy(room.iov_base, afi_buffer_data(&file->in), file->in.len);
		evbuffer_commit_space(unread, &room, 1);
	}
	if (!file->attached || file->transport->held(file) == 0)
		return;
	if (held)
		evbuffer_add_buffer(unread, held);
	else
		file->transport->move_held(file, unread);
}

/*
 * Cancels all operations and appends buffered bytes to unread. -ENOMEM: nothing
 * has been cancelled.
 */
static int detach_hand_over(struct af_file *file, struct evbuffer *unread)
{
	struct evbuffer *held = NULL;
	int r = unread ? detach_prepare(file, unread, &held) : 0;

	if (r < 0)
		goto out;
	/* First: a cancelled copy consumes bytes that are being written. */
	afi_file_cancel_all(file);
	if (file->transport->put_back)
		file->transport->put_back(file);
	if (unread)
		detach_move_buffered(file, unread, held);
out:
	if (held)
		evbuffer_free(held);
	return r;
}

int af_file_detach(struct af_file *file, struct evbuffer *unread)
{
	int fd, r;

	if (!file || file->transport->borrows_fd || file->layer)
		return -EINVAL;
	if (file->finished)
		return -EBADF;
	if (file->closing || afi_file_is_busy(file))
		return -EBUSY;
	afi_file_hold(file);
	r = detach_hand_over(file, unread);
	if (r < 0) {
		afi_file_let_go(file);
		return r;
	}
	fd = file->user_fd;
	afi_file_end(file);
	afi_file_close_fd(file, file->fd != fd);
	if (file->fd == fd && file->own_description)
		afi_fd_set_nonblock(fd, false);
	afi_file_die(file);
	return fd;
}
