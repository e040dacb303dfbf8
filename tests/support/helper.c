/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The program that tests start as a child: helper MODE [ARG...]. A mode does
 * one thing, says so with its output or its exit status, and never waits for
 * time to pass. It knows nothing of the library. Exit status 99 is a misuse or
 * an unexpected error, with a message on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/pattern.h"

extern char **environ;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "helper: %s: %s\n", what, strerror(errno));
	exit(99);
}

static void put(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die("write");
		p += n;
		len -= (size_t)n;
	}
}

static void put_string(int fd, const char *string)
{
	put(fd, string, strlen(string));
}

/* As read(2), but 0 is the end and nothing else. */
static size_t get(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		die("read");
	return (size_t)n;
}

static void get_to_eof(int fd)
{
	char buf[65536];

	while (get(fd, buf, sizeof buf) > 0)
		;
}

/* A mode's argument as a number; fallback if it is not there. */
static unsigned long number(int argc, char **argv, int i,
			    unsigned long fallback)
{
	unsigned long value;
	char *end;

	if (i >= argc)
		return fallback;
	errno = EINVAL;
	value = strtoul(argv[i], &end, 10);
	if (end == argv[i] || *end != '\0')
		die(argv[i]);
	return value;
}

/* exit N */
static int mode_exit(int argc, char **argv)
{
	return (int)number(argc, argv, 1, 0);
}

/* echo ARG...: the arguments, a space between them, and a newline */
static int mode_echo(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (i > 1)
			put_string(1, " ");
		put_string(1, argv[i]);
	}
	put_string(1, "\n");
	return 0;
}

/* cat: stdin to stdout */
static int mode_cat(int argc, char **argv)
{
	char buf[65536];
	size_t n;

	(void)argc;
	(void)argv;
	while ((n = get(0, buf, sizeof buf)) > 0)
		put(1, buf, n);
	return 0;
}

/* write N [FD]: N bytes of the pattern */
static int mode_write(int argc, char **argv)
{
	size_t len = number(argc, argv, 1, 0);
	int fd = (int)number(argc, argv, 2, 1);
	char buf[65536];
	size_t n;

	for (size_t done = 0; done < len; done += n) {
		n = len - done < sizeof buf ? len - done : sizeof buf;
		pattern_fill(buf, n, done);
		put(fd, buf, n);
	}
	return 0;
}

/* sink N: reads N bytes and no more; exit status 1 if the end came before */
static int mode_sink(int argc, char **argv)
{
	size_t left = number(argc, argv, 1, 0);
	char buf[65536];
	size_t n;

	while (left > 0) {
		n = get(0, buf, left < sizeof buf ? left : sizeof buf);
		if (n == 0)
			return 1;
		left -= n;
	}
	return 0;
}

/* closein [FD]: closes stdin, says "closed", then waits for FD to end */
static int mode_closein(int argc, char **argv)
{
	close(0);
	put_string(1, "closed\n");
	if (argc > 1)
		get_to_eof((int)number(argc, argv, 1, 0));
	return 0;
}

/* kill-self SIG */
static int mode_kill_self(int argc, char **argv)
{
	raise((int)number(argc, argv, 1, SIGKILL));
	return 0;
}

/* dump-fds [MAX]: the open descriptors, one a line, in order */
static int mode_dump_fds(int argc, char **argv)
{
	int max = (int)number(argc, argv, 1, 1023);
	char line[16];

	for (int fd = 0; fd <= max; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(line, sizeof line, "%d\n", fd);
		put_string(1, line);
	}
	return 0;
}

/* dump-signals: "blocked:" and "ignored:", each followed by its signals */
static int mode_dump_signals(int argc, char **argv)
{
	char blocked[512] = "blocked:", ignored[512] = "ignored:";
	struct sigaction action;
	char name[16];
	sigset_t mask;

	(void)argc;
	(void)argv;
	if (sigprocmask(SIG_BLOCK, NULL, &mask) < 0)
		die("sigprocmask");
	for (int sig = 1; sig < NSIG; sig++) {
		snprintf(name, sizeof name, " %d", sig);
		if (sigismember(&mask, sig) == 1)
			strcat(blocked, name);
		if (sigaction(sig, NULL, &action) == 0 &&
		    action.sa_handler == SIG_IGN)
			strcat(ignored, name);
	}
	put_string(1, strcat(blocked, "\n"));
	put_string(1, strcat(ignored, "\n"));
	return 0;
}

