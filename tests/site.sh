#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The website: it can be made, every link of it leads somewhere, anchors included,
# and it is valid HTML. Skipped where cmark-gfm(1) or mandoc(1) is missing.
set -u

: "${srcdir:=.}"
result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for tool in perl cmark-gfm mandoc; do
	command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
perl "$srcdir/doc/site/build" "$srcdir" "$tmp/site" || exit

# The links that lead nowhere, FILE: LINK
broken() {
	find "$tmp/site" -name '*.html' | perl -e '
		use strict;
		use warnings;
		use File::Basename;
		my %ids;
		sub text {
			open my $in, "<", $_[0] or die "$_[0]: $!\n";
			local $/;
			return scalar <$in>;
		}
		sub ids {
			return $ids{$_[0]} //= {
				map { $_ => 1 } text($_[0]) =~ / id="([^"]*)"/g
			};
		}
		while (my $page = <STDIN>) {
			chomp $page;
			for my $link (text($page) =~ /(?:href|src)="([^"]*)"/g) {
				next if $link =~ /^[a-z]+:/;
				my ($path, $id) = $link =~ /^([^#]*)(?:#(.*))?$/;
				my $file = $path eq "" ? $page :
					dirname($page) . "/$path";
				next if -f $file && (!defined $id ||
					$file !~ /html$/ || ids($file)->{$id});
				print "$page: $link\n";
			}
		}'
}

links=$(broken | sed "s,^$tmp/site/,,")
if [ -n "$links" ]; then
	printf 'FAILED: these links lead nowhere:\n%s\n' "$links"
	result=1
fi

# aria-current is newer than tidy(1).
if command -v tidy >/dev/null; then
	for page in $(find "$tmp/site" -name '*.html'); do
		tidy -eq --drop-empty-elements no "$page" 2>&1 |
			grep -v '"aria-current"$' >"$tmp/said" || continue
		echo "FAILED: ${page#"$tmp"/site/} is not valid"
		head -n 10 "$tmp/said"
		result=1
	done
fi
exit $result
