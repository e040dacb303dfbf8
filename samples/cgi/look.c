/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asyncfile.h>

#include "look.h"

/* In a thread. */
static void *look_run(void *arg)
{
	struct look *look = arg;
	struct stat st;

	if (lstat(look->path, &st) < 0)
		look->error = errno == EACCES ? EACCES : ENOENT;
	else if (!S_ISREG(st.st_mode) || access(look->path, X_OK) < 0)
		look->error = EACCES;
	return look;
}

/* Nothing was called if there is no count. */
static void look_done(struct af_future *done, void *arg)
{
	if (af_future_count(done) == 0)
		free(arg);
}

struct af_future *look_for(struct af_loop *loop, const char *folder,
			   const char *name)
{
	size_t size = strlen(folder) + strlen(name) + 2;
	struct look *look = malloc(sizeof(*look) + size);
	struct af_future *work;

	if (!look)
		return af_failed(loop, -ENOMEM);
	look->error = 0;
	snprintf(look->path, size, "%s/%s", folder, name);
	work = af_work(loop, look_run, look, free);
	af_on_done(af_future_ref(work), look_done, look);
	return work;
}
