/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waits inside the callbacks that programs on libevent really have. From each a
 * child is started, talked to and waited for; then the callback uses what came
 * and returns, and the base that called it goes on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "support/children.h"
#include "support/system.h"

#define SHOUTS 3
#define TICK_MS 2

/* Who turns the base, and whose it is. */
enum way { RUN, RUN_BORROWED, DISPATCH, DISPATCH_OWN, WAY_COUNT };

static struct event_base *program; /* the program's own; NULL: none */
static struct event_base *base;	   /* the one that all is on */
static struct af_loop *loop;

/* The program's own business, which goes on afterwards. */
static struct event *ticker;
static int ticks, answers;
static bool in_wait;
static bool quitting; /* the run ends at the second tick from then on */

static void on_tick_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	ck_assert(!in_wait);
	if (++ticks == 2 && quitting)
		event_base_loopbreak(base);
}

static void open_all(int way)
{
	if (way == RUN_BORROWED || way == DISPATCH)
		program = event_base_new();
	loop = af_loop_new(program);
	ck_assert_ptr_nonnull(loop);
	base = af_loop_base(loop);
	ticker = event_new(base, -1, EV_PERSIST, on_tick_event, NULL);
	event_add(ticker, MS(TICK_MS));
}

static void close_all(void)
{
	event_free(ticker);
	/* What libevent has still to free, it frees from the loop. */
	event_base_loop(base, EVLOOP_NONBLOCK);
	af_loop_free(loop);
	if (program)
		event_base_free(program);
}

static void run(int way)
{
	if (way == RUN || way == RUN_BORROWED)
		ck_assert_int_eq(af_loop_run(loop), 0);
	else
		ck_assert_int_ge(event_base_dispatch(base), 0);
}

/* Ends the run, but not before the base has gone on for a while. */
static void quit_after_ticks(void)
{
	ticks = 0;
	quitting = true;
}

/*
 * What every callback does: text through two children and back, in answer, of
 * size bytes.
 */
static size_t ask(const char *text, size_t len, char *answer, size_t size)
{
	const struct af_output *output;
	struct af_future *f;
	struct af_pipe *pipe;
	size_t n;

	pipe = af_pipe_spawn(loop, CHAIN(HELPER("cat"), HELPER("slurp")),
			     WITH(IN_OUT_PIPES));
	ck_assert_ptr_nonnull(pipe);
	f = af_pipe_communicate(pipe, HOW(MEMORY(text, len)));
	in_wait = true;
	ck_assert_int_eq(af_await(f), 0);
	in_wait = false;
	output = af_future_output(f);
	ck_assert_int_eq(output->status, 0);
	n = output->out_len;
	ck_assert_uint_le(n, size);
	memcpy(answer, output->out, n);
	af_future_unref(f);
	af_pipe_close(pipe);
	answers++;
	return n;
}

static void ask_word(void)
{
	char answer[8];

	ck_assert_uint_eq(ask("word", 4, answer, sizeof answer), 4);
	ck_assert_int_eq(memcmp(answer, "word", 4), 0);
}

static void count_and_quit(void)
{
	ask_word();
	if (answers == SHOUTS)
		quit_after_ticks();
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	count_and_quit();
	if (answers < SHOUTS)
		event_base_once(base, -1, EV_TIMEOUT, on_timer, NULL, MS(1));
}

START_TEST(await_in_an_evtimer)
{
	open_all(_i);
	event_base_once(base, -1, EV_TIMEOUT, on_timer, NULL, MS(1));
	run(_i);
	ck_assert_int_eq(answers, SHOUTS);
	ck_assert_int_ge(ticks, 2);
	close_all();
}
END_TEST

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	count_and_quit();
	if (answers < SHOUTS)
		raise(SIGUSR1);
}

START_TEST(await_in_an_evsignal_handler)
{
	struct event *event;

	open_all(_i);
	event = evsignal_new(base, SIGUSR1, on_signal, NULL);
	event_add(event, NULL);
	raise(SIGUSR1);
	run(_i);
	ck_assert_int_eq(answers, SHOUTS);
	ck_assert_int_ge(ticks, 2);
	event_free(event);
	close_all();
}
END_TEST

/* A program's own handler of SIGCHLD has its signals, ours or not. */
static int child_signals;

static void on_child_signal(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	ck_assert(!in_wait);
	child_signals++;
}

START_TEST(await_leaves_the_program_its_sigchld)
{
	struct event *event;

	open_all(_i);
	event = evsignal_new(base, SIGCHLD, on_child_signal, NULL);
	event_add(event, NULL);
	event_base_once(base, -1, EV_TIMEOUT, on_timer, NULL, MS(1));
	run(_i);
	/* Two children each time; but signals that wait are one. */
	ck_assert_int_eq(answers, SHOUTS);
	ck_assert_int_ge(child_signals, 1);
	event_base_loop(base, EVLOOP_NONBLOCK); /* those that are due */
	child_signals = 0;
	raise(SIGCHLD);
	quit_after_ticks();
	run(_i);
	ck_assert_int_eq(child_signals, 1);
	event_free(event);
	close_all();
}
END_TEST

