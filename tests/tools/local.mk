# SPDX-License-Identifier: BSD-3-Clause
#
# What the libraries withstand, read from their files.

once_tests += tests/hardening.sh
