/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The harness: what is counted before and after each test, connected
 * pairs of every kind, and the comparison of a future with what it should be.
 * It uses the library only through its public headers.
 */
#include "config.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"
#include "support/pattern.h"
#include "support/system.h"

#define MAX_FDS 4096

static bool fds_before[MAX_FDS];
static int logged;
static char first_logged[200];

static void count_log(int severity, const char *message)
{
	if (logged++ == 0)
		snprintf(first_logged, sizeof first_logged, "%d: %s", severity,
			 message);
}

static void list_fds(bool fds[MAX_FDS])
{
	DIR *dir = opendir("/dev/fd");
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	memset(fds, 0, MAX_FDS * sizeof *fds);
	while ((entry = readdir(dir))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' && fd != dirfd(dir) && fd < MAX_FDS)
			fds[fd] = true;
	}
	closedir(dir);
}

#ifdef AFI_LINUX
bool have_linux(const char *what)
{
	(void)what;
	return true;
}
#else
bool have_linux(const char *what)
{
	fprintf(stderr, "skipped, as it needs the files for Linux: %s\n", what);
	return false;
}
#endif

bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

bool without_valgrind(const char *what)
{
	if (!under_valgrind())
		return true;
	fprintf(stderr, "skipped, as valgrind %s\n", what);
	return false;
}

#ifdef HAVE_MALLINFO2
#include <malloc.h>

size_t heap_in_use(void)
{
	return mallinfo2().uordblks;
}
#else
size_t heap_in_use(void)
{
	return 0;
}
#endif

/* Nobody waits for them: they end by themselves once their loop is freed. */
static void expect_no_threads(void)
{
	int64_t since = now_us();

	while (library_threads() > 0) {
		ck_assert_msg(now_us() - since < 20000000, "a thread was left");
		sched_yield();
	}
}

static void setup(void)
{
	event_set_log_callback(count_log);
	list_fds(fds_before);
}

static void expect_same_fds(void)
{
	static bool fds_after[MAX_FDS];
	char link[32], target[200];
	ssize_t n;

	list_fds(fds_after);
	for (int fd = 0; fd < MAX_FDS; fd++) {
		/* Not for each: an assertion is a system call of Check's. */
		if (fds_after[fd] == fds_before[fd])
			continue;
		ck_assert_msg(fds_after[fd], "descriptor %d was closed", fd);
		snprintf(link, sizeof link, "/dev/fd/%d", fd);
		n = readlink(link, target, sizeof target - 1);
		target[n < 0 ? 0 : n] = '\0';
		ck_abort_msg("descriptor %d was left open: %s", fd, target);
	}
}

static void teardown(void)
{
	pid_t pid;

	expect_no_threads();
	expect_same_fds();
	pid = waitpid(-1, NULL, WNOHANG);
	ck_assert_msg(pid < 0 && errno == ECHILD, "a child was left: %d",
		      (int)pid);
	ck_assert_msg(logged == 0, "libevent logged %s", first_logged);
}

TCase *test_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, TEST_TIMEOUT);
	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(suite, tc);
	return tc;
}

/* The path of this program; asked for before any test goes elsewhere. */
static char program[PATH_MAX];

void harness_begin(const char *argv0)
{
	if (!realpath(argv0, program))
		perror(argv0);
}

/*
 * The program is tests/FOLDER/NAME, or libtool put it in FOLDER/.libs. Looked
 * for once: a test that becomes another user may not find the way any more.
 */
const char *helper_path(void)
{
	static char path[PATH_MAX + sizeof "/support/helper"];

	if (path[0] != '\0')
		return path;
	ck_assert_int_eq(program[0], '/');
	strcpy(path, program);
	*strrchr(path, '/') = '\0';
	if (strcmp(strrchr(path, '/'), "/.libs") == 0)
		*strrchr(path, '/') = '\0';
	strcpy(strrchr(path, '/'), "/support/helper");
	ck_assert_msg(access(path, X_OK) == 0, "%s: %s", path, strerror(errno));
	return path;
}

void leave_as_is(int code)
{
	char text[12];

	snprintf(text, sizeof text, "%d", code);
	if (under_valgrind())
		execl(helper_path(), "helper", "exit", text, (char *)NULL);
	_exit(code);
}

int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void spin(int ms)
{
	int64_t end = now_us() + ms * 1000;

	while (now_us() < end)
		;
}

void put(int fd, const void *buf, size_t len)
{
	for (const char *p = buf; len > 0;) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		ck_assert_msg(n > 0, "write: %s", strerror(errno));
		p += n;
		len -= (size_t)n;
	}
}

void put_text(int fd, const char *text)
{
	put(fd, text, strlen(text));
}

void put_pattern(int fd, size_t len, size_t offset)
{
	unsigned char *buf = malloc(len + 1);

	pattern_fill(buf, len, offset);
	put(fd, buf, len);
	free(buf);
}

