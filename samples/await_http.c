/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * await_http: an evhttp server that runs grep for each request and returns the
 * number that it counts. It shows af_run(), and af_await() in a libevent
 * callback: the request handler runs grep, awaits it and replies, step by step.
 *
 * The program runs its own base, with event_base_dispatch(). With af_loop_run()
 * nothing would change, because evhttp calls the handler from a libevent
 * callback in either case. So the wait uses a private base, on which only grep's
 * events run. No second handler can start during the wait, however many clients
 * there are, and the request stays valid even if its client closes the
 * connection. The price: clients are served one after the other, and signals
 * only after the wait. So each wait has a timeout.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <asyncfile.h>

#include "common.h"

#define LOOPBACK "127.0.0.1"
#define HEADERS_MAX 8192
#define OUTPUT_MAX (1024 * 1024)

char program_name[] = "await_http";

struct server {
	struct event_base *base;
	struct af_loop *loop;
	struct evhttp *http;
	struct event *sigint, *sigterm;
	struct timeval timeout; /* for one request */
};

/* Replies in plain text. */
__attribute__((format(printf, 3, 4))) static void
reply(struct evhttp_request *req, int code, const char *format, ...)
{
	struct evbuffer *body = evhttp_request_get_output_buffer(req);
	va_list args;

	va_start(args, format);
	evbuffer_add_vprintf(body, format, args);
	va_end(args);
	evhttp_add_header(evhttp_request_get_output_headers(req),
			  "Content-Type", "text/plain; charset=utf-8");
	evhttp_send_reply(req, code, NULL, NULL);
}

/* The sum of numbers, each on a line. */
static uintmax_t sum_of(const char *lines)
{
	uintmax_t sum = 0;
	char *end;

	for (; *lines; lines = *end ? end + 1 : end)
		sum += strtoumax(lines, &end, 10);
	return sum;
}

/* Answers with the sum; grep's 1 says that it is 0. */
static void reply_sum(struct evhttp_request *req,
		      const struct af_output *counts)
{
	if (WIFEXITED(counts->status) && WEXITSTATUS(counts->status) <= 1)
		reply(req, HTTP_OK, "%ju\n", sum_of(counts->out));
	else
		reply(req, HTTP_INTERNAL, "grep failed\n%s", counts->err);
}

/* Counts the lines of the sources that contain word, in any letter case. */
static void count(struct server *server, struct evhttp_request *req,
		  const char *word)
{
	const char *const grep[] = {
		"grep", "-rchiF", "--include=*.[ch]", "-e", word, ".", NULL,
	};
	const struct af_run_options limits = {
		.communicate.timeout = &server->timeout,
		.communicate.max_output = OUTPUT_MAX,
	};
	struct af_future *counts = af_run(server->loop, grep, &limits);
	int r = af_await(counts);

	if (r == 0)
		reply_sum(req, af_future_output(counts));
	else
		reply(req, HTTP_INTERNAL, "grep: %s\n", strerror(-r));
	af_future_unref(counts);
}

/* GET /count?word=WORD */
static void on_count(struct evhttp_request *req, void *arg)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *word = NULL;
	struct evkeyvalq query;

	if (evhttp_parse_query_str(evhttp_uri_get_query(uri), &query) == 0)
		word = evhttp_find_header(&query, "word");
	if (word && *word)
		count(arg, req, word);
	else
		reply(req, HTTP_BADREQUEST, "Ask for /count?word=WORD\n");
	evhttp_clear_headers(&query);
}

/* Exits the dispatch after the callbacks of this turn. */
static void stop(evutil_socket_t sig, short what, void *arg)
{
	struct server *server = arg;

	(void)sig;
	(void)what;
	event_base_loopexit(server->base, NULL);
}

