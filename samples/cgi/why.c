/* SPDX-License-Identifier: BSD-3-Clause */
#include "why.h"

static const struct {
	int status;
	bool is_of_program;
	const char *text;
} whys[] = {
	[WHY_NOT] = { 200, false, "" },
	[WHY_LEFT] = { 500, false, "the client has left" },
	[WHY_NOT_FOUND] = { 404, false, "there is no such program" },
	[WHY_FORBIDDEN] = { 403, false, "this file may not be run" },
	[WHY_MANY_FIELDS] = { 431, false, "the request has too many fields" },
	[WHY_NO_TURN] = { 503, false, "too many programs run already" },
	[WHY_STOP] = { 503, false, "the server stops" },
	[WHY_TROUBLE] = { 500, false, "the server could not go on" },
	[WHY_NOT_STARTED] = { 500, false, "the program could not be started" },
	[WHY_NO_HEAD] = { 502, true, "the program wrote no header" },
	[WHY_BAD_HEAD] = { 502, true, "the program wrote a wrong header" },
	[WHY_LONG_HEAD] = { 502, true, "the program's header is too long" },
	[WHY_LATE] = { 504, true, "the program took longer than the limit" },
	[WHY_MUCH] = { 502, true, "the program wrote more than the limit" },
	[WHY_KILLED] = { 502, true, "the program was killed by a signal" },
};

int why_status(enum why why)
{
	return whys[why].status;
}

const char *why_text(enum why why)
{
	return whys[why].text;
}

bool why_is_of_program(enum why why)
{
	return whys[why].is_of_program;
}
