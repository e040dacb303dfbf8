/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints an address that it has put together, and that of a peer. */

#include <arpa/inet.h>
#include <asyncfile.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print(const char *what, const void *address, socklen_t len)
{
	char text[512];

	af_address_text(address, len, text, sizeof(text));
	printf("%s: %s\n", what, text);
}

int main(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_storage peer;
	struct af_loop *loop = af_loop_new(NULL);
	struct af_file *file;
	socklen_t len;
	int fds[2], r;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons(80);
	print("server", &in, sizeof(in));

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0) {
		perror("socketpair");
		return 1;
	}
	file = af_file_new(loop, fds[0], 0);
	r = af_file_peer_address(file, &peer, &len);
	if (r == 0)
		print("peer", &peer, len);
	else
		fprintf(stderr, "no peer: %s\n", strerror(-r));
	af_file_close(file);
	close(fds[1]);
	af_loop_free(loop);
	return r != 0;
}
