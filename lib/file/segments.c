/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chain of an evbuffer that will be sent by sendfile(2) has no bytes in
 * memory, and libevent has no function that recognises such a chain. But
 * libevent refuses to add a reference to one, and it writes every kind of chain
 * to a descriptor.
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include <event2/buffer.h>

#include "base/fd.h"
#include "file/segments.h"

/* At most what an empty pipe holds; less goes at a time if it holds less. */
#define PIECE_MAX 65536

/* Whether all of it is surely in memory; or -ENOMEM. */
static int segments_has_none(struct evbuffer *buf)
{
	struct evbuffer *probe = evbuffer_new();
	int r;

	if (!probe)
		return -ENOMEM;
	r = evbuffer_add_buffer_reference(probe, buf);
	evbuffer_free(probe);
	return r == 0;
}

/* Moves bytes from buf through an empty pipe to the end of memory. */
static int segments_move(struct evbuffer *buf, const int pipe[2],
			 struct evbuffer *memory)
{
	int n = evbuffer_write_atmost(buf, pipe[1], PIECE_MAX), done;

	if (n < 0)
		return -errno;
	if (n == 0) /* the file has become shorter */
		return -EIO;
	for (; n > 0; n -= done) {
		done = evbuffer_read(memory, pipe[0], n);
		if (done <= 0)
			return -ENOMEM;
	}
	return 0;
}

int afi_segments_load(struct evbuffer *buf)
{
	struct evbuffer *memory;
	int pipe[2], r = segments_has_none(buf);

	if (r != 0)
		return r < 0 ? r : 0;
	memory = evbuffer_new();
	if (!memory)
		return -ENOMEM;
	r = afi_pipe_open(pipe);
	if (r < 0)
		goto out;
	afi_fd_set_nonblock(pipe[1], true);
	while (r == 0 && evbuffer_get_length(buf) > 0)
		r = segments_move(buf, pipe, memory);
	close(pipe[0]);
	close(pipe[1]);
	if (evbuffer_prepend_buffer(buf, memory) < 0 && r == 0)
		r = -ENOMEM;
out:
	evbuffer_free(memory);
	return r;
}
