/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a header, and hands the child over to code that blocks. */

#include <asyncfile.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Prints what was read ahead and the rest; returns the exit status or -1. */
static int print_rest(pid_t pid, int fd, struct evbuffer *ahead)
{
	char block[4096];
	ssize_t n;
	int status;

	fwrite(evbuffer_pullup(ahead, -1), 1, evbuffer_get_length(ahead),
	       stdout);
	while ((n = read(fd, block, sizeof(block))) > 0)
		fwrite(block, 1, (size_t)n, stdout);
	close(fd);
	if (n < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int main(void)
{
	const char *const argv[] = { "printf", "header\\nbody\\n", NULL };
	const struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &pipes);
	struct af_future *header =
		af_file_readline(af_process_stdout(child), 0, 0, 0, NULL);
	struct evbuffer *ahead = evbuffer_new();
	struct evbuffer *unread[3] = { NULL, ahead, NULL };
	int fds[3];
	pid_t pid;
	int r = af_await(header);

	if (r == 0)
		r = af_process_release(child, &pid, fds, unread);
	if (r < 0) {
		fprintf(stderr, "printf: %s\n", strerror(-r));
		af_process_free(child);
	} else {
		r = print_rest(pid, fds[1], ahead);
	}
	af_future_unref(header);
	evbuffer_free(ahead);
	af_loop_free(loop);
	return r != 0;
}