/* The other side of a connection. */
static int connect_to(evutil_socket_t listener)
{
	struct sockaddr_in address;
	socklen_t len = sizeof address;
	int fd = cloexec_socket(AF_INET, SOCK_STREAM);

	ck_assert_int_eq(
		getsockname(listener, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, len), 0);
	return fd;
}

static struct sockaddr_in any_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *address, int len, void *arg)
{
	char answer[8];

	(void)listener;
	(void)address;
	(void)len;
	(void)arg;
	put(fd, answer, ask("hello", 5, answer, sizeof answer));
	close(fd);
	if (answers == SHOUTS)
		quit_after_ticks();
}

START_TEST(await_in_an_accept_callback)
{
	struct sockaddr_in address = any_port();
	struct evconnlistener *listener;
	int clients[SHOUTS];
	char answer[5];

	open_all(_i);
	listener = evconnlistener_new_bind(
		base, on_accept, NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
		(struct sockaddr *)&address, sizeof address);
	ck_assert_ptr_nonnull(listener);
	for (int i = 0; i < SHOUTS; i++)
		clients[i] = connect_to(evconnlistener_get_fd(listener));
	run(_i);
	ck_assert_int_eq(answers, SHOUTS);
	ck_assert_int_ge(ticks, 2);
	for (int i = 0; i < SHOUTS; i++) {
		get(clients[i], answer, 5);
		ck_assert_int_eq(memcmp(answer, "hello", 5), 0);
		close(clients[i]);
	}
	evconnlistener_free(listener);
	close_all();
}
END_TEST

/* A bufferevent of the program: it answers what it is sent. */
static void on_read(struct bufferevent *bev, void *arg)
{
	char text[64], answer[64];
	size_t len = bufferevent_read(bev, text, sizeof text);

	(void)arg;
	len = ask(text, len, answer, sizeof answer);
	bufferevent_write(bev, answer, len);
}

static void on_answer(struct bufferevent *bev, void *arg)
{
	char answer[64];
	size_t n = bufferevent_read(bev, answer, sizeof answer - 1);

	(void)arg;
	answer[n] = '\0';
	ck_assert_str_eq(answer, "ping");
	if (answers == SHOUTS)
		quit_after_ticks();
	else
		bufferevent_write(bev, "ping", 4);
}

static struct bufferevent *make_bev(int fd, int options,
				    bufferevent_data_cb on_data)
{
	struct bufferevent *bev;

	evutil_make_socket_nonblocking(fd);
	bev = bufferevent_socket_new(base, fd, options | BEV_OPT_CLOSE_ON_FREE);
	ck_assert_ptr_nonnull(bev);
	bufferevent_setcb(bev, on_data, NULL, NULL, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	return bev;
}

static void await_in_read_callback(int way, int options)
{
	struct bufferevent *ours, *theirs;
	int fds[2];

	open_all(way);
	make_pair(KIND_SOCKETPAIR, fds);
	ours = make_bev(fds[0], options, on_read);
	theirs = make_bev(fds[1], 0, on_answer);
	bufferevent_write(theirs, "ping", 4);
	run(way);
	ck_assert_int_eq(answers, SHOUTS);
	ck_assert_int_ge(ticks, 2);
	bufferevent_free(ours);
	bufferevent_free(theirs);
	close_all();
}

START_TEST(await_in_a_bufferevent_read_callback)
{
	await_in_read_callback(_i, 0);
}
END_TEST

START_TEST(await_in_a_deferred_bufferevent_callback)
{
	await_in_read_callback(_i, BEV_OPT_DEFER_CALLBACKS);
}
END_TEST

/* The program's bufferevents have deferred calls to come during a wait. */
static int deferred_calls;

static void on_deferred(struct bufferevent *bev, void *arg)
{
	(void)arg;
	ck_assert(!in_wait);
	evbuffer_drain(bufferevent_get_input(bev), 99);
	deferred_calls++;
}

static void on_timer_with_deferred(evutil_socket_t fd, short what, void *arg)
{
	struct bufferevent **pair = arg;

	(void)fd;
	(void)what;
	bufferevent_write(pair[0], "x", 1);
	ask_word();
	ck_assert_int_eq(deferred_calls, 0);
	quit_after_ticks();
}

/* What is queued on the outer base already. */
START_TEST(await_with_a_deferred_callback_queued_leaves_it_for_later)
{
	struct bufferevent *pair[2];

	open_all(_i);
	bufferevent_pair_new(base, BEV_OPT_DEFER_CALLBACKS, pair);
	bufferevent_setcb(pair[1], on_deferred, NULL, NULL, NULL);
	bufferevent_enable(pair[1], EV_READ);
	event_base_once(base, -1, EV_TIMEOUT, on_timer_with_deferred, pair,
			MS(1));
	run(_i);
	ck_assert_int_eq(answers, 1);
	ck_assert_int_eq(deferred_calls, 1);
	ck_assert_int_ge(ticks, 2);
	bufferevent_free(pair[0]);
	bufferevent_free(pair[1]);
	close_all();
}
END_TEST

static void on_request(struct evhttp_request *request, void *arg)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t len = evbuffer_get_length(body);
	struct evbuffer *reply = evbuffer_new();
	char answer[64];

	(void)arg;
	len = ask((char *)evbuffer_pullup(body, -1), len, answer,
		  sizeof answer);
	evbuffer_add(reply, answer, len);
	evhttp_send_reply(request, HTTP_OK, "OK", reply);
	evbuffer_free(reply);
}

