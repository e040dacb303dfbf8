# SPDX-License-Identifier: BSD-3-Clause
#
# The manual. A page NAME.3 may have an example NAME.c, which tests/pages.sh runs:
# a line in manual_programs, and its doc_man_NAME_LDADD = $(example_libs).

manual_programs =
