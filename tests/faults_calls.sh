#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# faults_calls.sh: every system call that the library makes is one that
# tests/faults can have fail, or it is below, with the reason why it is not. What a
# function of the C library asks of the kernel by another name is not seen.
set -eu -o pipefail
export LC_ALL=C

: "${srcdir:=.}"
: "${NM:=nm}"
: "${CC:=cc}"

# NAME: reason
others='
clock_gettime: the clocks that are asked for are there
exit: does not return
getegid: cannot fail
geteuid: cannot fail
getgid: cannot fail
getpgid: of a child that is not reaped, or of oneself
getpgrp: cannot fail
getpid: cannot fail
getppid: cannot fail
getpriority: of oneself; an error is a value, too
getrlimit: of a limit that every kernel has
gettimeofday: cannot fail
getuid: cannot fail
munmap: of what was mapped as a whole
select: a base that has another method does not call it
time: cannot fail
SYS_close: what is closed is gone, whatever it returns
SYS_exit_group: does not return
SYS_fstatfs: tests/process/sandbox has it fail
SYS_futex: a wake-up of a word that is there
SYS_futex_time64: likewise
SYS_getdents64: tests/process/sandbox has it fail
SYS_getgroups: of oneself, with room for all
SYS_getpgid: of oneself
SYS_getppid: cannot fail
SYS_getpriority: of oneself
SYS_readlinkat: only asks whether a name that could not be opened is a link
SYS_rt_sigaction: of signals that may be set
SYS_rt_sigprocmask: tests/process/sandbox has it fail
SYS_umask: cannot fail
SYS_write: the last words of a child; its parent reads what has come
'

has_reason() {
	grep -q "^$1: " <<< "$others"
}

result=0
known=$(printf '#include <sys/syscall.h>\n' | $CC -E -dM - |
	sed -n 's/^#define SYS_\([a-z0-9_]*\) .*/\1/p' | sort)
# What goes through the layer is __wrap_NAME there.
# A command and its options.
# shellcheck disable=SC2086
called=$($NM -u tests/faults/library.o | sed -n 's/^ *U \([a-z0-9_]*\)$/\1/p' |
	sort -u)
for name in $(comm -12 <(echo "$known") <(echo "$called")); do
	has_reason "$name" && continue
	echo "not ok - $name() does not go through tests/faults"
	result=1
done
# By number. The names with 32 are the same calls with wider arguments.
for name in $(grep -oh 'SYS_[a-z0-9_]\+' "$srcdir"/lib/*/*.c | sed 's/32$//' |
	sort -u); do
	has_reason "$name" && continue
	grep -q "{ $name, " "$srcdir/tests/faults/syscalls.c" && continue
	echo "not ok - $name is not in tests/faults/syscalls.c"
	result=1
done
[ -n "$known" ] && [ -n "$called" ] || result=1
[ "$result" = 1 ] || echo "ok - $(wc -w <<< "$called") names, $(grep -c : <<< "$others") reasons"
exit $result
