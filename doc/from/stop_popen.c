/* SPDX-License-Identifier: BSD-3-Clause */
/* Stops a child: SIGTERM first, and SIGKILL if that does not help. */

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Starts the child, returns its output. */
static FILE *start(pid_t *ret_pid)
{
	int ends[2];

	if (pipe(ends) < 0)
		return NULL;
	*ret_pid = fork();
	if (*ret_pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp("sh", "sh", "-c",
		       "trap '' TERM; echo ready; exec sleep 60", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (*ret_pid < 0) {
		close(ends[0]);
		return NULL;
	}
	return fdopen(ends[0], "r");
}

/* No call waits for a child for a limited time. */
static int stop(pid_t pid)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	int status;

	kill(pid, SIGTERM);
	for (int i = 0; i < 10; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		nanosleep(&pause, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return status;
}

int main(void)
{
	char line[1024];
	pid_t pid;
	FILE *out = start(&pid);
	int status;

	if (!out) {
		perror("sh");
		return 1;
	}
	if (fgets(line, sizeof(line), out))
		printf("%s", line);
	status = stop(pid);
	printf("ended by signal %d\n", WTERMSIG(status));
	fclose(out);
	return 0;
}
