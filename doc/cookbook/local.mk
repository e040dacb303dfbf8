# SPDX-License-Identifier: BSD-3-Clause
#
# The cookbook: a program NAME.c for each answer, which tests/pages.sh runs.

cookbook_programs =
