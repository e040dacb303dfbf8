/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits, from every place a program may wait in, for every kind of operation,
 * with every outcome it can have: a table of cells. Around each of them other
 * operations are pending, and the program's own base goes on afterwards.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/children.h"
#include "support/contexts.h"
#include "support/gate.h"
#include "support/server.h"
#include "support/system.h"

#define TIMER_MS 1

enum outcome {
	SUCCEEDS,
	ENDS, /* end of file, with a part of what was asked for */
	FAILS,
	TIMES_OUT,
	IS_CANCELED,
	IS_CLOSED,
	OUTCOME_COUNT
};

static const char *const outcomes[OUTCOME_COUNT] = {
	"succeeds", "ends", "fails", "times out", "is canceled", "is closed",
};

/* When what brings about the outcome happens. */
enum when {
	BEFORE,		 /* the operation is pending, the wait not begun */
	BY_CONTINUATION, /* during the wait, by another operation's end */
	BY_POST,	 /* during the wait, by a post of another thread */
	WHEN_COUNT
};

static struct stage stage;

/* What operations work on; whatever is not NULL or -1 is closed at the end. */
static struct af_file *file, *target; /* a socket; a pipe that is full */
static int file_out, target_in;
static size_t stuffed;
static struct af_process *process;
static struct af_pipe *pipeline;
static pid_t pids[2];

/* Who stands by: reads on other files, and a timer of the program. */
static struct af_file *idle, *across;
static int idle_out, across_out;
static bool across_done, timer_fired, in_wait;

static struct af_future *awaited, *maker, *behind;
static struct af_future *before; /* that it waits for, or NULL */

/* The cell, for the message of a failure. */
static char cell[120];

#define expect(condition) ck_assert_msg((condition), "%s: %s", cell, #condition)

static void put_line(void)
{
	put_text(file_out, "abcd\n");
}

static void put_part(void)
{
	put_text(file_out, "abc");
	shutdown(file_out, SHUT_WR);
}

static void close_fd(int *fd)
{
	close(*fd);
	*fd = -1;
}

/* A socket that is closed with bytes unread in it resets its peer. */
static void reset(void)
{
	put_text(af_file_fd(file), "x");
	close_fd(&file_out);
}

static void close_input(void)
{
	af_file_close(file);
	file = NULL;
}

static struct af_future *begin_read(const struct timeval *timeout)
{
	return af_file_read(file, 5, AFIO_FULL, timeout);
}

static struct af_future *begin_readline(const struct timeval *timeout)
{
	return af_file_readline(file, 0, 0, AFIO_FULL, timeout);
}

static struct af_future *begin_read_until(const struct timeval *timeout)
{
	return af_file_read_until(file, "d\n", 2, 0, AFIO_FULL, timeout);
}

static struct af_future *begin_read_until_any(const struct timeval *timeout)
{
	static const struct af_text texts[] = { { "bd", 2 }, { "d\n", 2 } };

	return af_file_read_until_any(file, texts, 2, 0, AFIO_FULL, timeout);
}

static void check_data(enum outcome outcome)
{
	size_t len = 99;
	const char *data = af_future_data(awaited, &len);

	expect(data);
	expect(len == (outcome == ENDS ? 3 : 5));
	expect(memcmp(data, "abcd\n", len) == 0);
	expect(af_future_flags(awaited) == (outcome == ENDS ? AFIO_EOF : 0));
}

static void check_match(enum outcome outcome)
{
	check_data(outcome);
	expect(af_future_match(awaited) == (outcome == ENDS ? -1 : 1));
}

static struct af_future *read_again(struct af_future *done, void *arg)
{
	expect(af_future_count(done) == 2);
	return af_file_read(file, 3, AFIO_FULL, arg);
}

/* What a map's chain does with its bytes. */
static struct af_future *read_once(struct af_future *done, void *arg)
{
	(void)arg;
	expect(memcmp(af_future_data(done, NULL), "abcd\n",
		      af_future_count(done)) == 0);
	return NULL;
}

static struct af_future *pass(struct af_future *done, void *arg)
{
	(void)arg;
	expect(af_future_error(done) < 0);
	return NULL;
}

static struct af_future *begin_chain(const struct timeval *timeout)
{
	return af_catch(af_then(af_file_read(file, 2, AFIO_FULL, timeout),
				read_again, NULL),
			pass, NULL);
}

