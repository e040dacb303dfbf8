/* SPDX-License-Identifier: BSD-3-Clause */
#include "faults/tls.h"

const struct act tls_acts[] = { { NULL, NULL, false } };

void tls_acts_prepare(void)
{
}