/* dump-env: the environment, one variable a line, in the order given */
static int mode_dump_env(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (char **variable = environ; *variable; variable++) {
		put_string(1, *variable);
		put_string(1, "\n");
	}
	return 0;
}

/* cwd: the working directory and a newline */
static int mode_cwd(int argc, char **argv)
{
	char path[4096];

	(void)argc;
	(void)argv;
	if (!getcwd(path, sizeof path))
		die("getcwd");
	put_string(1, path);
	put_string(1, "\n");
	return 0;
}

/*
 * grandchild [N]: says "x", leaves behind a child that has the three standard
 * streams and lives until stdin ends, and exits with N at once.
 */
static int mode_grandchild(int argc, char **argv)
{
	int status = (int)number(argc, argv, 1, 0);
	pid_t pid;

	put_string(1, "x\n");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0)
		_exit(status);
	get_to_eof(0);
	return 0;
}

/* hold FD: lives until FD ends, and reads what comes */
static int mode_hold(int argc, char **argv)
{
	get_to_eof((int)number(argc, argv, 1, 0));
	return 0;
}

/* wait-eof: reads stdin to its end, then says "eof" */
static int mode_wait_eof(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	get_to_eof(0);
	put_string(1, "eof\n");
	return 0;
}

/* argv0: the name it was started under, and a newline */
static int mode_argv0(int argc, char **argv)
{
	(void)argc;
	put_string(1, argv[-1]);
	put_string(1, "\n");
	return 0;
}

/* both N: N bytes of the pattern to stdout and to stderr, by turns */
static int mode_both(int argc, char **argv)
{
	size_t len = number(argc, argv, 1, 0);
	char buf[65536];
	size_t n;

	for (size_t done = 0; done < len; done += n) {
		n = len - done < sizeof buf ? len - done : sizeof buf;
		pattern_fill(buf, n, done);
		put(1, buf, n);
		put(2, buf, n);
	}
	return 0;
}

/* dump-link FD [TO]: what /proc says FD is, written to TO */
static int mode_dump_link(int argc, char **argv)
{
	char link[64], target[4096];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%lu",
		 number(argc, argv, 1, 0));
	n = readlink(link, target, sizeof target);
	if (n < 0)
		die(link);
	put((int)number(argc, argv, 2, 1), target, (size_t)n);
	return 0;
}

/* endless: "y" lines, until nobody reads them */
static int mode_endless(int argc, char **argv)
{
	char buf[8192];

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof buf; i++)
		buf[i] = "y\n"[i % 2];
	for (;;)
		put(1, buf, sizeof buf);
	return 0;
}

/* head N: the first N bytes of stdin to stdout; reads no more */
static int mode_head(int argc, char **argv)
{
	size_t left = number(argc, argv, 1, 0);
	char buf[65536];
	size_t n;

	for (; left > 0; left -= n) {
		n = get(0, buf, left < sizeof buf ? left : sizeof buf);
		if (n == 0)
			break;
		put(1, buf, n);
	}
	return 0;
}

/* pause: until a signal ends it */
static int mode_pause(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	while (pause() < 0)
		;
	return 0;
}

/* slurp: stdin to stdout, but nothing before all is read; as sort(1) does */
static int mode_slurp(int argc, char **argv)
{
	size_t len = 0, size = 65536, n;
	char *buf = malloc(size);

	(void)argc;
	(void)argv;
	while (buf && (n = get(0, buf + len, size - len)) > 0) {
		len += n;
		if (len == size)
			buf = realloc(buf, size *= 2);
	}
	if (!buf)
		die("malloc");
	put(1, buf, len);
	free(buf);
	return 0;
}

/* stamp: its number to each of the three standard descriptors */
static int mode_stamp(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	put_string(0, "0");
	put_string(1, "1");
	put_string(2, "2");
	return 0;
}

/* tag TEXT: TEXT and a newline to stderr, in one write, then as cat */
static int mode_tag(int argc, char **argv)
{
	char line[64];

	snprintf(line, sizeof line, "%s\n", argc > 1 ? argv[1] : "");
	put_string(2, line);
	return mode_cat(argc, argv);
}

/* talk N: the pattern to stdout, "done" to stderr, then lives as hold 0 */
static int mode_talk(int argc, char **argv)
{
	mode_write(argc, argv);
	put_string(2, "done\n");
	get_to_eof(0);
	return 0;
}

