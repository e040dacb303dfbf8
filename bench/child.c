/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The child of every contender: writes, echoes or copies, in blocks as large as
 * a pipe, with blocking system calls.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

/* How many connections are open at the same time. */
#define BURST 100

static char buf[2 * BENCH_BLOCK];

static void die(const char *what)
{
	fprintf(stderr, "child: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t r = write(fd, data, len);

		if (r < 0)
			die("write");
		data += r;
		len -= (size_t)r;
	}
}

/* Writes n lines of len bytes; a block may begin and end inside a line. */
static void lines(size_t n, size_t len)
{
	size_t left = n * len, block;

	if (len == 0 || len > BENCH_BLOCK)
		die("length");
	memset(buf, 'x', sizeof(buf));
	for (size_t i = len - 1; i < sizeof(buf); i += len)
		buf[i] = '\n';
	for (size_t done = 0; left > 0; done += block, left -= block) {
		block = left < BENCH_BLOCK ? left : BENCH_BLOCK;
		write_all(1, buf + done % len, block);
	}
}

/* Echoes messages of size bytes; size 0: any bytes, a block at most. */
static void echo(size_t size)
{
	size_t len = 0;
	ssize_t r;

	while ((r = read(0, buf + len, BENCH_BLOCK - len)) > 0) {
		len += (size_t)r;
		if (len < size)
			continue;
		write_all(1, buf, len);
		len = 0;
	}
	if (r < 0)
		die("read");
}

/* Echoes on every inherited socket until all are at end of file. */
static void many(void)
{
	struct epoll_event events[256], event = { .events = EPOLLIN };
	int epoll = epoll_create1(0), max = (int)sysconf(_SC_OPEN_MAX);
	struct stat st;
	size_t n = 0;

	for (int fd = 3; fd < max; fd++) {
		if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
			continue;
		event.data.fd = fd;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
			die("epoll_ctl");
		n++;
	}
	while (n > 0) {
		int ready = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;
			ssize_t r = read(fd, buf, BENCH_BLOCK);

			if (r <= 0 || write(fd, buf, (size_t)r) < r) {
				close(fd);
				n--;
			}
		}
	}
}

/*
 * Connects n times to a port of this machine, BURST at a time; each connection
 * ends after the byte that the other side sends. The reset that a zero linger
 * time makes of close(2) leaves no port in TIME_WAIT.
 */
static void connect_all(size_t n, in_port_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct linger linger = { .l_onoff = 1 };
	int fds[BURST];

	for (size_t done = 0, burst; done < n; done += burst) {
		burst = n - done < BURST ? n - done : BURST;
		for (size_t i = 0; i < burst; i++) {
			fds[i] = socket(AF_INET, SOCK_STREAM, 0);
			if (connect(fds[i], (struct sockaddr *)&to,
				    sizeof(to)) < 0)
				die("connect");
			setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &linger,
				   sizeof(linger));
		}
		for (size_t i = 0; i < burst; i++) {
			if (read(fds[i], buf, 1) != 1)
				die("read");
			close(fds[i]);
		}
	}
}

int main(int argc, char **argv)
{
	size_t n, size;

	if (argc != 4) {
		fprintf(stderr, "usage: %s lines|echo|cat|many|connect N SIZE\n",
			argv[0]);
		return 2;
	}
	n = strtoul(argv[2], NULL, 10);
	size = strtoul(argv[3], NULL, 10);
	if (strcmp(argv[1], "lines") == 0)
		lines(n, size);
	else if (strcmp(argv[1], "echo") == 0)
		echo(size);
	else if (strcmp(argv[1], "cat") == 0)
		echo(0);
	else if (strcmp(argv[1], "many") == 0)
		many();
	else if (strcmp(argv[1], "connect") == 0)
		connect_all(n, (in_port_t)size);
	else
		return 2;
	return 0;
}