static int replies;

static void on_reply(struct evhttp_request *request, void *arg)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);

	(void)arg;
	ck_assert_int_eq(evhttp_request_get_response_code(request), HTTP_OK);
	ck_assert_uint_eq(evbuffer_get_length(body), 8);
	ck_assert_int_eq(memcmp(evbuffer_pullup(body, 8), "question", 8), 0);
	if (++replies == SHOUTS)
		quit_after_ticks();
}

static struct evhttp_connection *request_from(evutil_socket_t listener)
{
	struct sockaddr_in address;
	socklen_t len = sizeof address;
	struct evhttp_connection *connection;
	struct evhttp_request *request;

	ck_assert_int_eq(
		getsockname(listener, (struct sockaddr *)&address, &len), 0);
	connection = evhttp_connection_base_new(base, NULL, "127.0.0.1",
						ntohs(address.sin_port));
	request = evhttp_request_new(on_reply, NULL);
	evhttp_add_header(evhttp_request_get_output_headers(request), "Host",
			  "localhost");
	evbuffer_add(evhttp_request_get_output_buffer(request), "question", 8);
	ck_assert_int_eq(
		evhttp_make_request(connection, request, EVHTTP_REQ_POST, "/"),
		0);
	return connection;
}

START_TEST(await_in_an_evhttp_handler)
{
	struct evhttp_connection *connections[SHOUTS];
	struct evhttp_bound_socket *bound;
	struct evhttp *http;

	open_all(_i);
	http = evhttp_new(base);
	evhttp_set_gencb(http, on_request, NULL);
	bound = evhttp_bind_socket_with_handle(http, "127.0.0.1", 0);
	ck_assert_ptr_nonnull(bound);
	for (int i = 0; i < SHOUTS; i++)
		connections[i] =
			request_from(evhttp_bound_socket_get_fd(bound));
	run(_i);
	ck_assert_int_eq(answers, SHOUTS);
	ck_assert_int_ge(ticks, 2);
	for (int i = 0; i < SHOUTS; i++)
		evhttp_connection_free(connections[i]);
	evhttp_free(http);
	close_all();
}
END_TEST

/*
 * Two bases in two threads, both with children and with waits in callbacks: no
 * exit goes to the wrong one.
 */
static const char *helper; /* its path, which is found out only once */

struct lone {
	struct event_base *base;
	struct af_loop *loop;
	int left;
	bool ok;
};

static void on_lone_timer(evutil_socket_t fd, short what, void *arg)
{
	const char *const argv[] = { helper, "exit", "7", NULL };
	struct lone *lone = arg;
	struct af_process *child;
	struct af_future *f;

	(void)fd;
	(void)what;
	child = af_spawn(lone->loop, argv, NULL);
	f = af_process_wait(child, NULL);
	lone->ok &= af_await(f) == 0 && af_future_status(f) == EXITED(7);
	af_future_unref(f);
	af_process_free(child);
	if (--lone->left > 0)
		event_base_once(lone->base, -1, EV_TIMEOUT, on_lone_timer, arg,
				MS(0));
}

static void *run_lone(void *arg)
{
	struct lone *lone = arg;

	lone->base = event_base_new();
	lone->loop = af_loop_new(lone->base);
	event_base_once(lone->base, -1, EV_TIMEOUT, on_lone_timer, lone, MS(0));
	event_base_dispatch(lone->base);
	af_loop_free(lone->loop);
	event_base_free(lone->base);
	return NULL;
}

START_TEST(await_in_callbacks_of_two_threads_keeps_children_apart)
{
	struct lone lones[2];
	pthread_t threads[2];

	helper = helper_path();
	for (int i = 0; i < 2; i++) {
		lones[i] = (struct lone){ .left = 50, .ok = true };
		pthread_create(&threads[i], NULL, run_lone, &lones[i]);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], NULL);
		ck_assert(lones[i].ok);
		ck_assert_int_eq(lones[i].left, 0);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("future/await_in_callbacks");
	TCase *tc = test_case(s, "callbacks");

#define ADD(test) tcase_add_loop_test(tc, test, 0, WAY_COUNT)
	ADD(await_in_an_evtimer);
	ADD(await_in_an_evsignal_handler);
	ADD(await_leaves_the_program_its_sigchld);
	ADD(await_in_an_accept_callback);
	ADD(await_in_a_bufferevent_read_callback);
	ADD(await_in_a_deferred_bufferevent_callback);
	ADD(await_with_a_deferred_callback_queued_leaves_it_for_later);
	ADD(await_in_an_evhttp_handler);
	tcase_add_test(tc,
		       await_in_callbacks_of_two_threads_keeps_children_apart);
	return s;
}
