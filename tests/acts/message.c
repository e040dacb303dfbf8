/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams, and descriptors that are passed.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/system.h"
#include "acts/acts.h"

/* What is passed is a descriptor of its own, and shows if it is lost. */
static void pass_one(struct scene *s, struct af_file *from, struct af_file *to)
{
	struct af_future *f;
	int r;

	do {
		f = af_file_send_fds(from, "x", 1, &s->source, 1, 0, NULL);
		af_future_ref(f);
		r = end(s, f, 0);
		af_future_unref(f);
	} while (r < 0);
	do {
		f = af_file_receive_fds(to, 1, 1, 0, MS(20000));
		af_future_ref(f);
		r = end(s, f, 0);
		if (r == 0)
			ck_assert_int_eq(close(af_future_take_fd(f, 0)), 0);
		af_future_unref(f);
	} while (r < 0);
}

void act_pass(struct scene *s)
{
	const unsigned keeps = AFIO_RECEIVE_FDS;
	static const char bulk[BULK];
	struct af_file *files[2] = { NULL, NULL };
	struct af_future *f;
	int fds[2];

	make_pair(KIND_SOCKETPAIR, fds);
	for (int i = 0; i < 2; i++) {
		files[i] = made(af_file_new(s->loop, fds[i], i ? keeps : 0));
		if (!files[i])
			close(fds[i]);
	}
	if (files[0] && files[1]) {
		/* The first one turns it on. */
		pass_one(s, files[1], files[0]);
		pass_one(s, files[0], files[1]);
		/* More than there is room for; some stay in the file. */
		for (int i = 0; i < 2; i++) {
			f = af_file_send_fds(files[0], bulk, BULK, &s->source,
					     1, 0, NULL);
			af_future_cancel(f);
			af_future_unref(f);
		}
		end(s, af_file_peek(files[1], 9, NULL), 0);
	}
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(af_file_close(files[i]), 0);
}

/* Each message brings one. */
void act_pass_messages(struct scene *s)
{
	static const int types[] = { SOCK_SEQPACKET, SOCK_DGRAM };
	struct af_file *files[2];
	int fds[2];

	for (int t = 0; t < 2; t++) {
		ck_assert_int_eq(cloexec_socketpair(types[t], fds), 0);
		for (int i = 0; i < 2; i++) {
			files[i] = made(af_file_new(s->loop, fds[i],
						    i ? AFIO_RECEIVE_FDS : 0));
			if (!files[i])
				close(fds[i]);
		}
		if (files[0] && files[1])
			pass_one(s, files[0], files[1]);
		for (int i = 0; i < 2; i++)
			ck_assert_int_eq(af_file_close(files[i]), 0);
	}
}

static int take_one(const char *data, size_t len, const struct sockaddr *from,
		    socklen_t from_len, unsigned flags, void *arg)
{
	struct scene *s = arg;

	(void)from_len;
	ck_assert(len == 1 && from && flags == 0);
	s->got[s->n_got++] = *data;
	return 1;
}

/* Messages that are read together, and each is taken in another way. */
void act_datagrams(struct scene *s)
{
	struct af_file *file =
		made(af_datagram_open(s->loop, "127.0.0.1", NULL, NULL));
	struct sockaddr_storage to;
	socklen_t len;
	int fd = cloexec_socket(AF_INET, SOCK_DGRAM);

	ck_assert_int_ge(fd, 0);
	if (!file) {
		close(fd);
		return;
	}
	ck_assert_int_eq(af_file_local_address(file, &to, &len), 0);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(sendto(fd, &"01234567"[i], 1, 0,
					(struct sockaddr *)&to, len),
				 1);
	while (s->n_got < 8) {
		end(s, af_file_each_datagram(file, take_one, s), 0);
		if (s->n_got < 8)
			end(s, af_file_receive_from(file, 0, 0, MS(20000)), 0);
		if (s->n_got < 8)
			end(s, af_file_read(file, 9, 0, NULL), 0);
	}
	ck_assert_mem_eq(s->got, "01234567", 8);
	ck_assert_int_eq(sendto(fd, "89ab", 4, 0, (struct sockaddr *)&to, len),
			 4);
	while (s->n_got < 9)
		end(s, af_file_receive_from(file, 1, 0, NULL), 0);
	while (s->n_got < 12)
		end(s, af_file_receive_from(file, 0, 0, NULL), 0);
	ck_assert_mem_eq(s->got, "0123456789ab", 12);
	end(s, af_file_receive_from(file, 0, 0, MS(1)), -ETIMEDOUT);
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
}

/* To a socket that has no room, which no event reports. */
void act_send_to(struct scene *s)
{
	const struct af_datagram_options options = { .family = AF_UNIX };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t len = sizeof to;
	struct af_file *file =
		made(af_datagram_open(s->loop, NULL, NULL, &options));
	int fd = cloexec_socket(AF_UNIX, SOCK_DGRAM), n = 0;
	struct af_future *f;
	char c;

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&to,
			      offsetof(struct sockaddr_un, sun_path)),
			 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&to, &len), 0);
	for (; file; n += end(s, f, 0) == 0) {
		f = af_file_send_to(file, "x", 1, (struct sockaddr *)&to, len,
				    0, MS(20000));
		if (!af_future_is_done(f))
			break;
	}
	for (int i = 0; i < n; i++)
		ck_assert_int_eq(recv(fd, &c, 1, 0), 1);
	if (file) {
		int r = end(s, f, 0);

		ck_assert_int_eq(recv(fd, &c, 1, MSG_DONTWAIT), r ? -1 : 1);
	}
	ck_assert_int_eq(af_file_close(file), 0);
	close(fd);
}

/* With all options; and what it sends to a group of one. */
void act_group(struct scene *s)
{
	const struct af_datagram_options options = {
		.broadcast = true,
		.reuse_address = true,
		.reuse_port = true,
		.ttl = 3,
		.multicast_ttl = 1,
		.interface = if_nametoindex("lo"),
	};
	struct sockaddr_in group = { .sin_family = AF_INET };
	struct af_file *file =
		made(af_datagram_open(s->loop, "127.0.0.1", NULL, &options));
	int r;

	if (!file)
		return;
	group.sin_addr.s_addr = htonl(0xefffff05);
	while ((r = af_file_join_group(file, (struct sockaddr *)&group,
				       sizeof group, options.interface)) < 0)
		ck_assert(excused(r));
	while ((r = af_file_leave_group(file, (struct sockaddr *)&group,
					sizeof group, options.interface)) < 0)
		ck_assert(excused(r));
	ck_assert_int_eq(af_file_close(file), 0);
}

/* A pipe that keeps packets: what is looked at is still one of them. */
void act_packets(struct scene *s)
{
	struct af_file *file;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_DIRECT), 0);
	file = made(af_file_new(s->loop, fds[0], 0));
	put_text(fds[1], "abc");
	put_text(fds[1], "de");
	if (file)
		end(s, af_file_peek(file, 2, MS(20000)), 0);
	s->n_got = 0;
	while (file && s->n_got < 3)
		end(s, af_file_read(file, 9, 0, MS(20000)), 0);
	ck_assert_uint_eq(s->n_got, file ? 3 : 0);
	while (file && s->n_got < 5)
		end(s, af_file_read(file, 9, 0, MS(20000)), 0);
	ck_assert_mem_eq(s->got, "abcde", s->n_got);
	if (file)
		ck_assert_int_eq(af_file_close(file), 0);
	else
		close(fds[0]);
	close(fds[1]);
}
