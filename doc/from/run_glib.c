/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a command with input, collects its output, and limits its time. */

#include <gio/gio.h>

struct run {
	GMainLoop *loop;
	GCancellable *cancellable;
	GError *error;
	char *output;
};

static gboolean on_timeout(gpointer arg)
{
	struct run *run = arg;

	g_cancellable_cancel(run->cancellable);
	return G_SOURCE_REMOVE;
}

static void on_done(GObject *source, GAsyncResult *result, gpointer arg)
{
	GSubprocess *sort = G_SUBPROCESS(source);
	struct run *run = arg;

	if (!g_subprocess_communicate_utf8_finish(sort, result, &run->output,
						  NULL, &run->error))
		g_subprocess_force_exit(sort); /* a cancel leaves it running */
	g_main_loop_quit(run->loop);
}

int main(void)
{
	struct run run = { .cancellable = g_cancellable_new() };
	GSubprocess *sort;
	guint timer;
	int r = 1;

	run.loop = g_main_loop_new(NULL, FALSE);
	sort = g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE |
					G_SUBPROCESS_FLAGS_STDOUT_PIPE,
				&run.error, "sort", "-u", NULL);
	if (sort) {
		g_subprocess_communicate_utf8_async(sort, "pear\nfig\npear\n",
						    run.cancellable, on_done,
						    &run);
		timer = g_timeout_add_seconds(60, on_timeout, &run);
		g_main_loop_run(run.loop);
		if (!g_cancellable_is_cancelled(run.cancellable))
			g_source_remove(timer);
	}
	if (run.error) {
		g_printerr("sort: %s\n", run.error->message);
	} else {
		g_print("%sexit status %d\n", run.output,
			g_subprocess_get_exit_status(sort));
		r = 0;
	}
	g_clear_error(&run.error);
	g_free(run.output);
	g_clear_object(&sort);
	g_object_unref(run.cancellable);
	g_main_loop_unref(run.loop);
	return r;
}
