/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections to one address: each outcome and option, and that none leaves a
 * descriptor.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <event2/event.h>

#include "support/contexts.h"
#include "support/dumped.h"
#include "support/resolver.h"
#include "support/scratch.h"
#include "support/server.h"

static struct rig rig;

static const struct resolver_name known[] = {
	{ .host = "four", .addresses = { "127.0.0.1" } },
	{ .host = "both", .addresses = { "::1", "127.0.0.1" } },
	{ .host = "nowhere", .addresses = { "255.255.255.255", "127.0.0.1" } },
	{ .host = "later nowhere",
	  .addresses = { "127.0.0.1", "255.255.255.255" } },
	{ .host = "slow", .addresses = { "127.0.0.1" }, .waits = true },
	{ .host = "again slow", .addresses = { "127.0.0.1" }, .waits = true },
	{ .host = "again", .code = EAI_AGAIN },
	{ .host = NULL },
};

/* With a port as a text. */
static struct af_future *connecting(const char *host, int port,
				    const struct af_connect_options *options,
				    const struct timeval *timeout)
{
	char service[20];

	snprintf(service, sizeof service, "%d", port);
	return af_connect(rig.loop, host, service, options, timeout);
}

static struct af_future *connecting_unix(const char *host,
					 const struct af_connect_options *o)
{
	return af_connect(rig.loop, host, NULL, o, NULL);
}

/* Drives f, which must succeed, takes its file, and drops it. */
static struct af_file *connected(struct af_future *f)
{
	struct af_file *file;
	int r = drive(&rig, f);

	ck_assert_msg(r == 0, "%s, %s", strerror(-r), af_connect_error(f));
	ck_assert_str_eq(af_connect_error(f), "");
	ck_assert_ptr_nonnull(af_future_address(f, 0, NULL));
	ck_assert_ptr_null(af_future_address(f, 1, NULL));
	file = af_future_take_file(f);
	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_null(af_future_take_file(f));
	ck_assert_int_gt(af_file_fd(file), 2);
	ck_assert_int_eq(fcntl(af_file_fd(file), F_GETFD), FD_CLOEXEC);
	af_future_unref(f);
	return file;
}

/* Drives f, which must fail, and drops it. */
static void expect_failure(struct af_future *f, int error, const char *text)
{
	int r = drive(&rig, f);

	ck_assert_msg(r == error, "%s, not %s: %s", strerror(-r),
		      strerror(-error), af_connect_error(f));
	ck_assert_str_eq(af_connect_error(f), text);
	ck_assert_ptr_null(af_future_address(f, 0, NULL));
	ck_assert_ptr_null(af_future_take_file(f));
	af_future_unref(f);
}

/* "HOST:PORT: REASON", valid until the next but one. */
static const char *saying(const char *host, int port, const char *reason)
{
	static char texts[2][300];
	static int i;

	i = !i;
	snprintf(texts[i], sizeof texts[i], "%s:%d: %s", host, port, reason);
	return texts[i];
}

static const char *end_text(const struct af_file *file,
			    int (*get_end)(const struct af_file *,
					   struct sockaddr_storage *,
					   socklen_t *))
{
	static char text[512];
	struct sockaddr_storage storage;
	socklen_t len = 0;

	ck_assert_int_eq(get_end(file, &storage, &len), 0);
	af_address_text((struct sockaddr *)&storage, len, text, sizeof text);
	return text;
}