static int open_server(struct server *server)
{
	server->base = event_base_new();
	if (!server->base)
		return -ENOMEM;
	server->loop = af_loop_new(server->base);
	server->http = evhttp_new(server->base);
	server->sigint = evsignal_new(server->base, SIGINT, stop, server);
	server->sigterm = evsignal_new(server->base, SIGTERM, stop, server);
	if (!server->loop || !server->http || !server->sigint ||
	    !server->sigterm || evsignal_add(server->sigint, NULL) < 0 ||
	    evsignal_add(server->sigterm, NULL) < 0)
		return -ENOMEM;
	evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET);
	evhttp_set_max_headers_size(server->http, HEADERS_MAX);
	evhttp_set_max_body_size(server->http, 0);
	return evhttp_set_cb(server->http, "/count", on_count, server) < 0
		       ? -ENOMEM
		       : 0;
}

static void close_server(struct server *server)
{
	if (server->sigterm)
		event_free(server->sigterm);
	if (server->sigint)
		event_free(server->sigint);
	if (server->http)
		evhttp_free(server->http);
	af_loop_free(server->loop);
	if (server->base)
		event_base_free(server->base);
}

/* Listens, and prints the port, which the kernel chooses if it is 0. */
static int listen_on(struct server *server, uint16_t port)
{
	struct evhttp_bound_socket *bound;
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	bound = evhttp_bind_socket_with_handle(server->http, LOOPBACK, port);
	if (!bound || getsockname(evhttp_bound_socket_get_fd(bound),
				  (struct sockaddr *)&addr, &len) < 0) {
		complain(LOOPBACK, errno);
		return -1;
	}
	if (printf("listening on http://" LOOPBACK ":%d/\n",
		   ntohs(addr.sin_port)) >= 0 &&
	    fflush(stdout) == 0)
		return 0;
	complain("stdout", errno);
	return -1;
}

static int serve(uint16_t port, time_t timeout)
{
	struct server server = { .timeout.tv_sec = timeout };
	int r = open_server(&server);

	if (r < 0)
		complain("server", r);
	else
		r = listen_on(&server, port);
	if (r == 0)
		r = event_base_dispatch(server.base);
	close_server(&server);
	return r;
}

static const char help_text[] =
	"Usage: await_http [OPTION]...\n"
	"Runs a web server. http://127.0.0.1:PORT/count?word=WORD returns how\n"
	"many lines of the C sources in a directory and its subdirectories\n"
	"contain WORD, in any letter case. Prints its address, and runs until\n"
	"Ctrl-C or SIGTERM.\n"
	"\n"
	"  -d, --dir=DIR          the directory; the default is \".\"\n"
	"  -p, --port=PORT        the port; the default is 0: any free port\n"
	"  -t, --timeout=SECONDS  the limit for a request; the default is 10\n"
	"  -h, --help             print this text\n"
	"\n"
	"Exit status: 0 after Ctrl-C or SIGTERM, 1 after an error, 2 for a\n"
	"wrong command line.\n";

/* Returns a number from 0 to max; -1 if text is not one. */
static long parse_number(const char *text, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	return end == text || *end || errno || n < 0 || n > max ? -1 : n;
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "port", required_argument, NULL, 'p' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *dir = ".";
	long port = 0, timeout = 10;
	int c, r;

	hold_standard_streams();
	argv[0] = program_name;
	while ((c = getopt_long(argc, argv, "d:p:t:h", options, NULL)) != -1) {
		if (c == 'd')
			dir = optarg;
		else if (c == 'p')
			port = parse_number(optarg, UINT16_MAX);
		else if (c == 't')
			timeout = parse_number(optarg, 3600);
		else if (c == 'h')
			return print_help(help_text) < 0;
		else
			return usage_error(NULL);
	}
	if (port < 0 || timeout < 1 || optind < argc)
		return usage_error("expected --port up to 65535, --timeout "
				   "from 1 to 3600, and no more");
	if (chdir(dir) < 0) {
		complain(dir, errno);
		return EXIT_FAILURE;
	}
	/* libevent may write to a client that has closed the connection. */
	signal(SIGPIPE, SIG_IGN);
	r = serve((uint16_t)port, timeout);
	if (r == 0)
		r = close_stdout();
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
