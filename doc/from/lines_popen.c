/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the lines of a child as they come, and then its exit status. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

int main(void)
{
	FILE *out = popen("echo one; echo two; exit 3", "r");
	char *line = NULL;
	size_t size = 0;
	int n = 0, status;

	if (!out) {
		perror("popen");
		return 1;
	}
	while (getline(&line, &size, out) > 0)
		printf("%d: %s", ++n, line);
	free(line);
	status = pclose(out);
	if (status < 0) {
		perror("pclose");
		return 1;
	}
	printf("exit status %d\n", WEXITSTATUS(status));
	return 0;
}
