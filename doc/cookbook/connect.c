/* SPDX-License-Identifier: BSD-3-Clause */
/* Sends a line to a TCP server and prints the answer; each step is limited. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct timeval limit = { .tv_sec = 2 };

struct lookup {
	char *host, *service; /* of main(): they live as long as the thread */
	struct addrinfo *list;
	int error;
};

static void lookup_free(void *arg)
{
	struct lookup *lookup = arg;

	if (lookup->list)
		freeaddrinfo(lookup->list);
	free(lookup);
}

/* In another thread; it may be late, so all it uses is its own. */
static void *look_up(void *arg)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct lookup *lookup = arg;

	lookup->error = getaddrinfo(lookup->host, lookup->service, &hints,
				    &lookup->list);
	return lookup;
}

/* Returns a connected socket or a negative errno. */
static int connect_to(struct af_loop *loop, const struct addrinfo *to)
{
	int fd = socket(to->ai_family, to->ai_socktype, 0), error = 0, r = 0;
	socklen_t len = sizeof(error);
	struct af_future *ready;

	if (fd < 0)
		return -errno;
	if (evutil_make_socket_closeonexec(fd) < 0 ||
	    evutil_make_socket_nonblocking(fd) < 0 ||
	    (connect(fd, to->ai_addr, to->ai_addrlen) < 0 &&
	     errno != EINPROGRESS))
		r = -errno;
	if (r == 0) {
		ready = af_wait_fd(loop, fd, EV_WRITE, &limit);
		r = af_await(ready);
		af_future_unref(ready);
	}
	if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		r = -errno;
	if (r == 0 && error)
		r = -error;
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

/* Tries all addresses of a name. Returns a socket or a negative errno. */
static int connect_to_name(struct af_loop *loop, char *host, char *service)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	const struct addrinfo *to;
	struct af_future *work;
	int r;

	if (!lookup)
		return -ENOMEM;
	*lookup = (struct lookup){ .host = host, .service = service };
	work = af_work(loop, look_up, lookup, lookup_free);
	r = af_await_for(work, &limit);
	af_future_cancel(work); /* nothing happens if it is done */
	if (r == 0 && lookup->error) {
		fprintf(stderr, "%s: %s\n", host, gai_strerror(lookup->error));
		r = -EHOSTUNREACH;
	}
	if (r == 0) {
		to = lookup->list;
		do
			r = connect_to(loop, to);
		while (r < 0 && (to = to->ai_next));
	}
	if (af_future_count(work) == 0)
		lookup_free(lookup); /* no thread will ever see it */
	af_future_unref(work);
	return r;
}

/* Returns 0 or a negative errno; the connection can be used after either. */
static int talk(struct af_file *peer, const char *text)
{
	struct af_future *said, *heard;
	int r;

	said = af_file_write(peer, text, strlen(text), AFIO_FULL, &limit);
	heard = af_file_readline(peer, 4096, 0, AFIO_FULL, NULL);
	r = af_await(said);
	if (r == 0 && af_future_flags(said) & AFIO_TIMEDOUT)
		r = -ETIMEDOUT;
	printf("%zu bytes were sent\n", af_future_count(said));
	if (r == 0)
		r = af_await_for(heard, &limit);
	af_future_cancel(heard); /* what has arrived stays in the file */
	if (r == 0)
		printf("the answer: %s", af_future_data(heard, NULL));
	af_future_unref(said);
	af_future_unref(heard);
	return r;
}

int main(int argc, char *argv[])
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *peer = NULL;
	int fd, r = 2;

	if (argc != 4) {
		fprintf(stderr, "usage: connect HOST PORT TEXT\n");
		goto out;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	r = fd = connect_to_name(loop, argv[1], argv[2]);
	if (fd >= 0) {
		peer = af_file_new(loop, fd, 0);
		r = peer ? talk(peer, argv[3]) : -errno;
	}
	if (r == -ETIMEDOUT && peer) {
		printf("once more\n");
		r = talk(peer, "\n");
	}
	if (r < 0)
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
out:
	af_file_close(peer);
	af_loop_free(loop);
	return r != 0;
}
