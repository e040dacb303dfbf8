# SPDX-License-Identifier: BSD-3-Clause
#
# Follows a log from one file to the next one.

mkfifo printed
echo first >log
timeout 60 "$program" log >printed &
exec 3<printed
read -r line <&3
[ "$line" = first ]
mv log log.1
printf 'second\ndone\n' >log
[ "$(cat <&3)" = 'a new log:
second
done' ]
wait $!
