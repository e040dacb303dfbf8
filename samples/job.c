/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A job: it is started, its output is collected, it may be stopped, and its
 * output is printed. Each step is a continuation of the one before; nothing
 * blocks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <asyncfile.h>

#include "common.h"
#include "job.h"

#define MAX_HEAD ((size_t)1024 * 1024)

/* The output of one stream: the first bytes, and a file with the rest. */
struct stream {
	struct af_loop *loop;
	struct af_file *from;
	struct af_future *head;
	struct af_file *rest; /* NULL: there is none */
};

struct job {
	struct af_loop *loop;
	struct af_pipe *pipe;
	struct stream out, err;
	struct af_future *work; /* cancelled to stop the job */
	int error;
};

/* Streams */

/* A file without a name. NULL after a complaint. */
static struct af_file *open_temporary(struct af_loop *loop)
{
	const char *directory = getenv("TMPDIR");
	struct af_file *file = NULL;
	char *path;
	int fd;

	if (asprintf(&path, "%s/job-XXXXXX", directory ? directory : P_tmpdir) <
	    0)
		return NULL;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0) {
		unlink(path);
		file = af_file_new(loop, fd, 0);
	}
	if (!file) {
		complain(path, errno);
		if (fd >= 0)
			close(fd);
	}
	free(path);
	return file;
}

static struct af_future *keep_rest(struct stream *stream)
{
	if (!stream->rest)
		stream->rest = open_temporary(stream->loop);
	return af_file_copy(stream->from, stream->rest, -1, NULL);
}

static struct af_future *head_over(struct af_future *head, void *arg)
{
	return af_future_flags(head) & AFIO_EOF ? NULL : keep_rest(arg);
}

static struct af_future *keep(struct stream *stream)
{
	stream->head = af_file_read(stream->from, MAX_HEAD, AFIO_FULL, NULL);
	return af_then(af_future_ref(stream->head), head_over, stream);
}

/* The copy runs after the write, as they are queued in this order. */
static struct af_future *print(struct stream *stream, struct af_file *to)
{
	struct af_future *parts[2];
	const char *data;
	size_t len = 0, n = 0;

	data = af_future_data(stream->head, &len);
	if (len > 0)
		parts[n++] = af_file_write(to, data, len,
					   AFIO_FULL | AFIO_BORROW, NULL);
	if (stream->rest && af_file_seek(stream->rest, 0, SEEK_SET) == 0)
		parts[n++] = af_file_copy(stream->rest, to, -1, NULL);
	return af_all(stream->loop, parts, n);
}

/* Jobs */

struct job *job_start(struct af_loop *loop, char *const argv[])
{
	static const struct af_spawn_options options = {
		.in.kind = AFIO_NULL,
		.out.kind = AFIO_PIPE,
		.err.kind = AFIO_PIPE,
		.new_group = true,
	};
	const char *const *const stages[] = { (const char *const *)argv, NULL };
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->loop = job->out.loop = job->err.loop = loop;
	job->pipe = af_pipe_spawn(loop, stages, &options);
	if (!job->pipe) {
		free(job);
		return NULL;
	}
	job->out.from = af_pipe_stdout(job->pipe);
	job->err.from = af_pipe_stderr(job->pipe);
	return job;
}

/* The job must be stopped even if its remaining output cannot be kept. */
static struct af_future *go_without(struct af_future *failed, void *arg)
{
	(void)failed;
	return af_succeeded(((struct stream *)arg)->loop, NULL, NULL);
}

static struct af_future *try_to_keep_rest(struct stream *stream)
{
	return af_catch(keep_rest(stream), go_without, stream);
}

/*
 * Cancelled reads have left their bytes in the files, so no output is lost. The
 * timeout is for a grandchild that has left the group and keeps the output
 * open.
 */
static struct af_future *stop(struct af_future *done, void *arg)
{
	static const struct timeval grace = { .tv_sec = 2 };
	static const struct timeval enough = { .tv_sec = 4 };
	struct job *job = arg;
	struct af_future *parts[] = {
		try_to_keep_rest(&job->out),
		try_to_keep_rest(&job->err),
		af_pipe_stop(job->pipe, &grace),
	};

	job->error = af_future_error(done);
	return af_with_timeout(af_all(job->loop, parts, 3), &enough);
}

struct af_future *job_collect(struct job *job, const struct timeval *timeout)
{
	struct af_future *parts[] = {
		keep(&job->out),
		keep(&job->err),
		af_pipe_wait(job->pipe, NULL),
	};

	job->work = af_with_timeout(af_all(job->loop, parts, 3), timeout);
	return af_catch(af_future_ref(job->work), stop, job);
}

void job_stop(struct job *job)
{
	af_future_cancel(job->work);
}

int job_error(const struct job *job)
{
	return job->error;
}

int job_status(const struct job *job)
{
	return af_pipe_status(job->pipe, 0);
}

struct af_future *job_print_out(struct job *job, struct af_file *to)
{
	return print(&job->out, to);
}

struct af_future *job_print_err(struct job *job, struct af_file *to)
{
	return print(&job->err, to);
}

static void clear(struct stream *stream)
{
	af_future_unref(stream->head);
	af_file_close(stream->rest);
}

void job_free(struct job *job)
{
	af_pipe_close(job->pipe);
	clear(&job->out);
	clear(&job->err);
	af_future_unref(job->work);
	free(job);
}
