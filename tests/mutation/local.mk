# SPDX-License-Identifier: BSD-3-Clause
#
# What tests/mutate needs; it is no part of make check.

EXTRA_DIST += tests/mutate
EXTRA_DIST += tests/mutation/explained.txt
EXTRA_DIST += tests/mutation/places.py
EXTRA_DIST += tests/mutation/trees.py
