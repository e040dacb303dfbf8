# SPDX-License-Identifier: BSD-3-Clause
#
# For the cells of other machines, which source it and then call cross. It sources
# cell.sh. libevent, without OpenSSL, and Check are built for the machine, too.
# Programs find its C library where Debian's cross compiler has it.
#
# qemu-user runs the programs, and the kernel has to start it for them. Where it
# does not, root can have a namespace in which it does, with no change outside.
. "$(dirname "$0")/cell.sh" || exit

# What fails only because of how it is run: CELLS PROGRAM TEST REASON.
known=$source/tests/cells/cross.txt

# Whether a program for $machine runs. LDFLAGS are set so that it can.
cross_runs() {
	local linker libraries=/usr/$machine/lib

	echo 'int main(void) { return 0; }' >"$work/runs.c"
	"$CC" -o "$work/runs" "$work/runs.c"
	linker=$(readelf -l "$work/runs" |
		sed -n 's/.*program interpreter: .*\/\([^]]*\).*/\1/p')
	LDFLAGS="-Wl,--dynamic-linker=$libraries/$linker"
	export LDFLAGS="$LDFLAGS -Wl,-rpath,$libraries"
	# shellcheck disable=SC2086
	"$CC" $LDFLAGS -o "$work/runs" "$work/runs.c"
	"$work/runs" 2>"$work/runs.log"
}

# Registers the formats of qemu-user, and then runs the cell.
cross_inside() {
	local conf formats=/proc/sys/fs/binfmt_misc

	echo >"$work/unshared"
	read -r <"$work/mapped"
	rm "$work/unshared" "$work/mapped"
	mount -t binfmt_misc none "$formats"
	for conf in /usr/lib/binfmt.d/qemu-*.conf; do
		grep '^:' "$conf" >"$formats/register"
	done
	exec "$0" "$work" "$target"
}

# Runs the cell again in a user namespace of its own, with the same users.
cross_again() {
	[ "$(id -u)" -eq 0 ] && [ -z "${CROSS_AGAIN-}" ] || return 0
	rm -f "$work/unshared" "$work/mapped"
	mkfifo "$work/unshared" "$work/mapped"
	export -f cross_inside
	export work target
	CROSS_AGAIN=yes unshare --user --mount \
		bash -eu -c cross_inside "$0" </dev/null &
	read -r <"$work/unshared"
	cat /proc/self/uid_map >"/proc/$!/uid_map"
	cat /proc/self/gid_map >"/proc/$!/gid_map"
	echo >"$work/mapped"
	wait $!
	exit
}

# What failed, in lines of PROGRAM TEST; the test is whole where no line tells.
cross_failed() {
	local result

	grep -lE '^:test-result: (FAIL|ERROR)' tests/*.trs tests/*/*.trs |
		while read -r result; do
			result=${result%.trs}
			{ grep -oE ':[FE]:[^:]*:[a-z0-9_]+:' "$result.log" ||
				echo :::whole; } |
				sed "s,^:[^:]*:[^:]*:\\([a-z0-9_]*\\).*,$result \\1,"
		done | sort -u
}

# Whether all that failed is known to do so.
cross_explains() {
	local unknown

	cross_failed >"$work/failed"
	[ -s "$work/failed" ] || return
	unknown=$(awk -v cell="$cell" 'index("," $1 ",", "," cell ",") {
		print $2, $3
	}' "$known" | sort | comm -13 - "$work/failed")
	if [ -z "$unknown" ]; then
		echo "$cell: these failed, for reasons that are in $known:"
		cat "$work/failed"
		return
	fi
	printf '%s: these failed:\n%s\n' "$cell" "$unknown"
	return 1
}

# cross MACHINE PACKAGE [CPPFLAG...]: builds all with MACHINE-gcc.
cross() {
	local machine=$1 package=$2 root=$work/root wanted

	shift 2
	export CC=$machine-gcc
	need "$CC" "$package"
	if ! cross_runs; then
		need qemu-arm-static qemu-user-static
		cross_again
		skip "programs for $machine do not run here"
	fi
	if [ ! -e "$root/done" ]; then
		fetch_sources libevent check
		logged libevent build_libevent "$root" --host="$machine" \
			--disable-openssl CPPFLAGS="$*"
		logged check build_check "$root" --host="$machine"
		touch "$root/done"
	fi
	export PKG_CONFIG_LIBDIR=$root/lib/pkgconfig
	wanted=$target
	target=all
	build_library --host="$machine"
	[ "$wanted" = all ] || make -k "$wanted" || cross_explains
}

# The same with qemu-user, which is slow.
emulate() {
	export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER-5}
	export CHECKS_SECONDS=${CHECKS_SECONDS-7200}
	cross "$@"
}
