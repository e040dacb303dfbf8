/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions to a child about what only Linux has.
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "support/questions.h"

/* uid, gid: real, effective, saved */
static void say_uid(const char *arg)
{
	uid_t r, e, s;

	(void)arg;
	if (getresuid(&r, &e, &s) < 0)
		die("getresuid");
	printf("%u %u %u\n", r, e, s);
}

static void say_gid(const char *arg)
{
	gid_t r, e, s;

	(void)arg;
	if (getresgid(&r, &e, &s) < 0)
		die("getresgid");
	printf("%u %u %u\n", r, e, s);
}

/* A line of /proc/self/status or the like, from its prefix on */
static void say_line(const char *file, const char *prefix)
{
	char line[4096];
	FILE *f = fopen(file, "re");

	if (!f)
		die(file);
	while (fgets(line, sizeof line, f))
		if (strncmp(line, prefix, strlen(prefix)) == 0)
			fputs(line + strlen(prefix), stdout);
	fclose(f);
}

/* ambient: the capabilities, in hexadecimal */
static void say_ambient(const char *arg)
{
	(void)arg;
	say_line("/proc/self/status", "CapAmb:\t");
}

static void say_effective(const char *arg)
{
	(void)arg;
	say_line("/proc/self/status", "CapEff:\t");
}

/* cgroup: its path, from the root of version 2 on */
static void say_cgroup(const char *arg)
{
	(void)arg;
	say_line("/proc/self/cgroup", "0::");
}

static void say_no_new_privs(const char *arg)
{
	(void)arg;
	printf("%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void say_deathsig(const char *arg)
{
	int sig = 0;

	(void)arg;
	if (prctl(PR_GET_PDEATHSIG, &sig) < 0)
		die("prctl");
	printf("%d\n", sig);
}

const struct question system_questions[] = {
	{ "ambient", say_ambient },   { "cgroup", say_cgroup },
	{ "deathsig", say_deathsig }, { "effective", say_effective },
	{ "gid", say_gid },	      { "no-new-privs", say_no_new_privs },
	{ "uid", say_uid },	      { NULL, NULL },
};
