# SPDX-License-Identifier: BSD-3-Clause
#
# With a certificate of the moment.

if ! command -v openssl >/dev/null; then
	echo 'skipped: there is no openssl'
	exit
fi
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout key.pem -out cert.pem -days 1 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost >openssl.log 2>&1
cat cert.pem key.pem >both.pem
[ "$("$program" both.pem)" = 'the server says: welcome' ]
! "$program" none.pem 2>why
grep -qx 'none.pem: No such file or directory' why
