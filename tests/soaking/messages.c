/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams between two sockets, and descriptors that are passed. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "soaking/flow.h"
#include "soaking/loads.h"
#include "support/pattern.h"
#include "support/system.h"

#define MESSAGES 6

struct talk {
	struct task task;
	struct flow flow; /* over the descriptor that was passed */
	struct af_file *from, *to;
	struct af_file *in, *out;
	unsigned sent, received;
	struct sockaddr_storage at;
	socklen_t at_len;
};

static void talk_end(struct task *task)
{
	struct talk *talk = (struct talk *)task;

	af_file_close(talk->from);
	af_file_close(talk->to);
	af_file_close(talk->in);
	af_file_close(talk->out);
	free(talk);
}

static size_t talk_len(unsigned number)
{
	return number * 211 % 1400;
}

static void talk_send(struct talk *talk);

static void talk_sent(struct af_future *done, void *arg)
{
	struct talk *talk = arg;

	talk->sent += af_future_error(done) == 0;
	if (talk->sent < MESSAGES)
		talk_send(talk);
}

static void talk_send(struct talk *talk)
{
	char buf[1400];
	size_t len = talk_len(talk->sent);

	pattern_fill(buf, len, talk->sent);
	op_watch(&talk->task, "send to",
		 af_file_send_to(talk->from, buf, len,
				 (struct sockaddr *)&talk->at, talk->at_len, 0,
				 deadline()),
		 0, talk_sent, talk);
}

static void talk_receive(struct talk *talk);

static void talk_received(struct af_future *done, void *arg)
{
	struct talk *talk = arg;
	size_t len = 0;
	const char *data = af_future_data(done, &len);

	if (data) {
		unsigned number = talk->received++;

		if (len != talk_len(number) ||
		    pattern_match(data, len, number) != len)
			soak_fail("datagrams: another message %u", number);
		tally.bytes += len;
	}
	if (talk->received < MESSAGES)
		talk_receive(talk);
}

static void talk_receive(struct talk *talk)
{
	op_watch(&talk->task, "receive from",
		 af_file_receive_from(talk->to, 1400, 0, deadline()), 0,
		 talk_received, talk);
}

static void talk_send_later(struct af_future *done, void *arg)
{
	(void)done;
	talk_send(arg);
}

/* In the meantime the one who receives may be cancelled. */
static void talk_pause(struct talk *talk)
{
	const struct timeval pause = { 0, (int)pick(20000) };

	op_watch(&talk->task, "pause", af_sleep(soak.loop, &pause), 0,
		 talk_send_later, talk);
}

void load_datagrams(void)
{
	struct talk *talk = soak_alloc(sizeof *talk);

	task_begin(&talk->task, "datagrams", talk_end);
	talk->from = af_datagram_open(soak.loop, "127.0.0.1", "0", NULL);
	talk->to = talk->from
			   ? af_datagram_open(soak.loop, "127.0.0.1", "0", NULL)
			   : NULL;
	if (!talk->to) {
		op_lacked("af_datagram_open", errno);
	} else {
		af_file_local_address(talk->to, &talk->at, &talk->at_len);
		if (chance(2))
			talk_pause(talk);
		else
			talk_send(talk);
		talk_receive(talk);
	}
	task_drop(&talk->task);
}

static void talk_flow_sent(struct flow *flow)
{
	struct talk *talk = flow->arg;

	af_file_close(talk->in);
	talk->in = NULL;
}

static void talk_flow_got(struct flow *flow)
{
	(void)flow;
}

/* A descriptor has come, or the set was lost because there was no room. */
static void talk_got_fd(struct af_future *done, void *arg)
{
	struct talk *talk = arg;
	int fd = af_future_take_fd(done, 0);

	if (fd < 0) {
		if (af_future_error(done) == 0)
			soak_fail("passed: no descriptor came");
		return;
	}
	talk->out = af_file_new(soak.loop, fd, 0);
	if (!talk->out) {
		op_lacked("file of a passed descriptor", errno);
		close(fd);
		return;
	}
	talk->flow.task = &talk->task;
	talk->flow.in = talk->in;
	talk->flow.out = talk->out;
	talk->flow.total = 1 + pick(20000);
	talk->flow.sent_all = talk_flow_sent;
	talk->flow.got_all = talk_flow_got;
	talk->flow.arg = talk;
	flow_begin(&talk->flow);
}

/* Now and then it is read and not received: closing the file ends it. */
static void talk_passed(struct af_future *done, void *arg)
{
	struct talk *talk = arg;

	if (af_future_error(done) == 0 && chance(4))
		op_watch(&talk->task, "peek", af_file_peek(talk->to, 1, NULL),
			 MAY_LACK, NULL, NULL);
	else if (af_future_error(done) == 0)
		op_watch(&talk->task, "receive a descriptor",
			 af_file_receive_fds(talk->to, 1, 1, 0, NULL), MAY_LACK,
			 talk_got_fd, talk);
}

static struct af_file *talk_file(int fd, unsigned flags)
{
	struct af_file *file = af_file_new(soak.loop, fd, flags);

	if (!file) {
		op_lacked("af_file_new", errno);
		close(fd);
	}
	return file;
}

void load_passed(void)
{
	struct talk *talk = soak_alloc(sizeof *talk);
	int ends[2], passed[2];

	task_begin(&talk->task, "passed", talk_end);
	if (cloexec_socketpair(SOCK_STREAM, ends) < 0) {
		op_lacked("socketpair", errno);
		task_drop(&talk->task);
		return;
	}
	talk->from = talk_file(ends[0], 0);
	talk->to = talk_file(ends[1], AFIO_RECEIVE_FDS);
	if (cloexec_pipe(passed) < 0) {
		op_lacked("pipe", errno);
		task_drop(&talk->task);
		return;
	}
	talk->in = talk_file(passed[1], 0);
	if (talk->from && talk->to && talk->in)
		op_watch(&talk->task, "pass a descriptor",
			 af_file_send_fds(talk->from, "x", 1, passed, 1, 0,
					  deadline()),
			 MAY_LACK, talk_passed, talk);
	close(passed[0]);
	task_drop(&talk->task);
}
