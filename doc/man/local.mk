# SPDX-License-Identifier: BSD-3-Clause
#
# The manual. A page NAME.3 may have an example NAME.c, which tests/pages.sh runs
# and which has two lines here.

manual_programs =
