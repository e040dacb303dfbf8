/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the harness looks at in /proc.
 */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "support/harness.h"

int library_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		char path[300], name[32] = "";
		FILE *comm;

		snprintf(path, sizeof path, "/proc/self/task/%s/comm",
			 entry->d_name);
		comm = fopen(path, "re");
		if (!comm)
			continue;
		if (fgets(name, sizeof name, comm))
			n += strcmp(name, "asyncfile\n") == 0;
		fclose(comm);
	}
	closedir(dir);
	return n;
}
