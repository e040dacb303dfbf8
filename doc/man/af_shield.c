/* SPDX-License-Identifier: BSD-3-Clause */
/* af_shield(3): jobs that share one future for the shutdown. */

#include <asyncfile.h>
#include <stdio.h>

/* Races a command with a future that all jobs share. */
static struct af_future *start(struct af_loop *loop, const char *command,
			       struct af_future *shutdown)
{
	const char *const argv[] = { "sh", "-c", command, NULL };
	struct af_future *ends[2];

	ends[0] = af_run(loop, argv, NULL);
	ends[1] = af_shield(af_future_ref(shutdown));
	return af_race(loop, ends, 2); /* cancels the one that loses */
}

int main(void)
{
	struct af_loop *loop = af_loop_new(NULL);
	struct af_future *shutdown = af_future_new(loop, NULL, NULL);
	struct af_future *quick = start(loop, "echo done", shutdown);
	struct af_future *slow = start(loop, "sleep 60", shutdown);
	int r = af_await(quick);

	if (r == 0)
		printf("quick: %s", af_future_output(quick)->out);
	printf("shutdown: %s\n",
	       af_future_is_done(shutdown) ? "done" : "pending");

	af_future_resolve(shutdown, NULL, NULL);
	if (r == 0)
		r = af_await(slow);
	if (r == 0 && !af_future_output(slow))
		printf("slow: ended by the shutdown\n");
	af_future_unref(quick);
	af_future_unref(slow);
	af_future_unref(shutdown);
	af_loop_free(loop);
	return r != 0;
}
