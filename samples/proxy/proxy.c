/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * proxy: passes connections on, between TCP and Unix sockets in any direction,
 * or to a command whose stdin and stdout they become. It shows af_listen(),
 * af_connect(), af_file_copy_both(), af_file_idle() and af_listener_stop().
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include <asyncfile.h>

#include "../common.h"
#include "server.h"

char program_name[] = "proxy";

static const char help_text[] =
	"Usage: proxy [OPTION]... LISTEN TARGET...\n"
	"  or:  proxy [OPTION]... LISTEN --exec COMMAND [ARG]...\n"
	"Passes connections to LISTEN on to a TARGET: HOST:PORT, [::1]:PORT, a "
	"/PATH or\n"
	"a @NAME of a Unix socket. :PORT listens on all addresses, and PORT 0 "
	"on "
	"a free\n"
	"one; it is printed. Several TARGETs take turns; one that cannot be "
	"reached is\n"
	"passed over. With --exec each connection is the stdin and stdout of a "
	"COMMAND of\n"
	"its own.\n"
	"\n"
	"  --connect-timeout=SECONDS  how long to try to reach a TARGET (5)\n"
	"  --grace=SECONDS            how long connections may go on after "
	"SIGTERM (10)\n"
	"  --idle=SECONDS             close one on which nothing moves for so "
	"long\n"
	"  --max=N                    connections at a time; others wait\n"
	"  --tls-cert=FILE            TLS in front: the certificate, PEM\n"
	"  --tls-key=FILE             its key, if it is not in the same FILE\n"
	"  --help                     print this text\n"
	"\n"
	"SIGUSR1 prints how many connections there are and were. Ctrl-C and "
	"SIGTERM stop:\n"
	"no more are accepted, others may end. A second signal does not wait.\n"
	"\n"
	"Exit status: 0 after Ctrl-C or SIGTERM, 1 after an error, 2 for a\n"
	"wrong command line.\n";

/* Returns a number from 1 to a million; 0 if text is not one. */
static unsigned parse_number(const char *text)
{
	unsigned long number;
	char *end;

	number = strtoul(text, &end, 10);
	return *text < '0' || *text > '9' || *end || number > 1000000
		       ? 0
		       : (unsigned)number;
}

/* Takes an option with a number. */
static int set_number(struct server *server, int c, const char *text)
{
	unsigned number = parse_number(text);

	if (number == 0)
		return usage_error("expected a number from 1 to 1000000");
	if (c == 'c')
		server->targets.timeout = number;
	else if (c == 'g')
		server->grace.tv_sec = (time_t)number;
	else if (c == 'i')
		server->idle.tv_sec = (time_t)number;
	else
		server->max = number;
	return -1;
}

/* Returns -1, or the exit status. */
static int parse_options(int argc, char *argv[], struct server *server)
{
	static const struct option options[] = {
		{ "connect-timeout", required_argument, NULL, 'c' },
		{ "grace", required_argument, NULL, 'g' },
		{ "idle", required_argument, NULL, 'i' },
		{ "max", required_argument, NULL, 'm' },
		{ "tls-cert", required_argument, NULL, 'C' },
		{ "tls-key", required_argument, NULL, 'K' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c, r = -1;

	/* The rest is LISTEN and what follows it, "--exec", too. */
	while (r < 0 &&
	       (c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'h')
			return print_help(help_text) < 0;
		if (c == '?')
			return usage_error(NULL);
		if (c == 'C')
			server->cert = optarg;
		else if (c == 'K')
			server->key = optarg;
		else
			r = set_number(server, c, optarg);
	}
	if (r < 0 && server->key && !server->cert)
		return usage_error("--tls-key needs --tls-cert");
	return r;
}

/* LISTEN, and the targets or the command. Returns -1, or the exit status. */
static int parse_addresses(struct server *server, char *argv[], int n)
{
	int r;

	if (n < 2)
		return usage_error("expected LISTEN and a TARGET");
	r = address_parse(&server->address, argv[0]);
	if (r == 0 && strcmp(argv[1], "--exec") == 0) {
		if (n < 3)
			return usage_error("expected a COMMAND");
		server->command = (const char *const *)argv + 2;
		return -1;
	}
	if (r == 0)
		r = targets_parse(&server->targets, argv + 1, (size_t)n - 1);
	if (r == 0)
		return -1;
	return usage_error(r == -EINVAL
				   ? "expected addresses: HOST:PORT, /PATH or "
				     "@NAME"
				   : strerror(-r));
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)what;
	if (sig == SIGUSR1)
		server_print(arg);
	else
		server_stop(arg);
}

/* Whoever reads where it listens may send signals. */
static int serve(struct server *server)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGUSR1 };
	struct event_base *base = af_loop_base(server->loop);
	struct event *events[3] = { NULL, NULL, NULL };
	size_t i;
	int r = 0;

	for (i = 0; i < 3 && r == 0; i++) {
		events[i] = evsignal_new(base, numbers[i], on_signal, server);
		if (!events[i] || event_add(events[i], NULL) < 0)
			r = -ENOMEM;
	}
	if (r < 0)
		complain("signals", r);
	if (r == 0)
		r = server_listen(server);
	if (r == 0 && (r = af_loop_run(server->loop)) < 0)
		complain("loop", r);
	for (i = 0; i < 3; i++)
		if (events[i])
			event_free(events[i]);
	return r < 0 ? r : server->error;
}

int main(int argc, char *argv[])
{
	struct server server = {
		.targets.timeout = 5,
		.grace.tv_sec = 10,
		.handshake.tv_sec = 10,
	};
	int r;

	hold_standard_streams();
	argv[0] = program_name;
	r = parse_options(argc, argv, &server);
	if (r < 0)
		r = parse_addresses(&server, argv + optind, argc - optind);
	if (r < 0) {
		r = server_open(&server);
		if (r == 0)
			r = serve(&server);
		server_close(&server);
		r = end(r);
	}
	address_clear(&server.address);
	targets_clear(&server.targets);
	return r;
}
