/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES with anything in them. Descriptors
 * 3 to 5 are listening sockets; what they must be taken for is known.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "fuzz/loop.h"

#define FIRST 3
#define MOST 3

static int listening; /* above those */

static void begin(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	/* A name that the kernel chooses. */
	must(fd >= 0 &&
	     bind(fd, (struct sockaddr *)&un, sizeof(un.sun_family)) == 0 &&
	     listen(fd, 1) == 0);
	listening = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	must(listening >= 100);
	close(fd);
	for (int i = 0; i < MOST; i++)
		must(dup2(listening, FIRST + i) == FIRST + i);
	need_loop();
}

/* "%" is the number of this process. */
static char *take_variable(struct input *in, const char *name)
{
	char text[64], *expanded = malloc(128);

	must(expanded);
	take_text(in, text, sizeof(text));
	if (*text == '%')
		snprintf(expanded, 128, "%ld%s", (long)getpid(), text + 1);
	else
		snprintf(expanded, 128, "%s", text);
	if (*text == '-') {
		unsetenv(name);
		free(expanded);
		return NULL;
	}
	setenv(name, expanded, 1);
	return expanded;
}

/* A number above 0, in digits only; else 0. */
static unsigned long number(const char *text)
{
	char *end;

	if (!text || strspn(text, "0123456789") == 0)
		return 0;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);

	return *end || errno ? 0 : n;
}

/* How many of the first n have the name. */
static size_t count_named(size_t n, const char *names, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const char *this = names ? names : "unknown";
		size_t len = strcspn(this, ":");

		count += len == strlen(name) && memcmp(this, name, len) == 0;
		if (names)
			names += len + (names[len] == ':');
	}
	return count;
}

static void expect_closed(size_t n)
{
	for (int i = 0; i < MOST; i++) {
		n -= fcntl(FIRST + i, F_GETFD) < 0;
		must(dup2(listening, FIRST + i) == FIRST + i);
	}
	must(n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *pid, *fds, *names, *name = NULL;
	struct af_listener *listener;
	unsigned long n;
	size_t expected;
	int error;

	if (!loop)
		begin();
	pid = take_variable(&in, "LISTEN_PID");
	fds = take_variable(&in, "LISTEN_FDS");
	names = take_variable(&in, "LISTEN_FDNAMES");
	if (take_bool(&in))
		name = take_string(&in, 20);
	n = number(fds);
	/* Others may be open. */
	if (n <= MOST || n > 1 << 24) {
		expected = number(pid) == (unsigned long)getpid() && n <= MOST
				   ? n
				   : 0;
		if (name)
			expected = count_named(expected, names, name);
		listener = af_listen_inherited(loop, name, NULL);
		error = errno;
		must(!listener == (expected == 0));
		must(!listener == !!*af_listen_error(loop));
		if (listener)
			must(af_listener_fd(listener, expected) == -EINVAL &&
			     af_listener_fd(listener, expected - 1) >= FIRST);
		else
			must(error == ENOENT || error == EINVAL);
		af_listener_close(listener);
		expect_closed(expected);
	}
	free(pid);
	free(fds);
	free(names);
	free(name);
	turn();
	return 0;
}
