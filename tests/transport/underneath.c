/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Code of the program that the library runs while it moves bytes: filters,
 * callbacks of a bufferevent's evbuffers, cleanup functions. It closes the file,
 * cancels the operation, frees the loop, or waits. AddressSanitizer says whether
 * anything of them is used after that.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/harness.h"

enum place {
	INPUT, /* the callback of an evbuffer */
	OUTPUT,
	BELOW_INPUT, /* of what the filter is over */
	BELOW_OUTPUT,
	FILTER_IN,
	FILTER_OUT,
	CLEANUP, /* of a piece of what is written, or of what comes in */
	PLACES
};

enum action {
	CLOSE,
	CLOSE_OTHER, /* the other end of a copy */
	CANCEL,
	FREE_LOOP,
	WAIT,
	READ_ON,
	DETACH,
	ACTIONS
};

enum operation {
	READ,
	READ_FULL,
	READLINE,
	READ_UNTIL,
	READ_UNTIL_ANY,
	PEEK,
	EACH_LINE,
	EACH_CHUNK,
	EACH_ASYNC,
	COPY_FROM,
	WRITE,
	WRITE_FULL,
	WRITE_BUFFER,
	COPY_TO,
	COPY_TO_ALIKE, /* code of the program runs at both ends */
	COPY_BOTH,
	UNREAD,
	SHUTDOWN,
	FINISH,
	CLOSE_ITSELF,
	OPERATIONS
};

#define LINES "one\ntwo\nthree\n"
#define LEN (sizeof(LINES) - 1)
#define TURNS 12

static struct event_base *own; /* the program's; or NULL */
static struct af_loop *loop;
static struct af_file *file, *other; /* other: the copy's other end */
static struct af_future *op, *later;
static int peer, other_peer, calls; /* the far ends of both */
static enum place place;
static enum action action;
static int ready = -1; /* a descriptor that is readable at all times */
static bool armed, cancelled;

static void close_file(struct af_file **closed)
{
	struct af_file *last = *closed;

	*closed = NULL;
	af_file_close(last);
}

static void free_loop(void)
{
	struct af_loop *last = loop;

	loop = NULL;
	af_loop_free(last);
}

static void act(void)
{
	struct af_future *f;
	int fd;

	calls++;
	armed = false;
	switch (action) {
	case CLOSE:
		close_file(&file);
		break;
	case CLOSE_OTHER:
		close_file(&other);
		break;
	case CANCEL: /* inside of the call that makes it, there is none yet */
		cancelled = op;
		af_future_cancel(op);
		break;
	case FREE_LOOP:
		free_loop();
		break;
	case WAIT: /* -ENOTSUP where the file cannot move */
		f = af_sleep(loop, MS(1));
		af_await(f);
		af_future_cancel(f);
		af_future_unref(f);
		break;
	case READ_ON:
		later = af_file_read(file, 1, 0, NULL);
		break;
	case DETACH: /* a bufferevent has no descriptor to give back */
		fd = af_file_detach(file, NULL);
		if (fd >= 0) {
			close(fd);
			file = NULL;
		}
		break;
	default:
		break;
	}
}

static void at(enum place here)
{
	if (armed && here == place)
		act();
}

#define ON(name, where)                                                        \
	static void name(struct evbuffer *buf,                                 \
			 const struct evbuffer_cb_info *info, void *arg)       \
	{                                                                      \
		(void)buf;                                                     \
		(void)info;                                                    \
		(void)arg;                                                     \
		at(where);                                                     \
	}
ON(on_input, INPUT)
ON(on_output, OUTPUT)
ON(on_below_input, BELOW_INPUT)
ON(on_below_output, BELOW_OUTPUT)

static void on_cleanup(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	at(CLEANUP);
}

/* Passes the bytes on as references, so that they have cleanup functions. */
static enum bufferevent_filter_result pass(struct evbuffer *from,
					   struct evbuffer *to, enum place here)
{
	static char bytes[1 << 16];
	static size_t used;
	size_t n = evbuffer_get_length(from);

	at(here);
	if (n == 0)
		return BEV_NEED_MORE;
	if (n > sizeof(bytes) - used)
		used = 0;
	evbuffer_remove(from, bytes + used, n);
	evbuffer_add_reference(to, bytes + used, n, on_cleanup, NULL);
	used += n;
	at(here);
	return BEV_OK;
}

