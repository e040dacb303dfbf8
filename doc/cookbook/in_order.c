/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * in_order COMMAND [ARGUMENT]...: prints what a command writes to stdout and to
 * stderr, told apart, and in the order in which it was written. For Linux.
 */

#include <asyncfile.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char out_name[] = "out", err_name[] = "err";

struct name {
	struct sockaddr_un addr;
	socklen_t len;
};

/* A datagram socket with a name that the kernel chooses. */
static int open_socket(struct name *name, const struct name *receiver)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	name->len = sizeof(name->addr);
	if (fd < 0 ||
	    bind(fd, (const void *)&any, sizeof(any.sun_family)) < 0 ||
	    getsockname(fd, (void *)&name->addr, &name->len) < 0 ||
	    (receiver &&
	     connect(fd, (const void *)&receiver->addr, receiver->len) < 0)) {
		perror("socket");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* A line ends early where the other stream was written to. */
static void print_text(const char *stream, const char *text, size_t len)
{
	static const char *begun; /* the stream of a line without an end */

	while (len > 0) {
		const char *newline = memchr(text, '\n', len);
		size_t n = newline ? (size_t)(newline + 1 - text) : len;

		if (begun != stream)
			printf("%s%s: ", begun ? "\n" : "", stream);
		fwrite(text, 1, n, stdout);
		begun = newline ? NULL : stream;
		text += n;
		len -= n;
	}
}

/* Prints what is there. Each write(2) of the command is one message. */
static void print_messages(int receiver, const struct name *out)
{
	static char text[256 * 1024]; /* the kernel's limit is lower */
	struct name from;
	bool is_out;
	ssize_t n;

	do {
		from.len = sizeof(from.addr);
		n = recvfrom(receiver, text, sizeof(text), MSG_DONTWAIT,
			     (void *)&from.addr, &from.len);
		is_out = from.len == out->len &&
			 memcmp(&from.addr, &out->addr, out->len) == 0;
		if (n > 0)
			print_text(is_out ? out_name : err_name, text,
				   (size_t)n);
	} while (n >= 0);
}

/* Until the command has ended. What it has written by then is there. */
static int print_until_end(struct af_process *child, int receiver,
			   const struct name *out)
{
	struct af_loop *loop = af_process_loop(child);
	struct af_future *end = af_process_wait(child, NULL);
	bool ended;
	int r = 0;

	do {
		struct af_future *either[] = {
			af_shield(af_future_ref(end)),
			af_wait_fd(loop, receiver, EV_READ, NULL),
		};
		struct af_future *first = af_race(loop, either, 2);

		r = af_await(first);
		af_future_unref(first);
		ended = af_future_is_done(end);
		print_messages(receiver, out);
	} while (r == 0 && !ended);
	if (r == 0)
		r = af_future_status(end);
	af_future_unref(end);
	return r;
}

int main(int argc, char *argv[])
{
	struct name name, out, err;
	struct af_spawn_options options = { .out.kind = AFIO_FD,
					    .err.kind = AFIO_FD };
	int receiver = open_socket(&name, NULL), r = -1;
	struct af_process *child;
	struct af_loop *loop;

	if (receiver < 0 || argc < 2)
		return 2;
	options.out.fd = open_socket(&out, &name);
	options.err.fd = open_socket(&err, &name);
	loop = af_loop_new(NULL);
	child = af_spawn(loop, (const char *const *)argv + 1, &options);
	if (child)
		r = print_until_end(child, receiver, &out);
	else
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	af_process_free(child);
	af_loop_free(loop);
	close(options.out.fd);
	close(options.err.fd);
	close(receiver);
	return r != 0;
}
