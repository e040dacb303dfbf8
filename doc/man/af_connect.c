/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks a server, which is on the same machine here, and prints its answer. */

#include <arpa/inet.h>
#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct timeval limit = { .tv_sec = 5 };

/* Connects; NULL: it has printed why not. */
static struct af_file *dial(struct af_loop *loop, const char *host,
			    const char *service)
{
	struct af_future *f = af_connect(loop, host, service, NULL, &limit);
	struct af_file *file = NULL;

	if (af_await(f) == 0)
		file = af_future_take_file(f);
	else
		printf("no connection: %s\n", af_connect_error(f));
	af_future_unref(f);
	return file;
}

static void ask(struct af_file *file)
{
	struct af_future *line = af_file_readline(file, 100, 0, 0, &limit);

	if (af_await(line) == 0)
		printf("answer: %s", af_future_data(line, NULL));
	af_future_unref(line);
}

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int server = socket(AF_INET, SOCK_STREAM, 0), peer;
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *file;
	char port[20];

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(server, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(server, 1) < 0 ||
	    getsockname(server, (struct sockaddr *)&at, &len) < 0) {
		perror("no server");
		return 1;
	}
	snprintf(port, sizeof(port), "%d", ntohs(at.sin_port));
	file = dial(loop, "127.0.0.1", port);
	peer = accept(server, NULL, NULL);
	if (file && write(peer, "welcome\n", 8) == 8)
		ask(file);
	af_file_close(file);
	close(peer);
	close(server);

	af_file_close(dial(loop, "/nonexistent/server", NULL));
	af_loop_free(loop);
	return 0;
}
