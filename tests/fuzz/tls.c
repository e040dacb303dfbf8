/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS between a client and a server whose bytes an attacker changes, drops,
 * repeats and cuts short on the way, or with a peer that sends any bytes. Both
 * come to an end, and never read what the other has not written. OpenSSL gets
 * the same random numbers each time, so an input always does the same.
 */
#include <errno.h>
#include <sys/socket.h>

#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <asyncfile/tls.h>

#include "fuzz/scratch.h"
#include "support/certs.h"

#define MAX_CHANGES 8
#define MAX_TURNS 400

/* One change of the bytes that go one way. */
struct change {
	bool of_client;
	size_t at;
	enum { FLIP, DROP, INSERT, REPEAT, CUT, KINDS } kind;
	unsigned value;
};

struct side {
	int raw; /* the other end of its socket; -1: cut off */
	struct af_future *shake, *read, *write;
	struct af_file *file;
	bool over; /* it reads no more */
	const char *text;
	size_t got, passed; /* bytes of the other's text; that went over raw */
};

static struct change changes[MAX_CHANGES];
static size_t n_changes;
static struct side sides[2]; /* the client, the server */
static struct af_tls *server_tls, *clients[2];
static uint64_t state;

static int random_bytes(unsigned char *buf, int n)
{
	for (int i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		buf[i] = (unsigned char)(state >> 56);
	}
	return 1;
}

static int random_status(void)
{
	return 1;
}

static void fix_random(void)
{
	static const RAND_METHOD method = {
		.bytes = random_bytes,
		.pseudorand = random_bytes,
		.status = random_status,
	};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	RAND_set_rand_method(&method);
#pragma GCC diagnostic pop
}

/* With a context, no session is kept from one input to the next. */
static struct af_tls *make_client(int version)
{
	struct af_tls_options options = { .name = "localhost" };
	struct af_tls *tls;

	options.context = SSL_CTX_new(TLS_client_method());
	must(options.context);
	SSL_CTX_set_max_proto_version(options.context, version);
	must(SSL_CTX_load_verify_locations(options.context, "ca.pem", NULL));
	tls = af_tls_client_new(&options, NULL, 0);
	must(tls);
	SSL_CTX_free(options.context);
	return tls;
}

/* For longer than anybody looks for something. */
static void make_certs(void)
{
	const long seconds = 365L * 86400;
	struct authority ca = certs_make("ca.pem", NULL, NULL, NULL, seconds);
	struct authority server =
		certs_make("server.pem", NULL, "DNS:localhost", &ca, seconds);

	certs_free(&server);
	certs_free(&ca);
}

static void begin(void)
{
	static const struct af_tls_options options = {
		.cert_file = "server.pem",
	};

	need_loop();
	need_scratch();
	fix_random();
	make_certs();
	server_tls = af_tls_server_new(&options, NULL, 0);
	clients[0] = make_client(TLS1_3_VERSION);
	clients[1] = make_client(TLS1_2_VERSION);
	must(server_tls);
}

static void take_changes(struct input *in)
{
	n_changes = take_below(in, MAX_CHANGES + 1);
	for (size_t i = 0; i < n_changes; i++) {
		unsigned kind = take_byte(in);

		changes[i].kind = kind % KINDS;
		changes[i].of_client = kind & 128;
		changes[i].at = take_byte(in) << 8;
		changes[i].at = (changes[i].at | take_byte(in)) % 4096;
		changes[i].value = take_byte(in);
	}
}

static void cut(struct side *side)
{
	if (side->raw >= 0)
		close(side->raw);
	side->raw = -1;
}

static const struct change *change_at(bool of_client, size_t at)
{
	for (size_t i = 0; i < n_changes; i++)
		if (changes[i].of_client == of_client && changes[i].at == at)
			return &changes[i];
	return NULL;
}

/* Passes a byte on, as the changes have it. Returns how many it has become. */
static size_t pass_byte(uint8_t *to, uint8_t byte, const struct change *change)
{
	size_t n = 1;

	to[0] = byte;
	if (!change)
		return 1;
	if (change->kind == FLIP)
		to[0] ^= change->value ? change->value : 1;
	if (change->kind == DROP)
		return 0;
	if (change->kind == INSERT)
		to[n++] = (uint8_t)change->value;
	if (change->kind == REPEAT)
		while (n <= change->value)
			to[n++] = byte;
	return n;
}

