/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options of listeners, connections, datagram sockets, followed files, TLS: any
 * values give an error that is documented, or what was asked for; nothing is
 * left open. Only addresses of this machine, and nothing waits.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifdef WITH_TLS
#include <asyncfile/tls.h>
#endif

#include "fuzz/scratch.h"

static const char *take_host(struct input *in)
{
	static const char *const hosts[] = {
		"127.0.0.1",	   "::1", "0.0.0.0",   "@asyncfile-fuzz",
		"/nowhere/socket", "",	  "300.1.1.1", "127.0.0.1%lo",
	};
	unsigned i = take_below(in, 9);

	return i < 8 ? hosts[i] : NULL;
}

static const char *take_service(struct input *in)
{
	static const char *const services[] = { "0", "65536", "-1",
						"",  "1",     " 0" };
	unsigned i = take_below(in, 8);

	return i < 6 ? services[i] : NULL;
}

static int take_family(struct input *in)
{
	static const int families[] = { AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX };
	unsigned i = take_byte(in);

	return i < 240 ? families[i % 4] : take_int(in);
}

static int take_type(struct input *in)
{
	static const int types[] = { 0, SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET,
				     SOCK_RAW };
	unsigned i = take_byte(in);

	return i < 240 ? types[i % 5] : take_int(in);
}

static unsigned take_flags(struct input *in)
{
	static const unsigned flags[] = {
		0, 0, 0, AFIO_UNBUFFERED, AFIO_RECEIVE_FDS, AFIO_KEEP_FD
	};
	unsigned i = take_byte(in);

	return i < 240 ? flags[i % 6] : take_32(in);
}

static const struct timeval *take_time(struct input *in, struct timeval *time)
{
	unsigned i = take_byte(in);

	*time = (struct timeval){ 0, 0 };
	if (i > 200)
		*time = (struct timeval){ take_int(in), take_int(in) };
	return i & 1 ? time : NULL;
}

static uint64_t take_reserved(struct input *in)
{
	return take_byte(in) > 250 ? 1 + (uint64_t)take_byte(in) : 0;
}

static void listen_with(struct input *in)
{
	struct af_listen_options o = { .family = take_family(in) };
	unsigned which = take_byte(in);
	const char *host = take_host(in), *service = take_service(in);
	struct af_listener *listener;
	struct af_future *f;

	o.type = take_type(in);
	o.backlog = take_bool(in) ? take_int(in) : 0;
	o.reuse_port = which & 1;
	o.wait_for_data = which & 2;
	o.no_delay = which & 4;
	o.keep_alive = which & 8;
	o.keep_stale = which & 16;
	o.keep_path = which & 32;
	o.mode = which & 64 ? take_32(in) & 07777 : 0;
	o.file_flags = take_flags(in);
	o.max_connections = take_byte(in);
	o.reserved[which % 8] = take_reserved(in);
	/* A name would be looked up. */
	if (host && (!*host || strchr("13", *host)) &&
	    strcmp(host, "127.0.0.1") != 0)
		return;
	if (which & 128) {
		f = af_listen_async(loop, host, service, &o);
		await_soon(f);
		listener = af_future_take_listener(f);
		must(!listener == (af_future_error(f) < 0));
		af_future_unref(f);
	} else {
		listener = af_listen(loop, host, service, &o);
		must(!listener == !!*af_listen_error(loop));
	}
	must(!listener || o.reserved[which % 8] == 0);
	if (listener) {
		must(af_listener_address(listener, 0, NULL));
		f = af_listener_accept(listener, &at_once);
		must(af_future_is_done(f));
		af_future_unref(f);
	}
	af_listener_close(listener);
}

/* With a deadline of zero, it tries only what needs no waiting. */
static void connect_with(struct input *in)
{
	struct af_connect_options o = { .family = take_family(in) };
	unsigned which = take_byte(in);
	const char *host = take_host(in), *service = take_service(in);
	struct timeval delay;
	struct af_future *f;

	o.type = take_type(in);
	o.local_host = which & 1 ? take_host(in) : NULL;
	o.local_service = which & 2 ? take_service(in) : NULL;
	o.attempt_delay = take_time(in, &delay);
	o.no_delay = which & 4;
	o.keep_alive = which & 8;
	o.file_flags = take_flags(in);
	o.reserved[which % 8] = take_reserved(in);
	f = af_connect(loop, host, service, &o, &at_once);
	must(af_future_is_done(f));
	if (af_future_error(f) < 0)
		must(o.reserved[which % 8] == 0 ||
		     af_future_error(f) == -EINVAL);
	else
		must(!o.reserved[which % 8] && af_future_address(f, 0, NULL));
	af_future_unref(f);
}

