/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipe_csum: computes the SHA-1 of a file with two sha1sum children at once.
 * af_pipe_communicate() feeds and reads one of them; continuations, here called
 * the feeder, feed and read the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asyncfile.h>

#include "common.h"
#include "progress.h"

#define BLOCK_SIZE ((size_t)64 * 1024)
#define COPY_SIZE (1024 * 1024)

char program_name[] = "pipe_csum";

struct csum {
	struct af_loop *loop;
	const char *path;
	struct progress *progress;
	bool failed;

	/* The sha1sum of communicate, which reads a descriptor of its own. */
	struct af_pipe *whole;
	int whole_fd;
	struct af_future *whole_done;

	/*
	 * The sha1sum of the feeder. If the input can be read only once, the
	 * feeder also writes each block to a pipe, the tee, whose reading end
	 * is whole_fd. Then the slower of the two sets the pace, and only one
	 * block is in memory.
	 */
	struct af_pipe *fed;
	struct af_file *input;
	struct af_file *tee;
	struct af_future *block;
	struct af_future *fed_done;
	char fed_sum[SHA1_DIGITS + 1];
};

/* Ends the waits of checksum(). True the first time, so one error is shown. */
static bool give_up(struct csum *c)
{
	if (c->failed)
		return false;
	c->failed = true;
	progress_free(c->progress);
	c->progress = NULL;
	af_future_cancel(c->whole_done);
	af_future_cancel(c->fed_done);
	return true;
}

static void fail(struct csum *c, const char *subject, int error)
{
	if (give_up(c))
		complain(subject, error);
}

/*
 * The feeder's steps, in the order in which they run. Without a tee, bytes are
 * copied from file to file; with one, they go through memory.
 */
static void feed_more(struct csum *c);
static void feed_copied(struct af_future *copied, void *arg);
static void feed_write(struct af_future *block, void *arg);
static struct af_future *feed_tee(struct af_future *written, void *arg);
static void feed_next(struct af_future *written, void *arg);
static void feed_end(struct csum *c);

static void feed_more(struct csum *c)
{
	if (c->tee)
		af_on_done(af_file_read(c->input, BLOCK_SIZE, 0, NULL),
			   feed_write, c);
	else
		af_on_done(af_file_copy(c->input, af_pipe_stdin(c->fed),
					COPY_SIZE, NULL),
			   feed_copied, c);
}

static void feed_copied(struct af_future *copied, void *arg)
{
	struct csum *c = arg;
	int r = af_future_error(copied);

	if (c->failed)
		return;
	progress_add(c->progress, af_future_count(copied));
	if (r < 0 && r != -EPIPE)
		fail(c, input_name(c->path), r);
	else if (r == -EPIPE || af_future_flags(copied) & AFIO_EOF)
		feed_end(c);
	else
		feed_more(c);
}

static void feed_write(struct af_future *block, void *arg)
{
	struct csum *c = arg;
	struct af_future *written;
	const char *data;
	size_t len;

	if (c->failed)
		return;
	if (af_future_error(block) < 0) {
		fail(c, input_name(c->path), af_future_error(block));
		return;
	}
	data = af_future_data(block, &len);
	if (len == 0) {
		feed_end(c);
		return;
	}
	/* The data is valid as long as the future, so the writes borrow it. */
	c->block = af_future_ref(block);
	written =
		af_pipe_write(c->fed, data, len, AFIO_FULL | AFIO_BORROW, NULL);
	af_on_done(af_then(written, feed_tee, c), feed_next, c);
}

static struct af_future *feed_tee(struct af_future *written, void *arg)
{
	struct csum *c = arg;
	const char *data;
	size_t len;

	(void)written;
	data = af_future_data(c->block, &len);
	return af_file_write(c->tee, data, len, AFIO_FULL | AFIO_BORROW, NULL);
}

static void feed_next(struct af_future *written, void *arg)
{
	struct csum *c = arg;
	int r = af_future_error(written);

	progress_add(c->progress, af_future_count(c->block));
	af_future_unref(c->block);
	c->block = NULL;
	if (c->failed)
		return;
	if (r == 0)
		feed_more(c);
	else if (r == -EPIPE) /* its exit status tells why */
		feed_end(c);
	else
		fail(c, "sha1sum", r);
}

static void feed_end(struct csum *c)
{
	af_pipe_close_stdin(c->fed);
	af_file_close(c->tee);
	c->tee = NULL;
}

/* The line with the sum has been read: now wait for the child's exit. */
static struct af_future *take_sum(struct af_future *line, void *arg)
{
	struct csum *c = arg;
	size_t len;
	const char *data = af_future_data(line, &len);

	parse_sha1(data, len, c->fed_sum);
	return af_pipe_wait(c->fed, NULL);
}

