/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a pipeline, and prints its output and the status of each stage. */

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts a stage that reads in and writes out; the parent keeps neither. */
static pid_t start(const char *command, int in, int out, int other)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (in != STDIN_FILENO)
			dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		if (in != STDIN_FILENO)
			close(in);
		close(out);
		close(other); /* or the next stage never sees the end */
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	if (in != STDIN_FILENO)
		close(in);
	close(out);
	return pid;
}

int main(void)
{
	int middle[2], out[2], source_status, sort_status;
	pid_t source, sort;
	char block[4096];
	ssize_t n;

	if (pipe(middle) < 0) {
		perror("pipe");
		return 1;
	}
	source = start("echo b; echo a; exit 4", STDIN_FILENO, middle[1],
		       middle[0]);
	if (source < 0 || pipe(out) < 0) {
		perror("source");
		return 1;
	}
	sort = start("sort", middle[0], out[1], out[0]);
	if (sort < 0) {
		perror("sort");
		return 1;
	}
	while ((n = read(out[0], block, sizeof(block))) > 0)
		fwrite(block, 1, (size_t)n, stdout);
	if (n < 0)
		perror("read");
	close(out[0]);
	if (waitpid(source, &source_status, 0) < 0 ||
	    waitpid(sort, &sort_status, 0) < 0) {
		perror("waitpid");
		return 1;
	}
	printf("source: %d, sort: %d\n", WEXITSTATUS(source_status),
	       WEXITSTATUS(sort_status));
	return 0;
}