/* A group waits for its parts where the wait is, too. */
static struct af_future *begin_group(const struct timeval *timeout)
{
	struct af_future *f = begin_chain(timeout);

	return af_any(stage.loop, &f, 1);
}

/* And one behind a shield, whose cancel leaves it alone. */
static struct af_future *begin_shield(const struct timeval *timeout)
{
	behind = begin_chain(timeout);
	return af_shield(af_future_ref(behind));
}

static int left_to_make;
static struct timeval part_timeout;

static struct af_future *make_read(void *arg)
{
	if (left_to_make-- == 0)
		return NULL;
	if (!file) /* closed before the first call */
		return af_failed(stage.loop, -ECANCELED);
	return af_then(af_file_read(file, 5, AFIO_FULL, arg), read_once, NULL);
}

/* One future, which is made during the wait. */
static struct af_future *begin_map(const struct timeval *timeout)
{
	left_to_make = 1;
	if (timeout)
		part_timeout = *timeout;
	return af_map(stage.loop, make_read, timeout ? &part_timeout : NULL, 2,
		      0);
}

static void check_map(enum outcome outcome)
{
	(void)outcome;
	expect(af_future_count(awaited) == 1);
}

static void check_chain_data(enum outcome outcome)
{
	size_t len = outcome == ENDS ? 1 : 3;

	expect(af_future_count(awaited) == len);
	expect(memcmp(af_future_data(awaited, NULL), "cd\n", len) == 0);
	expect(af_future_flags(awaited) == (outcome == ENDS ? AFIO_EOF : 0));
}

static struct af_future *begin_write(const struct timeval *timeout)
{
	return af_file_write(target, "abcd\n", 5, AFIO_FULL, timeout);
}

static void drain(void)
{
	expect_pattern(target_in, stuffed, 0);
}

static void leave(void)
{
	close_fd(&target_in);
}

static void close_target(void)
{
	af_file_close(target);
	target = NULL;
}

static void check_written(enum outcome outcome)
{
	char buf[5];

	(void)outcome;
	expect(af_future_count(awaited) == 5);
	get(target_in, buf, 5);
	expect(memcmp(buf, "abcd\n", 5) == 0);
}

/* With a write before it, for which there is no room yet. */
static struct af_future *begin_finish(const struct timeval *timeout)
{
	before = begin_write(NULL);
	return af_file_finish(target, timeout);
}

static void check_finished(enum outcome outcome)
{
	char buf[6];

	(void)outcome;
	get(target_in, buf, 5);
	expect(memcmp(buf, "abcd\n", 5) == 0);
	expect(read(target_in, buf, 6) == 0);
	expect(af_file_fd(target) == -EBADF);
}

/* The target is full, so that a copy waits in both directions. */
static struct af_future *begin_copy(const struct timeval *timeout)
{
	return af_file_copy(file, target, 5, timeout);
}

static void put_line_and_drain(void)
{
	put_line();
	drain();
}

static void put_part_and_drain(void)
{
	put_part();
	drain();
}

static void reset_and_drain(void)
{
	reset();
	drain();
}

static void check_copied(enum outcome outcome)
{
	size_t len = outcome == ENDS ? 3 : 5;
	char buf[5];

	expect(af_future_count(awaited) == len);
	get(target_in, buf, len);
	expect(memcmp(buf, "abcd\n", len) == 0);
	expect(af_future_flags(awaited) == (outcome == ENDS ? AFIO_EOF : 0));
}

/* The same line by line, where each waits until it is written. */
static struct af_future *write_line(const char *data, size_t len,
				    unsigned flags, void *arg)
{
	(void)flags;
	(void)arg;
	return af_file_write(target, data, len, AFIO_FULL | AFIO_BORROW, NULL);
}

static struct af_future *begin_each_async(const struct timeval *timeout)
{
	return af_with_timeout(
		af_file_each_async(file, AFIO_EACH_LINE, write_line, NULL),
		timeout);
}

static void put_lines_and_drain(void)
{
	put_text(file_out, "ab\nc\n");
	shutdown(file_out, SHUT_WR);
	drain();
}