/* Opens whole_fd: the file once more, or a pipe that the feeder writes to. */
static int open_whole(struct csum *c, bool reopen)
{
	int fds[2], r;

	if (reopen) {
		c->whole_fd = open(c->path, O_RDONLY | O_CLOEXEC);
		return c->whole_fd < 0 ? -errno : 0;
	}
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	c->whole_fd = fds[0];
	c->tee = af_file_new(c->loop, fds[1], 0);
	if (c->tee)
		return 0;
	r = -errno;
	close(fds[1]);
	return r;
}

static void close_whole_fd(struct csum *c)
{
	if (c->whole_fd >= 0)
		close(c->whole_fd);
	c->whole_fd = -1;
}

static int open_all(struct csum *c)
{
	bool is_regular;
	struct stat st;
	int r;

	c->input = open_input(c->loop, c->path);
	if (!c->input)
		return -1;
	is_regular =
		fstat(af_file_fd(c->input), &st) == 0 && S_ISREG(st.st_mode);
	r = open_whole(c, is_regular && strcmp(c->path, "-") != 0);
	if (r < 0) {
		complain(input_name(c->path), r);
		return -1;
	}
	c->whole = spawn_sha1sum(c->loop);
	c->fed = c->whole ? spawn_sha1sum(c->loop) : NULL;
	if (!c->fed)
		return -1;
	c->progress = progress_new(af_loop_base(c->loop),
				   is_regular ? (uint64_t)st.st_size : 0);
	return 0;
}

/* The feeder may still be running; after give_up() it stops. */
static void close_all(struct csum *c)
{
	give_up(c);
	end_pipe(c->whole);
	end_pipe(c->fed);
	c->fed = NULL;
	af_file_close(c->tee);
	c->tee = NULL;
	af_file_close(c->input);
	close_whole_fd(c);
	af_future_unref(c->whole_done);
	af_future_unref(c->fed_done);
	af_loop_free(c->loop);
}

/* Waits for the exit of one sha1sum and reports an error. */
static void finish(struct csum *c, struct af_future *done, const char *subject)
{
	int r = af_await(done);

	if (r < 0)
		fail(c, subject, r);
	else if (af_future_status(done) != 0 && give_up(c))
		complain_status("sha1sum", af_future_status(done));
}

static int print_sums(struct csum *c)
{
	const struct af_output *output = af_future_output(c->whole_done);
	char sum[SHA1_DIGITS + 1];

	if (parse_sha1(output->out, output->out_len, sum) < 0 ||
	    c->fed_sum[0] == '\0') {
		complain("sha1sum", -EBADMSG);
		return -1;
	}
	printf("%s  communicate\n%s  feeder\n", sum, c->fed_sum);
	if (strcmp(sum, c->fed_sum) == 0)
		return 0;
	fprintf(stderr, "%s: %s: the sums differ\n", program_name,
		input_name(c->path));
	return -1;
}

/*
 * The children do most of the work. If this process ran as soon as one of them
 * had read a little, it would only interrupt them. Failure does not matter, and
 * the children do not inherit the policy.
 */
static void let_children_work(void)
{
	const struct sched_param none = { 0 };

	sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none);
}

static int checksum(const char *path)
{
	struct csum c = { .path = path, .whole_fd = -1 };
	struct af_communicate_options options = {
		.input_kind = AFIO_INPUT_FD,
	};
	int r = -1;

	let_children_work();
	c.loop = af_loop_new(NULL);
	if (!c.loop) {
		complain("loop", errno);
		return -1;
	}
	if (open_all(&c) < 0)
		goto finish;

	options.input_fd = c.whole_fd;
	c.whole_done = af_pipe_communicate(c.whole, &options);
	c.fed_done =
		af_then(af_pipe_readline(c.fed, 0, 0, 0, NULL), take_sum, &c);
	feed_more(&c);
	finish(&c, c.whole_done, input_name(path));
	close_whole_fd(&c); /* ends a write to the tee that nobody reads */
	finish(&c, c.fed_done, "sha1sum");
	progress_free(c.progress);
	c.progress = NULL;
	if (!c.failed)
		r = print_sums(&c);
finish:
	close_all(&c);
	return r;
}

static const char help_text[] =
	"Usage: pipe_csum [FILE]\n"
	"Pipes FILE into two sha1sum at once, and prints the sum of each.\n"
	"Without FILE, or if it is \"-\", reads stdin.\n"
	"\n"
	"  <SHA-1>  communicate    fed and read by af_pipe_communicate()\n"
	"  <SHA-1>  feeder         fed block by block, by continuations\n"
	"\n"
	"If stderr is a terminal, it shows the progress.\n"
	"\n"
	"  -h, --help    print this text\n"
	"\n"
	"Exit status: 0 if the sums are equal, 1 if they differ or after an\n"
	"error, 2 for a wrong command line.\n";

int main(int argc, char *argv[])
{
	int status = begin(argc, argv, help_text);

	if (status >= 0)
		return status;
	if (argc - optind > 1)
		return usage_error("more than one file");
	return end(checksum(optind < argc ? argv[optind] : "-"));
}
