/* SPDX-License-Identifier: BSD-3-Clause */
/* Waits a limited time for a line. The half that came by then is not lost. */

#include <gio/gio.h>

struct talk {
	GMainLoop *loop;
	GSubprocess *child;
	GDataInputStream *out;
	GCancellable *cancellable;
};

static void on_line(GObject *source, GAsyncResult *result, gpointer arg);

static void on_said(GObject *source, GAsyncResult *result, gpointer arg)
{
	struct talk *talk = arg;
	GError *error = NULL;

	if (g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result,
					     NULL, &error)) {
		g_data_input_stream_read_line_async(
			talk->out, G_PRIORITY_DEFAULT, NULL, on_line, talk);
		return;
	}
	g_printerr("talk: %s\n", error->message);
	g_error_free(error);
	g_main_loop_quit(talk->loop);
}

static void on_line(GObject *source, GAsyncResult *result, gpointer arg)
{
	struct talk *talk = arg;
	GError *error = NULL;
	char *line;

	line = g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(source),
						    result, NULL, &error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		g_print("no line yet\n");
		g_output_stream_write_all_async(
			g_subprocess_get_stdin_pipe(talk->child), "go\n", 3,
			G_PRIORITY_DEFAULT, NULL, on_said, talk);
	} else {
		if (line)
			g_print("%s\n", line);
		else
			g_printerr("talk: %s\n",
				   error ? error->message : "end of file");
		g_main_loop_quit(talk->loop);
	}
	g_clear_error(&error);
	g_free(line);
}

static gboolean on_timeout(gpointer arg)
{
	struct talk *talk = arg;

	g_cancellable_cancel(talk->cancellable);
	return G_SOURCE_REMOVE;
}

int main(void)
{
	struct talk talk = { .cancellable = g_cancellable_new() };
	GError *error = NULL;

	talk.child = g_subprocess_new(
		G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
		&error, "sh", "-c", "printf hal; read go; echo f", NULL);
	if (!talk.child) {
		g_printerr("%s\n", error->message);
		g_error_free(error);
		return 1;
	}
	talk.loop = g_main_loop_new(NULL, FALSE);
	talk.out = g_data_input_stream_new(
		g_subprocess_get_stdout_pipe(talk.child));
	g_data_input_stream_read_line_async(talk.out, G_PRIORITY_DEFAULT,
					    talk.cancellable, on_line, &talk);
	g_timeout_add(100, on_timeout, &talk);
	g_main_loop_run(talk.loop);
	g_object_unref(talk.out);
	g_object_unref(talk.child);
	g_object_unref(talk.cancellable);
	g_main_loop_unref(talk.loop);
	return 0;
}