void get(int fd, void *buf, size_t len)
{
	for (char *p = buf; len > 0;) {
		ssize_t n = read(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		ck_assert_msg(n > 0, "read: %s",
			      n < 0 ? strerror(errno) : "end of file");
		p += n;
		len -= (size_t)n;
	}
}

void expect_pattern(int fd, size_t len, size_t offset)
{
	unsigned char *buf = malloc(len + 1);

	get(fd, buf, len);
	ck_assert_uint_eq(pattern_match(buf, len, offset), len);
	free(buf);
}

void expect_pattern_to_eof(int fd, size_t len, size_t offset)
{
	char byte;

	expect_pattern(fd, len, offset);
	ck_assert_int_eq(read(fd, &byte, 1), 0);
}

size_t stuff(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	unsigned char buf[4096];
	size_t stuffed = 0;

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	for (size_t step = sizeof buf; step > 0;) {
		ssize_t n;

		pattern_fill(buf, step, stuffed);
		n = write(fd, buf, step);
		ck_assert(n > 0 || errno == EAGAIN);
		if (n > 0)
			stuffed += (size_t)n;
		else
			step /= 2;
	}
	fcntl(fd, F_SETFL, flags);
	return stuffed;
}

static void make_tcp_pair(int fds[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t address_len = sizeof address;
	int size = 65536, listener, r;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = cloexec_socket(AF_INET, SOCK_STREAM);
	fds[1] = cloexec_socket(AF_INET, SOCK_STREAM);

	/* Fixed buffers, or the kernel would go on growing them. */
	for (int i = 0; i < 2; i++) {
		setsockopt(i ? fds[1] : listener, SOL_SOCKET, SO_RCVBUF, &size,
			   sizeof size);
		setsockopt(i ? fds[1] : listener, SOL_SOCKET, SO_SNDBUF, &size,
			   sizeof size);
	}

	ck_assert_int_eq(
		bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address,
				     &address_len),
			 0);
	/* Interrupted, it goes on, and has ended when it is accepted. */
	r = connect(fds[1], (struct sockaddr *)&address, sizeof address);
	ck_assert_msg(r == 0 || errno == EINTR, "connect: %s", strerror(errno));
	do
		fds[0] = cloexec_accept(listener);
	while (fds[0] < 0 && errno == EINTR);
	ck_assert_msg(fds[0] >= 0, "accept: %s", strerror(errno));
	close(listener);
}

void make_pair(enum kind kind, int fds[2])
{
	if (kind == KIND_PIPE)
		ck_assert_int_eq(cloexec_pipe(fds), 0);
	else if (kind == KIND_SOCKETPAIR)
		ck_assert_int_eq(cloexec_socketpair(SOCK_STREAM, fds), 0);
	else
		make_tcp_pair(fds);
}

void make_pty(int fds[2])
{
	struct termios raw;

	fds[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(fds[0], 0);
	ck_assert_int_eq(grantpt(fds[0]), 0);
	ck_assert_int_eq(unlockpt(fds[0]), 0);
	fds[1] = open(ptsname(fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(fds[1], 0);
	ck_assert_int_eq(tcgetattr(fds[1], &raw), 0);
	cfmakeraw(&raw);
	ck_assert_int_eq(tcsetattr(fds[1], TCSANOW, &raw), 0);
}

void rig_open_loop(struct rig *rig, enum driver driver)
{
	*rig = (struct rig){ .driver = driver, .in = -1, .out = -1 };
	if (rig->driver == DRIVE_DISPATCH) {
		rig->base = event_base_new();
		ck_assert_ptr_nonnull(rig->base);
	}
	rig->loop = af_loop_new(rig->base);
	ck_assert_ptr_nonnull(rig->loop);
}

void rig_open(struct rig *rig, int way)
{
	int fds[2];

	rig_open_loop(rig, (enum driver)(way % DRIVE_COUNT));
	rig->kind = (enum kind)(way / DRIVE_COUNT);
	make_pair(rig->kind, fds);
	rig->in = fds[0];
	rig->out = fds[1];
}

static void close_if_open(int *fd)
{
	if (*fd >= 0)
		ck_assert_int_eq(close(*fd), 0);
	*fd = -1;
}

void rig_close(struct rig *rig)
{
	ck_assert_int_eq(af_file_close(rig->reader), 0);
	rig_hang_up(rig);
	close_if_open(&rig->in);
	af_loop_free(rig->loop);
	if (rig->base)
		event_base_free(rig->base);
}

struct af_file *rig_reader(struct rig *rig)
{
	rig->reader = af_file_new(rig->loop, rig->in, 0);
	ck_assert_ptr_nonnull(rig->reader);
	rig->in = -1;
	return rig->reader;
}

struct af_file *rig_writer(struct rig *rig)
{
	rig->writer = af_file_new(rig->loop, rig->out, 0);
	ck_assert_ptr_nonnull(rig->writer);
	rig->out = -1;
	return rig->writer;
}

void rig_hang_up(struct rig *rig)
{
	ck_assert_int_eq(af_file_close(rig->writer), 0);
	rig->writer = NULL;
	close_if_open(&rig->out);
}

void turn(struct rig *rig)
{
	ck_assert_int_ge(
		event_base_loop(af_loop_base(rig->loop), EVLOOP_NONBLOCK), 0);
}

static void hang_up(struct af_future *done, void *arg)
{
	if (af_future_error(done) != -ECANCELED)
		rig_hang_up(arg);
}

void feed(struct rig *rig, const void *data, size_t len, bool then_hang_up)
{
	struct af_future *f;

	if (!rig->writer)
		rig_writer(rig);
	f = af_file_write(rig->writer, data, len, AFIO_FULL | AFIO_BORROW,
			  NULL);
	if (then_hang_up)
		af_on_done(f, hang_up, rig);
	else
		af_future_unref(f);
}

struct waiting {
	struct rig *rig;
	bool done;
};

static void end_wait(struct af_future *done, void *arg)
{
	struct waiting *wait = arg;

	ck_assert(af_future_is_done(done));
	wait->done = true;
	if (wait->rig->driver == DRIVE_RUN)
		af_loop_stop(wait->rig->loop);
	else
		event_base_loopbreak(wait->rig->base);
}

int drive(struct rig *rig, struct af_future *f)
{
	struct waiting wait = { .rig = rig };

	if (rig->driver == DRIVE_AWAIT)
		return af_await(f);

	af_on_done(af_future_ref(f), end_wait, &wait);
	if (wait.done)
		return af_future_error(f);
	if (rig->driver == DRIVE_RUN)
		ck_assert_int_eq(af_loop_run(rig->loop), 0);
	else
		ck_assert_int_ge(event_base_dispatch(rig->base), 0);
	ck_assert_msg(wait.done, "the loop ended before the wait did");
	return af_future_error(f);
}

void check_outcome(const char *file, int line, struct rig *rig,
		   struct af_future *f, int error, size_t count, unsigned flags)
{
	int r = drive(rig, f);

	ck_assert_msg(r == error, "%s:%d: error is %d (%s), not %d", file, line,
		      r, strerror(-r), error);
	ck_assert_msg(af_future_is_done(f), "%s:%d: still pending", file, line);
	ck_assert_msg(af_future_error(f) == error, "%s:%d: awaited %d, has %d",
		      file, line, error, af_future_error(f));
	ck_assert_msg(af_future_count(f) == count,
		      "%s:%d: count is %zu, not %zu", file, line,
		      af_future_count(f), count);
	ck_assert_msg(af_future_flags(f) == flags,
		      "%s:%d: flags are %#x, not %#x", file, line,
		      af_future_flags(f), flags);
	ck_assert_msg(error == 0 || !af_future_data(f, NULL),
		      "%s:%d: a failed future has data", file, line);
	af_future_unref(f);
}

size_t check_part(const char *file, int line, struct rig *rig,
		  struct af_future *f, size_t all, int error, unsigned flags)
{
	size_t count;

	drive(rig, f);
	count = af_future_count(f);
	ck_assert_msg(count > 0 && count < all, "%s:%d: count is %zu of %zu",
		      file, line, count, all);
	check_outcome(file, line, rig, f, error, count, flags);
	return count;
}

/* Checks that f succeeded; its data, and that its length is told alike. */
static const char *check_data(const char *file, int line, struct rig *rig,
			      struct af_future *f, size_t len)
{
	int r = drive(rig, f);
	size_t data_len;
	const char *data;

	ck_assert_msg(r == 0, "%s:%d: error is %d (%s)", file, line, r,
		      strerror(-r));
	data = af_future_data(f, &data_len);
	ck_assert_msg(data, "%s:%d: no data", file, line);
	ck_assert_msg(data_len == len, "%s:%d: %zu bytes, not %zu: %.*s", file,
		      line, data_len, len, data_len < 80 ? (int)data_len : 80,
		      data);
	ck_assert_msg(data[len] == '\0', "%s:%d: no NUL at the end", file,
		      line);
	return data;
}

void check_bytes(const char *file, int line, struct rig *rig,
		 struct af_future *f, const void *data, size_t len,
		 unsigned flags)
{
	const char *got = check_data(file, line, rig, f, len);

	ck_assert_msg(memcmp(got, data, len) == 0,
		      "%s:%d: \"%.80s\", not \"%.80s\"", file, line, got,
		      (const char *)data);
	check_outcome(file, line, rig, f, 0, len, flags);
}

void check_pattern(const char *file, int line, struct rig *rig,
		   struct af_future *f, size_t len, size_t offset,
		   unsigned flags)
{
	const char *got = check_data(file, line, rig, f, len);
	size_t match = pattern_match(got, len, offset);

	ck_assert_msg(match == len, "%s:%d: byte %zu is wrong", file, line,
		      match);
	check_outcome(file, line, rig, f, 0, len, flags);
}
