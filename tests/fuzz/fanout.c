/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What fanout parses: its command line, numbers, an old job log, the files of
 * an array, the holes of a command. And what it prints: words for a shell, the
 * output of jobs for a terminal and in JSON.
 */
#include <errno.h>
#include <getopt.h>
#include <setjmp.h>

#include <event2/buffer.h>

#include "../../samples/common.h"
#include "../../samples/fanout/array.h"
#include "../../samples/fanout/filter.h"
#include "../../samples/fanout/halt.h"
#include "../../samples/fanout/joblog.h"
#include "../../samples/fanout/message.h"
#include "../../samples/fanout/number.h"
#include "../../samples/fanout/options.h"
#include "../../samples/fanout/plan.h"
#include "../../samples/fanout/step.h"
#include "../../samples/fanout/usage.h"
#include "../../samples/fanout/utf8.h"
#include "../../samples/fanout/words.h"
#include "fuzz/scratch.h"

#define MAX_WORDS 12

/* In place of those of common.c and message.c, which print. */
static unsigned complaints;
static jmp_buf helped;
const char usage_text[] = "", usage_version[] = "";

int usage_error(const char *reason)
{
	(void)reason;
	complaints++;
	return 2;
}

int print_help(const char *text)
{
	(void)text;
	/* The caller would exit. */
	longjmp(helped, 1);
}

void message_error(const char *subject, int error)
{
	must(subject && error);
	complaints++;
}

/* Splits the input at NULs. The caller frees the words. */
static size_t take_words(struct input *in, char *words[])
{
	size_t n = 0;

	while (n < MAX_WORDS && in->left > 0)
		words[n++] = take_string(in, 100);
	words[n] = NULL;
	return n;
}

static void parse_options(struct input *in)
{
	struct plan plan = { .jobs = 0 };
	char *words[MAX_WORDS + 2], *argv[MAX_WORDS + 2];
	size_t n = take_words(in, words + 1) + 1;
	int r = -1;

	words[0] = strdup("fanout");
	/* They are permuted and cut. */
	memcpy(argv, words, sizeof(argv));
	opterr = 0;
	optind = 0; /* anew, in glibc and musl */
	complaints = 0;
	if (setjmp(helped) == 0) {
		r = options_parse(&plan, (int)n, argv);
		must(r == 0 ? complaints == 0 : complaints == 1);
	}
	if (r == 0) {
		must(plan.jobs > 0 && plan.tries > 0 && plan.block > 0);
		must(plan.command && (*plan.command || plan.shell));
		must(plan.n_files <= n && plan.n_hosts <= n);
		must(plan.args || plan.n_files > 0);
		must(plan.grace.tv_sec >= 0 && plan.grace.tv_usec < 1000000);
	}
	options_free(&plan);
	for (size_t i = 0; i < n; i++)
		free(words[i]);
}

static void parse_numbers(struct input *in)
{
	char *text = take_string(in, 60), *copy = strdup(text);
	struct timeval time = { -1, -1 };
	struct halt_rule rule;
	size_t n, len;

	must(number_parse(text) <= 1000000);
	n = number_parse_size(text);
	must(n <= (size_t)1 << 40);
	if (number_parse_seconds(text, take_bool(in), &time))
		must(time.tv_sec >= 0 && time.tv_sec <= 1000000000 &&
		     time.tv_usec >= 0 && time.tv_usec < 1000000);
	else
		must(time.tv_sec == -1);
	if (halt_parse(text, &rule))
		must(rule.what == HALT_NEVER || rule.count > 0);
	len = text_unescape(copy);
	must(len <= strlen(text));
	if (!strchr(text, '\\'))
		must(len == strlen(text) && memcmp(copy, text, len) == 0);
	free(copy);
	setenv("SLURM_JOB_CPUS_PER_NODE", text, 1);
	step_processors();
	unsetenv("SLURM_JOB_CPUS_PER_NODE");
	free(text);
}