static void check_each_async(enum outcome outcome)
{
	size_t len = outcome == ENDS ? 3 : 5;
	char buf[5];

	expect(af_future_count(awaited) == len);
	get(target_in, buf, len);
	expect(memcmp(buf, outcome == ENDS ? "abc" : "ab\nc\n", len) == 0);
	expect(af_future_flags(awaited) == AFIO_EOF);
}

/* A proxy; the target is its other side, a socket, too. */
static struct af_future *begin_copy_both(const struct timeval *timeout)
{
	return af_file_copy_both(file, target, timeout);
}

static void put_line_and_end_both(void)
{
	put_line();
	shutdown(file_out, SHUT_WR);
	shutdown(target_in, SHUT_WR);
}

static void put_part_and_end_both(void)
{
	put_part();
	shutdown(target_in, SHUT_WR);
}

static void check_copied_both(enum outcome outcome)
{
	size_t len = outcome == ENDS ? 3 : 5;
	char buf[5];

	expect(af_future_count(awaited) == len);
	get(target_in, buf, len);
	expect(memcmp(buf, "abcd\n", len) == 0);
	expect(af_future_flags(awaited) == AFIO_EOF);
}

static void make_process(void)
{
	process =
		af_spawn(stage.loop, HELPER("cat"), WITH(.in.kind = AFIO_PIPE));
	expect(process);
	pids[0] = af_process_pid(process);
}

static struct af_future *begin_process_wait(const struct timeval *timeout)
{
	return af_process_wait(process, timeout);
}

static struct af_future *begin_change(const struct timeval *timeout)
{
	return af_process_wait_change(process, timeout);
}

static void end_process(void)
{
	expect(af_process_close_stdin(process) == 0);
}

static void free_process(void)
{
	af_process_free(process);
	process = NULL;
}

static void make_pipeline(void)
{
	pipeline =
		af_pipe_spawn(stage.loop, CHAIN(HELPER("cat"), HELPER("cat")),
			      WITH(IN_OUT_PIPES));
	expect(pipeline);
	for (size_t i = 0; i < 2; i++)
		pids[i] = af_process_pid(af_pipe_process(pipeline, i));
}

static struct af_future *begin_pipe_wait(const struct timeval *timeout)
{
	return af_pipe_wait(pipeline, timeout);
}

static void end_pipeline(void)
{
	expect(af_pipe_close_stdin(pipeline) == 0);
}

static void close_pipeline(void)
{
	af_pipe_close(pipeline);
	pipeline = NULL;
}

static void check_status_0(enum outcome outcome)
{
	(void)outcome;
	expect(af_future_status(awaited) == 0);
}

static struct af_future *begin_communicate(const struct timeval *timeout)
{
	return af_pipe_communicate(pipeline,
				   HOW(.input_kind = AFIO_INPUT_FILE,
				       .input_file = file, .timeout = timeout));
}

static void check_output_part(enum outcome outcome)
{
	const struct af_output *output = af_future_output(awaited);

	(void)outcome;
	expect(output);
	expect(output->out_len == 3);
	expect(memcmp(output->out, "abc", 3) == 0);
	expect(output->status == 0);
}

/* A datagram socket, and its peer. */
static void make_messages(void)
{
	int fds[2];

	expect(cloexec_socketpair(SOCK_DGRAM, fds) == 0);
	target = af_file_new(stage.loop, fds[0], 0);
	expect(target);
	target_in = fds[1];
}

static struct af_future *begin_receive_from(const struct timeval *timeout)
{
	return af_file_receive_from(target, 0, 0, timeout);
}

static void put_message(void)
{
	put_text(target_in, "abcd\n");
}

static void check_received(enum outcome outcome)
{
	check_data(outcome);
	expect(af_future_address(awaited, 0, NULL)->sa_family == AF_UNIX);
}

static int take_message(const char *data, size_t len,
			const struct sockaddr *from, socklen_t from_len,
			unsigned flags, void *arg)
{
	(void)from_len;
	(void)arg;
	expect(len == 5 && memcmp(data, "abcd\n", 5) == 0 && flags == 0);
	expect(from->sa_family == AF_UNIX);
	return 1;
}

static struct af_future *begin_each_datagram(const struct timeval *timeout)
{
	return af_with_timeout(
		af_file_each_datagram(target, take_message, NULL), timeout);
}