static void open_datagram_with(struct input *in)
{
	struct af_datagram_options o = { .family = take_family(in) };
	unsigned which = take_byte(in);
	const char *host = take_host(in), *service = take_service(in);
	struct af_file *file;
	bool invalid;

	o.broadcast = which & 1;
	o.reuse_address = which & 2;
	o.reuse_port = which & 4;
	o.dual_stack = which & 8;
	o.no_multicast_loop = which & 16;
	o.ttl = which & 32 ? take_int(in) : 0;
	o.multicast_ttl = which & 64 ? take_int(in) : 0;
	o.interface = which & 128 ? (unsigned)take_int(in) : 0;
	o.file_flags = take_flags(in);
	o.reserved[which % 8] = take_reserved(in);
	invalid = o.reserved[which % 8] || o.ttl < 0 || o.ttl > 255 ||
		  o.multicast_ttl < 0 || o.multicast_ttl > 255 ||
		  o.file_flags & ~(AFIO_UNBUFFERED | AFIO_RECEIVE_FDS);
	file = af_datagram_open(loop, host, service, &o);
	must(!(file && invalid));
	if (!file)
		must(!invalid || errno == EINVAL || errno == EAFNOSUPPORT);
	af_file_close(file);
}

static int stop(const char *data, size_t len, unsigned flags, void *arg)
{
	(void)data;
	(void)len;
	(void)flags;
	(void)arg;
	return 1;
}

static void follow_with(struct input *in)
{
	struct af_follow_options o = { .from_end = take_bool(in) };
	static const char *const paths[] = { "followed", "missing", "/", "",
					     "/nowhere/at/all" };
	unsigned which = take_byte(in);
	const char *path = paths[take_below(in, 5)];
	struct timeval poll;
	struct af_future *f;
	size_t size;

	o.must_exist = which & 1;
	o.parts = which & 2;
	o.max_line = take_64(in);
	o.poll = take_time(in, &poll);
	o.reserved[which % 4] = take_reserved(in);
	scratch_file("followed", in, &size);
	f = af_file_follow(loop, path, &o, stop, NULL);
	must(!o.reserved[which % 4] || af_future_error(f) == -EINVAL);
	for (int i = 0; i < 3; i++)
		turn();
	af_future_cancel(f);
	must(af_future_is_done(f));
	af_future_unref(f);
}

#ifdef WITH_TLS
static const char *take_path(struct input *in)
{
	static const char *const paths[] = { "any", "missing", "/", "", "." };
	unsigned i = take_below(in, 8);

	return i < 5 ? paths[i] : NULL;
}

static void make_tls_with(struct input *in)
{
	struct af_tls_options o = { .ca_file = take_path(in) };
	const char *alpn[3] = { NULL };
	char *texts[2], why[64];
	unsigned which = take_byte(in);
	struct af_tls *tls;
	size_t size;

	o.ca_path = take_path(in);
	o.cert_file = take_path(in);
	o.key_file = take_path(in);
	o.no_verify = which & 1;
	o.verify_client = which & 2;
	o.reserved[which % 8] = take_reserved(in);
	alpn[0] = texts[0] = take_string(in, 300);
	alpn[1] = texts[1] = take_string(in, 10);
	o.alpn = which & 4 ? alpn : NULL;
	o.name = which & 8 ? texts[0] : NULL;
	scratch_file("any", in, &size);
	memset(why, 'x', sizeof(why));
	tls = which & 16 ? af_tls_server_new(&o, why, sizeof(why))
			 : af_tls_client_new(&o, why, sizeof(why));
	must(memchr(why, '\0', sizeof(why)));
	must(!tls == !!*why && (!tls || !o.reserved[which % 8]));
	if (which & 4)
		must(!tls || (*texts[0] && *texts[1]));
	af_tls_free(tls);
	free(texts[0]);
	free(texts[1]);
}
#endif

/* A thread that looks something up needs a descriptor of the loop's. */
static void begin(void)
{
	const struct af_listen_options o = { .family = AF_INET };
	struct af_future *f;

	need_loop();
	need_scratch();
	f = af_listen_async(loop, "::1", "0", &o);
	must(await_soon(f) < 0);
	af_future_unref(f);
	turn();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const ways[])(struct input *) = {
		listen_with,   connect_with, open_datagram_with, follow_with,
#ifdef WITH_TLS
		make_tls_with,
#endif
	};
	struct input in = { data, size };
	int lowest;

	if (!loop)
		begin();
	lowest = lowest_fd();
	ways[take_below(&in, sizeof(ways) / sizeof(*ways))](&in);
	turn();
	/* A thread may still be looking up what nobody waits for. */
	for (int i = 0; lowest_fd() != lowest && i < 10000; i++)
		turn();
	must(lowest_fd() == lowest);
	return 0;
}
