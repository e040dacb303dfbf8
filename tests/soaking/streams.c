/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams in this process: pipes, socket pairs, and pairs of bufferevents that
 * are adopted and released.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/bufferevent.h>

#include "soaking/flow.h"
#include "soaking/loads.h"
#include "support/system.h"

struct stream {
	struct task task;
	struct flow flow;
	struct af_file *in, *out;
	struct bufferevent *kept[2]; /* adopted ones that come back */
	bool is_foreign;
};

static void stream_end(struct task *task)
{
	struct stream *stream = (struct stream *)task;

	af_file_close(stream->in);
	af_file_close(stream->out);
	if (stream->kept[0]) {
		bufferevent_free(stream->kept[0]);
		bufferevent_free(stream->kept[1]);
	}
	soak.foreign -= stream->is_foreign;
	free(stream);
}

static void stream_sent(struct flow *flow)
{
	struct stream *stream = flow->arg;

	if (stream->is_foreign)
		return;
	if (af_file_close(stream->in) < 0)
		soak_fail("close of a stream");
	stream->in = NULL;
}

static void stream_got(struct flow *flow)
{
	(void)flow; /* nothing is pending any more, so the task ends */
}

static void stream_begin(struct stream *stream, const char *name)
{
	task_begin(&stream->task, name, stream_end);
	stream->flow.task = &stream->task;
	stream->flow.in = stream->in;
	stream->flow.out = stream->out;
	stream->flow.total = 1 + pick(chance(4) ? 400000 : 20000);
	stream->flow.has_no_end = stream->is_foreign;
	stream->flow.sent_all = stream_sent;
	stream->flow.got_all = stream_got;
	stream->flow.arg = stream;
	flow_begin(&stream->flow);
	task_drop(&stream->task);
}

static void stream_over(int out, int in, const char *name)
{
	struct stream *stream = soak_alloc(sizeof *stream);

	stream->flow.is_unbuffered = chance(8);
	stream->out =
		af_file_new(soak.loop, out,
			    stream->flow.is_unbuffered ? AFIO_UNBUFFERED : 0);
	if (!stream->out) {
		op_lacked("file of a stream", errno);
		close(out);
		close(in);
		free(stream);
		return;
	}
	stream->in = af_file_new(soak.loop, in, 0);
	if (!stream->in) {
		op_lacked("file of a stream", errno);
		af_file_close(stream->out);
		close(in);
		free(stream);
		return;
	}
	stream_begin(stream, name);
}

void load_pipe(void)
{
	int fds[2];

	if (cloexec_pipe(fds) < 0)
		op_lacked("pipe", errno);
	else
		stream_over(fds[0], fds[1], "pipe");
}

void load_socket(void)
{
	int fds[2];

	if (cloexec_socketpair(SOCK_STREAM, fds) < 0)
		op_lacked("socketpair", errno);
	else
		stream_over(fds[0], fds[1], "socket pair");
}

/* They come in bursts: between these, waits in callbacks can move all files. */
void load_bufferevent(void)
{
	struct stream *stream;
	struct bufferevent *pair[2];
	unsigned flags = chance(2) ? AFIO_KEEP_FD : 0;

	if (soak_now_us() / 1000000 % 4 != 0)
		return;
	stream = soak_alloc(sizeof *stream);
	if (bufferevent_pair_new(soak.base, 0, pair) < 0)
		soak_fail("bufferevent_pair_new");
	stream->in = af_file_from_bufferevent(soak.loop, pair[0], flags);
	stream->out = af_file_from_bufferevent(soak.loop, pair[1], flags);
	if (!stream->in || !stream->out)
		soak_fail("af_file_from_bufferevent");
	if (flags) {
		stream->kept[0] = pair[0];
		stream->kept[1] = pair[1];
	}
	stream->is_foreign = true;
	stream->flow.may = MAY_REFUSE;
	soak.foreign++;
	stream_begin(stream, "bufferevents");
}