static void check_one(enum outcome outcome)
{
	(void)outcome;
	expect(af_future_count(awaited) == 1);
}

/* Whose peer has no room. */
static void make_full_messages(void)
{
	struct af_future *f;
	bool done;

	make_messages();
	do {
		f = af_file_send_to(target, "x", 1, NULL, 0, 0, MS(0));
		done = af_future_error(f) == 0;
		af_future_unref(f);
	} while (done);
}

static struct af_future *begin_send_to(const struct timeval *timeout)
{
	return af_file_send_to(target, "abcd\n", 5, NULL, 0, 0, timeout);
}

static void drain_messages(void)
{
	char c;

	while (recv(target_in, &c, 1, MSG_DONTWAIT) == 1)
		;
}

/* A future that the program ends itself. */
static struct af_future *begin_maker(const struct timeval *timeout)
{
	maker = af_future_new(stage.loop, NULL, NULL);
	return af_with_timeout(af_future_ref(maker), timeout);
}

static void resolve(void)
{
	expect(af_future_resolve(maker, cell, NULL) == 0);
}

static void break_it(void)
{
	expect(af_future_fail(maker, -EIO) == 0);
}

static void check_value(enum outcome outcome)
{
	(void)outcome;
	expect(af_future_value(awaited) == cell);
}

/* A function on a thread, which goes on when it gets leave: each its own. */
static struct af_future *work;
static struct gate leaves[OUTCOME_COUNT * WHEN_COUNT], *leave_to_end;
static bool has_leave;

static void *work_until_leave(void *arg)
{
	gate_await(arg, 1);
	return cell;
}

static void give_leave(void)
{
	has_leave = true;
	gate_arrive(leave_to_end);
}

static struct af_future *begin_work(const struct timeval *timeout)
{
	leave_to_end = leave_to_end ? leave_to_end + 1 : leaves;
	*leave_to_end = (struct gate)GATE_INIT;
	has_leave = false;
	work = af_work(stage.loop, work_until_leave, leave_to_end, NULL);
	return af_with_timeout(af_future_ref(work), timeout);
}

/* If it is called although nobody waits for it any more. */
static void end_work(void)
{
	if (work && !has_leave && af_future_count(work) == 1)
		give_leave();
	af_future_unref(work);
	work = NULL;
}

/* Nothing else reads from it. */
static struct af_future *begin_wait_fd(const struct timeval *timeout)
{
	return af_wait_fd(stage.loop, af_file_fd(file), EV_READ, timeout);
}

static void check_nothing_read(enum outcome outcome)
{
	char buf[5];

	(void)outcome;
	get(af_file_fd(file), buf, sizeof buf);
	expect(memcmp(buf, "abcd\n", sizeof buf) == 0);
}

#ifdef __linux__
#define HAVE_HOLE
/* A connection to a Unix socket whose queue is full. */
static struct server_hole hole;
static char hole_name[50];

static void make_hole(void)
{
	snprintf(hole_name, sizeof hole_name, "@asyncfile-await-%d",
		 (int)getpid());
	hole = server_dig(hole_name, 0);
}

static struct af_future *begin_connect(const struct timeval *timeout)
{
	return af_connect(stage.loop, hole_name, NULL, NULL, timeout);
}

static void admit(void)
{
	close(server_accept(hole.listener));
}

static void refuse(void)
{
	close_fd(&hole.listener);
}

static void check_connected(enum outcome outcome)
{
	(void)outcome;
	expect(af_future_address(awaited, 0, NULL));
	expect(af_file_close(af_future_take_file(awaited)) == 0);
}

static void fill_hole(void)
{
	if (hole.visitor > 0)
		close_fd(&hole.visitor);
	if (hole.listener > 0)
		close_fd(&hole.listener);
}
#else
static void fill_hole(void)
{
}
#endif

/* A listener; and for some an accepted file, whose end the outcome is. */
static struct af_listener *listener;
static struct af_file *accepted;
static int peer = -1;

static void make_listener(void)
{
	listener = af_listen(stage.loop, "127.0.0.1", "0", NULL);
	expect(listener);
}

static void come(void)
{
	socklen_t len;
	const struct sockaddr *address = af_listener_address(listener, 0, &len);

	peer = socket(address->sa_family, SOCK_STREAM, 0);
	expect(connect(peer, address, len) == 0);
}

