/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipe_csum: computes the SHA-1 of a file with two sha1sum children at once.
 * af_run() starts, feeds and reads one of them; continuations, here called the
 * feeder, feed and read the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <asyncfile.h>

#include "common.h"
#include "progress.h"

char program_name[] = "pipe_csum";

struct csum {
	struct af_loop *loop;
	const char *path;
	struct progress *progress;
	uint64_t size; /* 0: unknown */
	bool failed;

	/* The sha1sum of af_run(), which reads a descriptor of its own. */
	int whole_fd;
	struct af_future *whole;

	/*
	 * The sha1sum of the feeder. If the input can be read only once, the
	 * feeder also writes each chunk to a pipe, the tee, whose reading end
	 * is whole_fd. Then the slower of the two sets the pace, and only one
	 * chunk is in memory.
	 */
	struct af_pipe *fed;
	struct af_file *input;
	struct af_file *tee;
	struct af_future *feeder;
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
	af_future_cancel(c->whole);
	af_future_cancel(c->feeder);
	af_future_cancel(c->fed_done);
	return true;
}

static void fail(struct csum *c, const char *subject, int error)
{
	if (give_up(c))
		complain(subject, error);
}

/* With a tee: nothing more is read until both have taken the chunk. */
static struct af_future *feed_both(const char *data, size_t len, unsigned flags,
				   void *arg)
{
	struct csum *c = arg;
	struct af_future *writes[] = {
		af_pipe_write(c->fed, data, len, AFIO_FULL, NULL),
		af_file_write(c->tee, data, len, AFIO_FULL, NULL),
	};

	(void)flags;
	return af_all(c->loop, writes, 2);
}

static void feed_end(struct af_future *feeder, void *arg)
{
	struct csum *c = arg;
	int r = af_future_error(feeder);

	if (c->failed)
		return;
	if (r < 0 && r != -EPIPE) /* then its exit status tells why */
		fail(c, input_name(c->path), r);
	af_pipe_close_stdin(c->fed);
	af_file_close(c->tee);
	c->tee = NULL;
}

/* Without a tee, the bytes need not go through memory. */
static void feed(struct csum *c)
{
	if (c->tee)
		c->feeder = af_file_each_async(c->input, AFIO_EACH_CHUNK,
					       feed_both, c);
	else
		c->feeder =
			af_file_copy(c->input, af_pipe_stdin(c->fed), -1, NULL);
	af_on_done(af_future_ref(c->feeder), feed_end, c);
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
	if (pipe(fds) < 0)
		return -errno;
	close_on_exec(fds[0]);
	close_on_exec(fds[1]);
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
	c->size = is_regular ? (uint64_t)st.st_size : 0;
	c->fed = spawn_sha1sum(c->loop);
	return c->fed ? 0 : -1;
}

static void close_all(struct csum *c)
{
	give_up(c);
	end_pipe(c->fed);
	af_file_close(c->tee);
	af_file_close(c->input);
	close_whole_fd(c);
	af_future_unref(c->whole);
	af_future_unref(c->feeder);
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
	const struct af_output *output = af_future_output(c->whole);
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
#ifdef SCHED_BATCH
static void let_children_work(void)
{
	const struct sched_param none = { 0 };

	sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none);
}
#else
static void let_children_work(void)
{
}
#endif

static int checksum(const char *path)
{
	static const char *const sha1sum[] = { "sha1sum", NULL };
	struct csum c = { .path = path, .whole_fd = -1 };
	struct af_run_options options = {
		.communicate.input_kind = AFIO_INPUT_FD,
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

	options.communicate.input_fd = c.whole_fd;
	c.whole = af_run(c.loop, sha1sum, &options);
	c.fed_done =
		af_then(af_pipe_readline(c.fed, 0, 0, 0, NULL), take_sum, &c);
	feed(&c);
	c.progress = progress_new(af_loop_base(c.loop), c.feeder, c.size);
	finish(&c, c.whole, input_name(path));
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
	"Pipes FILE into two sha1sum processes, and prints the sum of each.\n"
	"Without FILE, or if it is \"-\", reads stdin.\n"
	"\n"
	"  <SHA-1>  communicate    fed and read by af_run()\n"
	"  <SHA-1>  feeder         fed by continuations\n"
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
