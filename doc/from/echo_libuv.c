/* SPDX-License-Identifier: BSD-3-Clause */
/* An echo server, which serves its clients to the end when it is stopped. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { SILENCE_MS = 60000 };

struct client {
	uv_tcp_t tcp;
	uv_timer_t silence;
	uv_write_t write;
	char block[65536];
};

static void on_timer_closed(uv_handle_t *silence)
{
	free(silence->data);
}

static void on_closed(uv_handle_t *tcp)
{
	struct client *client = tcp->data;

	uv_close((uv_handle_t *)&client->silence, on_timer_closed);
}

static void end(struct client *client)
{
	if (!uv_is_closing((uv_handle_t *)&client->tcp))
		uv_close((uv_handle_t *)&client->tcp, on_closed);
}

static void on_silence(uv_timer_t *silence)
{
	end(silence->data);
}

static void on_alloc(uv_handle_t *tcp, size_t hint, uv_buf_t *buf)
{
	struct client *client = tcp->data;

	(void)hint;
	*buf = uv_buf_init(client->block, sizeof(client->block));
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf);

static void on_written(uv_write_t *write, int status)
{
	struct client *client = write->data;

	if (status < 0) {
		end(client);
		return;
	}
	uv_timer_again(&client->silence);
	uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
}

/* Reads no more before the client has taken this. */
static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *buf)
{
	struct client *client = tcp->data;
	uv_buf_t out;

	if (n == 0)
		return;
	if (n < 0) {
		end(client);
		return;
	}
	out = uv_buf_init(buf->base, (unsigned)n);
	uv_read_stop(tcp);
	uv_timer_again(&client->silence);
	if (uv_write(&client->write, tcp, &out, 1, on_written) < 0)
		end(client);
}

static void on_client(uv_stream_t *listener, int status)
{
	struct client *client;

	if (status < 0) {
		fprintf(stderr, "accept: %s\n", uv_strerror(status));
		return;
	}
	client = malloc(sizeof(*client));
	if (!client)
		return;
	uv_tcp_init(listener->loop, &client->tcp);
	uv_timer_init(listener->loop, &client->silence);
	client->tcp.data = client->silence.data = client->write.data = client;
	if (uv_accept(listener, (uv_stream_t *)&client->tcp) < 0) {
		end(client);
		return;
	}
	uv_timer_start(&client->silence, on_silence, SILENCE_MS, SILENCE_MS);
	uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
}

/* Accepts no more clients; uv_run() ends after the last one. */
static void on_sigterm(uv_signal_t *sigterm, int sig)
{
	(void)sig;
	uv_close(sigterm->data, NULL);
	uv_close((uv_handle_t *)sigterm, NULL);
}

int main(int argc, char *argv[])
{
	uv_loop_t *loop = uv_default_loop();
	struct sockaddr_in own;
	uv_tcp_t listener;
	uv_signal_t sigterm;
	int r;

	signal(SIGPIPE, SIG_IGN);
	uv_ip4_addr("127.0.0.1", argc > 1 ? atoi(argv[1]) : 7, &own);
	uv_tcp_init(loop, &listener);
	uv_signal_init(loop, &sigterm);
	sigterm.data = &listener;
	r = uv_tcp_bind(&listener, (struct sockaddr *)&own, 0);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&listener, 128, on_client);
	if (r < 0) {
		fprintf(stderr, "bind: %s\n", uv_strerror(r));
		return 1;
	}
	uv_signal_start(&sigterm, on_sigterm, SIGTERM);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	return 0;
}
