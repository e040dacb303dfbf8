# SPDX-License-Identifier: BSD-3-Clause
#
# The cookbook: for each answer a program NAME.c, which tests/pages.sh runs and
# which has two lines here.

cookbook_programs =