/* Takes the next word of a shell out of text, in place; NULL: the end. */
static char *unquote(char **text)
{
	char *to = *text, *word = to, *from = to;
	bool quoted = false;

	if (!*from)
		return NULL;
	for (; *from && (quoted || *from != ' '); from++) {
		if (*from == '\'')
			quoted = !quoted;
		else if (!quoted && *from == '\\')
			*to++ = *++from;
		else
			*to++ = *from;
	}
	must(!quoted);
	*text = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

static void quote(struct input *in)
{
	char *words[MAX_WORDS + 1], *text, *rest, *shown;
	size_t n = take_words(in, words);

	text = words_quote(words);
	must(text);
	rest = text;
	for (size_t i = 0; i < n; i++) {
		char *word = unquote(&rest);

		must(word && strcmp(word, words[i]) == 0);
	}
	must(!*rest);
	shown = words_show(words);
	must(shown);
	for (const char *c = shown; *c; c++)
		must((unsigned char)*c >= ' ' && *c != '\177');
	free(shown);
	free(text);
	while (n > 0)
		free(words[--n]);
}

static void fill(struct input *in)
{
	char *words[MAX_WORDS + 1], **filled, **script, **split;
	char *item = take_string(in, 60), *copy;
	const struct filling filling = { item, take_byte(in), take_byte(in) };
	bool append = take_bool(in), hole;
	size_t n = take_words(in, words);

	hole = words_have_hole(words);
	filled = words_fill(words, &filling, append);
	must(filled && words_count(filled) == n + append);
	for (size_t i = 0; !hole && i < n; i++)
		must(strcmp(filled[i], words[i]) == 0);
	must(!append || strcmp(filled[n], item) == 0);
	script = words_fill_script(words, &filling, append);
	must(script && words_count(script) == 3);
	words_free(script);
	words_free(filled);
	copy = strdup(item);
	split = words_split(copy, 2);
	must(split);
	for (size_t i = 0; split[i]; i++)
		must(*split[i] && !strpbrk(split[i], WORDS_BLANKS));
	free(split);
	free(copy);
	free(item);
	while (n > 0)
		free(words[--n]);
}

/* No control character; of JSON, nothing that ends the string. */
static void check_filtered(const struct filter *filter, const char *data,
			   size_t len)
{
	uint32_t c;

	for (size_t i = 0; i < len;) {
		int n = utf8_next((const unsigned char *)data + i, len - i, &c);

		must(n > 0);
		if (filter->json && c == '"')
			must(i > 0 && data[i - 1] == '\\');
		must((c >= ' ' && c != 0x7f) ||
		     (!filter->json && (c == '\n' || c == '\t')) ||
		     (c == '\033' && filter->colour));
		must(filter->json || c < 0x80 || c >= 0xa0);
		i += (size_t)n;
	}
}

/* The same, in whichever pieces the output comes. */
static void pass(struct input *in)
{
	unsigned flags = take_byte(in), step = 1 + take_byte(in);
	char *tag = take_string(in, 20);
	struct filter whole = { .visible = !(flags & 1),
				.json = flags & 1,
				.tag = flags & 2 ? tag : NULL,
				.colour = flags & 4 };
	struct filter parts = whole;
	struct evbuffer *a = evbuffer_new(), *b = evbuffer_new();
	size_t len, n;
	const char *data = (const char *)take_bytes(in, 4096, &len);
	char *text;

	/* JSON has no tags. */
	if (flags & 1)
		whole.tag = parts.tag = NULL;
	filter_add(&whole, data, len, a);
	filter_end(&whole, a);
	for (size_t i = 0; i < len; i += n) {
		n = len - i < step ? len - i : step;
		filter_add(&parts, data + i, n, b);
	}
	filter_end(&parts, b);
	len = evbuffer_get_length(a);
	must(evbuffer_get_length(b) == len);
	text = (char *)evbuffer_pullup(a, -1);
	must(len == 0 || memcmp(text, evbuffer_pullup(b, -1), len) == 0);
	check_filtered(&whole, text, len);
	evbuffer_free(a);
	evbuffer_free(b);
	free(tag);
}

/* An old log, in which a run that was killed has left anything. */
static void read_log(struct input *in)
{
	static const char path[] = "log";
	struct joblog *log;
	size_t size, number = take_byte(in);

	scratch_file(path, in, &size);
	log = joblog_open(loop, path, true);
	must(log);
	must(!joblog_has(log, number, true) || joblog_has(log, number, false));
	must(!joblog_has(NULL, number, false));
	joblog_close(log);
	/* It ends with a line. */
	scratch_check_last(path, '\n');
}

static void read_array(struct input *in)
{
	struct input begun = *in;
	struct array_end end;
	size_t size = in->left / 2;
	int r;

	begun.left = size;
	in->data += size;
	in->left -= size;
	scratch_file("1.begin", &begun, &size);
	scratch_file("1.end", in, &size);
	r = array_read_end(".", 1, &end);
	must(r >= -1 && r <= 1);
	if (r >= 0)
		must(memchr(end.place, '\0', sizeof(end.place)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(struct input *) = {
		parse_options, parse_numbers, quote,	  fill,
		pass,	       read_log,      read_array,
	};
	struct input in = { data, size };

	need_loop();
	need_scratch();
	unsetenv("SLURM_JOB_ID");
	parsers[take_below(&in, sizeof(parsers) / sizeof(*parsers))](&in);
	return 0;
}
