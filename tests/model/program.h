/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A random program as data: instructions that are generated from a seed, and
 * written and read as text. An instruction belongs to a body; body 0 is run
 * first, the others by continuations and callbacks. Operands count modulo what
 * there is when they are used, so any part of a program is a program, too.
 */
#ifndef TESTS_MODEL_PROGRAM_H
#define TESTS_MODEL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum operation {
	OP_OPEN,
	OP_CLOSE,
	OP_ATTACH,
	OP_LIMIT,
	OP_SHUTDOWN,
	OP_FINISH,
	OP_READ,
	OP_LINE,
	OP_UNTIL,
	OP_PEEK,
	OP_UNREAD,
	OP_EACH,
	OP_WRITE,
	OP_EMPTY,
	OP_COPY,
	OP_COPY_BOTH,
	OP_SEEK,
	OP_READ_AT,
	OP_WRITE_AT,
	OP_HERE,
	OP_SYNC,
	OP_HANGUP,
	OP_IDLE,
	OP_WORK,
	OP_WAIT,
	OP_KICK,
	OP_SLEEP,
	OP_MAKER,
	OP_GIVE,
	OP_CHAIN,
	OP_GROUP,
	OP_TIMED,
	OP_SHIELD,
	OP_MAP,
	OP_CANCEL,
	OP_DROP,
	OP_FORGET,
	OP_WATCH,
	OP_AWAIT,
	OP_POST,
	OP_RAW,
	OP_RUN,
	OP_TURN,
	OP_FREE,
	OP_FAULT, /* never generated: for the test of the shrinker */
	OP_COUNT
};

#define MAX_OPERANDS 5
#define MAX_BODIES 8

struct instruction {
	uint8_t op, body;
	uint32_t arg[MAX_OPERANDS];
};

struct program {
	uint64_t seed; /* 0: it was not generated */
	struct instruction *list;
	size_t n;
};

void program_generate(struct program *program, uint64_t seed);
void program_copy(struct program *to, const struct program *from);
void program_free(struct program *program);

/* One instruction after the other, with the separator between them. */
void program_print(const struct program *program, FILE *out,
		   const char *separator);
/* Reads what program_print() writes. Returns 0 or -EINVAL. */
int program_parse(struct program *program, const char *text);

/* How many operands the instruction has. */
unsigned program_operands(const struct instruction *instruction);

#endif
