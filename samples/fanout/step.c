/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A step. srun(1) tells nobody the identifier of the step that it makes, so a
 * shell in the step prints it before it becomes the command. srun exits with 0
 * if the node fails, and says so on stderr only.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <asyncfile.h>

#include "step.h"
#include "stream.h"
#include "words.h"

#define MARK "\001fanout-step "
#define MARK_END "\001\n"
/* The messages of srun before the step begins are shorter. */
#define MAX_LINE ((size_t)64 * 1024)

static char script[] = "printf '\\001fanout-step %s.%s@%s\\001\\n' "
		       "\"$SLURM_JOB_ID\" \"$SLURM_STEP_ID\" "
		       "\"$SLURMD_NODENAME\" >&2; exec \"$@\"";

bool step_is_possible(void)
{
	return getenv("SLURM_JOB_ID") != NULL;
}

/* The variable is like "2(x3),4": three nodes with 2, and one with 4. */
size_t step_processors(void)
{
	const char *text = getenv("SLURM_JOB_CPUS_PER_NODE");
	size_t sum = 0, n, times;
	char *end;

	for (; text && *text >= '0' && *text <= '9'; text = end + 1) {
		n = strtoul(text, &end, 10);
		times = 1;
		if (strncmp(end, "(x", 2) == 0) {
			times = strtoul(end + 2, &end, 10);
			end += *end == ')';
		}
		sum += n * times;
		if (*end != ',')
			break;
	}
	return sum;
}

char **step_command(char *const options[], char *const words[])
{
	static char srun[] = "srun", quiet[] = "--quiet", exact[] = "--exact",
		    one[] = "--ntasks=1", sh[] = "sh", c[] = "-c";
	char *const first[] = { srun, quiet, exact, one };
	char *const last[] = { sh, c, script, sh };
	size_t n_options = words_count(options), n_words = words_count(words);
	char **argv = calloc(4 + n_options + 4 + n_words + 1, sizeof(*argv));

	if (!argv)
		return NULL;
	memcpy(argv, first, sizeof(first));
	memcpy(argv + 4, options, n_options * sizeof(*argv));
	memcpy(argv + 4 + n_options, last, sizeof(last));
	memcpy(argv + 8 + n_options, words, n_words * sizeof(*argv));
	return argv;
}

/* The identifier */

struct reading {
	struct af_file *from;
	char **ret_name;
};

/* What srun has said before stays in the file. */
static struct af_future *take_name(struct af_future *line, void *arg)
{
	struct reading *reading = arg;
	size_t len = 0;
	const char *data = af_future_data(line, &len);
	const char *mark = data ? memmem(data, len, MARK, strlen(MARK)) : NULL;
	const char *name = mark ? mark + strlen(MARK) : NULL;

	if (mark && len > strlen(MARK_END) &&
	    memcmp(data + len - strlen(MARK_END), MARK_END, strlen(MARK_END)) ==
		    0) {
		*reading->ret_name = strndup(name, (size_t)(data + len - name) -
							   strlen(MARK_END));
		len = (size_t)(mark - data);
	}
	if (data && len > 0)
		af_file_unread(reading->from, data, len);
	free(reading);
	return NULL;
}

struct af_future *step_read(struct af_file *err, char **ret_name)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return af_failed(af_file_loop(err), -ENOMEM);
	*reading = (struct reading){ err, ret_name };
	return af_finally(af_file_read_until(err, MARK_END, strlen(MARK_END),
					     MAX_LINE, 0, NULL),
			  take_name, reading);
}

struct af_future *step_signal(struct af_loop *loop, const char *name,
			      const char *signal)
{
	static const struct timeval limit = { .tv_sec = 10 };
	static const struct af_run_options options = {
		.communicate.timeout = &limit,
	};
	char *step = strndup(name, strcspn(name, "@"));
	const char *const argv[] = { "scancel", "--quiet", "--signal",
				     signal,	step,	   NULL };
	struct af_future *f;

	if (!step)
		return af_failed(loop, -ENOMEM);
	f = af_run(loop, argv, &options);
	free(step);
	return f;
}

bool step_node_failed(const struct stream *err)
{
	static const char *const signs[] = { "srun: error: Node failure on ",
					     "DUE TO NODE FAILURE" };
	size_t len = 0, i;
	const char *data = af_future_data(err->head, &len);

	for (i = 0; data && i < 2; i++)
		if (memmem(data, len, signs[i], strlen(signs[i])))
			return true;
	return false;
}
