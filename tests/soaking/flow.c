/* SPDX-License-Identifier: BSD-3-Clause */
#include "soaking/flow.h"

#include <string.h>

#include "support/pattern.h"

static void flow_write(struct flow *flow);
static void flow_read(struct flow *flow);

static bool flow_goes_on(int error)
{
	return error == 0 || error == -ETIMEDOUT || error == -ECANCELED ||
	       error == -ENOTSUP;
}

static void flow_wrote(struct af_future *done, void *arg)
{
	struct flow *flow = arg;

	flow->sent += af_future_count(done);
	if (flow->task->is_closing || !flow_goes_on(af_future_error(done)))
		return;
	flow_write(flow);
}

static void flow_write(struct flow *flow)
{
	size_t left = flow->total - flow->sent;
	size_t n = 1 + pick(chance(2) ? FLOW_PIECE : 600);
	unsigned flags = chance(2) ? AFIO_FULL : 0;

	if (left == 0) {
		flow->sent_all(flow);
		return;
	}
	n = n < left ? n : left;
	n = n < FLOW_PIECE ? n : FLOW_PIECE;
	flags |= chance(2) ? AFIO_BORROW : 0;
	pattern_fill(flow->buf, n, flow->sent);
	op_watch(flow->task, "write",
		 af_file_write(flow->in, flow->buf, n, flags, deadline()),
		 flow->may, flow_wrote, flow);
}

/* Checks bytes that have come; peeked ones will come again. */
static void flow_check(struct flow *flow, const char *data, size_t len)
{
	size_t same = pattern_match(data, len, flow->got);

	if (same < len)
		soak_fail("%s: byte %zu of %zu is another one",
			  flow->task->name, flow->got + same, flow->total);
}

static void flow_take(struct flow *flow, const char *data, size_t len)
{
	flow_check(flow, data, len);
	flow->got += len;
	tally.bytes += len;
}

static void flow_end(struct flow *flow)
{
	if (!flow->is_lossy && flow->got != flow->total)
		soak_fail("%s: %zu of %zu bytes came", flow->task->name,
			  flow->got, flow->total);
	flow->got_all(flow);
}

/* After a read: another one, or the end. */
static void flow_next(struct flow *flow, int error, bool is_end)
{
	if (flow->task->is_closing)
		return;
	if (is_end || !flow_goes_on(error) ||
	    (flow->has_no_end && flow->got == flow->total))
		flow_end(flow);
	else
		flow_read(flow);
}

static void flow_did_read(struct af_future *done, void *arg)
{
	struct flow *flow = arg;
	size_t len = 0;
	const char *data = af_future_data(done, &len);

	if (data)
		flow_take(flow, data, len);
	flow_next(flow, af_future_error(done),
		  data && len == 0 && (af_future_flags(done) & AFIO_EOF));
}

static void flow_peeked(struct af_future *done, void *arg)
{
	struct flow *flow = arg;
	size_t len = 0;
	const char *data = af_future_data(done, &len);

	if (data)
		flow_check(flow, data, len);
	flow_next(flow, af_future_error(done), false);
}

/* A few chunks, which are taken whatever becomes of the operation. */
static int flow_chunk(const char *data, size_t len, unsigned flags, void *arg)
{
	struct flow *flow = arg;

	(void)flags;
	flow_take(flow, data, len);
	return flow->got == flow->total || chance(3);
}

static void flow_did_chunks(struct af_future *done, void *arg)
{
	struct flow *flow = arg;

	flow_next(flow, af_future_error(done),
		  af_future_flags(done) & AFIO_EOF);
}

static void flow_read(struct flow *flow)
{
	struct task *task = flow->task;
	size_t n = 1 + pick(chance(2) ? 40000 : 500);
	size_t left = flow->total - flow->got;

	if (flow->has_no_end && n > left)
		n = left;
	switch (flow->is_unbuffered ? 5 : pick(6)) {
	case 0:
		op_watch(task, "read full",
			 af_file_read(flow->out, n, AFIO_FULL, deadline()),
			 flow->may, flow_did_read, flow);
		break;
	case 1:
		op_watch(task, "readline",
			 af_file_readline(flow->out, n, 0, 0, deadline()),
			 flow->may, flow_did_read, flow);
		break;
	case 2:
		op_watch(task, "peek", af_file_peek(flow->out, n, deadline()),
			 flow->may, flow_peeked, flow);
		break;
	case 3:
		op_watch(task, "chunks",
			 af_file_each_chunk(flow->out, flow_chunk, flow),
			 flow->may, flow_did_chunks, flow);
		break;
	default:
		op_watch(task, "read",
			 af_file_read(flow->out, n, 0, deadline()), flow->may,
			 flow_did_read, flow);
	}
}

void flow_begin(struct flow *flow)
{
	flow->sent = flow->got = 0;
	if (flow->in)
		flow_write(flow);
	flow_read(flow);
}
