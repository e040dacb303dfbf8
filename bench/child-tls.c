/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * child-tls tls N FD: a TLS 1.3 server that writes N bytes on a socket, with a
 * certificate that it makes and nobody checks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "bench.h"

static char block[BENCH_BLOCK];

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "child-tls: %s failed\n", what);
	exit(1);
}

static void certify(SSL_CTX *context)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	must(key && cert, "EVP_EC_gen");
	X509_set_version(cert, 2);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	must(X509_sign(cert, key, EVP_sha256()) > 0, "X509_sign");
	must(SSL_CTX_use_certificate(context, cert) == 1, "the certificate");
	must(SSL_CTX_use_PrivateKey(context, key) == 1, "the key");
	X509_free(cert);
	EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	size_t left, len;
	SSL *ssl;

	must(argc == 4, "usage: child-tls tls N FD");
	must(context != NULL, "SSL_CTX_new");
	SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
	SSL_CTX_set_num_tickets(context, 0);
	certify(context);
	ssl = SSL_new(context);
	must(ssl && SSL_set_fd(ssl, atoi(argv[3])) == 1, "SSL_new");
	must(SSL_accept(ssl) == 1, "SSL_accept");
	memset(block, 'x', sizeof(block));
	for (left = strtoul(argv[2], NULL, 10); left > 0; left -= len) {
		len = left < sizeof(block) ? left : sizeof(block);
		must(SSL_write(ssl, block, (int)len) == (int)len, "SSL_write");
	}
	SSL_shutdown(ssl);
	SSL_free(ssl);
	SSL_CTX_free(context);
	return 0;
}
