/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sandbox: from here on, some system calls of this process and its children
 * fail. It cannot be undone, so a test that uses it is a process of its own.
 */
#ifndef TESTS_DENIED_H
#define TESTS_DENIED_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Where the headers are older. */
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

/* A system call, if an argument of it has a value, or whatever it has. */
struct denied {
	const char *name;
	long nr;
	int arg; /* 1 for the first; 0: whatever they are */
	uint32_t mask, value;
};

#define DENIED_MAX 24

/* The offset of the low half of an argument. */
static inline uint32_t denied_low(int arg)
{
	uint32_t at = (uint32_t)offsetof(struct seccomp_data, args) +
		      8 * (uint32_t)(arg - 1);

	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? at + 4 : at;
}

static inline size_t denied_compile(struct sock_filter *code,
				    const struct denied *call, int error)
{
	uint8_t rest = call->arg ? 4 : 1;
	size_t n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						 (uint32_t)call->nr, 0, rest);
	if (call->arg) {
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS, denied_low(call->arg));
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_ALU | BPF_AND | BPF_K, call->mask);
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, call->value, 0, 1);
	}
	code[n++] = (struct sock_filter)BPF_STMT(
		BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error);
	return n;
}

/* False, and a word on stderr: there are no filters here. */
static inline bool deny(const struct denied *calls, size_t n, int error)
{
	struct sock_filter code[6 * DENIED_MAX + 1];
	struct sock_fprog program = { .filter = code };
	size_t len = 0;

	for (size_t i = 0; i < n && i < DENIED_MAX; i++)
		len += denied_compile(code + len, &calls[i], error);
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						   SECCOMP_RET_ALLOW);
	program.len = (unsigned short)len;
	/* Root needs no promise; what it starts may then change its user. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0 ||
	    (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	     prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0))
		return true;
	fprintf(stderr, "skipped: no seccomp: %s\n", strerror(errno));
	return false;
}

/* Which argument of clone(2) the flags are. */
#ifdef __s390__
#define DENIED_CLONE_FLAGS 2
#else
#define DENIED_CLONE_FLAGS 1
#endif

/* What the library uses to have pidfds. */
#define DENIED_PIDFDS                                                          \
	{ "pidfd_open", SYS_pidfd_open, 0, 0, 0 },                             \
	{                                                                      \
		"CLONE_PIDFD", SYS_clone, DENIED_CLONE_FLAGS, 0x1000, 0x1000   \
	}
/* By which the kernel tells of a child that somebody else has reaped. */
#define DENIED_FACTS                                                           \
	{                                                                      \
		"PIDFD_GET_INFO", SYS_ioctl, 2, 0xffff, 0xff0b                 \
	}

#endif
