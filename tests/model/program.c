/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs: which instructions there are, how often each is generated, and
 * their text. What they do is in the act_*.c files.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/program.h"

enum type { NONE, FILES, FUTURES, CHOICE, SIZES, RARELY, TIMES, BODIES };

struct operand {
	const char *label;
	enum type type;
	unsigned choices; /* CHOICE: how many */
};

#define FILE_AT                                                                \
	{                                                                      \
		"file", FILES, 0                                               \
	}
#define FUTURE_AT                                                              \
	{                                                                      \
		"future", FUTURES, 0                                           \
	}
#define SIZE                                                                   \
	{                                                                      \
		"size", SIZES, 0                                               \
	}
#define PLACE                                                                  \
	{                                                                      \
		"place", CHOICE, 8                                             \
	}
#define TIME                                                                   \
	{                                                                      \
		"time", TIMES, 0                                               \
	}
#define BODY                                                                   \
	{                                                                      \
		"body", BODIES, 0                                              \
	}

static const struct {
	const char *name;
	unsigned weight;
	struct operand operands[MAX_OPERANDS];
} table[OP_COUNT] = {
	[OP_OPEN] = { "open",
		      3,
		      { FILE_AT,
			{ "kind", CHOICE, 64 },
			{ "flags", CHOICE, 8 },
			{ "ahead", RARELY, 0 } } },
	[OP_CLOSE] = { "close", 2, { FILE_AT, { "end", CHOICE, 2 } } },
	[OP_ATTACH] = { "attach", 3, { FILE_AT, { "end", CHOICE, 2 } } },
	[OP_LIMIT] = { "limit", 1, { FILE_AT, SIZE } },
	[OP_SHUTDOWN] = { "shutdown", 2, { FILE_AT } },
	[OP_FINISH] = { "finish", 2, { FILE_AT, { "end", CHOICE, 2 }, TIME } },
	[OP_READ] = { "read",
		      24,
		      { FILE_AT, SIZE, { "full", CHOICE, 2 }, TIME } },
	[OP_LINE] = { "readline",
		      12,
		      { FILE_AT, SIZE, { "full", CHOICE, 2 }, TIME } },
	[OP_UNTIL] = { "read_until",
		       8,
		       { FILE_AT,
			 SIZE,
			 { "full", CHOICE, 2 },
			 TIME,
			 { "texts", CHOICE, 3 } } },
	[OP_PEEK] = { "peek", 6, { FILE_AT, SIZE, TIME } },
	[OP_UNREAD] = { "unread", 6, { FILE_AT, SIZE } },
	[OP_EACH] = { "each",
		      6,
		      { FILE_AT,
			{ "how", CHOICE, 4 },
			BODY,
			{ "calls", CHOICE, 8 },
			{ "end", CHOICE, 3 } } },
	[OP_WRITE] = { "write",
		       44,
		       { FILE_AT,
			 SIZE,
			 { "how", CHOICE, 3 },
			 { "full", CHOICE, 2 },
			 TIME } },
	[OP_EMPTY] = { "empty", 6, { FILE_AT } },
	[OP_COPY] = { "copy",
		      8,
		      { { "from", FILES, 0 },
			{ "to", FILES, 0 },
			SIZE,
			TIME } },
	[OP_COPY_BOTH] = { "copy_both", 4, { FILE_AT, TIME } },
	[OP_SEEK] = { "seek",
		      8,
		      { FILE_AT,
			{ "end", CHOICE, 4 },
			{ "whence", CHOICE, 3 },
			SIZE,
			{ "back", CHOICE, 2 } } },
	[OP_READ_AT] = { "read_at",
			 5,
			 { PLACE, SIZE, { "full", CHOICE, 2 }, TIME } },
	[OP_WRITE_AT] = { "write_at",
			  5,
			  { PLACE,
			    SIZE,
			    { "full", CHOICE, 2 },
			    { "borrow", CHOICE, 2 },
			    TIME } },
	[OP_HERE] = { "here",
		      8,
		      { { "how", CHOICE, 10 },
			PLACE,
			SIZE,
			{ "full", CHOICE, 2 },
			TIME } },
	[OP_SYNC] = { "sync", 1, { TIME } },
	[OP_HANGUP] = { "hangup", 6, { FILE_AT, { "end", CHOICE, 2 } } },
	[OP_IDLE] = { "idle", 6, { FILE_AT, { "end", CHOICE, 2 }, TIME } },
	[OP_WORK] = { "work", 4, { { "long", CHOICE, 8 } } },
	[OP_WAIT] = { "wait", 4, { { "write", CHOICE, 2 }, TIME } },
	[OP_KICK] = { "kick", 4, { { "drain", CHOICE, 2 } } },
	[OP_SLEEP] = { "sleep", 8, { TIME } },
	[OP_MAKER] = { "maker", 10, { { "cancel", CHOICE, 4 } } },
	[OP_GIVE] = { "give", 14, { FUTURE_AT, { "error", CHOICE, 2 } } },
	[OP_CHAIN] = { "chain",
		       30,
		       { FUTURE_AT,
			 { "on", CHOICE, 3 },
			 BODY,
			 { "return", CHOICE, 6 } } },
	[OP_GROUP] = { "group",
		       14,
		       { FUTURE_AT,
			 { "kind", CHOICE, 4 },
			 { "parts", CHOICE, 4 },
			 { "apart", CHOICE, 4 } } },
	[OP_TIMED] = { "timed", 6, { FUTURE_AT, TIME } },
	[OP_SHIELD] = { "shield", 8, { FUTURE_AT } },
	[OP_MAP] = { "map",
		     5,
		     { BODY,
		       { "calls", CHOICE, 5 },
		       { "pending", CHOICE, 3 },
		       { "settle", CHOICE, 2 } } },
	[OP_CANCEL] = { "cancel", 12, { FUTURE_AT } },
	[OP_FORGET] = { "forget", 4, { FUTURE_AT } },
	[OP_DROP] = { "drop", 8, { FUTURE_AT } },
	[OP_WATCH] = { "watch", 6, { FUTURE_AT } },
	[OP_AWAIT] = { "await", 16, { FUTURE_AT, TIME } },
	[OP_POST] = { "post", 5, { BODY } },
	[OP_RAW] = { "raw", 8, { BODY } },
	[OP_RUN] = { "run", 10, { TIME } },
	[OP_TURN] = { "turn", 16, { { "times", CHOICE, 3 } } },
	[OP_FREE] = { "free", 1, { { "own", CHOICE, 2 } } },
	[OP_FAULT] = { "fault",
		       0,
		       { { "kind", CHOICE, 4 }, { "alone", CHOICE, 2 } } },
};

