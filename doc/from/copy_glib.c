/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies from one child to another, no faster than the second one reads. */

#include <gio/gio.h>

struct copy {
	GMainLoop *loop;
	GSubprocess *from, *to;
	GError *error;
	gssize bytes;
};

static void on_exit_of(GObject *source, GAsyncResult *result, gpointer arg)
{
	struct copy *copy = arg;

	(void)source;
	g_subprocess_wait_finish(copy->to, result,
				 copy->error ? NULL : &copy->error);
	g_main_loop_quit(copy->loop);
}

static void on_copied(GObject *source, GAsyncResult *result, gpointer arg)
{
	struct copy *copy = arg;

	copy->bytes = g_output_stream_splice_finish(G_OUTPUT_STREAM(source),
						    result, &copy->error);
	g_subprocess_wait_async(copy->to, NULL, on_exit_of, copy);
}

static void start_copy(struct copy *copy)
{
	g_output_stream_splice_async(
		g_subprocess_get_stdin_pipe(copy->to),
		g_subprocess_get_stdout_pipe(copy->from),
		G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE |
			G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET,
		G_PRIORITY_DEFAULT, NULL, on_copied, copy);
}

int main(void)
{
	struct copy copy = { .loop = g_main_loop_new(NULL, FALSE) };
	int r = 1;

	copy.from = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE,
				     &copy.error, "seq", "100000", NULL);
	if (copy.from)
		copy.to =
			g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE,
					 &copy.error, "tail", "-n", "1", NULL);
	if (copy.to) {
		start_copy(&copy);
		g_main_loop_run(copy.loop);
	}
	if (copy.error) {
		g_printerr("copy: %s\n", copy.error->message);
	} else {
		g_print("%" G_GSSIZE_FORMAT " bytes\n", copy.bytes);
		r = 0;
	}
	g_clear_error(&copy.error);
	g_clear_object(&copy.from);
	g_clear_object(&copy.to);
	g_main_loop_unref(copy.loop);
	return r;
}
