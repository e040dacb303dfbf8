#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# The manual and the headers must say the same, and both say something of all:
# every exported function has a comment in its header and a page of its name;
# every function, type, constant and field of the headers is in a page, man(1)
# finds the structs by their names, and what a page declares is declared so in a
# header. References between pages lead to pages, and every page is installed
# and listed in asyncfile(7). Where mandoc is there, it has nothing to say of a
# page, and where groff is, tables fit.
# Lists of files are split into words, hence:
# shellcheck disable=SC2086
set -u
LC_ALL=C
export LC_ALL

: "${srcdir:=.}"
man=$srcdir/doc/man
pages=$(echo "$man"/*.[1-9])
headers=$(echo "$srcdir"/include/asyncfile/[!a]*.h)
result=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
sort "$srcdir/lib/libasyncfile.sym" "$srcdir/lib/libasyncfile-tls.sym" \
	>"$tmp/sym"

# none WHAT: standard input lists what is wrong, and must be empty
none() {
	if awk '{ print } END { exit NR > 0 }'; then
		echo "ok: $1"
	else
		echo "FAILED: $1"
		return 1
	fi
}

# some WHAT FILE: it must not be empty, or this test has seen nothing
some() {
	[ -s "$2" ] && return
	echo "FAILED: there are no $1"
	return 1
}

# not_in FILE: lines of standard input that the file does not have
not_in() {
	sort -u | comm -23 - "$1"
}

# One way to write a declaration, each in a line.
normal='
	function normal(text) {
		gsub(/[ \t\n]+/, " ", text)
		gsub(/ *[*] */, " *", text)
		gsub(/[(] */, "(", text)
		gsub(/ *[)]/, ")", text)
		gsub(/ +[(]/, "(", text)
		gsub(/ *, */, ", ", text)
		gsub(/ *;/, ";", text)
		gsub(/^ | $/, "", text)
		return text
	}'

# The headers as C without comments, macros and attributes.
code() {
	awk '
		/^#/ { skip = 1 }
		!skip {
			gsub(/[\/][*]([^*]|[*]+[^*\/])*[*]+[\/]/, "")
			if (comment && sub(/.*[*][\/]/, ""))
				comment = 0
			if (!comment && sub(/[\/][*].*/, ""))
				comment = 1
			else if (comment)
				next
			gsub(/AFIO_MUST_USE|AFIO_MALLOC[(][a-z_]*[)]/, "")
			if ($0 != "extern \"C\" {")
				print
		}
		skip { skip = /\\$/ }' $headers
}