static struct af_future *begin_accept(const struct timeval *timeout)
{
	return af_listener_accept(listener, timeout);
}

static void close_listener(void)
{
	af_listener_close(listener);
	listener = NULL;
}

static void check_accepted(enum outcome outcome)
{
	struct af_file *taken = af_future_take_file(awaited);

	(void)outcome;
	expect(taken);
	expect(af_file_close(taken) == 0);
}

static int close_first(struct af_file *first, void *arg)
{
	(void)arg;
	expect(af_file_close(first) == 0);
	return 1;
}

static struct af_future *begin_accept_each(const struct timeval *timeout)
{
	return af_with_timeout(af_listener_each(listener, close_first, NULL),
			       timeout);
}

static void make_connection(void)
{
	struct af_future *f;

	make_listener();
	come();
	f = af_listener_accept(listener, MS(0));
	accepted = af_future_take_file(f);
	expect(accepted);
	af_future_unref(f);
}

static struct af_future *begin_stop(const struct timeval *timeout)
{
	return af_listener_stop(listener, timeout);
}

static void close_accepted(void)
{
	af_file_close(accepted);
	accepted = NULL;
}

static void check_none_left(enum outcome outcome)
{
	(void)outcome;
	expect(af_future_count(awaited) == 0);
	expect(af_listener_connections(listener) == 0);
}

static void close_connection(void)
{
	close_accepted();
	close_listener();
	if (peer >= 0)
		close_fd(&peer);
}

static const struct operation {
	const char *name;
	void (*make)(void); /* what only this kind needs */
	struct af_future *(*begin)(const struct timeval *timeout);
	void (*succeed)(void), (*end)(void), (*fail)(void), (*close)(void);
	int error; /* of a failure */
	void (*check)(enum outcome outcome);
} operations[] = {
	{ "read", NULL, begin_read, put_line, put_part, reset, close_input,
	  -ECONNRESET, check_data },
	{ "readline", NULL, begin_readline, put_line, put_part, reset,
	  close_input, -ECONNRESET, check_data },
	{ "read_until", NULL, begin_read_until, put_line, put_part, reset,
	  close_input, -ECONNRESET, check_data },
	{ "read_until_any", NULL, begin_read_until_any, put_line, put_part,
	  reset, close_input, -ECONNRESET, check_match },
	{ "chain", NULL, begin_chain, put_line, put_part, reset, close_input,
	  -ECONNRESET, check_chain_data },
	{ "group", NULL, begin_group, put_line, put_part, reset, close_input,
	  -ECONNRESET, check_chain_data },
	{ "shield", NULL, begin_shield, put_line, put_part, reset, close_input,
	  -ECONNRESET, check_chain_data },
	{ "map", NULL, begin_map, put_line, put_part, reset, close_input,
	  -ECONNRESET, check_map },
	{ "write", NULL, begin_write, drain, NULL, leave, close_target, -EPIPE,
	  check_written },
	{ "finish", NULL, begin_finish, drain, NULL, NULL, close_target, 0,
	  check_finished },
	{ "copy", NULL, begin_copy, put_line_and_drain, put_part_and_drain,
	  reset_and_drain, close_target, -ECONNRESET, check_copied },
	{ "each async", NULL, begin_each_async, put_lines_and_drain,
	  put_part_and_drain, reset_and_drain, close_input, -ECONNRESET,
	  check_each_async },
	{ "copy both", NULL, begin_copy_both, put_line_and_end_both,
	  put_part_and_end_both, reset, close_target, -ECONNRESET,
	  check_copied_both },
	{ "process wait", make_process, begin_process_wait, end_process, NULL,
	  NULL, free_process, 0, check_status_0 },
	{ "process change", make_process, begin_change, end_process, NULL, NULL,
	  free_process, 0, check_status_0 },
	{ "pipe wait", make_pipeline, begin_pipe_wait, end_pipeline, NULL, NULL,
	  close_pipeline, 0, check_status_0 },
	{ "communicate", make_pipeline, begin_communicate, NULL, put_part,
	  reset, close_pipeline, -ECONNRESET, check_output_part },
	{ "work", NULL, begin_work, give_leave, NULL, NULL, NULL, 0,
	  check_value },
	{ "descriptor", NULL, begin_wait_fd, put_line, NULL, NULL, NULL, 0,
	  check_nothing_read },
#ifdef HAVE_HOLE
	{ "connect", make_hole, begin_connect, admit, NULL, refuse, NULL,
	  -ECONNREFUSED, check_connected },
#endif
	{ "receive from", make_messages, begin_receive_from, put_message, NULL,
	  NULL, close_target, 0, check_received },
	{ "each datagram", make_messages, begin_each_datagram, put_message,
	  NULL, NULL, close_target, 0, check_one },
	{ "send to", make_full_messages, begin_send_to, drain_messages, NULL,
	  NULL, close_target, 0, check_written },
	{ "accept", make_listener, begin_accept, come, NULL, NULL,
	  close_listener, 0, check_accepted },
	{ "accept each", make_listener, begin_accept_each, come, NULL, NULL,
	  close_listener, 0, check_one },
	{ "listener stop", make_connection, begin_stop, close_accepted, NULL,
	  NULL, close_listener, 0, check_none_left },
	{ "maker", NULL, begin_maker, resolve, NULL, break_it, NULL, -EIO,
	  check_value },
};
#define OPERATION_COUNT ((int)(sizeof operations / sizeof *operations))

