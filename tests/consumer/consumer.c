/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A program of a user: an event base with libevent's locks, a pipeline, a wait
 * inside an event's callback that another thread has activated, and work on a
 * thread.
 */

#include <asyncfile.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct program {
	struct event_base *base;
	struct af_loop *loop;
	struct event *event;
	int result;
};

static int sort(struct program *program)
{
	const char *const sort[] = { "sort", NULL };
	const char *const head[] = { "head", "-n", "1", NULL };
	const char *const *const stages[] = { sort, head, NULL };
	struct af_communicate_options input;
	struct af_spawn_options streams;
	struct af_future *done;
	struct af_pipe *pipeline;
	int r;

	memset(&streams, 0, sizeof(streams));
	streams.in.kind = AFIO_PIPE;
	streams.out.kind = AFIO_PIPE;
	pipeline = af_pipe_spawn(program->loop, stages, &streams);
	memset(&input, 0, sizeof(input));
	input.input_kind = AFIO_INPUT_MEMORY;
	input.input = "b\na\nc\n";
	input.input_len = 6;
	done = af_pipe_communicate(pipeline, &input);
	r = af_await(done);
	if (r == 0)
		printf("pipeline: %s", af_future_output(done)->out);
	af_future_unref(done);
	af_pipe_close(pipeline);
	return r;
}

/* libevent would refuse to run the base here: the library does not. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
	const char *const echo[] = { "echo", "a child in a callback", NULL };
	struct program *program = arg;
	struct af_future *run = af_run(program->loop, echo, NULL);

	(void)fd;
	(void)what;
	program->result = af_await(run);
	if (program->result == 0)
		printf("callback: %s", af_future_output(run)->out);
	af_future_unref(run);
	event_base_loopbreak(program->base);
}

/* Only with libevent's locks may another thread do this. */
static void *activate(void *arg)
{
	struct program *program = arg;

	event_active(program->event, EV_READ, 0);
	return NULL;
}

static int wait_in_callback(struct program *program)
{
	pthread_t thread;
	int r;

	program->event = event_new(program->base, -1, 0, on_event, program);
	if (!program->event)
		return -1;
	r = -pthread_create(&thread, NULL, activate, program);
	if (r == 0) {
		event_base_loop(program->base, EVLOOP_NO_EXIT_ON_EMPTY);
		pthread_join(thread, NULL);
		r = program->result;
	}
	event_free(program->event);
	return r;
}

static void *add_up(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	return (void *)(n * (n + 1) / 2);
}

static int work(struct program *program)
{
	struct af_future *sum =
		af_work(program->loop, add_up, (void *)100, NULL);
	int r = af_await(sum);

	if (r == 0)
		printf("thread: %u\n",
		       (unsigned)(uintptr_t)af_future_value(sum));
	af_future_unref(sum);
	return r;
}

int main(void)
{
	struct program program;
	int r = -1;

	memset(&program, 0, sizeof(program));
	if (evthread_use_pthreads() == 0) {
		program.base = event_base_new();
		program.loop = af_loop_new(program.base);
	}
	if (program.loop)
		r = sort(&program);
	if (r == 0)
		r = wait_in_callback(&program);
	if (r == 0)
		r = work(&program);
	if (r != 0)
		fprintf(stderr, "consumer: %s\n", strerror(-r));
	af_loop_free(program.loop);
	if (program.base)
		event_base_free(program.base);
	return r != 0;
}
