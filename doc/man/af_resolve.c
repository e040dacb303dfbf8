/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the addresses of some hosts, or why there are none. */

#include <asyncfile.h>
#include <stdio.h>

static void print_addresses(struct af_loop *loop, const char *host,
			    const char *service)
{
	const struct timeval limit = { .tv_sec = 5 };
	struct af_future *f = af_resolve(loop, host, service, NULL, &limit);
	const struct sockaddr *address;
	socklen_t len;
	char text[512];

	if (af_await(f) < 0)
		printf("%s\n", af_connect_error(f));
	for (size_t i = 0; (address = af_future_address(f, i, &len)); i++) {
		af_address_text(address, len, text, sizeof(text));
		printf("%s\n", text);
	}
	af_future_unref(f);
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);

	print_addresses(loop, "192.0.2.1", "80");
	print_addresses(loop, "2001:db8::1", "443");
	print_addresses(loop, "/run/server", NULL);
	print_addresses(loop, "192.0.2.1", "65536");
	af_loop_free(loop);
	return 0;
}
