/* SPDX-License-Identifier: BSD-3-Clause */
/* A child with a directory, variables, a limit and a descriptor of its own. */

#include <asyncfile.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const char script[] = "pwd; umask; ulimit -n; echo $GREETING; cat <&3";

int main(void)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const char *const edits[] = { "GREETING=hello", "CDPATH", NULL };
	const struct af_fd_map fds[] = { { .fd = 0, .child_fd = 3 } };
	const struct af_limit limits[] = {
		{ .resource = RLIMIT_NOFILE, .soft = 64, .hard = 64 },
	};
	const mode_t mask = S_IRWXG | S_IRWXO;
	const struct af_spawn_options options = {
		.in.kind = AFIO_NULL,
		.env_edits = edits,
		.cwd = "/",
		.new_group = true,
		.fds = fds,
		.n_fds = 1,
		.umask = &mask,
		.limits = limits,
		.n_limits = 1,
	};
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &options);
	struct af_future *end = af_process_wait(child, NULL);
	int r = af_await(end);

	if (!child)
		fprintf(stderr, "%s\n", af_spawn_error(loop));
	else if (r < 0)
		fprintf(stderr, "sh: %s\n", strerror(-r));
	af_future_unref(end);
	af_process_free(child);
	af_loop_free(loop);
	return r != 0;
}
