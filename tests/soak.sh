#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs tests/soak for three seconds, and checks what it reports: that all kinds
# of load did something, and that nothing was left.
set -eu -o pipefail
