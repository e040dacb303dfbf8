# SPDX-License-Identifier: BSD-3-Clause
#
# Pages for whoever comes from another library, with programs that tests/pages.sh
# runs.

from_programs =