static enum bufferevent_filter_result
filter_in(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
	  enum bufferevent_flush_mode mode, void *arg)
{
	(void)limit;
	(void)mode;
	(void)arg;
	return pass(from, to, FILTER_IN);
}

static enum bufferevent_filter_result
filter_out(struct evbuffer *from, struct evbuffer *to, ev_ssize_t limit,
	   enum bufferevent_flush_mode mode, void *arg)
{
	(void)limit;
	(void)mode;
	(void)arg;
	return pass(from, to, FILTER_OUT);
}

static void watch(struct bufferevent *bev, evbuffer_cb_func input,
		  evbuffer_cb_func output)
{
	evbuffer_add_cb(bufferevent_get_input(bev), input, NULL);
	evbuffer_add_cb(bufferevent_get_output(bev), output, NULL);
}

/* late: the callbacks are added when the library has its own already. */
static struct af_file *make_file(bool late, unsigned flags, int *ret_peer,
				 struct bufferevent **ret_filter)
{
	struct bufferevent *below, *filter;
	struct af_file *made;
	int fds[2];

	signal(SIGPIPE, SIG_IGN); /* which a bufferevent raises */
	make_pair(KIND_SOCKETPAIR, fds);
	evutil_make_socket_nonblocking(fds[0]);
	evutil_make_socket_nonblocking(fds[1]);
	*ret_peer = fds[1];
	below = bufferevent_socket_new(af_loop_base(loop), fds[0],
				       BEV_OPT_CLOSE_ON_FREE);
	filter = bufferevent_filter_new(below, filter_in, filter_out,
					BEV_OPT_CLOSE_ON_FREE, NULL, NULL);
	bufferevent_enable(filter, EV_READ | EV_WRITE);
	if (!late) {
		watch(below, on_below_input, on_below_output);
		watch(filter, on_input, on_output);
	}
	made = af_file_from_bufferevent(loop, filter, flags);
	ck_assert_ptr_nonnull(made);
	if (late) {
		watch(below, on_below_input, on_below_output);
		watch(filter, on_input, on_output);
	}
	*ret_filter = filter;
	return made;
}

static void open_file(bool borrowed, bool late, unsigned flags,
		      struct bufferevent **ret_filter)
{
	own = borrowed ? event_base_new() : NULL;
	loop = af_loop_new(own);
	file = make_file(late, flags, &peer, ret_filter);
}

static int on_line(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	return 0;
}

static struct af_future *on_piece(const char *data, size_t len, unsigned flags,
				  void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	return af_sleep(loop, MS(0));
}

static struct af_future *write_pieces_for(const struct timeval *timeout)
{
	struct evbuffer *buf = evbuffer_new();
	struct af_future *f;

	for (size_t i = 0; i < LEN; i++)
		evbuffer_add_reference(buf, &LINES[i], 1, on_cleanup, NULL);
	f = af_file_write_buffer(file, buf, AFIO_FULL, timeout);
	evbuffer_free(buf);
	return f;
}

static struct af_future *write_pieces(void)
{
	return write_pieces_for(NULL);
}

static struct af_file *make_other(bool writing)
{
	int fds[2];

	make_pair(KIND_PIPE, fds);
	if (!writing)
		put_text(fds[1], LINES);
	close(fds[writing ? 0 : 1]);
	return af_file_new(loop, fds[writing ? 1 : 0], 0);
}

/* Reads LINES, and then the end. */
static struct af_file *make_other_both(void)
{
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	put_text(fds[1], LINES);
	shutdown(fds[1], SHUT_WR);
	other_peer = fds[1];
	return af_file_new(loop, fds[0], 0);
}

static struct af_future *begin_copy(enum operation operation)
{
	struct bufferevent *filter;

	switch (operation) {
	case COPY_FROM:
		other = make_other(true);
		return af_file_copy(file, other, -1, NULL);
	case COPY_TO:
		other = make_other(false);
		return af_file_copy(other, file, -1, NULL);
	case COPY_TO_ALIKE:
		other = make_file(false, 0, &other_peer, &filter);
		return af_file_copy(file, other, -1, NULL);
	case COPY_BOTH:
		other = make_other_both();
		return af_file_copy_both(file, other, NULL);
	default:
		return NULL;
	}
}