/* What one has sent goes to the other. Returns whether there was something. */
static bool pump(struct side *from, struct side *to)
{
	uint8_t buf[512], out[512 + MAX_CHANGES * 256];
	const struct change *change;
	ssize_t n = -1;
	size_t len = 0;

	if (from->raw >= 0)
		n = recv(from->raw, buf, sizeof(buf), MSG_DONTWAIT);
	for (ssize_t i = 0; i < n; i++) {
		change = change_at(from == &sides[0], from->passed++);
		if (change && change->kind == CUT) {
			cut(from);
			cut(to);
			return true;
		}
		len += pass_byte(out + len, buf[i], change);
	}
	if (len > 0 && to->raw >= 0)
		send(to->raw, out, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == 0) {
		cut(from);
		cut(to);
	}
	return n > 0;
}

static void step_read(struct side *side, const struct side *other)
{
	size_t len = 0;
	const char *data;

	if (!side->read)
		side->read = af_file_read(side->file, 64, 0, NULL);
	if (!af_future_is_done(side->read))
		return;
	data = af_future_data(side->read, &len);
	if (data) {
		must(len <= strlen(other->text) - side->got);
		must(memcmp(data, other->text + side->got, len) == 0);
		side->got += len;
	}
	side->over = !data || len == 0;
	af_future_unref(side->read);
	side->read = NULL;
}

static bool step(struct side *side, const struct side *other)
{
	if (side->shake && af_future_is_done(side->shake)) {
		side->file = af_future_take_file(side->shake);
		must(!side->file == (af_future_error(side->shake) < 0));
		must(side->file || n_changes == 0 ||
		     *af_connect_error(side->shake));
		side->over = !side->file;
		af_future_unref(side->shake);
		side->shake = NULL;
		if (side->file)
			side->write = af_file_write(side->file, side->text,
						    strlen(side->text),
						    AFIO_FULL, NULL);
		return true;
	}
	if (side->file && !side->over)
		step_read(side, other);
	return false;
}

static void open_side(struct side *side, const char *text)
{
	int fds[2];

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	*side = (struct side){ .raw = fds[1], .text = text };
	side->file = af_file_new(loop, fds[0], 0);
	must(side->file);
}

static void start(bool client, bool server, bool old)
{
	open_side(&sides[0], "from the client, and some more of it");
	open_side(&sides[1], "from the server");
	if (client)
		sides[0].shake =
			af_start_tls(sides[0].file, NULL, clients[old], NULL);
	if (server)
		sides[1].shake = af_accept_tls(sides[1].file, server_tls, NULL);
	for (int i = 0; i < 2; i++)
		if (sides[i].shake)
			sides[i].file = NULL;
}

static bool is_settled(const struct side *side)
{
	return !side->shake && (!side->file || side->over);
}

static void finish(struct side *side)
{
	must(!side->shake);
	af_future_cancel(side->read);
	af_future_unref(side->read);
	af_future_cancel(side->write);
	af_future_unref(side->write);
	must(af_file_close(side->file) == 0);
	cut(side);
}

/* An attacker between the two. */
static void change_on_the_way(struct input *in)
{
	bool old = take_bool(in), moved;
	int idle = 0;

	take_changes(in);
	start(true, true, old);
	for (int i = 0; i < MAX_TURNS && idle < 8; i++) {
		turn();
		moved = pump(&sides[0], &sides[1]);
		moved |= pump(&sides[1], &sides[0]);
		moved |= step(&sides[0], &sides[1]);
		moved |= step(&sides[1], &sides[0]);
		idle = moved ? 0 : idle + 1;
	}
	if (n_changes == 0) {
		must(sides[0].got == strlen(sides[1].text));
		must(sides[1].got == strlen(sides[0].text));
	}
	cut(&sides[0]);
	cut(&sides[1]);
	for (int i = 0; i < 8; i++) {
		turn();
		step(&sides[0], &sides[1]);
		step(&sides[1], &sides[0]);
	}
	must(is_settled(&sides[0]) && is_settled(&sides[1]));
}

/* A peer that sends anything. */
static void send_anything(struct input *in)
{
	unsigned flags = take_byte(in), piece = 1 + take_byte(in);
	struct side *side = &sides[flags & 1];

	n_changes = MAX_CHANGES;
	start(!(flags & 1), flags & 1, flags & 2);
	while (in->left > 0 && side->raw >= 0) {
		size_t n;
		const uint8_t *data = take_bytes(in, piece, &n);

		send(side->raw, data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		turn();
		if (step(side, &sides[!(flags & 1)]))
			break;
	}
	cut(side);
	for (int i = 0; i < 8; i++) {
		turn();
		step(side, &sides[!(flags & 1)]);
	}
	/* Nobody has the keys. */
	must(is_settled(side) && !side->file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	int lowest;

	if (!server_tls)
		begin();
	lowest = lowest_fd();
	state = 1;
	if (take_bool(&in))
		send_anything(&in);
	else
		change_on_the_way(&in);
	finish(&sides[0]);
	finish(&sides[1]);
	turn();
	must(lowest_fd() == lowest);
	return 0;
}
