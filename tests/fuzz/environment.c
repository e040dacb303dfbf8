/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes to an environment: the same as if each was made in turn. The function
 * of the library is called itself; for a few inputs, a child says what it got.
 */
#include <errno.h>

#include "fuzz/loop.h"
#include "process/environ.h"

#define MAX_TEXTS 60
#define MAX_LEN 40

struct texts {
	char *list[2 * MAX_TEXTS + 1];
	size_t n;
};

static void take_texts(struct input *in, struct texts *texts)
{
	size_t n = take_below(in, MAX_TEXTS + 1);

	for (texts->n = 0; texts->n < n && in->left > 0; texts->n++)
		texts->list[texts->n] = take_string(in, MAX_LEN);
	texts->list[texts->n] = NULL;
}

static void clear(struct texts *texts)
{
	while (texts->n > 0)
		free(texts->list[--texts->n]);
}

static bool has_name(const char *variable, const char *name, size_t len)
{
	return strncmp(variable, name, len) == 0 && variable[len] == '=';
}

/* One change after the other; false if one has no name. */
static bool apply(struct texts *result, const struct texts *env,
		  const struct texts *edits)
{
	*result = *env;
	for (size_t i = 0; i < edits->n; i++) {
		char *edit = edits->list[i];
		size_t len = strcspn(edit, "="), kept = 0;

		if (len == 0)
			return false;
		for (size_t k = 0; k < result->n; k++)
			if (!has_name(result->list[k], edit, len))
				result->list[kept++] = result->list[k];
		if (edit[len])
			result->list[kept++] = edit;
		result->n = kept;
	}
	result->list[result->n] = NULL;
	return true;
}

/* env(1) prints what it has got. Without "=", the C library may drop it. */
static inline void ask_child(const struct texts *env, const struct texts *edits,
			     const struct texts *expected, bool valid)
{
	static const char *const argv[] = { "/usr/bin/env", "-0", NULL };
	const struct af_run_options options = {
		.spawn.env = (const char *const *)env->list,
		.spawn.env_edits = (const char *const *)edits->list,
	};
	struct af_future *f = af_run(loop, argv, &options);
	int r = await_soon(f);
	const struct af_output *output = af_future_output(f);
	const char *said;

	must(r == (valid ? 0 : -EINVAL));
	if (valid) {
		must(output && output->status == 0);
		said = output->out;
		for (size_t i = 0; i < expected->n; i++) {
			must(strcmp(said, expected->list[i]) == 0);
			said += strlen(said) + 1;
		}
		must(said == output->out + output->out_len);
	}
	af_future_unref(f);
}

/* A child takes a hundred times as long, so few inputs have one. */
static inline bool is_asked(const uint8_t *data, size_t size)
{
	uint32_t sum = 1;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ data[i]) * 16777619u;
	return sum % 512 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct texts env, edits, expected;
	const char **result = NULL;
	bool valid;
	int r;

	need_loop();
	take_texts(&in, &env);
	take_texts(&in, &edits);
	valid = apply(&expected, &env, &edits);
	r = afi_environ_edit((const char *const *)env.list,
			     (const char *const *)edits.list, &result);
	must(r == (valid ? 0 : -EINVAL) && !result == !valid);
	for (size_t i = 0; valid && i <= expected.n; i++)
		must(result[i] == expected.list[i]);
	free(result);
#ifdef __linux__
	if (is_asked(data, size))
		ask_child(&env, &edits, &expected, valid);
#endif
	clear(&env);
	clear(&edits);
	return 0;
}
