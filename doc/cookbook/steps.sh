# SPDX-License-Identifier: BSD-3-Clause
#
# A script stands for srun: like it, it ends with its step's exit code.

cat >srun <<'EOF'
#!/bin/sh
echo b >>log
echo "$*" >>calls
while case $1 in --*) ;; *) false ;; esac; do shift; done
"$@"
code=$?
echo e >>log
exit $code
EOF
chmod +x srun

# A failure does not end the others. They are printed as they end.
status=0
timeout 100 "$program" 1 ./srun 'echo one' 'echo two >&2; exit 7' 'echo three' \
	>out 2>err || status=$?
[ $status -eq 1 ]
[ "$(cat out)" = 'one
echo one: exit code 0
echo two >&2; exit 7: exit code 7
three
echo three: exit code 0' ]
[ "$(cat err)" = two ]
[ "$(grep -c '^--exact .*--ntasks=1 .*--mem=' calls)" -eq 3 ]

# Two at a time, not more: the first waits for the second.
rm log
mkfifo gate
timeout 100 "$program" 2 ./srun 'read -r x <gate' 'echo go >gate' 'seq 1000' \
	'seq 1000' 'seq 1000' >out
awk '/b/ { n++ } /e/ { n-- } n > 2 { exit 1 } END { if (NR != 10) exit 1 }' log
[ "$(grep -c 'exit code 0' out)" -eq 5 ]

! timeout 100 "$program" 1 ./nosuch one two >out || exit 1
[ "$(grep -c 'No such file' out)" -eq 2 ]