unsigned program_operands(const struct instruction *instruction)
{
	unsigned n = 0;

	while (n < MAX_OPERANDS &&
	       table[instruction->op].operands[n].type != NONE)
		n++;
	return n;
}

static unsigned below(uint64_t *state, unsigned n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned)((*state >> 20) % n);
}

/* From nothing to beyond every buffer; most are small. */
static uint32_t some_size(uint64_t *state)
{
	static const uint32_t edges[] = { 0,	  1,	  2,	 4095,	4096,
					  4097,	  16384,  65535, 65536, 65537,
					  131072, 262144, 300000 };

	switch (below(state, 64)) {
	case 0:
		return edges[below(state, sizeof edges / sizeof *edges)];
	case 1:
		return below(state, 200000);
	case 2:
	case 3:
	case 4:
	case 5:
		return below(state, 5000);
	case 6:
	case 7:
	case 8:
		return below(state, 3);
	default:
		return 1 + below(state, 100);
	}
}

/* 0: none; otherwise one microsecond more than the time. */
static uint32_t some_time(uint64_t *state)
{
	switch (below(state, 16)) {
	case 0:
		return 1 + 100 * (1 + below(state, 20));
	case 1:
	case 2:
		return 2 + below(state, 50);
	case 3:
	case 4:
	case 5:
	case 6:
		return 1;
	default:
		return 0;
	}
}

