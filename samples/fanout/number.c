/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers and texts on the command line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

size_t number_parse(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && number <= 1000000
		       ? number
		       : 0;
}

size_t number_parse_size(const char *text)
{
	static const char units[] = "kmgKMG";
	static const double values[] = { 1e3,	 1e6,	    1e9,
					 1024.0, 1048576.0, 1073741824.0 };
	const char *unit;
	char *end;
	double number = strtod(text, &end);

	if (end > text && *end && (unit = strchr(units, *end)) && !end[1]) {
		number *= values[unit - units];
		end++;
	}
	return *text && !*end && number >= 1 && number <= 1099511627776.0 &&
			       number <= (double)(SIZE_MAX / 2)
		       ? (size_t)number
		       : 0;
}

bool number_parse_seconds(const char *text, bool zero, struct timeval *ret)
{
	struct timeval time;
	char *end;
	double number = strtod(text, &end);

	if (!*text || *end || !(number >= 0) || number > 1e9)
		return false;
	time.tv_sec = (time_t)number;
	time.tv_usec = (suseconds_t)((number - (double)time.tv_sec) * 1e6);
	if (!zero && !timerisset(&time))
		return false;
	*ret = time;
	return true;
}

size_t text_unescape(char *text)
{
	static const char names[] = "ntr0\\", bytes[] = "\n\t\r\0\\";
	const char *from = text, *name;
	size_t n = 0;

	for (; *from; from++) {
		name = *from == '\\' && from[1] ? strchr(names, from[1]) : NULL;
		if (name)
			from++;
		text[n++] = name ? bytes[name - names] : *from;
	}
	return n;
}
