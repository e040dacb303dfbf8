/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Certificates of the moment, in PEM files with their keys: of an authority, and
 * of servers and clients, good ones and others. It knows no library of ours.
 */
#ifndef TESTS_CERTS_H
#define TESTS_CERTS_H

#include <stdio.h>
#include <stdlib.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define CERTS_MUST(condition)                                                  \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "certs: %s failed\n", #condition);     \
			ERR_print_errors_fp(stderr);                           \
			abort();                                               \
		}                                                              \
	} while (0)

struct authority {
	X509 *cert;
	EVP_PKEY *key;
};

static inline EVP_PKEY *certs_key(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
	EVP_PKEY *key = NULL;

	CERTS_MUST(context && EVP_PKEY_keygen_init(context) == 1);
	CERTS_MUST(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(
			   context, NID_X9_62_prime256v1) == 1);
	CERTS_MUST(EVP_PKEY_keygen(context, &key) == 1);
	EVP_PKEY_CTX_free(context);
	return key;
}

static inline void certs_extend(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	CERTS_MUST(extension && X509_add_ext(cert, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

/*
 * Writes a certificate and its key to file; in the other file the key alone, if
 * not NULL, encrypted. names: such as "DNS:localhost,IP:127.0.0.1"; NULL: that
 * of an authority. by: who signs; NULL: itself. It ends in so many seconds.
 */
static inline struct authority certs_make(const char *file, const char *locked,
					  const char *names,
					  const struct authority *by,
					  long seconds)
{
	static long serial = 1;
	struct authority made = { X509_new(), certs_key() };
	X509_NAME *name = X509_get_subject_name(made.cert);
	FILE *out;

	X509_set_version(made.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(made.cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(made.cert), seconds);
	X509_set_pubkey(made.cert, made.key);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const unsigned char *)file, -1, -1, 0);
	X509_set_issuer_name(made.cert,
			     by ? X509_get_subject_name(by->cert) : name);
	certs_extend(made.cert, NID_basic_constraints,
		     names ? "CA:FALSE" : "critical,CA:TRUE");
	if (names)
		certs_extend(made.cert, NID_subject_alt_name, names);
	CERTS_MUST(X509_sign(made.cert, by ? by->key : made.key, EVP_sha256()) >
		   0);
	out = fopen(file, "w");
	CERTS_MUST(out && PEM_write_X509(out, made.cert) == 1);
	CERTS_MUST(PEM_write_PrivateKey(out, made.key, NULL, NULL, 0, NULL,
					NULL) == 1);
	fclose(out);
	if (!locked)
		return made;
	out = fopen(locked, "w");
	CERTS_MUST(out && PEM_write_PrivateKey(out, made.key, EVP_aes_128_cbc(),
					       (unsigned char *)"word", 4, NULL,
					       NULL) == 1);
	fclose(out);
	return made;
}

static inline void certs_free(struct authority *made)
{
	X509_free(made->cert);
	EVP_PKEY_free(made->key);
}

/* In the working directory; those of "ca.pem" are good for an hour. */
static inline void certs_make_all(void)
{
	static const char names[] =
		"DNS:localhost,DNS:example.test,IP:127.0.0.1,IP:::1";
	struct authority ca = certs_make("ca.pem", NULL, NULL, NULL, 3600);
	struct authority other =
		certs_make("other-ca.pem", NULL, NULL, NULL, 3600);
	const struct {
		const char *file, *locked, *names;
		const struct authority *by;
		long seconds;
	} all[] = {
		{ "server.pem", "locked.key", names, &ca, 3600 },
		{ "wrong-name.pem", NULL, "DNS:other.test", &ca, 3600 },
		{ "expired.pem", NULL, names, &ca, -3600 },
		{ "self-signed.pem", NULL, names, NULL, 3600 },
		{ "client.pem", NULL, "DNS:client.test", &ca, 3600 },
		{ "stranger.pem", NULL, "DNS:client.test", &other, 3600 },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct authority made =
			certs_make(all[i].file, all[i].locked, all[i].names,
				   all[i].by, all[i].seconds);

		certs_free(&made);
	}
	certs_free(&ca);
	certs_free(&other);
}

#endif
