/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a command with input, collects its output, and limits its time. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct run {
	pid_t pid;
	int in, out;
	const char *input;
	size_t input_len, len;
	char output[65536]; /* more than that is an error */
};

static int start(struct run *run)
{
	int in[2], out[2];

	if (pipe(in) < 0 || pipe(out) < 0)
		return -errno;
	run->pid = fork();
	if (run->pid < 0)
		return -errno;
	if (run->pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		execlp("sort", "sort", "-u", NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	run->in = in[1];
	run->out = out[0];
	fcntl(run->in, F_SETFD, FD_CLOEXEC);
	fcntl(run->out, F_SETFD, FD_CLOEXEC);
	fcntl(run->in, F_SETFL, O_NONBLOCK);
	return 0;
}

static void feed(struct run *run)
{
	ssize_t n = write(run->in, run->input, run->input_len);

	if (n >= 0) {
		run->input += n;
		run->input_len -= (size_t)n;
	}
	if (run->input_len == 0 || (n < 0 && errno != EAGAIN)) {
		close(run->in);
		run->in = -1; /* poll(2) leaves it out */
	}
}

/* Returns 1 at the end of the output. */
static int collect(struct run *run)
{
	size_t room = sizeof(run->output) - run->len;
	ssize_t n = read(run->out, run->output + run->len, room);

	if (room == 0)
		return -EMSGSIZE;
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	run->len += (size_t)n;
	return n == 0;
}

static int communicate(struct run *run, time_t seconds)
{
	struct timespec now, end;
	int r = 0, left;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	while (r == 0) {
		struct pollfd fds[2] = {
			{ .fd = run->in, .events = POLLOUT },
			{ .fd = run->out, .events = POLLIN },
		};

		clock_gettime(CLOCK_MONOTONIC, &now);
		left = (int)((end.tv_sec - now.tv_sec) * 1000 +
			     (end.tv_nsec - now.tv_nsec) / 1000000);
		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(fds, 2, left) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			feed(run);
		if (fds[1].revents)
			r = collect(run);
	}
	return r < 0 ? r : 0;
}

int main(void)
{
	static struct run run = { .input = "pear\nfig\npear\n",
				  .input_len = 14 };
	int r, status = -1;

	signal(SIGPIPE, SIG_IGN); /* the child may end before it reads */
	r = start(&run);
	if (r == 0) {
		r = communicate(&run, 60);
		if (r < 0)
			kill(run.pid, SIGKILL);
		while (waitpid(run.pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (r == 0)
		printf("%.*sexit status %d\n", (int)run.len, run.output,
		       WEXITSTATUS(status));
	else
		fprintf(stderr, "sort: %s\n", strerror(-r));
	return r != 0;
}
