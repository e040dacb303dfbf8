#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: sh links.sh PAGE...
#
# Prints the names of manual pages, by which man(1) finds them: for each function
# or struct in the section NAME of a page, a line "SECTION NAME.SECTION PAGE". One that
# is the page's own file name is left out.
set -eu

awk '
	FNR == 1 {
		page = section = FILENAME
		sub(".*/", "", page)
		sub(".*[.]", "", section)
		names = 0
	}
	$1 == ".Sh" { names = $2 == "NAME" }
	names && $1 == ".Nm" && $2 "." section != page {
		print section, $2 "." section, page
	}' "$@"
