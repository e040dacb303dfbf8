/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a pair of each kind is made, of what a program would use; what all tests
 * of kinds do with a pair. It uses the library only through its public headers.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "support/framed.h"
#include "support/kinds.h"
#include "support/layers.h"
#include "support/system.h"

static const struct file_kind *played;

/* Somebody else's descriptors of the same: [0] reads. */
static bool shared;
static int others[2];
static int flags_before[2];

static void share(int in, int out)
{
	others[0] = dup(in);
	others[1] = dup(out);
	for (int i = 0; i < 2; i++)
		flags_before[i] = fcntl(others[i], F_GETFL);
}

void expect_flags_unchanged(void)
{
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(fcntl(others[i], F_GETFL), flags_before[i]);
}

static void make_of_fds(struct rig *rig, int in, int out)
{
	if (shared)
		share(in, out);
	rig->in = in;
	rig->out = out;
	rig_reader(rig);
	rig_writer(rig);
}

static void make_pipe(struct rig *rig)
{
	int fds[2];

	make_pair(KIND_PIPE, fds);
	make_of_fds(rig, fds[0], fds[1]);
}

static void make_fifo(struct rig *rig)
{
	char dir[] = P_tmpdir "/asyncfile-XXXXXX", path[sizeof dir + 5];
	int fds[2];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/fifo", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fds[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fds[1] = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
	make_of_fds(rig, fds[0], fds[1]);
}

static void make_unix(struct rig *rig, int type)
{
	int fds[2];

	ck_assert_int_eq(cloexec_socketpair(type, fds), 0);
	make_of_fds(rig, fds[0], fds[1]);
}

static void make_stream(struct rig *rig)
{
	make_unix(rig, SOCK_STREAM);
}

static void make_seqpacket(struct rig *rig)
{
	make_unix(rig, SOCK_SEQPACKET);
}

static void make_datagram(struct rig *rig)
{
	make_unix(rig, SOCK_DGRAM);
}

static void make_tcp(struct rig *rig)
{
	int fds[2];

	make_pair(KIND_TCP, fds);
	make_of_fds(rig, fds[0], fds[1]);
}

/* Through a layer, whose end is a goodbye of its own. */
static void make_layered(struct rig *rig)
{
	make_unix(rig, SOCK_STREAM);
	framed_on(rig->reader, NULL);
	framed_on(rig->writer, NULL);
}

/* What a terminal shows, read by whoever plays its screen. */
static void make_master(struct rig *rig)
{
	int fds[2];

	make_pty(fds);
	make_of_fds(rig, fds[0], fds[1]);
}

/* What is typed, read at the terminal. */
static void make_terminal(struct rig *rig)
{
	int fds[2];

	make_pty(fds);
	make_of_fds(rig, fds[1], fds[0]);
}

/* Makes the files of two bufferevents. A socket's raises SIGPIPE. */
static void make_of_layers(struct rig *rig, struct bufferevent *bevs[2])
{
	signal(SIGPIPE, SIG_IGN);
	rig->reader = af_file_from_bufferevent(rig->loop, bevs[0], 0);
	rig->writer = af_file_from_bufferevent(rig->loop, bevs[1], 0);
	ck_assert(rig->reader && rig->writer);
}

#define MAKE_OF_LAYERS(name, layers)                                           \
	static void make_##name(struct rig *rig)                               \
	{                                                                      \
		struct bufferevent *bevs[2];                                   \
                                                                               \
		layers(af_loop_base(rig->loop), bevs);                         \
		make_of_layers(rig, bevs);                                     \
	}

MAKE_OF_LAYERS(bev_socket, layer_socket)
MAKE_OF_LAYERS(bev_deferred, layer_deferred)
MAKE_OF_LAYERS(bev_limited, layer_limited)
MAKE_OF_LAYERS(bev_pair, layer_pair)
MAKE_OF_LAYERS(bev_filter, layer_filter)
#ifdef WITH_ZLIB
MAKE_OF_LAYERS(bev_zlib, layer_zlib)
#endif
#ifdef WITH_TLS
MAKE_OF_LAYERS(bev_tls, layer_tls)
MAKE_OF_LAYERS(bev_tls_filter, layer_tls_filter)
#endif

static struct af_future *last_sent;

#ifdef WITH_TLS
/* TLS tells a peer that left from one that was cut off. */
static void say_goodbye(struct rig *rig)
{
	if (last_sent && !af_future_is_done(last_sent))
		ck_assert_int_eq(drive(rig, last_sent), 0);
	layer_tls_shutdown();
}
#endif

