# SPDX-License-Identifier: BSD-3-Clause
#
# Pages for whoever comes from another library, with programs NAME.c that
# tests/pages.sh runs. Each has two lines here.

from_programs =
