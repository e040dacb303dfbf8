/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * socket_afile: sends a file over TCP to itself. The client runs at top level:
 * it sends chunks and awaits each. The server is started by a libevent
 * listener, and reads lines with continuations. Both compute the SHA-1 of all
 * bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/listener.h>

#include <asyncfile.h>

#include "common.h"

#define CHUNK_SIZE ((size_t)64 * 1024)
#define BATCH_SIZE ((size_t)64 * 1024)
#define LINE_HINT 80

char program_name[] = "socket_afile";

/* One end of the connection, and counts of what passed through it. */
struct end {
	const char *name;
	struct af_file *socket;
	struct af_pipe *sha1;
	struct af_future *sum_line;
	char sum[SHA1_DIGITS + 1];
	uint64_t lines, bytes;
};

struct server {
	struct end end;
	struct af_loop *loop;
	struct evconnlistener *listener;
	struct evbuffer *batch;
	bool ended;
};

static int end_open(struct end *end, struct af_loop *loop)
{
	end->sha1 = spawn_sha1sum(loop);
	if (!end->sha1)
		return -1;
	end->sum_line = af_pipe_readline(end->sha1, 0, 0, 0, NULL);
	return 0;
}

/* No more bytes will be sent or received. */
static void end_shut(struct end *end)
{
	af_file_close(end->socket);
	end->socket = NULL;
	af_pipe_close_stdin(end->sha1);
}

/* Waits for the sum. */
static int end_finish(struct end *end)
{
	int status = 0, r = af_await(end->sum_line);
	const char *data;
	size_t len;

	if (r == 0)
		r = await_once(af_pipe_wait(end->sha1, NULL));
	if (r == 0) {
		data = af_future_data(end->sum_line, &len);
		r = parse_sha1(data, len, end->sum);
		af_pipe_poll(end->sha1, &status);
	}
	if (status != 0)
		complain_status("sha1sum", status);
	else if (r < 0)
		complain("sha1sum", r);
	return status == 0 ? r : -1;
}

static void end_close(struct end *end)
{
	af_file_close(end->socket);
	end->socket = NULL;
	end_pipe(end->sha1);
	end->sha1 = NULL;
	af_future_unref(end->sum_line);
}

/* The server's steps, in the order in which they run. */
static void serve(struct evconnlistener *listener, evutil_socket_t fd,
		  struct sockaddr *addr, int addr_len, void *arg);
static void serve_line(struct server *s);
static struct af_future *take_line(struct af_future *line, void *arg);
static struct af_future *serve_failed(struct af_future *failed, void *arg);
static void serve_next(struct af_future *taken, void *arg);

/* Only one connection is needed. */
static void stop_listening(struct server *s)
{
	if (s->listener)
		evconnlistener_free(s->listener);
	s->listener = NULL;
}

static void serve(struct evconnlistener *listener, evutil_socket_t fd,
		  struct sockaddr *addr, int addr_len, void *arg)
{
	struct server *s = arg;

	(void)listener;
	(void)addr;
	(void)addr_len;
	stop_listening(s);
	s->end.socket = af_file_new(s->loop, fd, 0);
	if (s->end.socket) {
		serve_line(s);
		return;
	}
	complain(s->end.name, errno);
	close(fd);
	end_shut(&s->end);
}

/* Closing the listener resets the connection; the client notices. */
static void serve_not(struct evconnlistener *listener, void *arg)
{
	struct server *s = arg;

	(void)listener;
	complain(s->end.name, errno);
	stop_listening(s);
	end_shut(&s->end);
}

static void serve_line(struct server *s)
{
	struct af_future *f;

	f = af_file_readline(s->end.socket, 0, LINE_HINT, 0, NULL);
	f = af_then(f, take_line, s);
	f = af_catch(f, serve_failed, s);
	af_on_done(f, serve_next, s);
}

/* Counts a line and adds it to the batch; sends a full batch to sha1sum. */
static struct af_future *take_line(struct af_future *line, void *arg)
{
	struct server *s = arg;
	const char *data;
	size_t len;

	if (s->ended)
		return NULL;
	data = af_future_data(line, &len);
	s->ended = len == 0;
	s->end.bytes += len;
	s->end.lines += len > 0 && data[len - 1] == '\n';
	if (evbuffer_add(s->batch, data, len) < 0) {
		complain(s->end.name, ENOMEM);
		s->ended = true;
	}
	if (!s->ended && evbuffer_get_length(s->batch) < BATCH_SIZE)
		return NULL;
	return af_file_write_buffer(af_pipe_stdin(s->end.sha1), s->batch,
				    AFIO_FULL, NULL);
}

static struct af_future *serve_failed(struct af_future *failed, void *arg)
{
	struct server *s = arg;
	int r = af_future_error(failed);

	/* sha1sum has exited, and its status tells why; or we closed. */
	if (r != -EPIPE && r != -ECANCELED)
		complain(s->end.name, r);
	return NULL;
}

static void serve_next(struct af_future *taken, void *arg)
{
	struct server *s = arg;

	if (af_future_error(taken) < 0 || s->ended)
		end_shut(&s->end);
	else
		serve_line(s);
}

