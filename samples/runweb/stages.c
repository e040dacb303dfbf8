/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>

#include <asyncfile.h>

#include "json.h"
#include "stages.h"

void stages_status_text(char *text, size_t size, int status)
{
	if (status < 0)
		snprintf(text, size, "status unknown");
	else if (WIFSIGNALED(status))
		snprintf(text, size, "killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, size, "exit status %d", WEXITSTATUS(status));
}

/* Reads a file of /proc about a process, as text. Returns 0 or -1. */
static int stages_read_proc(char *text, size_t size, pid_t pid,
			    const char *name)
{
	char path[64];
	size_t len;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%jd/%s", (intmax_t)pid, name);
	in = fopen(path, "re");
	if (!in)
		return -1;
	len = fread(text, 1, size - 1, in);
	fclose(in);
	text[len] = '\0';
	return len > 0 ? 0 : -1;
}

/* The number after a label. */
static int stages_find(const char *text, const char *label, uint64_t *ret)
{
	const char *at = strstr(text, label);

	return at && sscanf(at + strlen(label), "%" SCNu64, ret) == 1 ? 0 : -1;
}

/* See proc(5): the name ends in the last ')'; the times are fields 14 and 15. */
static int stages_cpu(const char *stat, double *ret)
{
	const char *at = strrchr(stat, ')');
	uint64_t user, system;

	if (!at ||
	    sscanf(at + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64
		   " %" SCNu64,
		   &user, &system) != 2)
		return -1;
	*ret = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	return 0;
}

static int stages_running(struct evbuffer *to, pid_t pid)
{
	uint64_t memory, written;
	char text[4096];
	double cpu;
	int r = evbuffer_add_printf(to, "\"status\":null,\"cpu\":");

	if (r >= 0 && stages_read_proc(text, sizeof(text), pid, "stat") == 0 &&
	    stages_cpu(text, &cpu) == 0)
		r = evbuffer_add_printf(to, "%.2f", cpu);
	else if (r >= 0)
		r = evbuffer_add_printf(to, "null");
	if (r >= 0 &&
	    stages_read_proc(text, sizeof(text), pid, "status") == 0 &&
	    stages_find(text, "VmRSS:", &memory) == 0)
		r = evbuffer_add_printf(to, ",\"memory\":%" PRIu64, memory);
	else if (r >= 0)
		r = evbuffer_add_printf(to, ",\"memory\":null");
	if (r >= 0 && stages_read_proc(text, sizeof(text), pid, "io") == 0 &&
	    stages_find(text, "wchar:", &written) == 0)
		r = evbuffer_add_printf(to, ",\"written\":%" PRIu64, written);
	else if (r >= 0)
		r = evbuffer_add_printf(to, ",\"written\":null");
	return r;
}

static int stages_ended(struct evbuffer *to, const struct af_process *process,
			int status)
{
	struct rusage usage;
	char text[128];
	double cpu;
	int r;

	stages_status_text(text, sizeof(text), status);
	r = evbuffer_add_printf(to, "\"status\":");
	if (r >= 0)
		r = json_string(to, text, strlen(text));
	if (r < 0 || af_process_usage(process, &usage) < 0)
		return r < 0 ? r
			     : evbuffer_add_printf(to, ",\"cpu\":null,"
						       "\"memory\":null,"
						       "\"written\":null");
	cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	return evbuffer_add_printf(to,
				   ",\"cpu\":%.2f,\"memory\":%ld,"
				   "\"written\":null",
				   cpu, usage.ru_maxrss);
}

int stages_json(struct evbuffer *to, struct af_pipe *pipe)
{
	size_t i, n = af_pipe_stages(pipe);
	const struct af_process *process;
	int status, r = evbuffer_add(to, "[", 1);
	bool ended;

	for (i = 0; i < n && r >= 0; i++) {
		process = af_pipe_process(pipe, i);
		ended = af_process_poll(af_pipe_process(pipe, i), &status);
		r = evbuffer_add_printf(to, "%s{\"pid\":%jd,", i ? "," : "",
					(intmax_t)af_process_pid(process));
		if (r >= 0)
			r = ended ? stages_ended(to, process, status)
				  : stages_running(to, af_process_pid(process));
		if (r >= 0)
			r = evbuffer_add(to, "}", 1);
	}
	return r >= 0 ? evbuffer_add(to, "]", 1) : r;
}
