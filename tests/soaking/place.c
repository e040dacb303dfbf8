/* SPDX-License-Identifier: BSD-3-Clause */
#include "soaking/place.h"

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "soaking/soak.h"

static char folder[] = "soak.XXXXXX";

static int place_remove(const char *path, const struct stat *status, int type,
			struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	return remove(path);
}

static void place_leave(void)
{
	if (soak.is_child || chdir("..") < 0)
		return;
	nftw(folder, place_remove, 16, FTW_DEPTH | FTW_PHYS);
}

void place_enter(void)
{
	if (!mkdtemp(folder) || chdir(folder) < 0)
		soak_fail("%s: %s", folder, strerror(errno));
	atexit(place_leave);
}

const char *place_helper(const char *program)
{
	static char path[PATH_MAX + 20];
	char *slash;

	if (!realpath(program, path))
		soak_fail("%s: %s", program, strerror(errno));
	slash = strrchr(path, '/');
	strcpy(slash ? slash + 1 : path, "support/helper");
	if (access(path, X_OK) < 0)
		soak_fail("%s: %s", path, strerror(errno));
	return path;
}
