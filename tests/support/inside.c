/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A child that says what it finds itself to be: inside QUESTION..., an answer
 * each, on a line of its own on stdout. A question is a word and may have an
 * argument after a colon.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "support/questions.h"

_Noreturn void die(const char *what)
{
	fprintf(stderr, "inside: %s: %s\n", what, strerror(errno));
	exit(99);
}

/* group: its process group; "own" if it leads it */
static void say_group(const char *arg)
{
	(void)arg;
	if (getpgrp() == getpid())
		puts("own");
	else
		printf("%d\n", (int)getpgrp());
}

static void say_session(const char *arg)
{
	(void)arg;
	if (getsid(0) == getpid())
		puts("own");
	else
		printf("%d\n", (int)getsid(0));
}

static void say_groups(const char *arg)
{
	gid_t groups[64];
	int n = getgroups(64, groups);

	(void)arg;
	if (n < 0)
		die("getgroups");
	printf("%d:", n);
	for (int i = 0; i < n; i++)
		printf(" %u", groups[i]);
	puts("");
}

static void say_umask(const char *arg)
{
	(void)arg;
	printf("%03o\n", (unsigned)umask(0));
}

static void say_cwd(const char *arg)
{
	char path[4096];

	(void)arg;
	puts(getcwd(path, sizeof path) ? path : strerror(errno));
}

/* limit:RESOURCE */
static void say_limit(const char *arg)
{
	struct rlimit limit;

	if (getrlimit(atoi(arg), &limit) < 0)
		die("getrlimit");
	printf("%lld %lld\n", (long long)limit.rlim_cur,
	       (long long)limit.rlim_max);
}

static void say_nice(const char *arg)
{
	(void)arg;
	printf("%d\n", getpriority(PRIO_PROCESS, 0));
}

/* ttys: which of 0, 1 and 2 are the controlling terminal */
static void say_ttys(const char *arg)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	(void)arg;
	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd) && tcgetsid(fd) == getsid(0))
			printf("%d", fd);
	printf("%s\n", tty < 0 ? " none" : "");
	if (tty >= 0)
		close(tty);
}

/* dev-tty:TEXT: to the terminal, whatever stdout is */
static void say_dev_tty(const char *arg)
{
	int tty = open("/dev/tty", O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (tty < 0 || write(tty, arg, strlen(arg)) < 0)
		die("/dev/tty");
	close(tty);
}

/* foreground: whether its group has its terminal */
static void say_foreground(const char *arg)
{
	int tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	(void)arg;
	puts(tcgetpgrp(tty) == getpgrp() ? "foreground" : "background");
	close(tty);
}

/* modes: of the terminal on stdin */
static void say_modes(const char *arg)
{
	struct termios mode;

	(void)arg;
	if (tcgetattr(0, &mode) < 0)
		die("tcgetattr");
	printf("%s %s %s %s\n", mode.c_lflag & ICANON ? "lines" : "bytes",
	       mode.c_lflag & ECHO ? "echo" : "silent",
	       mode.c_oflag & OPOST ? "cooked" : "plain",
	       mode.c_lflag & ISIG ? "signals" : "none");
}

/* line: how long the next one is, without its end */
static void say_line_length(const char *arg)
{
	long n = 0;
	int c;

	(void)arg;
	while ((c = getchar()) != EOF && c != '\n')
		n++;
	printf("%ld\n", n);
}

/* pixels: the size of the terminal on stdin */
static void say_pixels(const char *arg)
{
	struct winsize size;

	(void)arg;
	if (ioctl(0, TIOCGWINSZ, &size) < 0)
		die("TIOCGWINSZ");
	printf("%u %u\n", size.ws_xpixel, size.ws_ypixel);
}

static void say_size(const char *arg)
{
	struct winsize size;

	(void)arg;
	if (ioctl(1, TIOCGWINSZ, &size) < 0)
		die("TIOCGWINSZ");
	printf("%u %u\n", size.ws_row, size.ws_col);
}

/* wait:SIGNAL: until it comes. Says "waiting" first. */
static void say_wait(const char *arg)
{
	sigset_t set;
	int sig = atoi(arg);

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_BLOCK, &set, NULL);
	puts("waiting");
	if (sigwait(&set, &sig) != 0)
		die("sigwait");
	puts("it came");
}

/* raw: the terminal on stdin passes all as it is */
static void say_raw(const char *arg)
{
	struct termios mode;

	(void)arg;
	if (tcgetattr(0, &mode) < 0)
		die("tcgetattr");
	cfmakeraw(&mode);
	if (tcsetattr(0, TCSANOW, &mode) < 0)
		die("tcsetattr");
	puts("raw");
}

/* count:N: reads N bytes, or to the end, and says how many and their sum */
static void say_count(const char *arg)
{
	long left = atol(arg), n = 0;
	unsigned long sum = 0;
	int c;

	for (; left > 0 && (c = getchar()) != EOF; left--, n++)
		sum += (unsigned long)c;
	printf("%ld %lu\n", n, sum);
}

/* file:FD: what it is open on, by device and inode */
static void say_file(const char *arg)
{
	struct stat status;

	if (fstat(atoi(arg), &status) < 0)
		puts("closed");
	else
		printf("%llu %llu\n", (unsigned long long)status.st_dev,
		       (unsigned long long)status.st_ino);
}

/* fds: all that are open */
static void say_fds(const char *arg)
{
	(void)arg;
	for (int fd = 0; fd < 20000; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	puts("");
}

/* eof: reads stdin to its end */
static void say_eof(const char *arg)
{
	char buf[4096];
	ssize_t n;

	(void)arg;
	while ((n = read(0, buf, sizeof buf)) > 0)
		;
	puts(n < 0 ? strerror(errno) : "end");
}

static const struct question questions[] = {
	{ "count", say_count },
	{ "cwd", say_cwd },
	{ "dev-tty", say_dev_tty },
	{ "eof", say_eof },
	{ "fds", say_fds },
	{ "file", say_file },
	{ "foreground", say_foreground },
	{ "group", say_group },
	{ "groups", say_groups },
	{ "limit", say_limit },
	{ "line", say_line_length },
	{ "modes", say_modes },
	{ "nice", say_nice },
	{ "pixels", say_pixels },
	{ "raw", say_raw },
	{ "session", say_session },
	{ "size", say_size },
	{ "ttys", say_ttys },
	{ "umask", say_umask },
	{ "wait", say_wait },
	{ NULL, NULL },
};

/* Whether it is one of these. */
static bool answer(const struct question *known, const char *question)
{
	size_t len = strcspn(question, ":");
	const char *arg = question[len] ? question + len + 1 : "";

	for (; known->word; known++) {
		if (strlen(known->word) != len ||
		    strncmp(known->word, question, len) != 0)
			continue;
		known->say(arg);
		fflush(stdout);
		return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (answer(questions, argv[i]) ||
		    answer(system_questions, argv[i]))
			continue;
		errno = EINVAL;
		die(argv[i]);
	}
	return 0;
}
