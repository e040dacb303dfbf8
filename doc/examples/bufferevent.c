/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gives a child's output to a bufferevent: doc/tutorial.md explains it.
 */

#include <asyncfile.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

/* The callbacks of code that uses bufferevents, and no af_file. */
static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *input = bufferevent_get_input(bev);
	char *line;

	(void)arg;
	while ((line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF))) {
		printf("read: %s\n", line);
		free(line);
	}
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)arg;
	if (what & BEV_EVENT_EOF)
		printf("end of file\n");
}

/* Closing this end sends end of file to the other one. */
static void on_copied(struct af_future *copied, void *arg)
{
	(void)copied;
	af_file_close(arg);
}

int main(void)
{
	const char *const argv[] = { "seq", "3", NULL };
	const struct af_spawn_options pipes = { .out.kind = AFIO_PIPE };
	struct af_loop *loop = af_loop_new(NULL);
	struct af_process *child = af_spawn(loop, argv, &pipes);
	struct bufferevent *ends[2];
	struct af_file *sink;
	int r;

	bufferevent_pair_new(af_loop_base(loop), BEV_OPT_DEFER_CALLBACKS, ends);
	sink = af_file_from_bufferevent(loop, ends[0], 0);
	af_on_done(af_file_copy(af_process_stdout(child), sink, -1, NULL),
		   on_copied, sink);
	bufferevent_setcb(ends[1], on_read, NULL, on_event, NULL);
	bufferevent_enable(ends[1], EV_READ);

	r = af_loop_run(loop);
	af_process_free(child);
	bufferevent_free(ends[1]);
	af_loop_free(loop);
	return r != 0;
}
