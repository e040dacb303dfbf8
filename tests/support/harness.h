/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The base of every test program. A program is one source file with a suite(),
 * harness.c, and main.c. Each test is a process of its own. It has
 * TEST_TIMEOUT seconds (times CK_TIMEOUT_MULTIPLIER). It fails if libevent has
 * logged anything, or if at its end the number of open descriptors has changed
 * or a child, a zombie or a thread of the library is left. So a test frees its
 * loop and closes its files.
 */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include <asyncfile.h>

#define TEST_TIMEOUT 60

/* Each test program defines this: its tests. */
Suite *suite(void);

/* Adds a test case with the harness's limits to a suite. */
TCase *test_case(Suite *suite, const char *name);

/* Called by main() first, with its argv[0]. */
void harness_begin(const char *argv0);

/* The path of the helper program, tests/support/helper. */
const char *helper_path(void);

/* How many threads of the library are running. */
int library_threads(void);

/*
 * Whether the library was built from the files for Linux; else prints what is
 * not tested.
 */
bool have_linux(const char *what);

/*
 * Valgrind kills a child whose execve() fails in a way that it does not expect,
 * exits itself when no descriptor is left, and reads for itself.
 */
bool under_valgrind(void);
/* Whether a test can run; else prints what valgrind does. */
bool without_valgrind(const char *what);

/*
 * Ends a child by fork(2) that leaves a loop as it is. An exit would have
 * valgrind look for leaks, in all that was its parent's.
 */
_Noreturn void leave_as_is(int code);

/* Bytes that malloc(3) has given out; 0 where it does not say. */
size_t heap_in_use(void);

/* A timeout in milliseconds, valid until the end of the block. */
#define MS(n) (&(struct timeval){ (n) / 1000, (n) % 1000 * 1000 })

/* Microseconds of CLOCK_MONOTONIC; and a busy wait, for a slow callback. */
int64_t now_us(void);
void spin(int ms);

/*
 * The lower limit is exact. The upper one is 20 s more, because the machine may
 * be busy.
 */
#define expect_elapsed(since_us, at_least_ms)                                  \
	do {                                                                   \
		int64_t elapsed_ = now_us() - (since_us);                      \
		int64_t least_ = 1000 * (int64_t)(at_least_ms);                \
		ck_assert_int_ge(elapsed_, least_);                            \
		ck_assert_int_lt(elapsed_, least_ + 20000000);                 \
	} while (0)

/* Blocking transfers on a test's own descriptor; an error fails the test. */
void put(int fd, const void *buf, size_t len);
void put_text(int fd, const char *text);
void put_pattern(int fd, size_t len, size_t offset);
void get(int fd, void *buf, size_t len);
void expect_pattern(int fd, size_t len, size_t offset);

/* Reads to end of file and expects exactly len bytes of the pattern. */
void expect_pattern_to_eof(int fd, size_t len, size_t offset);

/*
 * Writes the pattern until no more byte fits; returns how many did. Not for
 * TCP, where more bytes fit after a while.
 */
size_t stuff(int fd);

/* Kinds of connected descriptors. */
enum kind { KIND_PIPE, KIND_SOCKETPAIR, KIND_TCP, KIND_COUNT };

/* Makes a connected pair, blocking and close-on-exec; [0] reads from [1]. */
void make_pair(enum kind kind, int fds[2]);

/* Makes a pty in raw mode, close-on-exec; [0] is the master. */
void make_pty(int fds[2]);

/* How a program waits for a future. */
enum driver {
	DRIVE_AWAIT,	/* af_await() */
	DRIVE_RUN,	/* a continuation, under af_loop_run() */
	DRIVE_DISPATCH, /* a continuation, under the program's own base */
	DRIVE_COUNT
};

/* For tcase_add_loop_test(tc, test, 0, EVERY_WAY): _i is a way. */
#define EVERY_WAY (KIND_COUNT * DRIVE_COUNT)
#define EVERY_WAY_BUT_TCP (KIND_TCP * DRIVE_COUNT)
#define WAY(kind, driver) (DRIVE_COUNT * (kind) + (driver))

/*
 * A loop, and a pair of descriptors; either end can be made a file. rig_close()
 * closes and frees all members; a test that has done so itself sets the member
 * to NULL or -1.
 */
struct rig {
	enum kind kind;
	enum driver driver;
	struct event_base *base; /* the program's, with DRIVE_DISPATCH only */
	struct af_loop *loop;
	int in, out; /* the ends; bytes written to out are read from in */
	struct af_file *reader, *writer; /* files of in and of out, if made */
};

void rig_open(struct rig *rig, int way);
/* Makes only the loop, for ends that are made in another way. */
void rig_open_loop(struct rig *rig, enum driver driver);
void rig_close(struct rig *rig);

/* Makes the reading or the writing end a file, which then owns it. */
struct af_file *rig_reader(struct rig *rig);
struct af_file *rig_writer(struct rig *rig);

/* Closes the writing end, whether it is a file or not. */
void rig_hang_up(struct rig *rig);

/* Runs the rig's base once without waiting. */
void turn(struct rig *rig);

/*
 * Writes all of data in the background, and then closes the writing end if
 * then_hang_up. Makes that end a file if it is not one yet. data must stay.
 */
void feed(struct rig *rig, const void *data, size_t len, bool then_hang_up);

/* Drives the rig's loop until f is done; returns its error. Borrows f. */
int drive(struct rig *rig, struct af_future *f);

/*
 * These drive f until it is done, compare its outcome, and drop it. A failure
 * names the line of the test. expect_part() returns a count from 1 to all - 1.
 */
#define expect_error(rig, f, error)                                            \
	check_outcome(__FILE__, __LINE__, (rig), (f), (error), 0, 0)
#define expect_count(rig, f, count, flags)                                     \
	check_outcome(__FILE__, __LINE__, (rig), (f), 0, (count), (flags))
#define expect_part(rig, f, all, error, flags)                                 \
	check_part(__FILE__, __LINE__, (rig), (f), (all), (error), (flags))
#define expect_bytes(rig, f, data, len, flags)                                 \
	check_bytes(__FILE__, __LINE__, (rig), (f), (data), (len), (flags))
#define expect_text(rig, f, text, flags)                                       \
	expect_bytes(rig, f, text, sizeof(text) - 1, flags)
#define expect_data_pattern(rig, f, len, offset, flags)                        \
	check_pattern(__FILE__, __LINE__, (rig), (f), (len), (offset), (flags))

void check_outcome(const char *file, int line, struct rig *rig,
		   struct af_future *f, int error, size_t count,
		   unsigned flags);
size_t check_part(const char *file, int line, struct rig *rig,
		  struct af_future *f, size_t all, int error, unsigned flags);
void check_bytes(const char *file, int line, struct rig *rig,
		 struct af_future *f, const void *data, size_t len,
		 unsigned flags);
void check_pattern(const char *file, int line, struct rig *rig,
		   struct af_future *f, size_t len, size_t offset,
		   unsigned flags);

#endif
