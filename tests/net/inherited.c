/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of sockets that a service manager has passed: descriptors 3 and up, and
 * the variables that describe them. Check has such descriptors itself, so each
 * test is in a child, which arranges both as systemd does and says by its exit
 * whether all was well.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "support/dial.h"

/* In the child: nothing of Check's works there. */
#define must(condition)                                                        \
	((condition) ? (void)0 : fail_child(__LINE__, #condition))

static void fail_child(int line, const char *condition)
{
	fprintf(stderr, "%s:%d: %s\n", __FILE__, line, condition);
	_exit(1);
}

static struct af_loop *loop;

/* Passes a descriptor as number 3 + i, as it is for a child. */
static void pass(int fd, int i)
{
	if (fd == 3 + i)
		return;
	must(dup2(fd, 3 + i) == 3 + i);
	close(fd);
}

/* A listening socket, in blocking mode. */
static void pass_socket(int i)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
	must(listen(fd, 5) == 0);
	pass(fd, i);
}

static void set_number(const char *name, int number)
{
	char text[30];

	snprintf(text, sizeof text, "%d", number);
	setenv(name, text, 1);
}

static void set_variables(int n, const char *names)
{
	set_number("LISTEN_PID", getpid());
	set_number("LISTEN_FDS", n);
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
	else
		unsetenv("LISTEN_FDNAMES");
}

static void must_serve(struct af_listener *listener, size_t i)
{
	socklen_t len = 0;
	const struct sockaddr *address = af_listener_address(listener, i, &len);
	struct af_future *f;
	struct af_file *file;
	int fd = cloexec_socket(AF_INET, SOCK_STREAM);

	must(connect(fd, address, len) == 0);
	f = af_listener_accept(listener, NULL);
	must(af_await(f) == 0);
	file = af_future_take_file(f);
	af_future_unref(f);
	must(write(fd, "ping", 4) == 4);
	f = af_file_read(file, 4, AFIO_FULL, NULL);
	must(af_await(f) == 0);
	must(memcmp(af_future_data(f, NULL), "ping", 4) == 0);
	af_future_unref(f);
	must(af_file_close(file) == 0);
	close(fd);
}

static void serve_all(void)
{
	struct af_listener *listener;
	int copy;

	pass_socket(0);
	pass_socket(1);
	copy = fcntl(3, F_DUPFD_CLOEXEC, 20);
	set_variables(2, NULL);
	listener = af_listen_inherited(loop, NULL, NULL);
	must(listener);
	must(af_listener_fd(listener, 0) == 3);
	must(af_listener_fd(listener, 1) == 4);
	must(!af_listener_address(listener, 2, NULL));
	must(fcntl(3, F_GETFD) & fcntl(4, F_GETFD) & FD_CLOEXEC);
	must_serve(listener, 0);
	must_serve(listener, 1);
	/* The mode is back in the end, and the environment has not changed. */
	must(fcntl(copy, F_GETFL) & O_NONBLOCK);
	af_listener_close(listener);
	must(!(fcntl(copy, F_GETFL) & O_NONBLOCK));
	must(fcntl(3, F_GETFD) < 0);
	must(strcmp(getenv("LISTEN_FDS"), "2") == 0);
}

static void serve_by_name(void)
{
	struct af_listener *http, *other;

	for (int i = 0; i < 3; i++)
		pass_socket(i);
	set_variables(3, "http:other:http");
	http = af_listen_inherited(loop, "http", NULL);
	must(http);
	must(strcmp(af_listen_error(loop), "") == 0);
	must(af_listener_fd(http, 0) == 3);
	must(af_listener_fd(http, 1) == 5);
	/* None of them is for a child. */
	must(fcntl(4, F_GETFD) & FD_CLOEXEC);
	other = af_listen_inherited(loop, "other", LISTEN(.backlog = 7));
	must(af_listener_fd(other, 0) == 4);
	must_serve(http, 1);
	must_serve(other, 0);
	must(!af_listen_inherited(loop, "htt", NULL) && errno == ENOENT);
	must(strcmp(af_listen_error(loop),
		    "listen_fds htt: no socket has this name") == 0);
	af_listener_close(http);
	af_listener_close(other);
}

/* sd_listen_fds_with_names(3) calls them that. */
static void serve_unknown(void)
{
	struct af_listener *listener;

	pass_socket(0);
	pass_socket(1);
	set_variables(2, NULL);
	listener = af_listen_inherited(loop, "unknown", NULL);
	must(listener);
	must(af_listener_fd(listener, 1) == 4);
	af_listener_close(listener);
}

static void must_fail(int error, const char *text)
{
	errno = 0;
	must(!af_listen_inherited(loop, NULL, NULL));
	if (errno != error || strcmp(af_listen_error(loop), text) != 0)
		fail_child(error, af_listen_error(loop));
}

static void refuse_variables(void)
{
	static const char *const odd[] = {
		"",   "0", "-1",	 "1x",
		" 1", "x", "2147483648", "99999999999999999999"
	};

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	must_fail(ENOENT, "listen_fds: LISTEN_PID is not set");
	set_number("LISTEN_PID", getpid());
	must_fail(ENOENT, "listen_fds: LISTEN_FDS is not set");
	set_number("LISTEN_FDS", 1);
	set_number("LISTEN_PID", getppid());
	must_fail(ENOENT, "listen_fds: LISTEN_PID is not this process");
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		setenv("LISTEN_PID", odd[i], 1);
		must_fail(EINVAL, "listen_fds: LISTEN_PID is not a process");
	}
	set_number("LISTEN_PID", getpid());
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		setenv("LISTEN_FDS", odd[i], 1);
		must_fail(EINVAL,
			  "listen_fds: LISTEN_FDS is not a number of sockets");
	}
	/* It could be a process, but not so many sockets. */
	set_number("LISTEN_FDS", 100000000);
	must_fail(EINVAL, "listen_fds: LISTEN_FDS is not a number of sockets");
}