static void nothing(void)
{
}

static void cancel(void)
{
	af_future_cancel(awaited);
}

/* What brings an outcome about; NULL: there is no such outcome. */
static void (*act_for(const struct operation *op, enum outcome outcome))(void)
{
	switch (outcome) {
	case SUCCEEDS:
		return op->succeed;
	case ENDS:
		return op->end;
	case FAILS:
		return op->fail;
	case IS_CANCELED:
		return cancel;
	case IS_CLOSED:
		return op->close;
	default:
		return nothing;
	}
}

static int error_of(const struct operation *op, enum outcome outcome)
{
	switch (outcome) {
	case SUCCEEDS:
	case ENDS:
		return 0;
	case FAILS:
		return op->error;
	case TIMES_OUT:
		return -ETIMEDOUT;
	default:
		return -ECANCELED;
	}
}

struct play {
	const struct operation *op;
	enum outcome outcome;
	enum when when;
	bool early; /* pending already when the place is entered */
	void (*act)(void);
	bool acted;
	pthread_t thread;
};

static void begin(const struct play *play)
{
	awaited = play->op->begin(play->outcome == TIMES_OUT ? MS(5) : NULL);
	expect(!af_future_is_done(awaited));
}

static void act(void *arg)
{
	struct play *play = arg;

	expect(in_wait);
	play->acted = true;
	play->act();
}

static void act_on_timeout(struct af_future *done, void *arg)
{
	expect(af_future_error(done) == -ETIMEDOUT);
	act(arg);
}

static void *post_act(void *arg)
{
	af_loop_post(stage.loop, act, arg);
	return NULL;
}

/* What is called in the place that the cell is about. */
static void wait_there(void *arg)
{
	bool private = contexts[stage.context].private;
	struct play *play = arg;
	bool fired = timer_fired;
	int r;

	if (!play->early)
		begin(play);
	if (play->when == BEFORE)
		play->act();
	else if (play->when == BY_CONTINUATION)
		af_on_done(af_file_read(idle, 1, 0, MS(1)), act_on_timeout,
			   play);
	else
		pthread_create(&play->thread, NULL, post_act, play);
	in_wait = true;
	r = af_await(awaited);
	in_wait = false;
	if (play->when == BY_POST)
		pthread_join(play->thread, NULL);
	ck_assert_msg(r == error_of(play->op, play->outcome),
		      "%s: the wait says %s", cell, strerror(-r));
	expect(af_future_is_done(awaited));
	expect(af_future_error(awaited) == r);
	expect(play->acted || play->when == BEFORE);
	expect(!private || timer_fired == fired);
	expect(!across_done);
	af_future_cancel(behind); /* or its file is waited for */
	if (r == 0)
		play->op->check(play->outcome);
	af_future_cancel(before);
	af_future_unref(before);
	before = NULL;
	put_text(across_out, "def");
}

static void on_across(struct af_future *done, void *arg)
{
	(void)arg;
	expect(!in_wait);
	expect(af_future_count(done) == 3);
	across_done = true;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	timer_fired = true;
}