static struct af_future *begin(enum operation operation)
{
	static const struct af_text texts[] = { { "x", 1 }, { "ee\n", 3 } };

	switch (operation) {
	case READ:
		return af_file_read(file, 4, 0, NULL);
	case READ_FULL:
		return af_file_read(file, LEN, AFIO_FULL, NULL);
	case READLINE:
		return af_file_readline(file, 0, 0, 0, NULL);
	case READ_UNTIL:
		return af_file_read_until(file, "ee\n", 3, 0, 0, NULL);
	case READ_UNTIL_ANY:
		return af_file_read_until_any(file, texts, 2, 0, 0, NULL);
	case PEEK:
		return af_file_peek(file, LEN, NULL);
	case EACH_LINE:
		return af_file_each_line(file, on_line, NULL);
	case EACH_CHUNK:
		return af_file_each_chunk(file, on_line, NULL);
	case EACH_ASYNC:
		return af_file_each_async(file, AFIO_EACH_LINE, on_piece, NULL);
	case WRITE:
		return af_file_write(file, LINES, LEN, 0, NULL);
	case WRITE_FULL:
		return af_file_write(file, LINES, LEN, AFIO_FULL, NULL);
	case WRITE_BUFFER:
		return write_pieces();
	case UNREAD:
		af_file_unread(file, LINES, LEN);
		return af_file_read(file, 2 * LEN, AFIO_FULL, NULL);
	case SHUTDOWN:
		af_future_unref(af_file_write(file, "x", 1, 0, NULL));
		if (file)
			af_file_shutdown(file, SHUT_WR);
		return NULL;
	case FINISH:
		af_future_unref(af_file_write(file, LINES, LEN, 0, NULL));
		return file ? af_file_finish(file, NULL) : NULL;
	case CLOSE_ITSELF:
		op = af_file_write(file, LINES, LEN, AFIO_FULL, NULL);
		close_file(&file);
		return op;
	default:
		return begin_copy(operation);
	}
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	af_future_resolve(arg, NULL, NULL);
}

static int ended_pipe(void)
{
	int fds[2];

	make_pair(KIND_PIPE, fds);
	close(fds[1]);
	return fds[0];
}

/* Not by a timer, which would take a millisecond. */
static void turn_once(void)
{
	struct af_future *f;

	if (!loop)
		return;
	if (own) {
		event_base_loop(own, EVLOOP_NONBLOCK);
		return;
	}
	if (ready < 0)
		ready = ended_pipe();
	f = af_future_new(loop, NULL, NULL);
	event_base_once(af_loop_base(loop), ready, EV_READ, on_ready, f, NULL);
	af_await(f);
	af_future_unref(f);
}

static void finish(struct bufferevent *kept)
{
	close_file(&file);
	close_file(&other);
	if (kept)
		bufferevent_free(kept);
	for (int i = 0; i < 3; i++)
		turn_once();
	free_loop();
	af_future_unref(op);
	af_future_unref(later);
	if (own)
		event_base_free(own);
	close(peer);
	if (other_peer >= 0)
		close(other_peer);
	if (ready >= 0)
		close(ready);
	ready = -1;
}

static void forget_all(void)
{
	op = later = NULL;
	file = other = NULL;
	other_peer = -1;
	calls = 0;
}

static void run(enum operation operation, bool borrowed, bool late,
		unsigned flags)
{
	struct bufferevent *filter;
	char buf[256];

	open_file(borrowed, late, flags, &filter);
	put_text(peer, LINES);
	armed = true;
	cancelled = false;
	op = begin(operation);
	for (int i = 0; i < TURNS && loop; i++) {
		if ((!op || af_future_is_done(op)) && (!armed || i > 6))
			break;
		turn_once();
		(void)!read(peer, buf, sizeof(buf));
	}
	/* Whoever has cancelled it, or closed the file, sees it done. */
	if (op && calls > 0 &&
	    (action == CLOSE || action == FREE_LOOP || cancelled))
		ck_assert(af_future_is_done(op));
	armed = false;
	finish(flags & AFIO_KEEP_FD && (loop || own) ? filter : NULL);
}

