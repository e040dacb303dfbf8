# SPDX-License-Identifier: BSD-3-Clause
#
# For the cells that build in a system of their own below $work/root, which
# source this after cell.sh.

root=$work/root

# make_root RELEASE: Debian's, by debootstrap, once; with a copy of the project.
make_root() {
	[ "$(id -u)" -eq 0 ] || skip 'only root can use chroot(8)'
	need debootstrap
	need unshare util-linux
	if [ ! -e "$work/done" ]; then
		logged debootstrap debootstrap --variant=minbase "$1" "$root" \
			http://deb.debian.org/debian ||
			skip "there is no $1, see $work/debootstrap.log"
		touch "$work/done"
	fi
	rm -rf "$root/source"
	mkdir "$root/source"
	tar -C "$source" --exclude=./.git --exclude=./autom4te.cache -cf - . |
		tar -C "$root/source" --no-same-owner -xf -
}

# in_root COMMAND: by the shell there, with /proc and /dev, which are gone at the
# end.
in_root() {
	unshare --mount --propagation private sh -c '
		mount -t proc proc "$0/proc" &&
		mount --rbind /dev "$0/dev" &&
		exec chroot "$0" env -i PATH="$PATH" HOME=/root LC_ALL=C \
			DEBIAN_FRONTEND=noninteractive \
			${http_proxy:+"http_proxy=$http_proxy"} \
			MAKEFLAGS="$MAKEFLAGS" sh -euc "$1"
		' "$root" "$1"
}

# there_is PACKAGE: in that release; then it is installed.
there_is() {
	in_root "apt-cache show $1" >/dev/null 2>&1 || return
	in_root "apt-get -qy install --no-install-recommends $1" \
		>"$work/$1.log" 2>&1
}

# build_by COMPILER: everything, in a folder of its own, without a warning.
build_by() {
	in_root "mkdir -p /build-$1; cd /build-$1
		/source/configure -q --enable-werror CC=$1
		make
		make check TESTS="
}

# generate_by AUTOCONF: configure, and builds with it.
generate_by() {
	in_root "rm -rf /generated; cp -a /source /generated; cd /generated
		AUTOCONF=$1 AUTOHEADER=autoheader${1#autoconf} \
			AUTOM4TE=autom4te${1#autoconf} autoreconf -fi
		./configure -q
		make"
}

# build_in_root: the two commands of README.md, and then every compiler and
# Autoconf of the release.
build_in_root() {
	local name

	in_root "apt-get -q update"
	case $target in
	check) in_root 'cd /source; ./bootstrap && make demo' ;;
	esac
	in_root "cd /source; ./bootstrap && make $target" || result=1
	in_root 'cd /source; make distclean'
	for name in gcc-12 gcc-13 gcc-14 clang-14 clang-15 clang-16 clang-17 \
		clang-18 clang-19; do
		if ! there_is $name; then
			echo "$cell: no $name in this release"
		elif logged "build-$name" build_by $name; then
			echo "$cell: $name: no warning"
		else
			result=1
		fi
	done
	for name in autoconf2.69 autoconf; do
		if ! there_is $name; then
			echo "$cell: no $name in this release"
		elif ! logged "generate-$name" generate_by $name; then
			result=1
		else
			in_root "$name --version | head -n 1"
			in_root 'grep ^Cflags: /generated/asyncfile.pc'
		fi
	done
}