static void refuse_descriptors(void)
{
	struct af_listener *listener;
	int fds[2];

	pass_socket(0);
	set_variables(2, NULL);
	close(4);
	must_fail(EBADF, "listen_fds: a descriptor is not open");
	must(pipe(fds) == 0);
	pass(fds[0], 1);
	must(!af_listen_inherited(loop, NULL, NULL) && errno == ENOTSOCK);
	must(!(fcntl(3, F_GETFL) & O_NONBLOCK));
	/* Those of others may be of any kind. */
	set_variables(2, "http:pipe");
	listener = af_listen_inherited(loop, "http", NULL);
	must(listener);
	af_listener_close(listener);
}

static void refuse_nonsense(void)
{
	must(!af_listen_inherited(NULL, NULL, NULL) && errno == EINVAL);
	pass_socket(0);
	set_variables(1, NULL);
	must(!af_listen_inherited(loop, NULL,
				  LISTEN(.file_flags = AFIO_FULL)));
	must(errno == EINVAL);
	must(fcntl(3, F_GETFD) >= 0);
}

static void in_child(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		alarm(TEST_TIMEOUT);
		for (int fd = 3; fd < 10; fd++)
			close(fd);
		/* Those of the loop are above. */
		for (int i = 0; i < 3; i++)
			pass(open("/dev/null", O_RDONLY), i);
		loop = af_loop_new(NULL);
		for (int i = 0; i < 3; i++)
			close(3 + i);
		must(loop);
		fn();
		af_loop_free(loop);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "status %#x", (unsigned)status);
}

START_TEST(inherited_sockets_serve)
{
	in_child(serve_all);
}
END_TEST

START_TEST(inherited_sockets_are_chosen_by_name)
{
	in_child(serve_by_name);
}
END_TEST

START_TEST(inherited_sockets_without_names_are_unknown)
{
	in_child(serve_unknown);
}
END_TEST

START_TEST(variables_that_make_no_sense_are_refused)
{
	in_child(refuse_variables);
}
END_TEST

START_TEST(descriptors_that_do_not_listen_are_refused)
{
	in_child(refuse_descriptors);
}
END_TEST

START_TEST(inherited_of_nonsense_fails)
{
	in_child(refuse_nonsense);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/inherited");
	TCase *tc = scratch_case(s, "inherited");

	tcase_add_test(tc, inherited_sockets_serve);
	tcase_add_test(tc, inherited_sockets_are_chosen_by_name);
	tcase_add_test(tc, inherited_sockets_without_names_are_unknown);
	tcase_add_test(tc, variables_that_make_no_sense_are_refused);
	tcase_add_test(tc, descriptors_that_do_not_listen_are_refused);
	tcase_add_test(tc, inherited_of_nonsense_fails);
	return s;
}
