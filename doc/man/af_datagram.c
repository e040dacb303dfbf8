/* SPDX-License-Identifier: BSD-3-Clause */
/* A server that answers each message, and a client, in one program. */

#include <asyncfile.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int answer(const char *data, size_t len, const struct sockaddr *from,
		  socklen_t from_len, unsigned flags, void *arg)
{
	struct af_file *server = arg;
	struct af_future *sent;
	char text[100];
	int n;

	(void)flags;
	n = snprintf(text, sizeof text, "you said %.*s", (int)len, data);
	sent = af_file_send_to(server, text, (size_t)n, from, from_len, 0, NULL);
	af_future_unref(sent); /* UDP may lose it anyway */
	return 0;
}

static int ask(struct af_file *client, const struct sockaddr_storage *to,
	       socklen_t to_len, const char *text)
{
	const struct timeval limit = { .tv_sec = 10 };
	struct af_future *sent, *answered;
	int r;

	sent = af_file_send_to(client, text, strlen(text),
			       (const struct sockaddr *)to, to_len, 0, NULL);
	answered = af_file_receive_from(client, 0, 0, &limit);
	r = af_await(answered);
	if (r == 0)
		printf("%s\n", af_future_data(answered, NULL));
	af_future_unref(sent);
	af_future_unref(answered);
	return r;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *server, *client;
	struct af_future *serving;
	struct sockaddr_storage address;
	socklen_t len;
	int r;

	server = af_datagram_open(loop, "127.0.0.1", NULL, NULL);
	client = af_datagram_open(loop, "127.0.0.1", NULL, NULL);
	if (!server || !client) {
		perror("no socket");
		return 1;
	}
	serving = af_file_each_datagram(server, answer, server);
	r = af_file_local_address(server, &address, &len);
	if (r == 0)
		r = ask(client, &address, len, "hello");
	if (r == 0)
		r = ask(client, &address, len, "goodbye");
	if (r < 0)
		fprintf(stderr, "no answer: %s\n", strerror(-r));
	af_file_close(client);
	af_file_close(server);
	af_future_unref(serving);
	af_loop_free(loop);
	return r != 0;
}