#define ALL (PLACES * ACTIONS * OPERATIONS * 8)

/* All in one process: those that fail are told by the sanitizer. */
START_TEST(code_of_the_program_may_end_all_that_called_it)
{
	int ran = 0;

	for (int i = _i; i < ALL; i += 16) {
		int rest = i;
		bool borrowed, late, kept;

		borrowed = rest % 2;
		late = rest / 2 % 2;
		kept = rest / 4 % 2;
		rest /= 8;
		place = rest % PLACES;
		rest /= PLACES;
		action = rest % ACTIONS;
		rest /= ACTIONS;
		forget_all();
		if (getenv("UNDERNEATH"))
			fprintf(stderr, "%d: place %d action %d operation %d\n",
				i, place, action, rest);
		/* Without a base there is no bufferevent to keep. */
		if (kept && !borrowed && action == FREE_LOOP)
			continue;
		run((enum operation)rest, borrowed, late,
		    kept ? AFIO_KEEP_FD : 0);
		ran += calls > 0;
	}
	ck_assert_int_gt(ran, 0);
}
END_TEST

/* The bufferevent is the program's again, with every byte that nobody took. */
START_TEST(close_in_a_cleanup_function_gives_all_bytes_back)
{
	struct bufferevent *filter;
	char text[LEN + 1] = "";

	place = CLEANUP;
	action = CLOSE;
	forget_all();
	open_file(true, false, AFIO_KEEP_FD, &filter);
	put_text(peer, LINES);
	armed = true;
	op = af_file_read(file, 4, 0, NULL);
	while (armed)
		turn_once();
	ck_assert_ptr_null(file);
	ck_assert_int_eq(af_future_error(op), -ECANCELED);
	ck_assert_uint_eq(evbuffer_get_length(bufferevent_get_input(filter)),
			  LEN);
	bufferevent_read(filter, text, LEN);
	ck_assert_str_eq(text, LINES);
	finish(filter);
}
END_TEST

static void free_all(void *value)
{
	(void)value;
	af_loop_free(loop);
	loop = NULL;
}

START_TEST(free_function_of_a_value_may_free_the_loop)
{
	struct af_future *f;

	loop = af_loop_new(NULL);
	f = af_future_new(loop, NULL, NULL);
	af_future_resolve(f, &loop, free_all);
	af_future_unref(f);
	ck_assert_ptr_null(loop);
}
END_TEST

/* To a plain descriptor, too. */
START_TEST(cleanup_function_of_what_is_written_may_end_all)
{
	for (int i = 0; i < 2 * ACTIONS; i++) {
		int fds[2];

		own = NULL;
		forget_all();
		place = CLEANUP;
		action = (enum action)(i / 2);
		loop = af_loop_new(NULL);
		make_pair(KIND_SOCKETPAIR, fds);
		peer = fds[1];
		if (i % 2)
			stuff(fds[0]);
		file = af_file_new(loop, fds[0], 0);
		armed = true;
		op = write_pieces();
		for (int n = 0; n < TURNS && armed && loop; n++) {
			char buf[4096];

			fcntl(peer, F_SETFL, O_NONBLOCK);
			while (read(peer, buf, sizeof(buf)) > 0)
				;
			turn_once();
		}
		ck_assert_msg(calls == 1, "%d: %d calls", i, calls);
		armed = false;
		finish(NULL);
	}
}
END_TEST

enum under { PLAIN, OVER_BUFFEREVENT, ON_DISK, UNDERS };
/* What a write of a buffer waits behind, and how that ends. */
enum front {
	FRONT_WRITE,
	FRONT_BUFFER,
	FRONT_FINISH,
	FRONT_SHUTDOWN,
	FRONT_COPY,
	FRONT_COPY_BOTH,
	FRONT_SYNC,
	FRONTS
};
enum ending {
	NONE,
	ROOM,
	LEAVES,
	CANCELLED,
	CANCELLED_WITH_ROOM,
	CLOSED,
	FREED,
	ENDINGS
};

/* On a plain descriptor and on disk more than can be written at once waits. */
#define MUCH ((size_t)1 << 20)
static char much[MUCH];

