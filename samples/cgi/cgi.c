/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cgi: an evhttp server in front of the programs of a folder, which it runs as
 * a CGI server does (RFC 3875). It shows programs whose output is streamed to
 * clients of any speed: af_file_each_async() waits for each chunk to be taken,
 * af_file_hangup() notices a client that leaves, af_process_stop() ends a
 * program and all that it has started.
 *
 * Nothing blocks: programs are looked for and started in threads. evhttp reads
 * the body of a request into memory before the program is started; the output
 * is never kept, but for one chunk.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <event2/event.h>

#include <asyncfile.h>

#include "../common.h"
#include "server.h"

char program_name[] = "cgi";

static const char help_text[] =
	"Usage: cgi [OPTION]... FOLDER\n"
	"Serves http://HOST:PORT/NAME/... by running the program NAME of "
	"FOLDER, "
	"as a\n"
	"CGI server does (RFC 3875). Only regular files that are executable "
	"are "
	"run, no\n"
	"symbolic links, and no names that begin with a dot. Prints its "
	"address; "
	"runs\n"
	"until Ctrl-C or SIGTERM.\n"
	"\n"
	"  --listen=HOST:PORT    the default is 127.0.0.1:8080; port 0: any "
	"free "
	"one\n"
	"  --max-body=BYTES      of a request; each is kept in memory "
	"(16777216)\n"
	"  --max-output=BYTES    of a program (1073741824)\n"
	"  --max-programs=N      that run at the same time; others wait (16)\n"
	"  --timeout=SECONDS     for a request, from its arrival to its end "
	"(60)\n"
	"  --help                print this text\n"
	"\n"
	"Exit status: 0 after Ctrl-C or SIGTERM, 1 after an error, 2 for a\n"
	"wrong command line.\n";

/* Returns a number from 1 to max; 0 if text is not one. */
static size_t parse_number(const char *text, size_t max)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	return *text < '0' || *text > '9' || *end || errno || number > max
		       ? 0
		       : (size_t)number;
}

/* Returns -1, or the exit status. */
static int parse_options(int argc, char *argv[], struct limits *limits,
			 const char **ret_listen)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "max-body", required_argument, NULL, 'b' },
		{ "max-output", required_argument, NULL, 'o' },
		{ "max-programs", required_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	size_t number = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h')
			return print_help(help_text) < 0;
		if (c == '?')
			return usage_error(NULL);
		if (c == 'l') {
			*ret_listen = optarg;
			continue;
		}
		number = parse_number(
			optarg, c == 't' || c == 'n' ? 1000000 : SIZE_MAX / 2);
		if (number == 0)
			return usage_error("expected a number above 0");
		if (c == 'b')
			limits->body = number;
		else if (c == 'o')
			limits->output = number;
		else if (c == 'n')
			limits->programs = number;
		else
			limits->time.tv_sec = (time_t)number;
	}
	return argc - optind == 1 ? -1 : usage_error("expected one FOLDER");
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	server_stop(arg);
}

/*
 * The first signal lets requests end; the second one does not wait. Whoever reads
 * where it listens may send them.
 */
static int serve(struct server *server, const char *listen)
{
	static const int numbers[] = { SIGINT, SIGTERM };
	struct event *events[] = { NULL, NULL };
	int i, r = 0;

	for (i = 0; i < 2 && r == 0; i++) {
		events[i] = evsignal_new(server->base, numbers[i], on_signal,
					 server);
		if (!events[i] || event_add(events[i], NULL) < 0)
			r = -ENOMEM;
	}
	if (r < 0)
		complain("signals", r);
	if (r == 0)
		r = server_listen(server, listen);
	if (r == 0 && (r = af_loop_run(server->loop)) < 0)
		complain("loop", r);
	for (i = 0; i < 2; i++)
		if (events[i])
			event_free(events[i]);
	return r;
}

/* The absolute path of a folder. NULL after a message. */
static char *find_folder(const char *path)
{
	char *folder = realpath(path, NULL);
	struct stat st;
	int error;

	if (folder && stat(folder, &st) == 0 && S_ISDIR(st.st_mode))
		return folder;
	error = folder ? ENOTDIR : errno;
	free(folder);
	complain(path, error);
	return NULL;
}

int main(int argc, char *argv[])
{
	struct server server = {
		.limits = {
			.time.tv_sec = 60,
			.output = 1073741824,
			.body = 16777216,
			.programs = 16,
		},
	};
	const char *listen = "127.0.0.1:8080";
	char *folder;
	int r;

	hold_standard_streams();
	argv[0] = program_name;
	r = parse_options(argc, argv, &server.limits, &listen);
	if (r >= 0)
		return r;
	folder = find_folder(argv[optind]);
	if (!folder)
		return EXIT_FAILURE;
	server.folder = folder;
	signal(SIGPIPE, SIG_IGN); /* evhttp may write to a client that left */
	r = server_open(&server);
	if (r == 0)
		r = serve(&server, listen);
	server_close(&server);
	free(folder);
	return end(r);
}
