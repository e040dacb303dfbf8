/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * runweb: a web page from which pipelines of an allow-list are run, and watched
 * live: what they write, what each stage does and uses, a button that stops. It
 * shows af_pipe_each_line() and af_pipe_stop() in an evhttp server that never
 * waits: runs and browsers go on side by side.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/http.h>

#include <asyncfile.h>

#include "../common.h"
#include "allowed.h"
#include "site.h"

#define LOOPBACK "127.0.0.1"

char program_name[] = "runweb";

static const char help_text[] =
	"Usage: runweb [OPTION]... FILE\n"
	"Serves a page from which the pipelines in FILE are run and watched. "
	"FILE\n"
	"has a line for each:\n"
	"\n"
	"    NAME: COMMAND [| COMMAND]...\n"
	"\n"
	"Words are separated by blanks; '...' and \"...\" group. There is no "
	"shell.\n"
	"Whoever can reach the page runs them as this user: it is served "
	"at " LOOPBACK "\n"
	"only, for browsers on this host.\n"
	"\n"
	"  --port=PORT        listen there (8080; 0: a free port, which is "
	"printed)\n"
	"  --time=SECONDS     the most a run may take (300)\n"
	"  --output=BYTES     the most it may write (1048576)\n"
	"  --runs=N           the most that run at the same time (8)\n"
	"  --help             print this\n";

struct server {
	struct site site;
	struct allowed *allowed;
	struct evhttp *http;
	struct event *tick, *sigint, *sigterm;
};

static int parse_number(const char *text, unsigned long max,
			unsigned long *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoul(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno || *ret_number > max
		       ? -EINVAL
		       : 0;
}

/* Returns -1, or the exit status. */
static int parse_options(int argc, char *argv[], struct site *site)
{
	static const struct option options[] = {
		{ "port", required_argument, NULL, 'p' },
		{ "time", required_argument, NULL, 't' },
		{ "output", required_argument, NULL, 'o' },
		{ "runs", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned long number = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'h')
			return print_help(help_text);
		if (c == '?')
			return 2;
		if (parse_number(optarg, c == 'p' ? 65535 : 1000000000,
				 &number) < 0 ||
		    (c != 'p' && number == 0))
			return usage_error("a number is not one, or too large");
		if (c == 'p')
			site->port = (uint16_t)number;
		else if (c == 't')
			site->limits.time.tv_sec = (time_t)number;
		else if (c == 'o')
			site->limits.output = number;
		else
			site->limits.runs = (unsigned)number;
	}
	return argc - optind == 1 ? -1 : usage_error("name one file");
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	site_tick(arg);
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct site *site = arg;

	(void)sig;
	(void)what;
	af_loop_stop(site->loop);
}

/* Listens, and says where. */
static int listen_there(struct server *server)
{
	struct sockaddr_in address;
	socklen_t len = sizeof(address);
	struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(
		server->http, LOOPBACK, server->site.port);

	if (!bound)
		return -errno;
	if (getsockname(evhttp_bound_socket_get_fd(bound),
			(struct sockaddr *)&address, &len) < 0)
		return -errno;
	server->site.port = ntohs(address.sin_port);
	if (printf("listening on http://" LOOPBACK ":%u/, for this host only\n",
		   server->site.port) >= 0 &&
	    fflush(stdout) == 0)
		return 0;
	return -errno;
}

static int open_server(struct server *server)
{
	static const struct timeval second = { .tv_sec = 1 };
	struct event_base *base;

	server->site.loop = af_loop_new(NULL);
	if (!server->site.loop)
		return -errno;
	base = af_loop_base(server->site.loop);
	server->http = evhttp_new(base);
	server->tick = event_new(base, -1, EV_PERSIST, on_tick, &server->site);
	server->sigint = evsignal_new(base, SIGINT, on_signal, &server->site);
	server->sigterm = evsignal_new(base, SIGTERM, on_signal, &server->site);
	if (!server->http || !server->tick || !server->sigint ||
	    !server->sigterm || event_add(server->tick, &second) < 0 ||
	    event_add(server->sigint, NULL) < 0 ||
	    event_add(server->sigterm, NULL) < 0)
		return -ENOMEM;
	site_serve(&server->site, server->http);
	return listen_there(server);
}

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static void close_server(struct server *server)
{
	if (server->http)
		evhttp_free(server->http);
	free_event(server->tick);
	free_event(server->sigint);
	free_event(server->sigterm);
	af_loop_free(server->site.loop);
	site_end(&server->site);
	allowed_free(server->allowed);
}

int main(int argc, char *argv[])
{
	struct server server = {
		.site.port = 8080,
		.site.limits = {
			.time.tv_sec = 300,
			.output = 1048576,
			.runs = 8,
		},
	};
	int r;

	hold_standard_streams();
	r = parse_options(argc, argv, &server.site);
	if (r >= 0)
		return r;
	if (allowed_read(&server.allowed, argv[optind]) < 0)
		return 1;
	server.site.allowed = server.allowed;
	signal(SIGPIPE, SIG_IGN); /* evhttp may write to a client that left */
	r = open_server(&server);
	if (r == 0)
		r = af_loop_run(server.site.loop);
	if (r < 0)
		complain(LOOPBACK, r);
	close_server(&server);
	return end(r);
}
