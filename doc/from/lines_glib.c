/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints the lines of a child as they come, and then its exit status. */

#include <gio/gio.h>

struct job {
	GMainLoop *loop;
	GSubprocess *child;
	GDataInputStream *out;
	int n;
};

static void on_exit_of(GObject *source, GAsyncResult *result, gpointer arg)
{
	struct job *job = arg;
	GError *error = NULL;

	if (g_subprocess_wait_finish(job->child, result, &error))
		g_print("exit status %d\n",
			g_subprocess_get_exit_status(job->child));
	else
		g_printerr("wait: %s\n", error->message);
	g_clear_error(&error);
	g_main_loop_quit(job->loop);
	(void)source;
}

static void on_line(GObject *source, GAsyncResult *result, gpointer arg)
{
	struct job *job = arg;
	GError *error = NULL;
	char *line;

	line = g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(source),
						    result, NULL, &error);
	if (line) {
		g_print("%d: %s\n", ++job->n, line);
		g_free(line);
		g_data_input_stream_read_line_async(
			job->out, G_PRIORITY_DEFAULT, NULL, on_line, job);
		return;
	}
	if (error)
		g_printerr("lines: %s\n", error->message);
	g_clear_error(&error);
	g_subprocess_wait_async(job->child, NULL, on_exit_of, job);
}

int main(void)
{
	struct job job = { .n = 0 };
	GError *error = NULL;

	job.child =
		g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, "sh",
				 "-c", "echo one; echo two; exit 3", NULL);
	if (!job.child) {
		g_printerr("%s\n", error->message);
		g_error_free(error);
		return 1;
	}
	job.loop = g_main_loop_new(NULL, FALSE);
	job.out = g_data_input_stream_new(
		g_subprocess_get_stdout_pipe(job.child));
	g_data_input_stream_read_line_async(job.out, G_PRIORITY_DEFAULT, NULL,
					    on_line, &job);
	g_main_loop_run(job.loop);
	g_object_unref(job.out);
	g_object_unref(job.child);
	g_main_loop_unref(job.loop);
	return 0;
}