/* busy N: uses N ms of processor time */
static int mode_busy(int argc, char **argv)
{
	clock_t end = (clock_t)number(argc, argv, 1, 0) * CLOCKS_PER_SEC / 1000;

	while (clock() < end)
		;
	return 0;
}

static int term_fd = 1;

static void say_term(int sig)
{
	(void)sig;
	if (write(term_fd, "term\n", 5) < 0) /* then nobody listens */
		return;
}

/* defy [FD]: says "up", and "term" to each SIGTERM; lives until stdin ends */
static int mode_defy(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = say_term,
				    .sa_flags = SA_RESTART };
	struct pollfd in = { .fd = 0, .events = POLLIN };

	term_fd = (int)number(argc, argv, 1, 1);
	sigaction(SIGTERM, &action, NULL);
	put_string(term_fd, "up\n");
	/* Not in read(2), during which ThreadSanitizer runs no handler. */
	while (poll(&in, 1, -1) < 0)
		;
	get_to_eof(0);
	return 0;
}

/*
 * brood: says "up", having a child that SIGTERM does not reach and is as cat.
 * A SIGTERM that comes before that ends it after that, or before all.
 */
static int mode_brood(int argc, char **argv)
{
	sigset_t term;
	char buf[1];
	pid_t pid;

	(void)argc;
	(void)argv;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		while (get(0, buf, 1) > 0)
			put(1, buf, 1);
		return 0;
	}
	put_string(1, "up\n");
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	waitpid(pid, NULL, 0);
	return 0;
}

static int mode_lead(int argc, char **argv);

/* doze: two lines, "x" and "y", at once; stops until SIGCONT; then as cat */
static int mode_doze(int argc, char **argv)
{
	put_string(1, "x\ny\n");
	raise(SIGSTOP);
	return mode_cat(argc, argv);
}

/* Becomes the leader of a session on that terminal. */
static void take_terminal(int fd)
{
	if (setsid() < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		die("setsid");
	for (int i = 0; i <= 2; i++)
		if (dup2(fd, i) < 0)
			die("dup2");
}

/* terminal COMMAND [ARG...]: on a terminal of its own, copied to stdout */
static int mode_terminal(int argc, char **argv)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave, status;
	char buf[4096];
	ssize_t n;
	pid_t pid;

	if (argc < 2 || master < 0 || grantpt(master) || unlockpt(master))
		die("posix_openpt");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		die("open");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		take_terminal(slave);
		execvp(argv[1], argv + 1);
		die(argv[1]);
	}
	close(slave);
	while ((n = read(master, buf, sizeof buf)) > 0)
		put(1, buf, (size_t)n);
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const struct mode {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the mode's name */
} modes[] = {
	{ "argv0", mode_argv0 },
	{ "both", mode_both },
	{ "brood", mode_brood },
	{ "busy", mode_busy },
	{ "cat", mode_cat },
	{ "closein", mode_closein },
	{ "cwd", mode_cwd },
	{ "defy", mode_defy },
	{ "doze", mode_doze },
	{ "dump-env", mode_dump_env },
	{ "dump-fds", mode_dump_fds },
	{ "dump-link", mode_dump_link },
	{ "dump-signals", mode_dump_signals },
	{ "echo", mode_echo },
	{ "endless", mode_endless },
	{ "exit", mode_exit },
	{ "grandchild", mode_grandchild },
	{ "head", mode_head },
	{ "hold", mode_hold },
	{ "kill-self", mode_kill_self },
	{ "lead", mode_lead },
	{ "pause", mode_pause },
	{ "sink", mode_sink },
	{ "slurp", mode_slurp },
	{ "stamp", mode_stamp },
	{ "tag", mode_tag },
	{ "talk", mode_talk },
	{ "terminal", mode_terminal },
	{ "wait-eof", mode_wait_eof },
	{ "write", mode_write },
};

static int run(int argc, char **argv)
{
	errno = EINVAL;
	if (argc < 1)
		die("no mode");
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(modes[i].name, argv[0]) == 0)
			return modes[i].run(argc, argv);
	die(argv[0]);
}

/* lead MODE [ARG...]: that mode, in a process group of its own */
static int mode_lead(int argc, char **argv)
{
	if (setpgid(0, 0) < 0)
		die("setpgid");
	return run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	return run(argc - 1, argv + 1);
}
