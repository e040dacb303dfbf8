/* SPDX-License-Identifier: BSD-3-Clause */
/* Listens on a port that the system chooses, and answers two peers. */

#include <asyncfile.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* For this example: a peer that says a line. */
static int dial(struct af_listener *listener, const char *line)
{
	socklen_t len;
	const struct sockaddr *address = af_listener_address(listener, 0, &len);
	int fd = socket(address->sa_family, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, address, len) < 0 ||
	    write(fd, line, 6) != 6)
		return -1;
	return fd;
}

int main(void)
{
	const struct af_listen_options options = { .no_delay = true };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_listener *listener;

	/* NULL instead of this host: every address of the machine. */
	listener = af_listen(loop, "127.0.0.1", "0", &options);
	if (!listener) {
		fprintf(stderr, "%s\n", af_listen_error(loop));
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		int fd = dial(listener, i == 0 ? "first\n" : "other\n");
		struct af_future *accept, *line;
		struct af_file *file;

		accept = af_listener_accept(listener, NULL);
		if (af_await(accept) < 0)
			return 1;
		file = af_future_take_file(accept);
		af_future_unref(accept);
		line = af_file_readline(file, 0, 0, 0, NULL);
		if (af_await(line) == 0)
			printf("a peer says: %s", af_future_data(line, NULL));
		af_future_unref(line);
		af_file_close(file);
		close(fd);
	}
	af_listener_close(listener);
	af_loop_free(loop);
	return 0;
}
