/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file system that answers when it likes to: a FUSE server in a child, which
 * waits for a byte of the test before each answer. A timer of the program sends
 * them, so that whatever waits for the file system on the loop's thread waits for
 * ever. Needs root; does nothing otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "support/harness.h"
#include "support/pattern.h"
#include "support/scratch.h"

#if defined(__has_include)
#if __has_include(<linux/fuse.h>)
#include <linux/fuse.h>
#define HAVE_FUSE
#endif
#endif

static struct rig rig;

#ifdef HAVE_FUSE
#define SIZE 300000
#define NODE 2

static struct {
	int fd;
	bool direct; /* what is read does not stay in the page cache */
	bool gated;  /* answers wait */
	int gate;
	atomic_int *asked; /* how often for what a file is; in shared memory */
	union {
		struct fuse_in_header header;
		char bytes[1 << 18];
	} request;
	union {
		struct fuse_init_out init;
		struct fuse_entry_out entry;
		struct fuse_attr_out attr;
		struct fuse_open_out open;
		char data[1 << 18];
	} answer;
} server;

static const void *server_arg(void)
{
	return server.request.bytes + sizeof server.request.header;
}

static void server_attr(struct fuse_attr *attr, uint64_t node)
{
	attr->ino = node;
	attr->mode = node == NODE ? S_IFREG | 0644 : S_IFDIR | 0755;
	attr->size = node == NODE ? SIZE : 0;
	attr->nlink = 1;
}

static int server_read(void)
{
	const struct fuse_read_in *in = server_arg();
	size_t len = in->offset < SIZE ? SIZE - in->offset : 0;

	len = len < in->size ? len : in->size;
	pattern_fill((unsigned char *)server.answer.data, len, in->offset);
	return (int)len;
}

/* The length of the answer, or -errno. */
static int server_answer(void)
{
	const struct fuse_in_header *in = &server.request.header;

	memset(&server.answer, 0, 256);
	switch (in->opcode) {
	case FUSE_INIT:
		server.answer.init.major = FUSE_KERNEL_VERSION;
		server.answer.init.minor = 31;
		server.answer.init.max_write = 65536;
		server.answer.init.max_readahead = 65536;
		return sizeof server.answer.init;
	case FUSE_LOOKUP:
		if (strcmp(server_arg(), "file") != 0)
			return -ENOENT;
		server.answer.entry.nodeid = NODE;
		server_attr(&server.answer.entry.attr, NODE);
		return sizeof server.answer.entry;
	case FUSE_GETATTR:
		atomic_fetch_add(server.asked, 1);
		server_attr(&server.answer.attr.attr, in->nodeid);
		return sizeof server.answer.attr;
	case FUSE_OPEN:
		if (server.direct)
			server.answer.open.open_flags = FOPEN_DIRECT_IO;
		return sizeof server.answer.open;
	case FUSE_READ:
		return server_read();
	case FUSE_RELEASE:
		return 0;
	default:
		return -ENOSYS;
	}
}

static void server_send(int r)
{
	struct fuse_out_header out = {
		.len = (uint32_t)(sizeof out + (size_t)(r > 0 ? r : 0)),
		.error = r < 0 ? r : 0,
		.unique = server.request.header.unique,
	};
	struct iovec iov[] = {
		{ &out, sizeof out },
		{ &server.answer, r > 0 ? (size_t)r : 0 },
	};

	(void)!writev(server.fd, iov, 2);
}

static void serve(void)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(server.fd, &server.request, sizeof server.request) > 0) {
		uint32_t op = server.request.header.opcode;

		if (op == FUSE_FORGET || op == FUSE_BATCH_FORGET ||
		    op == FUSE_INTERRUPT)
			continue;
		/* close(2) sends a FLUSH, and it is the program's. */
		if (server.gated && op != FUSE_INIT && op != FUSE_FLUSH &&
		    read(server.gate, &byte, 1) <= 0)
			break;
		server_send(server_answer());
	}
	_exit(0);
}

static pid_t server_pid;
static int tokens;
static struct event *timer;

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	put_text(tokens, "x");
}

