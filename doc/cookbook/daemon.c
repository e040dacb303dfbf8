/* SPDX-License-Identifier: BSD-3-Clause */
/* Becomes a daemon that runs a command; returns when the command has begun. */

#include <asyncfile.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * The caller's process waits here for the byte that says "ready", and ends. The
 * daemon returns the descriptor to write it to. If the daemon ends before, the
 * caller reads the end of the pipe.
 */
static int detach(void)
{
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe(fds) < 0 || (pid = fork()) < 0)
		return -errno;
	if (pid > 0) {
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(fds[0]);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	if (setsid() < 0 || chdir("/") < 0)
		return -errno;
	return fds[1];
}

/* From here on nothing can be said at the caller's terminal. */
static int say_ready(int fd)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(null, 2) < 0 || write(fd, "", 1) != 1)
		return -errno;
	if (null > 2)
		close(null);
	close(fd);
	return 0;
}

static void on_sigterm(evutil_socket_t sig, short what, void *arg)
{
	const struct timeval grace = { .tv_sec = 5 };

	(void)sig;
	(void)what;
	af_future_unref(af_process_stop(arg, &grace));
}

int main(int argc, char *argv[])
{
	const struct af_spawn_options options = {
		.in.kind = AFIO_NULL,
		.out.kind = AFIO_NULL,
		.err.kind = AFIO_NULL,
		.new_group = true,
		.kill_on_free = true,
	};
	struct af_process *child;
	struct event *sigterm;
	struct af_future *end;
	struct af_loop *loop;
	int ready, r;

	if (argc < 2) {
		fprintf(stderr, "usage: daemon COMMAND [ARG]...\n");
		return 2;
	}
	ready = detach(); /* before there is a loop */
	if (ready < 0) {
		fprintf(stderr, "daemon: %s\n", strerror(-ready));
		return 1;
	}
	loop = af_loop_new(NULL);
	child = af_spawn(loop, (const char *const *)argv + 1, &options);
	if (!child)
		fprintf(stderr, "daemon: %s\n", af_spawn_error(loop));
	sigterm = evsignal_new(af_loop_base(loop), SIGTERM, on_sigterm, child);
	end = af_process_wait(child, NULL);
	r = -EINVAL;
	if (child && sigterm && event_add(sigterm, NULL) == 0)
		r = say_ready(ready);
	if (r == 0)
		r = af_await(end);
	if (sigterm)
		event_free(sigterm);
	af_future_unref(end);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
