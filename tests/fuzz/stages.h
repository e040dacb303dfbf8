/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages of a pipeline, each a mode of the helper, and what is known of them
 * without running any: what they make of their input, and how they may end.
 */
#ifndef TESTS_FUZZ_STAGES_H
#define TESTS_FUZZ_STAGES_H

#include "fuzz/children.h"
#include "support/pattern.h"

#define MAX_STAGES 5
#define LARGEST (1 << 18) /* bytes that pass between two stages */

enum kind { CAT, HEAD, SLURP, WRITE, SINK, EXIT, TAG, KINDS };

/* A stage, and what is known of it without having run it. */
struct stage {
	enum kind kind;
	unsigned n; /* its argument */
	char number[12];
	const char *argv[4];
	struct af_stage given;
	int code;	/* that it exits with */
	bool may_break; /* SIGPIPE: its reader may leave before */
};

static struct stage stages[MAX_STAGES];
static unsigned n_stages;
static struct input *program;
static struct af_spawn_options ends;
static char *input, *output; /* what goes in, and must come out */
static size_t input_len, output_len;
static bool takes_all; /* no byte of the input is left by the first stage */

/* Enough that the pipes between the stages are full. */
static inline size_t take_len(void)
{
	unsigned n = take_byte(program);

	return n < 128 ? n : n < 240 ? n * 40u : n * 1000u;
}

static inline void take_stage(struct stage *s, unsigned i)
{
	static const char *const modes[] = { "cat",  "head", "slurp", "write",
					     "sink", "exit", "tag" };

	memset(s, 0, sizeof(*s));
	s->kind = (enum kind)take_below(program, KINDS);
	s->n = s->kind == EXIT ? take_below(program, 3)
	       : s->kind == HEAD || s->kind == WRITE || s->kind == SINK
		       ? (unsigned)take_len()
		       : i; /* what a tag says */
	snprintf(s->number, sizeof(s->number), "%u", s->n);
	s->argv[0] = helper_path();
	s->argv[1] = modes[s->kind];
	s->argv[2] = s->number;
	s->given.argv = s->argv;
}

/*
 * What a stage makes of len bytes at buf, in place. ret_all: it reads all of
 * them, so that no byte is written to it in vain.
 */
static inline size_t pass(struct stage *s, char *buf, size_t len, bool *ret_all)
{
	size_t n = strlen(s->number) + 1;

	*ret_all = s->kind == CAT || s->kind == SLURP || s->kind == TAG ||
		   (s->kind <= SINK && s->kind != WRITE && len < s->n);
	switch (s->kind) {
	case HEAD:
		return len < s->n ? len : s->n;
	case WRITE:
		pattern_fill(buf, s->n, 0);
		return s->n;
	case SINK:
		s->code = len < s->n;
		return 0;
	case EXIT:
		s->code = (int)s->n;
		return 0;
	case TAG:
		if (ends.err.kind != AFIO_STDOUT)
			return len;
		memmove(buf + n, buf, len);
		memcpy(buf, s->number, n - 1);
		buf[n - 1] = '\n';
		return len + n;
	default:
		return len;
	}
}

/* From the first stage to the last: what comes out, and how each may end. */
static inline void work_out(void)
{
	bool all, leaves;

	memcpy(output, input, input_len);
	output_len = input_len;
	for (unsigned i = 0; i < n_stages; i++) {
		output_len = pass(&stages[i], output, output_len, &all);
		must(output_len <= LARGEST);
		if (i == 0)
			takes_all = all;
		else
			stages[i - 1].may_break = !all;
	}
	/* Who cannot write any more, and has not read all yet, leaves, too. */
	for (unsigned i = n_stages; i-- > 0;) {
		struct stage *s = &stages[i];

		s->may_break &= s->kind != SINK && s->kind != EXIT;
		leaves = s->may_break && s->kind != SLURP;
		if (leaves && i > 0)
			stages[i - 1].may_break = true;
		else if (leaves)
			takes_all = false;
	}
}

/* As each stage has ended; the rightmost one that failed counts. */
static inline void check_ends(struct af_pipe *pipeline, int status, bool killed)
{
	int expected = 0, polled = -2;

	must(af_pipe_stages(pipeline) == n_stages);
	for (unsigned i = 0; i < n_stages; i++) {
		int r = af_pipe_status(pipeline, i);
		bool broken = WIFSIGNALED(r) && WTERMSIG(r) == SIGPIPE;

		must(r == stages[i].code << 8 ||
		     (broken && stages[i].may_break) ||
		     (killed && WIFSIGNALED(r)));
		if (r != 0 && !(broken && i + 1 < n_stages))
			expected = r;
	}
	must(status == expected);
	must(af_pipe_poll(pipeline, &polled) && polled == expected);
}

#endif