/* The client: one step after the other, each awaited. */
static int listen_on_loopback(struct server *s, struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);

	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = evconnlistener_new_bind(
		af_loop_base(s->loop), serve, s,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 1,
		(struct sockaddr *)addr, sizeof(*addr));
	if (!s->listener)
		return -errno;
	evconnlistener_set_error_cb(s->listener, serve_not);
	if (getsockname(evconnlistener_get_fd(s->listener),
			(struct sockaddr *)addr, &len) < 0)
		return -errno;
	return 0;
}

/* The kernel completes the connection, so the loop need not run for it. */
static int connect_to(struct end *client, struct af_loop *loop,
		      const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;

	if (fd < 0)
		return -errno;
	close_on_exec(fd);
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
		client->socket = af_file_new(loop, fd, 0);
	if (client->socket)
		return 0;
	r = -errno;
	close(fd);
	return r;
}

/* Sends a chunk to the server and to sha1sum at the same time. */
static int send_chunk(struct end *client, const char *data, size_t len)
{
	const unsigned flags = AFIO_FULL | AFIO_BORROW;
	struct af_future *sent, *hashed;
	const char *c = data, *end = data + len;
	int r, r_hashed;

	sent = af_file_write(client->socket, data, len, flags, NULL);
	hashed = af_pipe_write(client->sha1, data, len, flags, NULL);
	client->bytes += len;
	while ((c = memchr(c, '\n', (size_t)(end - c)))) {
		client->lines++;
		c++;
	}
	r = await_once(sent);
	r_hashed = await_once(hashed);
	if (r < 0)
		complain(client->name, r);
	else if (r_hashed < 0 && r_hashed != -EPIPE)
		complain("sha1sum", r_hashed);
	return r < 0 ? r : r_hashed;
}

static int send_file(struct end *client, struct af_file *input,
		     const char *path)
{
	struct af_future *chunk;
	const char *data;
	size_t len;
	int r;

	do {
		chunk = af_file_read(input, CHUNK_SIZE, 0, NULL);
		r = af_await(chunk);
		if (r == 0) {
			data = af_future_data(chunk, &len);
			r = send_chunk(client, data, len);
		} else {
			complain(input_name(path), r);
		}
		af_future_unref(chunk);
	} while (r == 0 && len > 0);
	end_shut(client);
	return r;
}

static int print_ends(const struct end *client, const struct end *server)
{
	const struct end *ends[] = { client, server };
	size_t i;

	for (i = 0; i < 2; i++)
		printf("%s  %s: %" PRIu64 " lines, %" PRIu64 " bytes\n",
		       ends[i]->sum, ends[i]->name, ends[i]->lines,
		       ends[i]->bytes);
	if (strcmp(client->sum, server->sum) == 0 &&
	    client->lines == server->lines && client->bytes == server->bytes)
		return 0;
	fprintf(stderr, "%s: server: got something else\n", program_name);
	return -1;
}

/* Connects the two ends and sends the file through. */
static int transfer(struct server *s, struct end *client, struct af_file *input,
		    const char *path)
{
	struct sockaddr_in addr;
	int r;

	r = listen_on_loopback(s, &addr);
	if (r == 0)
		r = connect_to(client, s->loop, &addr);
	if (r < 0) {
		complain("127.0.0.1", r);
		return r;
	}
	r = send_file(client, input, path);
	if (end_finish(client) < 0 || end_finish(&s->end) < 0 || r < 0)
		return -1;
	return print_ends(client, &s->end);
}

static int run(const char *path)
{
	struct end client = { .name = "client" };
	struct server server = { .end.name = "server" };
	struct af_file *input = NULL;
	int r = -1, error;

	server.loop = af_loop_new(NULL);
	error = errno;
	server.batch = evbuffer_new();
	if (!server.loop || !server.batch) {
		complain("loop", server.loop ? ENOMEM : error);
		goto finish;
	}
	input = open_input(server.loop, path);
	if (!input || end_open(&client, server.loop) < 0 ||
	    end_open(&server.end, server.loop) < 0)
		goto finish;
	r = transfer(&server, &client, input, path);
finish:
	server.ended = true;
	stop_listening(&server);
	end_close(&client);
	end_close(&server.end);
	af_file_close(input);
	af_loop_free(server.loop);
	if (server.batch)
		evbuffer_free(server.batch);
	return r;
}

static const char help_text[] =
	"Usage: socket_afile FILE\n"
	"Sends FILE (\"-\" is stdin) over a TCP connection on loopback. A\n"
	"client writes chunks, and a server reads lines. Prints the SHA-1\n"
	"and the counts of both:\n"
	"\n"
	"  <SHA-1>  client: <n> lines, <n> bytes\n"
	"  <SHA-1>  server: <n> lines, <n> bytes\n"
	"\n"
	"  -h, --help    print this text\n"
	"\n"
	"Exit status: 0 if both agree, 1 if they differ or after an error,\n"
	"2 for a wrong command line.\n";

int main(int argc, char *argv[])
{
	int status = begin(argc, argv, help_text);

	if (status >= 0)
		return status;
	if (argc - optind != 1)
		return usage_error("expected one FILE");
	return end(run(argv[optind]));
}