/* Bytes go both ways between a file and a descriptor; closes both. */
static void converse(struct af_file *file, int fd)
{
	char buf[3];

	expect_count(&rig, af_file_write(file, "abc", 3, AFIO_FULL, NULL), 3,
		     0);
	get(fd, buf, sizeof buf);
	ck_assert_mem_eq(buf, "abc", sizeof buf);
	put_text(fd, "def");
	expect_text(&rig, af_file_read(file, 3, AFIO_FULL, NULL), "def", 0);
	close(fd);
	expect_text(&rig, af_file_read(file, 3, 0, NULL), "", AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
}

START_TEST(connect_to_an_address_gives_a_file)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	struct af_file *file;
	char text[100];
	int listener, port;

	rig_open_loop(&rig, _i);
	for (size_t i = 0; i < 2; i++) {
		listener = server_listen(hosts[i], 0, 8);
		port = server_port(listener);
		file = connected(connecting(hosts[i], port, NULL, NULL));
		snprintf(text, sizeof text, i ? "[%s]:%d" : "%s:%d", hosts[i],
			 port);
		ck_assert_str_eq(end_text(file, af_file_peer_address), text);
		converse(file, server_accept(listener));
		close(listener);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(connect_to_a_name_gives_a_file)
{
	int listener = server_listen("127.0.0.1", 0, 8);
	int port = server_port(listener);
	struct af_file *file;

	rig_open_loop(&rig, _i);
	file = connected(connecting("four", port, NULL, MS(60000)));
	converse(file, server_accept(listener));
	/* Nobody is at the first address. */
	file = connected(connecting("both", port, NULL, NULL));
	converse(file, server_accept(listener));
	file = connected(connecting(NULL, port, NULL, NULL));
	converse(file, server_accept(listener));
	close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_to_a_unix_socket_gives_a_file)
{
	struct af_connect_options options = { .family = AF_UNIX };
	char path[PATH_MAX];
	struct af_file *file;
	int listener;

	rig_open_loop(&rig, _i);
	/* A long scratch folder would not fit. */
	snprintf(path, sizeof path, "/proc/self/cwd/server");
	listener = server_listen(path, 0, 8);
	file = connected(connecting_unix(path, NULL));
	ck_assert_str_eq(end_text(file, af_file_peer_address), path);
	converse(file, server_accept(listener));
	file = connected(connecting_unix(path, &options));
	converse(file, server_accept(listener));
	close(listener);
	unlink("server");

	snprintf(path, sizeof path, "@asyncfile-test-%d", (int)getpid());
	listener = server_listen(path, 0, 8);
	file = connected(connecting_unix(path, NULL));
	ck_assert_str_eq(end_text(file, af_file_peer_address), path);
	converse(file, server_accept(listener));
	close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_of_messages_keeps_them_apart)
{
	struct af_connect_options options = { .type = SOCK_SEQPACKET };
	static const char path[] = "/proc/self/cwd/server";
	struct af_file *file;
	int fd, listener;

	rig_open_loop(&rig, _i);
	listener = server_bind(path, 0, SOCK_SEQPACKET);
	ck_assert_int_eq(listen(listener, 8), 0);
	file = connected(connecting_unix(path, &options));
	fd = server_accept(listener);
	put_text(fd, "one");
	put_text(fd, "two");
	expect_text(&rig, af_file_read(file, 10, 0, NULL), "one", 0);
	expect_text(&rig, af_file_read(file, 10, 0, NULL), "two", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
	close(listener);
	unlink("server");
	rig_close(&rig);
}
END_TEST

/* A datagram server answers the source, which is a path for a Unix socket. */
static void converse_datagrams(struct af_file *file, int fd)
{
	struct server_address from = { .len = sizeof from.storage };
	char buf[10];

	expect_count(&rig, af_file_write(file, "abc", 3, 0, NULL), 3, 0);
	ck_assert_int_eq(recvfrom(fd, buf, sizeof buf, 0, &from.sa, &from.len),
			 3);
	ck_assert_int_eq(sendto(fd, "defg", 4, 0, &from.sa, from.len), 4);
	expect_text(&rig, af_file_read(file, 10, 0, NULL), "defg", 0);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
}

START_TEST(connect_of_datagrams_has_one_peer)
{
	struct af_connect_options options = { .type = SOCK_DGRAM };
	int fd = server_bind("127.0.0.1", 0, SOCK_DGRAM);
	struct af_future *f;

	rig_open_loop(&rig, _i);
	f = connecting("127.0.0.1", server_port(fd), &options, MS(0));
	ck_assert(af_future_is_done(f));
	converse_datagrams(connected(f), fd);
	fd = server_bind("/proc/self/cwd/server", 0, SOCK_DGRAM);
	options.local_host = "/proc/self/cwd/client";
	converse_datagrams(
		connected(connecting_unix("/proc/self/cwd/server", &options)),
		fd);
	/* What has succeeded leaves its path. */
	ck_assert_int_eq(unlink("client"), 0);
	ck_assert_int_eq(unlink("server"), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_where_nobody_listens_is_refused)
{
	int port = server_free_port("127.0.0.1");
	char text[300];

	rig_open_loop(&rig, _i);
	expect_failure(connecting("127.0.0.1", port, NULL, NULL), -ECONNREFUSED,
		       saying("127.0.0.1", port, strerror(ECONNREFUSED)));
	snprintf(text, sizeof text, "%s; %s",
		 saying("[::1]", port, strerror(ECONNREFUSED)),
		 saying("127.0.0.1", port, strerror(ECONNREFUSED)));
	expect_failure(connecting("both", port, NULL, MS(60000)), -ECONNREFUSED,
		       text);
	expect_failure(connecting(NULL, port, NULL, MS(0)), -ECONNREFUSED,
		       text);
	rig_close(&rig);
}
END_TEST

/* Linux connects TCP to no broadcast address. */
START_TEST(connect_error_is_that_of_the_address_that_was_reached)
{
	const char *no_net = strerror(ENETUNREACH);
	int port = server_free_port("127.0.0.1");
	char text[300];

	rig_open_loop(&rig, _i);
	expect_failure(connecting("255.255.255.255", port, NULL, NULL),
		       -ENETUNREACH, saying("255.255.255.255", port, no_net));
	snprintf(text, sizeof text, "%s; %s",
		 saying("255.255.255.255", port, no_net),
		 saying("127.0.0.1", port, strerror(ECONNREFUSED)));
	expect_failure(connecting("nowhere", port, NULL, NULL), -ECONNREFUSED,
		       text);
	snprintf(text, sizeof text, "%s; %s",
		 saying("127.0.0.1", port, strerror(ECONNREFUSED)),
		 saying("255.255.255.255", port, no_net));
	expect_failure(connecting("later nowhere", port, NULL, NULL),
		       -ECONNREFUSED, text);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_to_a_path_without_a_server_fails)
{
	static const char path[] = "/proc/self/cwd/server";
	struct af_connect_options messages = { .type = SOCK_SEQPACKET };
	char text[300];
	int fd;

	rig_open_loop(&rig, _i);
	snprintf(text, sizeof text, "%s: %s", path, strerror(ENOENT));
	expect_failure(connecting_unix(path, NULL), -ENOENT, text);
	fd = server_bind(path, 0, SOCK_STREAM);
	snprintf(text, sizeof text, "%s: %s", path, strerror(ECONNREFUSED));
	expect_failure(connecting_unix(path, NULL), -ECONNREFUSED, text);
	ck_assert_int_eq(listen(fd, 1), 0);
	snprintf(text, sizeof text, "%s: %s", path, strerror(EPROTOTYPE));
	expect_failure(connecting_unix(path, &messages), -EPROTOTYPE, text);
	close(fd);
	ck_assert_int_eq(unlink("server"), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_to_an_unknown_name_fails)
{
	char text[300];

	rig_open_loop(&rig, _i);
	snprintf(text, sizeof text, "missing: %s", gai_strerror(EAI_NONAME));
	expect_failure(connecting("missing", 80, NULL, NULL), -ENOENT, text);
	snprintf(text, sizeof text, "again: %s", gai_strerror(EAI_AGAIN));
	expect_failure(connecting("again", 80, NULL, NULL), -EAGAIN, text);
	expect_failure(af_connect(rig.loop, "four", "nosuch", NULL, NULL),
		       -ENOENT, "four:nosuch: no such service");
	expect_failure(connecting("four", 65536, NULL, NULL), -ENOENT,
		       "four:65536: no such service");
	rig_close(&rig);
}
END_TEST

static const struct {
	const char *host, *service;
	struct af_connect_options options;
	int error;
} nonsense[] = {
	{ "four", NULL, { .type = 0 }, EINVAL },
	{ NULL, NULL, { .type = 0 }, EINVAL },
	{ "/server", "80", { .type = 0 }, EINVAL },
	{ "@server", "80", { .type = 0 }, EINVAL },
	{ "/server", NULL, { .family = AF_INET }, EINVAL },
	{ "four", "80", { .family = AF_UNIX }, EINVAL },
	{ "four", "80", { .family = 12345 }, EAFNOSUPPORT },
	{ "four", "80", { .type = SOCK_RAW }, EINVAL },
	{ "four", "80", { .type = 12345 }, EINVAL },
	{ "four", "80", { .type = SOCK_SEQPACKET }, EINVAL },
	{ "four", "80", { .local_host = "/client" }, EINVAL },
	{ "/server", NULL, { .local_host = "127.0.0.1" }, EINVAL },
	{ "/server", NULL, { .local_service = "80" }, EINVAL },
	{ "/server",
	  NULL,
	  { .local_host = "@a", .local_service = "1" },
	  EINVAL },
	{ "four", "80", { .file_flags = AFIO_KEEP_FD }, EINVAL },
	{ "four", "80", { .file_flags = 0x80000000u }, EINVAL },
	{ "four",
	  "80",
	  { .attempt_delay = &(struct timeval){ -1, 0 } },
	  EINVAL },
	{ "four", "80", { .reserved = { 1 } }, EINVAL },
	{ "four", "80", { .reserved = { [7] = 1 } }, EINVAL },
};

START_TEST(connect_of_nonsense_is_invalid)
{
	char host[NI_MAXHOST + 1];
	struct af_future *f;

	rig_open_loop(&rig, _i);
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
		expect_error(&rig,
			     af_connect(rig.loop, nonsense[i].host,
					nonsense[i].service,
					&nonsense[i].options, NULL),
			     -nonsense[i].error);
	expect_error(
		&rig,
		connecting("four", 80, NULL, &(struct timeval){ 0, 1000000 }),
		-EINVAL);
	f = af_connect(NULL, "four", "80", NULL, NULL);
	ck_assert_str_eq(af_connect_error(f), "");
	expect_error(&rig, f, -EINVAL);
	memset(host, 'a', sizeof host);
	host[NI_MAXHOST] = '\0';
	expect_error(&rig, connecting(host, 80, NULL, NULL), -ENAMETOOLONG);
	host[0] = '/';
	expect_error(&rig, connecting_unix(host, NULL), -ENAMETOOLONG);
	ck_assert_uint_eq(resolver_calls, 0);
	rig_close(&rig);
}
END_TEST

static void *connect_elsewhere(void *arg)
{
	struct af_future *f = af_connect(arg, "::1", "80", NULL, NULL);
	int r = af_future_error(f);

	af_future_unref(f);
	return r == -EPERM ? arg : NULL;
}

static void connect_and_drop(struct af_future *done, void *arg)
{
	struct af_future *f = connecting("127.0.0.1", 80, NULL, NULL);

	ck_assert_int_eq(af_future_error(done), -ECANCELED);
	*(int *)arg = af_future_error(f);
	af_future_unref(f);
}

START_TEST(connect_elsewhere_or_after_the_loop_fails)
{
	struct af_future *f;
	pthread_t thread;
	void *result;
	int r = 0;

	rig_open_loop(&rig, _i);
	pthread_create(&thread, NULL, connect_elsewhere, rig.loop);
	pthread_join(thread, &result);
	ck_assert_ptr_eq(result, rig.loop);
	f = af_sleep(rig.loop, MS(60000));
	af_on_done(af_future_ref(f), connect_and_drop, &r);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	ck_assert_int_eq(r, -ECANCELED);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

/* The harness counts the descriptors. */
START_TEST(connection_that_nobody_takes_is_closed)
{
	int listener = server_listen("127.0.0.1", 0, 8), fd;
	int port = server_port(listener);
	struct af_future *f, *late;
	struct af_file *file;
	char byte;

	rig_open_loop(&rig, _i);
	expect_count(&rig, connecting("127.0.0.1", port, NULL, NULL), 0, 0);
	fd = server_accept(listener);
	ck_assert_int_eq(read(fd, &byte, 1), 0);
	close(fd);
	af_future_unref(connecting("127.0.0.1", port, NULL, NULL));
	f = connecting("127.0.0.1", port, NULL, NULL);
	late = connecting("127.0.0.1", port, NULL, NULL);
	ck_assert_int_eq(drive(&rig, f), 0);
	ck_assert_int_eq(drive(&rig, late), 0);
	af_loop_free(rig.loop);
	rig.loop = NULL;
	file = af_future_take_file(late);
	ck_assert_ptr_nonnull(file);
	af_future_unref(f);
	af_future_unref(late);
	ck_assert_int_eq(af_file_close(file), 0);
	close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_to_who_does_not_answer_ends_at_the_deadline)
{
	struct server_hole hole = server_dig("127.0.0.1", 0);
	int port = server_port(hole.listener), fds;
	int64_t start = now_us();
	struct af_future *f;

	rig_open_loop(&rig, _i);
	fds = count_fds();
	f = connecting("127.0.0.1", port, NULL, MS(20));
	ck_assert_int_eq(count_fds(), fds + 1);
	expect_failure(f, -ETIMEDOUT, saying("127.0.0.1", port, "no answer"));
	expect_elapsed(start, 20);
	ck_assert_int_eq(count_fds(), fds);
	f = connecting("127.0.0.1", port, NULL, MS(0));
	ck_assert(af_future_is_done(f));
	expect_failure(f, -ETIMEDOUT, saying("127.0.0.1", port, "no answer"));
	/* Outside of it, there is no text. */
	f = af_with_timeout(connecting("127.0.0.1", port, NULL, NULL), MS(5));
	expect_failure(f, -ETIMEDOUT, "");
	ck_assert_int_eq(count_fds(), fds);
	server_fill(&hole);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_with_no_time_does_what_needs_none)
{
	int listener = server_listen("127.0.0.1", 0, 8);
	struct af_future *f;
	struct af_file *file;

	rig_open_loop(&rig, _i);
	f = connecting("127.0.0.1", server_port(listener), NULL, MS(0));
	ck_assert(af_future_is_done(f));
	file = connected(f);
	converse(file, server_accept(listener));
	expect_failure(connecting("four", server_port(listener), NULL, MS(0)),
		       -ETIMEDOUT, "four: no answer from the name server");
	ck_assert_uint_eq(resolver_calls, 0);
	close(listener);
	rig_close(&rig);
}
END_TEST

/* A busy program is late, but the connection was there in time. */
START_TEST(connection_that_is_there_at_the_deadline_counts)
{
	int listener = server_listen("127.0.0.1", 0, 8);
	struct af_future *f;
	struct af_file *file;

	rig_open_loop(&rig, _i);
	f = connecting("127.0.0.1", server_port(listener), NULL, MS(5));
	spin(20);
	file = connected(f);
	converse(file, server_accept(listener));
	close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_to_who_says_nothing_succeeds)
{
	int listener = server_listen("127.0.0.1", 0, 8), fd;
	struct af_file *file;

	rig_open_loop(&rig, _i);
	file = connected(
		connecting("127.0.0.1", server_port(listener), NULL, NULL));
	fd = server_accept(listener);
	expect_error(&rig, af_file_read(file, 1, 0, MS(5)), -ETIMEDOUT);
	converse(file, fd);
	close(listener);
	rig_close(&rig);
}
END_TEST

enum stage_of_connect { IN_LOOKUP, IN_ATTEMPT, DONE, STAGES };
enum end { BY_CANCEL, BY_DROP_AND_FREE, BY_FREE, ENDS };

static void note_done(struct af_future *done, void *arg)
{
	*(int *)arg = af_future_error(done);
}

/* Its descriptors are closed at once, not only when the loop is freed. */
START_TEST(connect_that_is_ended_leaves_nothing)
{
	enum stage_of_connect at = (enum stage_of_connect)(_i % STAGES);
	enum end by = (enum end)(_i / STAGES % ENDS);
	struct server_hole hole = server_dig("127.0.0.1", 0);
	int listener = server_listen("127.0.0.1", 0, 8), r = 1, fds;
	int port = server_port(at == DONE ? listener : hole.listener);
	struct af_future *f;

	rig_open_loop(&rig, _i / STAGES / ENDS);
	fds = count_fds();
	f = connecting(at == IN_LOOKUP ? "slow" : "127.0.0.1", port, NULL,
		       MS(60000));
	if (at == IN_LOOKUP)
		gate_await(&resolver_waiting, 1);
	else
		ck_assert_int_eq(count_fds(), fds + 1);
	if (by != BY_DROP_AND_FREE)
		af_on_done(af_future_ref(f), note_done, &r);
	/* Done, but its continuation has not run: then it stays so. */
	for (int i = 0; at == DONE && !af_future_is_done(f); i++)
		event_base_loop(af_loop_base(rig.loop),
				EVLOOP_ONCE | EVLOOP_NONBLOCK);
	if (by == BY_CANCEL) {
		af_future_cancel(f);
		ck_assert_int_eq(af_future_error(f),
				 at == DONE ? 0 : -ECANCELED);
		ck_assert_int_eq(count_fds(), fds + (at == DONE));
	}
	af_future_unref(f);
	if (by != BY_CANCEL) {
		af_loop_free(rig.loop);
		rig.loop = NULL;
	} else {
		expect_count(&rig, af_sleep(rig.loop, MS(1)), 0, 0);
	}
	if (by != BY_DROP_AND_FREE)
		ck_assert_int_eq(r, at == DONE ? 0 : -ECANCELED);
	gate_arrive(&resolver_leave);
	close(listener);
	server_fill(&hole);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_with_a_lookup_that_hangs_says_so)
{
	struct af_connect_options from = { .local_host = "slow" };
	int64_t start = now_us();

	rig_open_loop(&rig, _i);
	expect_failure(connecting("slow", 80, NULL, MS(20)), -ETIMEDOUT,
		       "slow: no answer from the name server");
	expect_elapsed(start, 20);
	expect_failure(connecting("127.0.0.1", 80, &from, MS(20)), -ETIMEDOUT,
		       "slow: no answer from the name server");
	gate_arrive(&resolver_leave);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_to_a_full_unix_socket_waits_for_room)
{
	char path[] = "@asyncfile-test-..........";
	struct server_hole hole;
	struct af_future *f;
	struct af_file *file;
	char text[100];
	int first, more;

	snprintf(path, sizeof path, "@asyncfile-test-%d", (int)getpid());
	rig_open_loop(&rig, _i);
	hole = server_dig(path, 0);
	snprintf(text, sizeof text, "%s: no answer", path);
	expect_failure(af_connect(rig.loop, path, NULL, NULL, MS(20)),
		       -ETIMEDOUT, text);
	expect_failure(af_connect(rig.loop, path, NULL, NULL, MS(0)),
		       -ETIMEDOUT, text);
	f = connecting_unix(path, NULL);
	expect_count(&rig, af_sleep(rig.loop, MS(5)), 0, 0);
	ck_assert_int_eq(af_future_error(f), -EINPROGRESS);
	first = server_accept(hole.listener);
	file = connected(f);
	more = server_accept(hole.listener);
	converse(file, more);
	/* One that is full until its server goes. */
	close(server_visit(path, 0));
	f = connecting_unix(path, NULL);
	ck_assert(!af_future_is_done(f));
	server_fill(&hole);
	snprintf(text, sizeof text, "%s: %s", path, strerror(ECONNREFUSED));
	expect_failure(f, -ECONNREFUSED, text);
	close(first);
	rig_close(&rig);
}
END_TEST

static int option_of(const struct af_file *file, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof value;

	ck_assert_int_eq(
		getsockopt(af_file_fd(file), level, name, &value, &len), 0);
	return value != 0;
}

START_TEST(connect_options_are_those_of_the_socket)
{
	struct af_connect_options options = { .type = SOCK_STREAM };
	int listener = server_listen("127.0.0.1", 0, 8), fd;
	int port = server_port(listener);
	struct af_file *file;
	char buf[10];

	rig_open_loop(&rig, _i);
	for (int on = 0; on < 2; on++) {
		options.no_delay = options.keep_alive = on;
		options.file_flags = on ? AFIO_UNBUFFERED : 0;
		file = connected(connecting("127.0.0.1", port, &options, NULL));
		fd = server_accept(listener);
		ck_assert_int_eq(option_of(file, IPPROTO_TCP, TCP_NODELAY), on);
		ck_assert_int_eq(option_of(file, SOL_SOCKET, SO_KEEPALIVE), on);
		put_text(fd, "a\nbcd");
		expect_text(&rig, af_file_readline(file, 0, 0, 0, NULL), "a\n",
			    0);
		ck_assert_int_eq(recv(af_file_fd(file), buf, sizeof buf,
				      MSG_PEEK | MSG_DONTWAIT),
				 on ? 3 : -1);
		expect_text(&rig, af_file_read(file, 3, AFIO_FULL, NULL), "bcd",
			    0);
		converse(file, fd);
	}
	close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_from_a_source_shows_it_to_the_peer)
{
	int listener = server_listen("127.0.0.1", 0, 8);
	int port = server_port(listener), own = server_free_port("127.0.0.1");
	struct af_connect_options from = { .local_host = "127.0.0.1" };
	struct af_file *file;
	char service[20], text[50];

	rig_open_loop(&rig, _i);
	snprintf(service, sizeof service, "%d", own);
	snprintf(text, sizeof text, "127.0.0.1:%d", own);
#ifdef __linux__
	from.local_host = "127.0.0.2";
	file = connected(connecting("127.0.0.1", port, &from, NULL));
	ck_assert_int_eq(strncmp(end_text(file, af_file_local_address),
				 "127.0.0.2:", 10),
			 0);
	converse(file, server_accept(listener));
	/* The same port of another address is another peer. */
	snprintf(text, sizeof text, "%d", port);
	from.local_service = text;
	file = connected(connecting("127.0.0.1", port, &from, NULL));
	ck_assert_int_eq(strncmp(end_text(file, af_file_local_address),
				 "127.0.0.2:", 10),
			 0);
	converse(file, server_accept(listener));
	from.local_service = NULL;
	snprintf(text, sizeof text, "127.0.0.1:%d", own);
#endif
	from.local_host = "four";
	file = connected(connecting("127.0.0.1", port, &from, NULL));
	converse(file, server_accept(listener));
	from.local_service = service;
	file = connected(connecting("four", port, &from, NULL));
	ck_assert_str_eq(end_text(file, af_file_local_address), text);
	converse(file, server_accept(listener));
	close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_from_a_port_alone_uses_any_address)
{
	int listener = server_listen("127.0.0.1", 0, 8);
	int port = server_port(listener), own = server_free_port("127.0.0.1");
	struct af_connect_options from = { .local_service = NULL };
	struct af_file *file;
	char service[20], text[50];

	rig_open_loop(&rig, _i);
	snprintf(service, sizeof service, "%d", own);
	snprintf(text, sizeof text, "127.0.0.1:%d", own);
	from.local_service = service;
	file = connected(connecting("both", port, &from, NULL));
	ck_assert_str_eq(end_text(file, af_file_local_address), text);
	converse(file, server_accept(listener));
	close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_without_a_source_says_so)
{
	int port = server_free_port("127.0.0.1");
	struct af_connect_options from = { .local_host = "127.0.0.1" };
	char text[300], service[20];
	int busy;

	rig_open_loop(&rig, _i);
	snprintf(text, sizeof text, "%s; %s",
		 saying("[::1]", port, "no source address of this family"),
		 saying("127.0.0.1", port, strerror(ECONNREFUSED)));
	expect_failure(connecting("both", port, &from, NULL), -ECONNREFUSED,
		       text);
	expect_failure(
		connecting("::1", port, &from, NULL), -EADDRNOTAVAIL,
		saying("[::1]", port, "no source address of this family"));
	from.local_host = "192.0.2.1";
	expect_failure(connecting("127.0.0.1", port, &from, NULL),
		       -EADDRNOTAVAIL,
		       saying("192.0.2.1", 0, strerror(EADDRNOTAVAIL)));
	snprintf(text, sizeof text, "missing: %s", gai_strerror(EAI_NONAME));
	from.local_host = "missing";
	expect_failure(connecting("slow", port, &from, NULL), -ENOENT, text);
	from.local_host = "127.0.0.1";
	busy = server_listen("127.0.0.1", 0, 1);
	snprintf(service, sizeof service, "%d", server_port(busy));
	from.local_service = service;
	expect_failure(
		connecting("127.0.0.1", port, &from, NULL), -EADDRINUSE,
		saying("127.0.0.1", server_port(busy), strerror(EADDRINUSE)));
	close(busy);
	gate_arrive(&resolver_leave);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_from_a_path_removes_it_unless_connected)
{
	struct af_connect_options from = { .local_host =
						   "/proc/self/cwd/client" };
	static const char path[] = "/proc/self/cwd/server";
	struct server_hole hole;
	struct af_future *f;
	char text[300];

	rig_open_loop(&rig, _i);
	snprintf(text, sizeof text, "%s: %s", path, strerror(ENOENT));
	expect_failure(connecting_unix(path, &from), -ENOENT, text);
	ck_assert_int_lt(access("client", F_OK), 0);
	hole = server_dig(path, 0);
	f = connecting_unix(path, &from);
	ck_assert_int_eq(access("client", F_OK), 0);
	af_future_cancel(f);
	expect_failure(f, -ECANCELED, "");
	ck_assert_int_lt(access("client", F_OK), 0);
	/* Another's stays. */
	make_file("client", "abc", 0600);
	snprintf(text, sizeof text, "%s: %s", from.local_host,
		 strerror(EADDRINUSE));
	expect_failure(connecting_unix(path, &from), -EADDRINUSE, text);
	expect_file("client", "abc");
	ck_assert_int_eq(unlink("client"), 0);
	server_fill(&hole);
	ck_assert_int_eq(unlink("server"), 0);
	rig_close(&rig);
}
END_TEST

#ifdef __linux__
START_TEST(connect_from_an_abstract_name_shows_it_to_the_peer)
{
	char name[60];
	struct af_connect_options from = { .local_host = name };
	static const char path[] = "/proc/self/cwd/server";
	struct af_file *file;
	int listener;

	rig_open_loop(&rig, _i);
	snprintf(name, sizeof name, "@asyncfile-from-%d", (int)getpid());
	listener = server_listen(path, 0, 8);
	file = connected(connecting_unix(path, &from));
	ck_assert_str_eq(end_text(file, af_file_local_address), name);
	converse(file, server_accept(listener));
	close(listener);
	ck_assert_int_eq(unlink("server"), 0);
	rig_close(&rig);
}
END_TEST
#endif

/* The path is the parent's. */
START_TEST(child_by_fork_does_not_remove_the_path_of_a_connect)
{
	const struct af_connect_options from = {
		.local_host = "/proc/self/cwd/client"
	};
	static const char path[] = "/proc/self/cwd/server";
	struct server_hole hole;
	struct af_future *f;
	int status;
	pid_t pid;

	rig_open_loop(&rig, _i);
	hole = server_dig(path, 0);
	f = connecting_unix(path, &from);
	pid = fork();
	if (pid == 0) {
		af_loop_free(rig.loop);
		leave_as_is(af_future_error(f) != -ECANCELED);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(access("client", F_OK), 0);
	af_future_cancel(f);
	expect_failure(f, -ECANCELED, "");
	ck_assert_int_lt(access("client", F_OK), 0);
	server_fill(&hole);
	ck_assert_int_eq(unlink("server"), 0);
	rig_close(&rig);
}
END_TEST

/* The connection is there, but no event has said so before. */
START_TEST(child_by_fork_that_runs_the_base_has_no_connection)
{
	int listener = server_listen("127.0.0.1", 0, 8), status;
	struct af_future *f;
	pid_t pid;

	rig_open_loop(&rig, _i);
	f = connecting("127.0.0.1", server_port(listener), NULL, NULL);
	ck_assert(!af_future_is_done(f));
	pid = fork();
	if (pid == 0) {
		struct event_base *base = af_loop_base(rig.loop);

		status = event_reinit(base);
		for (int i = 0; i < 3; i++)
			event_base_loop(base, EVLOOP_NONBLOCK);
		_exit(status || af_future_is_done(f));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	converse(connected(f), server_accept(listener));
	close(listener);
	rig_close(&rig);
}
END_TEST

/* With this source, TCP connects the socket to itself. */
START_TEST(connect_to_itself_is_refused)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	struct af_connect_options from = { .local_host = NULL };
	char service[20];
	int port;

	rig_open_loop(&rig, _i);
	for (int i = 0; i < 2; i++) {
		port = server_free_port(hosts[i]);
		snprintf(service, sizeof service, "%d", port);
		from.local_host = hosts[i];
		from.local_service = service;
		expect_failure(connecting(hosts[i], port, &from, NULL),
			       -ECONNREFUSED,
			       saying(i ? "[::1]" : hosts[i], port,
				      strerror(ECONNREFUSED)));
	}
	rig_close(&rig);
}
END_TEST

START_TEST(connect_with_no_descriptor_left_fails)
{
	int listener = server_listen("127.0.0.1", 0, 8);
	int port = server_port(listener);
	struct rlimit limit, none;
	struct af_file *file;

	rig_open_loop(&rig, _i);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	expect_failure(connecting("127.0.0.1", port, NULL, MS(0)), -EMFILE,
		       saying("127.0.0.1", port, strerror(EMFILE)));
	setrlimit(RLIMIT_NOFILE, &limit);
	file = connected(connecting("127.0.0.1", port, NULL, NULL));
	converse(file, server_accept(listener));
	close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(connection_has_no_number_of_stdio)
{
	int listener = server_listen("127.0.0.1", 0, 8), saved;
	struct af_file *file;

	rig_open_loop(&rig, _i);
	saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
	close(0);
	file = connected(
		connecting("127.0.0.1", server_port(listener), NULL, NULL));
	dup2(saved, 0);
	close(saved);
	converse(file, server_accept(listener));
	close(listener);
	rig_close(&rig);
}
END_TEST

#define MANY 100

START_TEST(connections_can_be_many_at_once)
{
	int listener = server_listen("127.0.0.1", 0, MANY), fds[MANY];
	int port = server_port(listener);
	struct af_future *f[MANY];
	struct af_file *file;

	rig_open_loop(&rig, _i);
	for (int i = 0; i < MANY; i++)
		f[i] = connecting(i % 2 ? "four" : "127.0.0.1", port, NULL,
				  MS(60000));
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(drive(&rig, f[i]), 0);
	for (int i = 0; i < MANY; i++) {
		fds[i] = server_accept(listener);
		put_text(fds[i], "abc");
	}
	for (int i = 0; i < MANY; i++) {
		file = connected(f[i]);
		expect_text(&rig, af_file_read(file, 3, AFIO_FULL, NULL), "abc",
			    0);
		ck_assert_int_eq(af_file_close(file), 0);
		close(fds[i]);
	}
	close(listener);
	rig_close(&rig);
}
END_TEST

START_TEST(connect_is_in_the_dump_with_what_it_waits_for)
{
	struct server_hole hole = server_dig("127.0.0.1", 0);
	int port = server_port(hole.listener);
	char text[2000] = "", want[100];
	FILE *out = fmemopen(text, sizeof text - 1, "w");
	const struct af_connect_options from = { .local_host = "again slow" };
	struct af_future *f[2];

	rig_open_loop(&rig, _i);
	f[0] = connecting("slow", port, &from, NULL);
	expect_dumped(rig.loop, "connect, looks up again slow");
	af_future_cancel(f[0]);
	af_future_unref(f[0]);
	f[0] = connecting("slow", port, NULL, NULL);
	f[1] = connecting("127.0.0.1", port, NULL, NULL);
	af_loop_dump(rig.loop, out);
	fclose(out);
	ck_assert_msg(strstr(text, "connect, looks up slow"), "%s", text);
	snprintf(want, sizeof want, "connect to 127.0.0.1:%d", port);
	ck_assert_msg(strstr(text, want), "%s", text);
	for (int i = 0; i < 2; i++) {
		af_future_cancel(f[i]);
		af_future_unref(f[i]);
	}
	gate_arrive(&resolver_leave);
	server_fill(&hole);
	rig_close(&rig);
}
END_TEST

static void know(void)
{
	resolver_setup();
	resolver_names = known;
}

Suite *suite(void)
{
	Suite *s = suite_create("net/connect");
	TCase *tc = scratch_case(s, "connect");

	tcase_add_checked_fixture(tc, know, NULL);
#define ADD(test) tcase_add_loop_test(tc, test, 0, DRIVE_COUNT)
	ADD(connect_to_an_address_gives_a_file);
	ADD(connect_to_a_name_gives_a_file);
	ADD(connect_to_a_unix_socket_gives_a_file);
	ADD(connect_of_messages_keeps_them_apart);
	ADD(connect_of_datagrams_has_one_peer);
	ADD(connect_where_nobody_listens_is_refused);
	ADD(connect_error_is_that_of_the_address_that_was_reached);
	ADD(connect_to_a_path_without_a_server_fails);
	ADD(connect_to_an_unknown_name_fails);
	ADD(connect_of_nonsense_is_invalid);
	ADD(connect_elsewhere_or_after_the_loop_fails);
	ADD(connection_that_nobody_takes_is_closed);
	ADD(connect_to_who_does_not_answer_ends_at_the_deadline);
	ADD(connect_with_no_time_does_what_needs_none);
	ADD(connection_that_is_there_at_the_deadline_counts);
	ADD(connect_to_who_says_nothing_succeeds);
	tcase_add_loop_test(tc, connect_that_is_ended_leaves_nothing, 0,
			    STAGES * ENDS * DRIVE_COUNT);
	ADD(connect_with_a_lookup_that_hangs_says_so);
	ADD(connect_to_a_full_unix_socket_waits_for_room);
	ADD(connect_options_are_those_of_the_socket);
	ADD(connect_from_a_source_shows_it_to_the_peer);
	ADD(connect_from_a_port_alone_uses_any_address);
	ADD(connect_without_a_source_says_so);
	ADD(connect_from_a_path_removes_it_unless_connected);
#ifdef __linux__
	ADD(connect_from_an_abstract_name_shows_it_to_the_peer);
#endif
	ADD(child_by_fork_does_not_remove_the_path_of_a_connect);
	ADD(child_by_fork_that_runs_the_base_has_no_connection);
	ADD(connect_to_itself_is_refused);
	ADD(connect_with_no_descriptor_left_fails);
	ADD(connection_has_no_number_of_stdio);
	ADD(connections_can_be_many_at_once);
	ADD(connect_is_in_the_dump_with_what_it_waits_for);
	return s;
}
