/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looks for addresses on a thread, because a name server may not answer. What
 * the thread uses is a job, which outlives whoever asked.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "loop/workers.h"
#include "net/lookup.h"

static const char lookup_no_answer[] = "no answer from the name server";
static const char lookup_no_thread[] = "no thread to ask the name server";

struct afi_lookup {
	struct afi_job job;
	struct af_loop *loop; /* NULL: nobody waits for it */
	struct afi_names_query query;
	struct afi_found found;
	void (*back)(const struct afi_found *found, void *arg);
	void *arg;
	char strings[];
};

static struct afi_lookup *lookup_of(struct afi_job *job)
{
	return AFI_CONTAINER(job, struct afi_lookup, job);
}

static void lookup_ask(const struct afi_names_query *query,
		       struct afi_found *found)
{
	found->error = afi_names_find(query, &found->names, &found->text);
}

/* Whether the outcome is known at once. */
static bool lookup_at_once(const struct afi_names_query *query,
			   struct afi_found *found)
{
	struct afi_names_query numeric = *query;

	found->error = afi_names_check(query);
	if (found->error < 0)
		return true;
	if (afi_address_is_unix(query->host)) {
		found->error = afi_names_find_unix(query->host, &found->names);
		return true;
	}
	numeric.numeric = true;
	lookup_ask(&numeric, found);
	/* A name is not known as a number. */
	return found->error != -ENOENT;
}

/* In a thread. */
static void lookup_work(struct afi_job *job)
{
	struct afi_lookup *lookup = lookup_of(job);

	lookup_ask(&lookup->query, &lookup->found);
}

/* In any thread: nobody wants it, or it is finished. */
static void lookup_drop(struct afi_job *job)
{
	struct afi_lookup *lookup = lookup_of(job);

	free(lookup->found.names);
	free(lookup);
}

/* From here on the job is its own. */
static void lookup_let_go(struct afi_lookup *lookup)
{
	afi_loop_unhold(lookup->loop);
	lookup->loop = NULL;
}

static void lookup_back(struct afi_job *job)
{
	struct afi_lookup *lookup = lookup_of(job);
	struct afi_found found = lookup->found;

	found.query = &lookup->query;
	if (!lookup->loop) {
		lookup_drop(job);
		return;
	}
	lookup_let_go(lookup);
	/* The names are the other side's. */
	lookup->found.names = NULL;
	lookup->back(&found, lookup->arg);
	lookup_drop(job);
}

/* With its own copies of the strings. */
static struct afi_lookup *lookup_new(const struct afi_names_query *query)
{
	size_t host = query->host ? strlen(query->host) + 1 : 0;
	size_t service = query->service ? strlen(query->service) + 1 : 0;
	struct afi_lookup *lookup = calloc(1, sizeof(*lookup) + host + service);

	if (!lookup)
		return NULL;
	lookup->query = *query;
	if (host > 0)
		lookup->query.host = memcpy(lookup->strings, query->host, host);
	if (service > 0)
		lookup->query.service =
			memcpy(lookup->strings + host, query->service, service);
	lookup->job.crew = AFI_CREW_NAMES;
	lookup->job.work = lookup_work;
	lookup->job.back = lookup_back;
	lookup->job.drop = lookup_drop;
	return lookup;
}

/* 0; -EAGAIN: there is no thread and can be none; -ENOMEM. */
static int lookup_queue(struct af_loop *loop, struct afi_lookup *lookup)
{
	int r = afi_workers_queue(loop, &lookup->job);

	if (r < 0)
		return r;
	lookup->loop = loop;
	afi_loop_hold(loop);
	return 0;
}

struct afi_lookup *
afi_lookup_start(struct af_loop *loop, const struct afi_names_query *query,
		 bool wait,
		 void (*back)(const struct afi_found *found, void *arg),
		 void *arg, struct afi_found *found)
{
	struct afi_lookup *lookup;

	*found = (struct afi_found){ .query = query };
	if (lookup_at_once(query, found))
		return NULL;
	found->error = -ETIMEDOUT;
	found->text = lookup_no_answer;
	if (!wait)
		return NULL;
	lookup = lookup_new(query);
	found->error = lookup ? lookup_queue(loop, lookup) : -ENOMEM;
	found->text = found->error == -EAGAIN ? lookup_no_thread : NULL;
	if (found->error < 0) {
		free(lookup);
		return NULL;
	}
	lookup->back = back;
	lookup->arg = arg;
	return lookup;
}

struct afi_found afi_lookup_expired(const struct afi_lookup *lookup)
{
	return (struct afi_found){
		.query = &lookup->query,
		.error = -ETIMEDOUT,
		.text = lookup_no_answer,
	};
}

const char *afi_lookup_host(const struct afi_lookup *lookup)
{
	return lookup->query.host ? lookup->query.host : "localhost";
}

void afi_lookup_stop(struct afi_lookup *lookup)
{
	struct af_loop *loop = lookup->loop;

	lookup_let_go(lookup);
	if (afi_workers_recall(loop, &lookup->job))
		lookup_drop(&lookup->job);
}