static void open_cell(const struct operation *op)
{
	memset(pids, 0, sizeof pids);
	across_done = timer_fired = false;
	file = stage_file(&stage, KIND_SOCKETPAIR, &file_out);
	idle = stage_file(&stage, KIND_PIPE, &idle_out);
	across = stage_file(&stage, KIND_PIPE, &across_out);
	target = NULL;
	target_in = -1;
	if (op->begin == begin_write || op->begin == begin_finish ||
	    op->begin == begin_copy || op->begin == begin_each_async) {
		int fds[2];

		make_pair(KIND_PIPE, fds);
		stuffed = stuff(fds[1]);
		target = af_file_new(stage.loop, fds[1], 0);
		target_in = fds[0];
		expect(target);
	}
	if (op->begin == begin_copy_both)
		target = stage_file(&stage, KIND_SOCKETPAIR, &target_in);
	if (op->make)
		op->make();
	if (stage.context != TOP_OWN)
		event_base_once(af_loop_base(stage.loop), -1, EV_TIMEOUT,
				on_timer, NULL, MS(TIMER_MS));
}

/* Those that were left to themselves are reaped by the loop. */
static void reap(struct af_future *wait, const struct timeval *tick)
{
	for (int i = 0; i < 2; i++) {
		while (pids[i] > 0 && kill(pids[i], 0) == 0) {
			event_base_once(af_loop_base(stage.loop), -1,
					EV_TIMEOUT, on_timer, NULL, tick);
			event_base_loop(af_loop_base(stage.loop), EVLOOP_ONCE);
		}
	}
	af_future_unref(wait);
}

static void close_cell(void)
{
	struct af_future *wait = NULL;

	af_future_unref(awaited);
	af_future_unref(maker);
	af_future_unref(behind);
	maker = behind = NULL;
	end_work();
	fill_hole();
	close_connection();
	af_file_close(file);
	af_file_close(target);
	af_file_close(idle);
	af_file_close(across);
	close_fd(&idle_out);
	close_fd(&across_out);
	if (file_out >= 0)
		close_fd(&file_out);
	if (target_in >= 0)
		close_fd(&target_in);
	if (process) {
		af_process_close_stdin(process);
		wait = af_process_wait(process, NULL);
	}
	if (pipeline) {
		af_pipe_close_stdin(pipeline);
		wait = af_pipe_wait(pipeline, NULL);
	}
	reap(wait, MS(2));
	free_process();
	close_pipeline();
}

static void play_cell(struct play *play)
{
	open_cell(play->op);
	if (play->early)
		begin(play);
	af_on_done(af_file_read(across, 3, AFIO_FULL, NULL), on_across, NULL);
	stage_play(&stage, wait_there, play);
	expect(across_done);
	expect(timer_fired || stage.context == TOP_OWN);
	close_cell();
}

/*
 * All outcomes of one place and one kind of operation, whatever brings them
 * about. Every other cell begins early: in each row, and in each column.
 */
START_TEST(await_anywhere_of_anything_ends_as_it_should)
{
	struct play play = { .op = &operations[_i % OPERATION_COUNT] };

	stage_open(&stage, (enum context)(_i / OPERATION_COUNT));
	for (int i = 0; i < OUTCOME_COUNT * WHEN_COUNT; i++) {
		play.outcome = (enum outcome)(i / WHEN_COUNT);
		play.when = (enum when)(i % WHEN_COUNT);
		play.early = ((int)play.outcome + (int)play.when +
			      (int)stage.context + _i % OPERATION_COUNT) %
			     2;
		play.acted = false;
		play.act = act_for(play.op, play.outcome);
		if (!play.act || (play.outcome == TIMES_OUT && play.when))
			continue;
		snprintf(cell, sizeof cell, "%s, %s %s, when %d, early %d",
			 contexts[stage.context].name, play.op->name,
			 outcomes[play.outcome], play.when, play.early);
		play_cell(&play);
	}
	stage_close(&stage);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/await_everywhere");
	TCase *tc = test_case(s, "cells");

	tcase_add_loop_test(tc, await_anywhere_of_anything_ends_as_it_should, 0,
			    CONTEXT_COUNT * OPERATION_COUNT);
	return s;
}