/* Mounts at "mnt", in a namespace of this test's own; false: may not. */
static bool server_start(bool direct)
{
	char options[100];
	int gate[2];

	if (!without_valgrind("holds up all threads for an fstat(2)"))
		return false;
	server.direct = direct;
	server.gated = true;
	server.fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (server.fd < 0)
		return false;
	mkdir("mnt", 0700);
	snprintf(options, sizeof options,
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", server.fd);
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("test", "mnt", "fuse", MS_NOSUID | MS_NODEV, options) < 0) {
		close(server.fd);
		return false;
	}
	server.asked = mmap(NULL, sizeof *server.asked, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(server.asked, MAP_FAILED);
	make_pair(KIND_PIPE, gate);
	server.gate = gate[0];
	tokens = gate[1];
	server_pid = fork();
	if (server_pid == 0) {
		close(tokens);
		serve();
	}
	close(server.fd);
	close(gate[0]);
	return true;
}

static void server_stop(void)
{
	umount2("mnt", MNT_DETACH);
	kill(server_pid, SIGKILL);
	ck_assert_int_eq(waitpid(server_pid, NULL, 0), server_pid);
	close(tokens);
}

static void timer_start(void)
{
	timer = event_new(af_loop_base(rig.loop), -1, EV_PERSIST, on_timer,
			  NULL);
	event_add(timer, &(struct timeval){ 0, 500 });
}

static struct af_file *open_slow(void)
{
	struct af_future *f = af_file_open_async(rig.loop, "mnt/file", "r");
	struct af_file *file;

	ck_assert_int_eq(drive(&rig, f), 0);
	file = af_future_take_file(f);
	af_future_unref(f);
	return file;
}

/* Index: what it is copied to, who drives, and whether there is a cache. */
START_TEST(copy_from_a_slow_file_system_holds_up_nothing)
{
	struct af_future *copy, *read;
	struct af_file *file;

	if (!server_start(_i / EVERY_WAY))
		return;
	rig_open(&rig, _i % EVERY_WAY);
	timer_start();
	file = open_slow();
	rig_writer(&rig);
	rig_reader(&rig);
	read = af_file_read(rig.reader, SIZE, AFIO_FULL, NULL);
	copy = af_file_copy(file, rig.writer, -1, NULL);
	expect_count(&rig, copy, SIZE, AFIO_EOF);
	expect_data_pattern(&rig, read, SIZE, 0, 0);
	ck_assert_int_eq(af_file_close(file), 0);
	event_free(timer);
	rig_close(&rig);
	server_stop();
}
END_TEST

START_TEST(read_from_a_slow_file_system_holds_up_nothing)
{
	struct af_file *file;

	if (!server_start(_i / DRIVE_COUNT))
		return;
	rig_open(&rig, _i % DRIVE_COUNT);
	timer_start();
	file = open_slow();
	expect_data_pattern(&rig, af_file_read(file, 0, 0, NULL), SIZE, 0,
			    AFIO_EOF);
	ck_assert_int_eq(af_file_close(file), 0);
	event_free(timer);
	rig_close(&rig);
	server_stop();
}
END_TEST

/*
 * With nothing in the page cache, of which the kernel would ask by itself. No
 * read asks how long the file is: that could hold up the loop.
 */
START_TEST(polling_a_slow_file_system_finds_the_end)
{
	size_t len = 0, n = 1;
	int asked;
	struct af_future *f;
	struct af_file *file;
	int r;

	if (!have_linux("the size of a file without its server") ||
	    !server_start(true))
		return;
	rig_open(&rig, _i);
	timer_start();
	file = open_slow();
	asked = atomic_load(server.asked);
	for (; n > 0; len += n) {
		f = af_file_read(file, SIZE, 0, MS(0));
		while ((r = drive(&rig, f)) == -ETIMEDOUT) {
			af_future_unref(f);
			expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
			f = af_file_read(file, SIZE, 0, MS(0));
		}
		ck_assert_int_eq(r, 0);
		n = af_future_count(f);
		af_future_unref(f);
	}
	ck_assert_uint_eq(len, SIZE);
	ck_assert_int_eq(atomic_load(server.asked), asked);
	ck_assert_int_eq(af_file_close(file), 0);
	event_free(timer);
	rig_close(&rig);
	server_stop();
}
END_TEST

/* No timer yet: the server says nothing. What it opens after all is closed. */
START_TEST(open_in_a_dead_file_system_ends_at_its_deadline)
{
	struct af_future *f;

	if (!server_start(false))
		return;
	rig_open(&rig, _i);
	f = af_file_open_async(rig.loop, "mnt/file", "r");
	expect_error(&rig, af_with_timeout(f, MS(20)), -ETIMEDOUT);
	expect_error(&rig, af_sleep(rig.loop, MS(1)), 0);
	for (int i = 0; i < 20; i++)
		put_text(tokens, "x");
	rig_close(&rig);
	while (library_threads() > 0)
		sched_yield();
	server_stop();
}
END_TEST
#endif

Suite *suite(void)
{
	Suite *s = suite_create("transport/fuse");
	TCase *tc = scratch_case(s, "fuse");

	(void)rig;
	(void)tc;
#ifdef HAVE_FUSE
	tcase_add_loop_test(tc, copy_from_a_slow_file_system_holds_up_nothing,
			    0, 2 * EVERY_WAY);
	tcase_add_loop_test(tc, read_from_a_slow_file_system_holds_up_nothing,
			    0, 2 * DRIVE_COUNT);
	tcase_add_loop_test(tc, polling_a_slow_file_system_finds_the_end, 0,
			    DRIVE_COUNT);
	tcase_add_loop_test(tc, open_in_a_dead_file_system_ends_at_its_deadline,
			    0, DRIVE_COUNT);
#endif
	return s;
}
