/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that come with bytes, as a hostile peer may send them: the bytes
 * are in order, and every descriptor is the caller's or is closed.
 */
#include <errno.h>
#include <sys/socket.h>

#include "fuzz/loop.h"

#define MAX_SENT 20

static struct af_file *file;
static int out;
static const uint8_t *all;
static size_t all_len, sent, pos;
static int passed; /* what is sent */

static void send_some(struct input *in)
{
	size_t len = 1 + take_below(in, 16), n = take_below(in, MAX_SENT + 1);
	union {
		struct cmsghdr header;
		char buf[CMSG_SPACE(MAX_SENT * sizeof(int))];
	} control;
	int fds[MAX_SENT];
	struct iovec iov;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	len = len < all_len - sent ? len : all_len - sent;
	if (len == 0 || out < 0)
		return;
	iov = (struct iovec){ (void *)(all + sent), len };
	for (size_t i = 0; i < n; i++)
		fds[i] = passed;
	if (n > 0) {
		memset(&control, 0, sizeof(control));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	must(sendmsg(out, &msg, MSG_DONTWAIT) == (ssize_t)len);
	sent += len;
}

static void check_bytes(struct af_future *f, size_t size)
{
	size_t len = SIZE_MAX;
	const char *data = af_future_data(f, &len);

	must(data && len <= sent - pos && (size == 0 || len <= size));
	must(memcmp(data, all + pos, len) == 0);
	pos += len;
}

static void take_descriptors(struct af_future *f, size_t max, struct input *in)
{
	size_t n = af_future_fds(f);
	unsigned which = take_byte(in);
	int fd;

	must(n <= max && n <= MAX_SENT);
	must(af_future_take_fd(f, n) == -EINVAL);
	for (size_t i = 0; i < n; i++) {
		if (!(which & 1u << i % 8))
			continue;
		fd = af_future_take_fd(f, i);
		must(fd > 2 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
		must(af_future_take_fd(f, i) == -EBADF);
		close(fd);
	}
}

static void receive(struct input *in, bool with_fds)
{
	size_t size = take_below(in, 40), max = 1 + take_below(in, 24);
	unsigned flags = take_bool(in) ? AFIO_FULL : 0;
	struct af_future *f;
	int r;

	if (with_fds)
		f = af_file_receive_fds(file, size, max, flags, &at_once);
	else if (take_bool(in))
		f = af_file_readline(file, size, 0, flags, &at_once);
	else
		f = af_file_read(file, size, flags, &at_once);
	must(af_future_is_done(f));
	r = af_future_error(f);
	must(r == 0 || r == -ETIMEDOUT);
	if (r == 0) {
		check_bytes(f, size);
		take_descriptors(f, max, in);
	}
	af_future_unref(f);
}

/* Until the end of file, which comes after all bytes. */
static void drain(void)
{
	unsigned flags = 0;

	close(out);
	out = -1;
	for (int i = 0; !(flags & AFIO_EOF); i++) {
		struct af_future *f = af_file_receive_fds(file, 0, 1, 0, NULL);

		must(i < 1000 && await_soon(f) == 0);
		check_bytes(f, 0);
		flags = af_future_flags(f);
		af_future_unref(f);
	}
	must(pos == all_len || pos == sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size }, ops;
	unsigned flags = take_byte(&in);
	int fds[2], lowest;

	if (size > 4096)
		return -1;
	need_loop();
	if (passed == 0)
		passed = open("/dev/null", O_RDONLY | O_CLOEXEC);
	lowest = lowest_fd();
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	file = af_file_new(loop, fds[0], flags & 1 ? AFIO_RECEIVE_FDS : 0);
	must(file);
	out = fds[1];
	ops.data = take_bytes(&in, take_byte(&in), &ops.left);
	all = take_bytes(&in, in.left, &all_len);
	sent = pos = 0;
	while (ops.left > 0) {
		unsigned op = take_below(&ops, 4);

		if (op <= 1)
			send_some(&ops);
		else
			receive(&ops, op == 2);
	}
	if (flags & 2)
		drain();
	must(af_file_close(file) == 0);
	if (out >= 0)
		close(out);
	turn();
	must(lowest_fd() == lowest);
	return 0;
}
