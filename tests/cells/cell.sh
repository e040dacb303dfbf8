# SPDX-License-Identifier: BSD-3-Clause
#
# For the cells of tests/matrix, which source it. A cell is a script that builds
# the library in one particular way and runs its tests: tests/cells/NAME FOLDER
# [TARGET]. It keeps everything in FOLDER, which it makes and which may be used
# again; TARGET is what to make, or else check. It ends with 0; with 77 and a
# sentence if something is missing that it needs; or it has failed. Sets $source,
# the project, $work, the folder, $cell, $target.
set -eu -o pipefail

cell=${0##*/}
source=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "${1?FOLDER}"
work=$(cd "$1" && pwd)
target=${2-check}
export MAKEFLAGS=${MAKEFLAGS--j2}

skip() {
	echo "$cell: skipped: $*"
	exit 77
}

# need COMMAND [PACKAGE]: skips where there is no such command.
need() {
	command -v "$1" >/dev/null ||
		skip "there is no $1 (Debian: ${2-$1})"
}

# Logs a command in $work/NAME.log; on an error the log's end is shown.
logged() {
	local name=$1

	shift
	"$@" >"$work/$name.log" 2>&1 || {
		tail -n 30 "$work/$name.log" >&2
		echo "$cell: '$*' failed, see $work/$name.log" >&2
		return 1
	}
}

# fetch_sources PACKAGE...: unpacks Debian's into $work/fetched, once. With a list
# of its own, as most systems have no deb-src.
fetch_sources() {
	local debian options

	debian=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	mkdir -p "$work"/{parts,lists,cache/archives/partial,fetched}
	cat >"$work/parts/debian.sources" <<-END
		Types: deb-src
		URIs: http://deb.debian.org/debian
		Suites: $debian
		Components: main
		Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
	END
	options=(-o Dir::Etc::sourcelist=/dev/null
		-o Dir::Etc::sourceparts="$work/parts"
		-o Dir::State::lists="$work/lists"
		-o Dir::Cache="$work/cache")
	(
		cd "$work/fetched"
		apt-get -qq "${options[@]}" update
		apt-get -qq "${options[@]}" --download-only source "$@"
		for archive in *.orig.tar.*z*; do
			case $archive in
			*.asc) ;;
			*) tar -xf "$archive" ;;
			esac
		done
	) >"$work/fetch.log" 2>&1 ||
		skip "the sources of $* cannot be fetched, see $work/fetch.log"
}

# build_libevent ROOT [CONFIGURE-OPTION...]: from $work/fetched, installed there.
build_libevent() {
	local root=$1

	shift
	mkdir -p "$work/libevent"
	(
		cd "$work/libevent"
		"$work"/fetched/libevent-*/configure --prefix="$root" \
			--disable-samples --disable-libevent-regress "$@"
		make
		make install
	)
}

# build_check ROOT [CONFIGURE-OPTION...]: the same of Check, a static library.
build_check() {
	local root=$1

	shift
	(
		cd "$work"/fetched/check-*/
		[ -x configure ] || autoreconf -i
		./configure --prefix="$root" --disable-subunit --disable-shared "$@"
		make -C lib
		make -C src
		make -C src install
		mkdir -p "$root/include" "$root/lib/pkgconfig"
		cp check_stdint.h "$root/include"
		cp check.pc "$root/lib/pkgconfig"
	)
}

# build_library [CONFIGURE-OPTION...]: and makes the target, in $work/build.
build_library() {
	mkdir -p "$work/build"
	cd "$work/build"
	"$source/configure" --enable-werror "$@"
	make "$target"
}

# make_as COMMAND...: makes the target in $work/build by a command that runs the
# rest of its arguments, such as env. Sets $result on a failure: the cell goes on.
result=0
make_as() {
	echo "$cell: $*"
	"$@" make -C "$work/build" "$target" || result=1
}
