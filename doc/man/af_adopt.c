/* SPDX-License-Identifier: BSD-3-Clause */
/* Adopts a child that was made by fork(2). */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Returns the child's pid, and the end of a pipe that it writes to. */
static pid_t start(int *ret_fd)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		ssize_t n = write(ends[1], "hello\n", 6);

		_exit(n == 6 ? 3 : 1);
	}
	close(ends[1]);
	*ret_fd = ends[0];
	return pid;
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child;
	struct af_future *line, *end;
	pid_t pid;
	int r, status, fd = -1;

	pid = start(&fd);
	child = af_process_adopt(loop, pid, -1, fd, -1);
	if (!child) {
		perror("adopt");
		af_loop_free(loop);
		return 1;
	}
	line = af_file_readline(af_process_stdout(child), 0, 0, 0, NULL);
	end = af_process_wait(child, NULL);
	r = af_await(line);
	if (r == 0)
		r = af_await(end);
	status = af_future_status(end);
	if (r == 0)
		printf("%sexit status %d\n", af_future_data(line, NULL),
		       WEXITSTATUS(status));
	else
		fprintf(stderr, "the child: %s\n", strerror(-r));
	af_future_unref(line);
	af_future_unref(end);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