static void open_under(enum under under)
{
	struct bufferevent *filter;
	char name[] = "underneath-XXXXXX";
	int fds[2];

	if (under == OVER_BUFFEREVENT) {
		open_file(false, false, 0, &filter);
		return;
	}
	own = NULL;
	loop = af_loop_new(NULL);
	if (under == PLAIN) {
		make_pair(KIND_SOCKETPAIR, fds);
		stuff(fds[0]);
	} else {
		fds[0] = mkstemp(name);
		ck_assert_int_ge(fds[0], 0);
		unlink(name);
		fds[1] = dup(STDIN_FILENO);
	}
	peer = fds[1];
	file = af_file_new(loop, fds[0], 0);
	ck_assert_ptr_nonnull(file);
}

static struct af_future *begin_front(enum front front)
{
	switch (front) {
	case FRONT_WRITE:
		return af_file_write(file, much, MUCH, AFIO_FULL, NULL);
	case FRONT_BUFFER:
		return write_pieces();
	case FRONT_FINISH:
		return af_file_finish(file, NULL);
	case FRONT_SHUTDOWN:
		return begin(SHUTDOWN);
	case FRONT_COPY:
		return begin(COPY_TO);
	case FRONT_COPY_BOTH:
		return begin(COPY_BOTH);
	case FRONT_SYNC:
		return af_file_sync(file, NULL);
	default:
		return NULL;
	}
}