# Their declarations: those of functions and function types, and structs with
# their fields.
declared() {
	code | awk "$normal"'
		{
			text = text "\n" $0
			depth += gsub(/{/, "{") - gsub(/}/, "}")
			if (depth < 0) {
				depth = 0
				text = ""
			}
		}
		/;/ && depth == 0 {
			text = normal(text)
			if (text ~ /[(]|^struct [a-z_]+ {/)
				print text
			text = ""
		}' | sort -u
}

# shown PAGE...: those of the pages, in macros or as literal text.
shown() {
	awk "$normal"'
		# Sets word[1...n], of which some are in quotes.
		function words(line,	n, rest) {
			rest = line
			sub(/^[.][A-Z][a-z] */, "", rest)
			for (n = 0; rest != ""; sub(/^ */, "", rest)) {
				if (rest !~ /^"/) {
					match(rest, /^[^ ]*/)
					word[++n] = substr(rest, 1, RLENGTH)
				} else {
					match(rest, /^"[^"]*"/)
					word[++n] = substr(rest, 2, RLENGTH - 2)
				}
				rest = substr(rest, RLENGTH + 1)
			}
			return n
		}
		FNR == 1 { literal = "" }
		/^[.]Ft / { words($0); type = word[1] }
		/^[.]Ft [^"]/ { type = substr($0, 5) }
		/^[.]Fo / { name = $2; args = ""; inside = 1 }
		/^[.]Fa / && inside {
			n = words($0)
			for (i = 1; i <= n; i++)
				args = args (args == "" ? "" : ", ") word[i]
		}
		/^[.]Fc/ {
			print normal(type " " name "(" args ");")
			inside = 0
		}
		/^(typedef|struct af_[a-z_]* {)/ { literal = "\n" }
		literal != "" { literal = literal "\n" $0 }
		literal != "" && /^};|^[^\t].*;$|^\t.*[)];$/ {
			print normal(literal)
			literal = ""
		}' "$@" | sort -u
}

# Functions that have no comment: one that begins with two asterisks says what
# all declarations below it do, up to the next empty line.
uncommented() {
	awk '
		/^[ \t]*[\/][*][*]/ { said = 1 }
		/^$/ && !comment { said = 0 }
		/[\/][*]/ { comment = 1 }
		!comment && said {
			line = $0
			while (match(line, /af_[a-z0-9_]+[(]/)) {
				print substr(line, RSTART, RLENGTH - 1)
				line = substr(line, RSTART + RLENGTH)
			}
		}
		/[*][\/]/ { comment = 0 }' $headers | sort -u |
		comm -23 "$tmp/sym" -
}

# prose PAGE...: the words of the pages outside of programs and declarations
prose() {
	awk '
		/^[.]\\" .*[.]c$/ { program = 1 }
		/^(struct|enum) .*{/ && !program { declaration = 1 }
		!program && !declaration
		/^[.]Ed/ { program = 0 }
		/^};/ { declaration = 0 }' "$@" |
		tr -c 'A-Za-z0-9_' '\n' | sort -u
}

# The constants of the headers.
constants() {
	{
		code
		awk '/^#define AFIO_/ { print $2 }' $headers
	} | grep -o 'AFIO_[A-Z0-9_]*' | sort -u
}

# unnamed PAGE: structs that it shows whole, and that man(1) does not find: no
# page has their name.
unnamed() {
	shown "$1" | sed -n 's/^struct \([a-z_]*\) {.*/\1.3/p' |
		not_in "$tmp/names"
}

# unexplained PAGE: fields that it only shows. The words are in a file.
unexplained() {
	shown "$1" | awk '
		sub(/^struct [a-z_]+ { */, "") {
			sub(/ *};$/, "")
			n = split($0, field, / *[;,] */)
			for (i = 1; i <= n; i++) {
				sub(/\[.*/, "", field[i])
				sub(/.*[ *]/, "", field[i])
				if (field[i] != "")
					print field[i]
			}
		}' | not_in "$tmp/words"
}

# Names and sections of our pages, and references to them.
names() {
	{
		sh "$man/links.sh" $pages | awk '{ print $2 }'
		for page in $pages; do
			basename "$page"
		done
	} | sort
}
references() {
	sed -n 's/^[.]Xr \([^ ]*\) \([1-9]\).*/\1.\2/p' $pages |
		grep '^a\(f_\|syncfile\)' | sort -u
}
lists() {
	sed -n 's/^[.]It Xr \([^ ]*\) \([1-9]\).*/\1.\2/p' "$man/asyncfile.7" |
		sort -u
}

declared >"$tmp/declared"
shown $pages >"$tmp/shown"
names >"$tmp/names"
prose $pages >"$tmp/words"
grep -v '{' "$tmp/shown" | sed 's/^[^(]*[ *]\(af_[a-z0-9_]*\)(.*/\1/' |
	sort -u >"$tmp/functions"

some 'declarations in headers' "$tmp/declared" || result=1
some 'declarations in pages' "$tmp/shown" || result=1
uncommented | none 'every function has a comment in its header' || result=1
sed 's/$/.3/' "$tmp/sym" | not_in "$tmp/names" |
	none 'every function has a page' || result=1
not_in "$tmp/functions" <"$tmp/sym" |
	none 'the page of every function declares it' || result=1
uniq -d "$tmp/names" | none 'no function has two pages' || result=1
not_in "$tmp/declared" <"$tmp/shown" |
	none 'what a page declares is so in a header' || result=1
grep '{\|^typedef' "$tmp/declared" | not_in "$tmp/shown" |
	none 'the types of the headers are in a page' || result=1
constants | not_in "$tmp/words" | none 'constants are in a page' || result=1
for page in $pages; do
	prose "$page" >"$tmp/words"
	unexplained "$page" | sed "s|^|$page: |"
done | none 'pages explain the fields that they show' || result=1
for page in $pages; do
	unnamed "$page" | sed "s|^|$page: |"
done | none 'man(1) finds the structs that pages show' || result=1
references | not_in "$tmp/names" | none 'references lead to a page' || result=1
for page in $pages; do
	basename "$page"
done | grep -v '^asyncfile[.]7$' >"$tmp/pages"
lists >"$tmp/lists"
not_in "$tmp/lists" <"$tmp/pages" |
	none 'asyncfile(7) lists every page' || result=1
for page in $pages; do
	grep -qw "doc/man/$(basename "$page")" "$man/local.mk" || echo "$page"
done | none 'every page is installed' || result=1

# man(1) of groff calls tbl(1) for pages that say so.
for page in $pages; do
	! grep -q '^[.]TS' "$page" || sed q "$page" | grep -qx "'[\\]\" t" ||
		echo "$page"
done | none "pages with tables begin with '\\\" t" || result=1

# Pages elsewhere need not be installed here.
if command -v mandoc >/dev/null; then
	mandoc -Tlint -W style $pages 2>/dev/null |
		grep -v 'referenced manual not found' |
		none 'mandoc has nothing to say' || result=1
else
	echo 'skipped: there is no mandoc'
fi
# Of 80 columns man(1) uses 78, and groff 1.23 indents by two more than older ones.
if command -v groff >/dev/null && command -v tbl >/dev/null; then
	for page in $pages; do
		groff -t -mdoc -Tutf8 -rLL=76n -ww -z "$page" 2>&1 |
			grep 'table wider' | sed "s|^|$page: |"
	done | none 'tables fit into 80 columns' || result=1
else
	echo 'skipped: there is no groff'
fi

exit $result
