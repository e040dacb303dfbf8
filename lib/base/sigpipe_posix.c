/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes without SIGPIPE. By POSIX the signal is for the thread that wrote.
 * macOS sends it to the whole process, but can be told not to.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/sigpipe.h"

#if defined(SO_NOSIGPIPE) && !defined(MSG_NOSIGNAL)
void afi_sigpipe_quiet_socket(int fd)
{
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
}
#else
void afi_sigpipe_quiet_socket(int fd)
{
	(void)fd;
}
#endif

/*
 * Has the description raise no SIGPIPE, or what it did before, which is
 * returned. Others that write to it may miss the signal meanwhile.
 */
#if defined(F_SETNOSIGPIPE) && defined(F_GETNOSIGPIPE)
static int sigpipe_quiet(int fd, int quiet)
{
	int before = fcntl(fd, F_GETNOSIGPIPE);

	if (before >= 0 && before != quiet)
		fcntl(fd, F_SETNOSIGPIPE, quiet);
	return before >= 0 ? before : quiet;
}
#else
static int sigpipe_quiet(int fd, int quiet)
{
	(void)fd;
	return quiet;
}
#endif

ssize_t afi_sigpipe_writev(int fd, const struct iovec *iov, int n)
{
	int before = sigpipe_quiet(fd, 1);
	struct afi_sigpipe_hold hold;
	ssize_t r;

	afi_sigpipe_hold(&hold);
	r = writev(fd, iov, n);
	r = r < 0 ? -errno : r;
	afi_sigpipe_release(&hold, (int)(r < 0 ? r : 0));
	sigpipe_quiet(fd, before);
	return r;
}