static void bring_about(enum ending ending)
{
	char buf[4096];

	switch (ending) {
	case ROOM:
		while (recv(peer, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		break;
	case LEAVES:
		shutdown(peer, SHUT_RDWR);
		break;
	case CANCELLED_WITH_ROOM:
		bring_about(ROOM);
		af_future_cancel(op);
		break;
	case CANCELLED:
		af_future_cancel(op);
		break;
	case CLOSED:
		close_file(&file);
		break;
	case FREED:
		free_loop();
		break;
	default:
		break;
	}
}

static void run_behind(enum under under, enum front front, enum ending ending,
		       bool dropped)
{
	struct af_future *behind;

	forget_all();
	place = CLEANUP;
	open_under(under);
	armed = false;
	op = begin_front(front);
	armed = true;
	behind = file ? write_pieces() : NULL;
	if (dropped) {
		af_future_unref(behind);
		behind = NULL;
	}
	if (armed)
		bring_about(ending);
	for (int i = 0; i < TURNS && loop && armed; i++) {
		if (ending == ROOM)
			bring_about(ROOM);
		turn_once();
	}
	finish(NULL);
	armed = false;
	af_future_unref(behind);
}

/* It is in the queue behind something else when its cleanup function runs. */
START_TEST(cleanup_function_of_what_waits_behind_may_end_all)
{
	int ran = 0;

	for (int i = _i; i < UNDERS * FRONTS * ENDINGS * ACTIONS * 2; i += 16) {
		int rest = i;
		bool dropped = rest % 2;
		enum under under = (enum under)(rest / 2 % UNDERS);
		enum front front;
		enum ending ending;

		rest /= 2 * UNDERS;
		front = (enum front)(rest % FRONTS);
		ending = (enum ending)(rest / FRONTS % ENDINGS);
		action = (enum action)(rest / FRONTS / ENDINGS);
		if (front == FRONT_COPY_BOTH && under == ON_DISK)
			continue;
		if (getenv("UNDERNEATH"))
			fprintf(stderr,
				"%d: under %d front %d ending %d action %d\n",
				i, under, front, ending, action);
		run_behind(under, front, ending, dropped);
		ran += calls > 0;
	}
	ck_assert_int_gt(ran, 0);
}
END_TEST

/* It runs while libevent drains the output, where the next bytes go. */
START_TEST(cancel_in_a_cleanup_function_loses_nothing_behind)
{
	static const char text[] = "behind";
	struct af_future *behind;
	char buf[256];
	size_t len = 0;
	ssize_t n;

	forget_all();
	place = CLEANUP;
	action = CANCEL;
	open_under(OVER_BUFFEREVENT);
	op = write_pieces();
	behind = af_file_write(file, text, strlen(text), AFIO_FULL, NULL);
	armed = true;
	for (int i = 0; i < TURNS && !af_future_is_done(behind); i++)
		turn_once();
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(af_future_error(op), -ECANCELED);
	ck_assert_int_eq(af_future_error(behind), 0);
	while ((n = recv(peer, buf + len, sizeof(buf) - 1 - len,
			 MSG_DONTWAIT)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	ck_assert_str_eq(buf, LINES "behind");
	af_future_unref(behind);
	finish(NULL);
}
END_TEST

/* Index: what the cleanup function does. */
START_TEST(write_whose_time_is_over_may_end_all)
{
	forget_all();
	place = CLEANUP;
	action = (enum action)_i;
	open_under(OVER_BUFFEREVENT);
	armed = true;
	op = write_pieces_for(MS(0));
	ck_assert_int_eq(calls, 1);
	ck_assert(af_future_is_done(op));
	/* The bufferevent had all of it. */
	ck_assert_int_eq(af_future_error(op), 0);
	ck_assert_uint_eq(af_future_count(op), LEN);
	finish(NULL);
}
END_TEST

#define PIECES 100
static int pieces;

static void on_piece_gone(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	if (++pieces == PIECES / 2)
		at(CLEANUP);
}

/* After so many pieces that it has let others have their turn. */
START_TEST(copy_of_many_pieces_may_end_all)
{
	struct bufferevent *bevs[2];

	forget_all();
	place = CLEANUP;
	action = (enum action)_i;
	own = event_base_new();
	pieces = 0;
	loop = af_loop_new(own);
	peer = dup(STDIN_FILENO);
	ck_assert_int_eq(bufferevent_pair_new(own, 0, bevs), 0);
	bufferevent_enable(bevs[1], EV_WRITE);
	for (int i = 0; i < PIECES; i++)
		evbuffer_add_reference(bufferevent_get_output(bevs[1]), much,
				       1 << 16, on_piece_gone, NULL);
	file = af_file_from_bufferevent(loop, bevs[0], 0);
	other = af_file_open(loop, "/dev/null", "w");
	armed = true;
	op = af_file_copy(file, other, -1, NULL);
	for (int i = 0; i < 1000 && loop && armed; i++)
		turn_once();
	ck_assert_int_eq(calls, 1);
	bufferevent_free(bevs[1]);
	finish(NULL);
}
END_TEST

/* The first copy ends in a step of its target, and the second one begins. */
START_TEST(copy_behind_another_may_close_its_target)
{
	struct af_future *first;
	struct af_file *from;
	char buf[4096];
	int fds[2];

	own = NULL;
	forget_all();
	place = OUTPUT;
	action = CLOSE_OTHER;
	open_under(OVER_BUFFEREVENT);
	from = make_other(false);
	make_pair(KIND_SOCKETPAIR, fds);
	stuff(fds[0]);
	other = af_file_new(loop, fds[0], 0);
	other_peer = fds[1];
	first = af_file_copy(from, other, 4, NULL);
	op = af_file_copy(from, file, -1, NULL);
	armed = true;
	turn_once();
	ck_assert(!af_future_is_done(first));
	while (recv(other_peer, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	for (int i = 0; i < TURNS && armed; i++)
		turn_once();
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(af_future_error(first), 0);
	ck_assert_int_eq(af_future_count(first), 4);
	af_future_unref(first);
	af_file_close(from);
	finish(NULL);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("transport/underneath");
	TCase *tc = test_case(s, "underneath");

	tcase_add_loop_test(tc, code_of_the_program_may_end_all_that_called_it,
			    0, 16);
	tcase_add_test(tc, close_in_a_cleanup_function_gives_all_bytes_back);
	tcase_add_test(tc, free_function_of_a_value_may_free_the_loop);
	tcase_add_test(tc, cleanup_function_of_what_is_written_may_end_all);
	tcase_add_loop_test(
		tc, cleanup_function_of_what_waits_behind_may_end_all, 0, 16);
	tcase_add_test(tc, cancel_in_a_cleanup_function_loses_nothing_behind);
	tcase_add_test(tc, copy_behind_another_may_close_its_target);
	tcase_add_loop_test(tc, write_whose_time_is_over_may_end_all, 0,
			    ACTIONS);
	tcase_add_loop_test(tc, copy_of_many_pieces_may_end_all, 0, ACTIONS);
	return s;
}