const struct file_kind file_kinds[] = {
	{ "pipe", ONE_WAY | NO_RESET, make_pipe, NULL },
	{ "FIFO", ONE_WAY | NO_RESET, make_fifo, NULL },
	{ "Unix stream", 0, make_stream, NULL },
	{ "layer over a Unix stream", LAYERED | NO_RESET, make_layered, NULL },
	{ "Unix seqpacket", MESSAGES | NO_RESET, make_seqpacket, NULL },
	{ "Unix datagram", MESSAGES | NO_EOF | NO_EPIPE | NO_RESET,
	  make_datagram, NULL },
	{ "TCP", MOVES_ON | NO_RESET, make_tcp, NULL },
	{ "master of a pty", PTY | NO_RESET, make_master, NULL },
	{ "terminal", PTY | DROPS | NO_EPIPE | NO_RESET, make_terminal, NULL },
	{ "socket bufferevent", FOREIGN, make_bev_socket, NULL },
	{ "deferred socket bufferevent", FOREIGN, make_bev_deferred, NULL },
	{ "limited socket bufferevent", FOREIGN | FIXED_BASE | MOVES_ON,
	  make_bev_limited, NULL },
	{ "bufferevent pair", FOREIGN | FIXED_BASE | NO_BUFFER | NO_RESET,
	  make_bev_pair, NULL },
	{ "filter", FOREIGN | FIXED_BASE, make_bev_filter, NULL },
#ifdef WITH_ZLIB
	{ "zlib filter", FOREIGN | FIXED_BASE, make_bev_zlib, NULL },
#endif
#ifdef WITH_TLS
	{ "TLS", FOREIGN | FIXED_BASE | NO_RESET, make_bev_tls, say_goodbye },
	{ "TLS over a bufferevent", FOREIGN | FIXED_BASE | NO_RESET,
	  make_bev_tls_filter, say_goodbye },
#endif
};
const int n_file_kinds = sizeof file_kinds / sizeof *file_kinds;

const struct file_kind *kind_played(void)
{
	return played;
}

static void forget_sent(void)
{
	af_future_unref(last_sent);
	last_sent = NULL;
}

void play_row_once(struct rig *rig, int kind, enum driver driver,
		   void (*row)(void))
{
	played = &file_kinds[kind];
	rig_open_loop(rig, driver);
	played->make(rig);
	row();
	forget_sent();
	ck_assert_int_eq(af_file_close(rig->reader), 0);
	rig->reader = NULL;
	rig_hang_up(rig);
	/* A base that is freed forgets what callbacks it deferred hold. */
	turn(rig);
	rig_close(rig);
}

static volatile sig_atomic_t n_ticks;

static void on_tick(int signal_number)
{
	(void)signal_number;
	n_ticks++;
}

/* A signal each millisecond, after which no call starts anew. */
static void tick(long us)
{
	struct sigaction action = { .sa_handler = on_tick };
	struct itimerval timer = { { 0, us }, { 0, us } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

void play_row(struct rig *rig, int kind, void (*row)(void))
{
	for (int driver = 0; driver < DRIVE_COUNT; driver++) {
		tick(driver == DRIVE_RUN ? 1000 : 0);
		play_row_once(rig, kind, (enum driver)driver, row);
	}
}

void play_row_shared(struct rig *rig, int kind, void (*row)(void))
{
	shared = true;
	play_row_once(rig, kind, DRIVE_RUN, row);
	expect_flags_unchanged();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(close(others[i]), 0);
}

struct sent {
	size_t len;
};

static void check_sent(struct af_future *done, void *arg)
{
	struct sent *sent = arg;

	/* What was closed under it went out all the same. */
	if (af_future_error(done) == 0)
		ck_assert_uint_eq(af_future_count(done), sent->len);
	else
		ck_assert_int_eq(af_future_error(done), -ECANCELED);
	free(sent);
}

void send_bytes(struct rig *rig, const void *data, size_t len)
{
	struct af_future *f =
		af_file_write(rig->writer, data, len, AFIO_FULL, NULL);
	struct sent *sent = malloc(sizeof *sent);

	sent->len = len;
	forget_sent();
	last_sent = af_future_ref(f);
	af_on_done(f, check_sent, sent);
}

void send_text(struct rig *rig, const char *text)
{
	send_bytes(rig, text, strlen(text));
}

void leave(struct rig *rig)
{
	/* What could only go out with somebody reading goes at the end. */
	for (int i = 0; i < 100 && last_sent && !af_future_is_done(last_sent);
	     i++)
		turn(rig);
	if (played->say_goodbye)
		played->say_goodbye(rig);
	rig_hang_up(rig);
}

void expect_arrival(struct rig *rig, size_t len, size_t offset)
{
	struct af_file *reader = rig->reader;

	if (len > 0)
		expect_data_pattern(rig,
				    af_file_read(reader, len, AFIO_FULL, NULL),
				    len, offset, 0);
	if (rig->writer)
		leave(rig);
	if (played->traits & NO_EOF)
		expect_error(rig, af_file_read(reader, 1, 0, MS(10)),
			     -ETIMEDOUT);
	else
		expect_text(rig, af_file_read(reader, 0, 0, NULL), "",
			    AFIO_EOF);
}