static uint32_t some_operand(const struct operand *operand, uint64_t *state)
{
	uint32_t n = 0;

	switch (operand->type) {
	case FILES: /* now and then one that goes both ways */
		return below(state, 4) + (below(state, 8) ? 0 : 4);
	case FUTURES: /* mostly one of the last */
		while (n < 31 && below(state, 3) > 0)
			n++;
		return n;
	case CHOICE:
		return below(state, operand->choices);
	case SIZES:
		return some_size(state);
	case RARELY: /* a size, where none is the default */
		return below(state, 4) ? 0 : some_size(state);
	case TIMES:
		return some_time(state);
	case BODIES:
		return 1 + below(state, MAX_BODIES - 1);
	default:
		return 0;
	}
}

static uint8_t some_op(uint64_t *state)
{
	unsigned sum = 0, n;
	uint8_t op = 0;

	for (unsigned i = 0; i < OP_COUNT; i++)
		sum += table[i].weight;
	n = below(state, sum);
	while (n >= table[op].weight)
		n -= table[op++].weight;
	return op;
}

void program_generate(struct program *program, uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
	unsigned inner = 20 + below(&state, 30);

	program->seed = seed;
	program->n = inner + 20 + below(&state, 300);
	program->list = calloc(program->n, sizeof *program->list);
	for (size_t i = 0; i < program->n; i++) {
		struct instruction *in = &program->list[i];

		/* There are files from the beginning. */
		in->op = i < 3 ? OP_OPEN : some_op(&state);
		if (i >= program->n - inner)
			in->body = (uint8_t)(1 + below(&state, MAX_BODIES - 1));
		for (unsigned k = 0; k < program_operands(in); k++)
			in->arg[k] = some_operand(&table[in->op].operands[k],
						  &state);
		if (i < 3)
			in->arg[0] = (uint32_t)i;
	}
}

void program_copy(struct program *to, const struct program *from)
{
	*to = *from;
	to->list = calloc(from->n + 1, sizeof *to->list);
	if (from->n > 0)
		memcpy(to->list, from->list, from->n * sizeof *to->list);
}

void program_free(struct program *program)
{
	free(program->list);
	program->list = NULL;
	program->n = 0;
}

void program_print(const struct program *program, FILE *out,
		   const char *separator)
{
	for (size_t i = 0; i < program->n; i++) {
		const struct instruction *in = &program->list[i];

		fprintf(out, "%s", i > 0 ? separator : "");
		if (in->body)
			fprintf(out, "%u: ", in->body);
		fprintf(out, "%s", table[in->op].name);
		for (unsigned k = 0; k < program_operands(in); k++)
			fprintf(out, " %s=%u", table[in->op].operands[k].label,
				(unsigned)in->arg[k]);
	}
}

/* The operands of one instruction, in their order. */
static const char *parse_operands(struct instruction *in, const char *text)
{
	for (unsigned k = 0; k < program_operands(in); k++) {
		const char *label = table[in->op].operands[k].label;
		size_t len = strlen(label);
		char *end;

		text += strspn(text, " ");
		if (strncmp(text, label, len) != 0 || text[len] != '=')
			return NULL;
		text += len + 1;
		in->arg[k] = (uint32_t)strtoul(text, &end, 10);
		if (end == text)
			return NULL;
		text = end;
	}
	return text;
}

static const char *parse_one(struct instruction *in, const char *text)
{
	size_t len;
	char *end;

	*in = (struct instruction){ .op = OP_COUNT };
	if (isdigit((unsigned char)*text)) {
		in->body = (uint8_t)(strtoul(text, &end, 10) % MAX_BODIES);
		text = end + (*end == ':');
		text += strspn(text, " ");
	}
	len = strcspn(text, " ;\n");
	for (uint8_t op = 0; op < OP_COUNT; op++)
		if (strlen(table[op].name) == len &&
		    strncmp(table[op].name, text, len) == 0)
			in->op = op;
	return in->op < OP_COUNT ? parse_operands(in, text + len) : NULL;
}

int program_parse(struct program *program, const char *text)
{
	*program = (struct program){ 0 };
	for (;;) {
		text += strspn(text, " ;\n");
		if (*text == '\0')
			return 0;
		program->list =
			realloc(program->list,
				(program->n + 1) * sizeof *program->list);
		text = parse_one(&program->list[program->n++], text);
		if (!text || !strchr(" ;\n", *text)) {
			program_free(program);
			return -EINVAL;
		}
	}
}
