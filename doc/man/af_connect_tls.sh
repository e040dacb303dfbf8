# SPDX-License-Identifier: BSD-3-Clause
#
# With a server of OpenSSL, which sends lines back in reverse, and a certificate
# of the moment.

if ! command -v openssl >/dev/null; then
	echo 'skipped: there is no openssl'
	exit
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout key.pem -out cert.pem -days 1 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1 >openssl.log 2>&1
mkfifo printed
timeout 60 openssl s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem \
	-rev >printed 2>&1 </dev/null &
server=$!
exec 3<printed
while read -r word address <&3; do
	[ "$word" != ACCEPT ] || break
done
port=${address##*:}
[ "$("$program" 127.0.0.1 "$port" cert.pem)" = olleh ]
status=0
"$program" 127.0.0.1 "$port" none.pem 2>why || status=$?
[ $status -eq 1 ]
grep -qx 'none.pem: No such file or directory' why
kill $server
