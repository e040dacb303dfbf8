/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which call fails, and how. Runs in children that share our memory, too.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/layer.h"

struct faults_state *faults;

static const struct {
	const char *name;
	int error;
} layer_faults[FAULT_COUNT] = {
#define LAYER_FAULT(name, error) { #name, error },
	FAULTS_LIST(LAYER_FAULT)
};

static const char *const layer_calls[CALL_COUNT] = {
#define LAYER_CALL(name) #name,
	FAULTS_CALLS(LAYER_CALL)
};

const char *faults_call_name(enum faults_call call)
{
	return layer_calls[call];
}

const char *faults_name(enum fault fault)
{
	return layer_faults[fault].name;
}

int faults_errno(enum fault fault)
{
	return layer_faults[fault].error;
}

bool faults_parse(const char *text, struct faults_plan *ret)
{
	char call[40], fault[40];
	int i = 0, j = 0;

	if (sscanf(text, "%39[^:]:%u:%39s", call, &ret->index, fault) != 3)
		return false;
	while (i < CALL_COUNT && strcmp(call, layer_calls[i]) != 0)
		i++;
	while (j < FAULT_COUNT && strcmp(fault, layer_faults[j].name) != 0)
		j++;
	ret->call = (enum faults_call)i;
	ret->fault = (enum fault)j;
	return i < CALL_COUNT && j < FAULT_COUNT;
}

int faults_fail(enum fault fault)
{
	errno = layer_faults[fault].error;
	return -1;
}

/* libevent does not say why it could not add an event. */
static uint32_t layer_shown(enum faults_call call, uint32_t set)
{
	return call == CALL_epoll_ctl ? set | ON(ENOMEM) : set;
}

enum fault faults_meet(enum faults_call call, uint32_t errors,
		       uint32_t harmless, const void *site)
{
	unsigned index, entry;

	if (!faults || !faults->on)
		return FAULT_NONE;
	index = faults->made[call]++;
	entry = faults->n_entries++;
	if (entry < ENTRIES_MAX)
		faults->entries[entry] = (struct faults_entry){
			.call = call,
			.index = index,
			.faults = errors | harmless,
			.site = site,
		};
	for (unsigned i = 0; i < faults->n_plans; i++) {
		const struct faults_plan *plan = &faults->plans[i];
		uint32_t set = UINT32_C(1) << plan->fault;

		if (plan->call != call || plan->index != index ||
		    !(set & (errors | harmless)))
			continue;
		faults->injected++;
		if (set & errors)
			faults->disturbed |= layer_shown(call, set);
		return plan->fault;
	}
	return FAULT_NONE;
}
