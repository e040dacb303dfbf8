/* SPDX-License-Identifier: BSD-3-Clause */
/* Halting, with the words of GNU parallel; it also has percentages. */
#include <stdlib.h>
#include <string.h>

#include "halt.h"
#include "plan.h"
#include "tally.h"

bool halt_parse(const char *text, struct halt_rule *ret_rule)
{
	static const struct {
		const char *name;
		enum halt_what what;
	} kinds[] = { { "fail=", HALT_FAILED },
		      { "success=", HALT_SUCCEEDED },
		      { "done=", HALT_DONE } };
	struct halt_rule rule = { .what = HALT_NEVER };
	size_t i, len;
	char *end;

	if (strcmp(text, "never") == 0) {
		*ret_rule = rule;
		return true;
	}
	rule.now = strncmp(text, "now,", 4) == 0;
	if (!rule.now && strncmp(text, "soon,", 5) != 0)
		return false;
	text += rule.now ? 4 : 5;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		len = strlen(kinds[i].name);
		if (strncmp(text, kinds[i].name, len) != 0)
			continue;
		text += len;
		rule.what = kinds[i].what;
		rule.count = strtoul(text, &end, 10);
		*ret_rule = rule;
		return strspn(text, "0123456789") > 0 && !*end && rule.count;
	}
	return false;
}

bool halt_is_due(const struct halt_rule *rule, const struct tally *tally)
{
	switch (rule->what) {
	case HALT_NEVER:
		return false;
	case HALT_FAILED:
		return tally->failed >= rule->count;
	case HALT_SUCCEEDED:
		return tally->done - tally->failed >= rule->count;
	case HALT_DONE:
		return tally->done >= rule->count;
	}
	return false;
}

int halt_status(const struct halt_rule *rule, int last)
{
	if (rule->what == HALT_SUCCEEDED)
		return 0;
	return rule->count == 1 ? last : -1;
}
