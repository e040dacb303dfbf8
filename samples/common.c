/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Used by all samples: messages, standard streams that may be closed, children
 * that must be stopped before the program exits, and sha1sum.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asyncfile.h>

#include "common.h"

#define PIPE_SIZE (1024 * 1024)

void complain_text(const char *subject, const char *reason)
{
	fprintf(stderr, "%s: %s: %s\n", program_name, subject, reason);
}

void complain(const char *subject, int error)
{
	complain_text(subject, strerror(abs(error)));
}

void complain_status(const char *subject, int status)
{
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s: %s: %s\n", program_name, subject,
			strsignal(WTERMSIG(status)));
	else
		fprintf(stderr, "%s: %s: exit status %d\n", program_name,
			subject, WEXITSTATUS(status));
}

int usage_error(const char *reason)
{
	if (reason)
		fprintf(stderr, "%s: %s\n", program_name, reason);
	fprintf(stderr, "Try '%s --help'.\n", program_name);
	return 2;
}

void hold_standard_streams(void)
{
	int fd, mode;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		mode = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode) != fd)
			exit(EXIT_FAILURE);
	}
}

int print_help(const char *text)
{
	fputs(text, stdout);
	return close_stdout();
}

int close_stdout(void)
{
	bool failed = ferror(stdout);

	errno = EIO;
	if (fclose(stdout) == 0 && !failed)
		return 0;
	complain("stdout", errno);
	return -1;
}

int begin(int argc, char *argv[], const char *help_text)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};

	hold_standard_streams();
	argv[0] = program_name;
	switch (getopt_long(argc, argv, "h", options, NULL)) {
	case -1:
		return -1;
	case 'h':
		return print_help(help_text) < 0;
	default:
		return usage_error(NULL);
	}
}

int end(int r)
{
	if (close_stdout() < 0)
		r = -1;
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

const char *input_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "stdin" : path;
}

struct af_file *open_input(struct af_loop *loop, const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct af_file *file = NULL;

	if (fd >= 0)
		file = af_file_new(loop, fd, is_stdin ? AFIO_KEEP_FD : 0);
	if (file)
		return file;
	complain(input_name(path), errno);
	if (fd >= 0 && !is_stdin)
		close(fd);
	return NULL;
}

int await_once(struct af_future *f)
{
	int r = af_await(f);

	af_future_unref(f);
	return r;
}

void end_pipe(struct af_pipe *pipe)
{
	static const struct timeval grace = { .tv_sec = 2 };

	if (pipe && !af_pipe_poll(pipe, NULL))
		await_once(af_pipe_stop(pipe, &grace));
	af_pipe_close(pipe);
}

void close_on_exec(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* A larger pipe: we seldom wait for the reader then. May fail. */
#ifdef F_SETPIPE_SZ
static void enlarge_pipe(int fd)
{
	fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE);
}
#else
static void enlarge_pipe(int fd)
{
	(void)fd;
}
#endif

struct af_pipe *spawn_sha1sum(struct af_loop *loop)
{
	static const char *const sha1sum[] = { "sha1sum", NULL };
	static const char *const *const stages[] = { sha1sum, NULL };
	static const struct af_spawn_options options = {
		.in.kind = AFIO_PIPE,
		.out.kind = AFIO_PIPE,
	};
	struct af_pipe *pipe = af_pipe_spawn(loop, stages, &options);

	if (!pipe) {
		complain("sha1sum", errno);
		return NULL;
	}
	enlarge_pipe(af_file_fd(af_pipe_stdin(pipe)));
	return pipe;
}

int parse_sha1(const char *line, size_t len, char sum[SHA1_DIGITS + 1])
{
	sum[0] = '\0';
	if (len <= SHA1_DIGITS ||
	    strspn(line, "0123456789abcdef") != SHA1_DIGITS)
		return -EBADMSG;
	memcpy(sum, line, SHA1_DIGITS);
	sum[SHA1_DIGITS] = '\0';
	return 0;
}
