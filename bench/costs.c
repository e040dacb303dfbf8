/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The cost of futures without any file, and whether costs grow with the number
 * of pending operations. Only libasyncfile does these works.
 */
#include <stdlib.h>

#include "ours.h"

/* The size of each read in bytes. */
#define RECORD 16

/* Counts continuations; after the last of a batch, ended is the time. */
static size_t ran, batch_size;
static double ended;

static void on_done(struct af_future *done, void *arg)
{
	(void)done;
	(void)arg;
	if (++ran == batch_size)
		ended = bench_now();
}

static struct af_future *on_then(struct af_future *done, void *arg)
{
	on_done(done, arg);
	return NULL;
}

/* From the first af_future_resolve() to the end of the last continuation. */
static double resolve_batch(struct af_future **futures, size_t batch)
{
	double start;

	for (size_t i = 0; i < batch; i++) {
		futures[i] = af_future_new(loop, NULL, NULL);
		af_on_done(af_future_ref(futures[i]), on_done, NULL);
	}
	start = bench_now();
	for (size_t i = 0; i < batch; i++)
		af_future_resolve(futures[i], NULL, NULL);
	check(af_loop_run(loop), "af_loop_run");
	for (size_t i = 0; i < batch; i++)
		af_future_unref(futures[i]);
	return ended - start;
}

/* From the first af_then() to the end of the last continuation. */
static double then_batch(struct af_future **futures, size_t batch)
{
	double start;

	for (size_t i = 0; i < batch; i++) {
		futures[i] = af_future_new(loop, NULL, NULL);
		af_future_resolve(futures[i], NULL, NULL);
	}
	start = bench_now();
	for (size_t i = 0; i < batch; i++)
		futures[i] = af_then(futures[i], on_then, NULL);
	check(af_loop_run(loop), "af_loop_run");
	for (size_t i = 0; i < batch; i++)
		af_future_unref(futures[i]);
	return ended - start;
}

static double batches(size_t n, size_t batch,
		      double (*run)(struct af_future **, size_t))
{
	struct af_future **futures = calloc(batch, sizeof(*futures));
	size_t rounds = n / batch ? n / batch : 1;
	double took = 0;

	loop = af_loop_new(NULL);
	batch_size = batch;
	for (size_t i = 0; i < rounds; i++) {
		ran = 0;
		took += run(futures, batch);
		bench_expect("continuations", ran, batch);
	}
	free(futures);
	return took * (double)n / (double)(rounds * batch);
}

double future_resolve(size_t n, size_t batch)
{
	return batches(n, batch, resolve_batch);
}

double future_then(size_t n, size_t batch)
{
	return batches(n, batch, then_batch);
}

double future_await(size_t n, size_t size)
{
	struct af_future *done;
	double start;

	(void)size;
	loop = af_loop_new(NULL);
	done = af_future_new(loop, NULL, NULL);
	af_future_resolve(done, NULL, NULL);
	start = bench_now();
	for (size_t i = 0; i < n; i++)
		check(af_await(done), "af_await");
	return bench_now() - start;
}

double growth_idle(size_t n, size_t files)
{
	loop = af_loop_new(NULL);
	read_silent(files);
	return play(n, 1);
}

/* Queued reads; each that is done is replaced, until n have been queued. */
struct queue {
	struct af_file *file;
	size_t to_queue, to_end;
};

static void queue_one(struct queue *queue);

static void on_record(struct af_future *done, void *arg)
{
	struct queue *queue = arg;

	bench_expect("bytes", af_future_count(done), RECORD);
	queue->to_end--;
	if (queue->to_queue > 0)
		queue_one(queue);
}

static void queue_one(struct queue *queue)
{
	queue->to_queue--;
	af_on_done(af_file_read(queue->file, RECORD, AFIO_FULL, NULL),
		   on_record, queue);
}

double growth_queue(size_t n, size_t depth)
{
	struct queue queue = { .to_queue = n, .to_end = n };
	double start = bench_now();

	loop = af_loop_new(NULL);
	queue.file = af_process_stdout(
		spawn(bench_argv("lines", n, RECORD), AFIO_INHERIT));
	for (size_t i = 0; i < depth && queue.to_queue > 0; i++)
		queue_one(&queue);
	check(af_loop_run(loop), "af_loop_run");
	bench_expect("reads left", queue.to_end, 0);
	return bench_now() - start;
}
