/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of what af_tls_client_new() and af_tls_server_new() accept, and of what
 * they say of what they do not.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/tlsrig.h"

static const char *const empty[] = { "", NULL };
static char too_long[257];
static const char *const longest[] = { too_long, NULL };
static char long_enough[256];
static const char *too_many[257];
static const char *const h2[] = { "h2", NULL };

struct row {
	struct af_tls_options options;
	bool server;
	int error;
	const char *why; /* how it begins */
};

static const struct row rows[] = {
	{ { .reserved = { 1 } }, false, EINVAL, "reserved is not zero" },
	{ { .reserved = { [7] = 1 } }, true, EINVAL, "reserved is not zero" },
	{ { .ca_file = NULL }, true, EINVAL, "a server needs cert_file" },
	{ { .key_file = "server.pem" },
	  false,
	  EINVAL,
	  "key_file without cert_file" },
	{ { .verify_client = true },
	  false,
	  EINVAL,
	  "verify_client for a client" },
	{ { .cert_file = "server.pem", .no_verify = true },
	  true,
	  EINVAL,
	  "no_verify or name for a server" },
	{ { .cert_file = "server.pem", .name = "a" },
	  true,
	  EINVAL,
	  "no_verify or name for a server" },
	{ { .cert_file = "server.pem", .verify_client = true },
	  true,
	  EINVAL,
	  "verify_client needs ca_file or ca_path" },
	{ { .alpn = empty }, false, EINVAL, "a protocol is empty or too long" },
	{ { .alpn = longest },
	  false,
	  EINVAL,
	  "a protocol is empty or too long" },
	{ { .alpn = too_many },
	  false,
	  EINVAL,
	  "a protocol is empty or too long" },
	{ { .ca_file = "none.pem" },
	  false,
	  ENOENT,
	  "none.pem: No such file or directory" },
	{ { .ca_path = "none" },
	  false,
	  ENOENT,
	  "none: No such file or directory" },
	{ { .ca_file = "text" }, false, EINVAL, "text: " },
	{ { .cert_file = "none.pem" },
	  true,
	  ENOENT,
	  "none.pem: No such file or directory" },
	{ { .cert_file = "server.pem", .key_file = "none.key" },
	  true,
	  ENOENT,
	  "none.key: No such file or directory" },
	{ { .cert_file = "text" }, true, EINVAL, "text: " },
	{ { .cert_file = "." }, true, EINVAL, ".: " },
	{ { .cert_file = "server.pem", .key_file = "text" },
	  true,
	  EINVAL,
	  "text: " },
	{ { .cert_file = "server.pem", .key_file = "client.pem" },
	  true,
	  EINVAL,
	  "client.pem: " },
	/* It must not ask at the terminal. */
	{ { .cert_file = "server.pem", .key_file = "locked.key" },
	  true,
	  EINVAL,
	  "locked.key: " },
};

static struct af_tls *make(const struct af_tls_options *options, bool is_server,
			   char *text, size_t size)
{
	return is_server ? af_tls_server_new(options, text, size)
			 : af_tls_client_new(options, text, size);
}

START_TEST(options_that_are_wrong_are_refused_with_a_text)
{
	const struct row *row = &rows[_i];
	char why[256] = "unset", less[4] = "xyz";

	memset(too_long, 'x', 256);
	memset(long_enough, 'x', 255);
	for (int i = 0; i < 256; i++)
		too_many[i] = long_enough;
	make_file("text", "no certificate\n", 0600);
	errno = 0;
	ck_assert_ptr_null(make(&row->options, row->server, why, sizeof why));
	ck_assert_int_eq(errno, row->error);
	ck_assert_msg(strncmp(why, row->why, strlen(row->why)) == 0,
		      "%s, not %s", why, row->why);
	ck_assert_ptr_null(make(&row->options, row->server, NULL, 0));
	ck_assert_ptr_null(make(&row->options, row->server, less, 4));
	ck_assert_int_eq(strncmp(less, row->why, 3), 0);
	ck_assert_int_eq(less[3], '\0');
	ck_assert_ptr_null(make(&row->options, row->server, less + 1, 0));
	ck_assert_int_eq(less[1], row->why[1]);
}
END_TEST

START_TEST(context_and_what_it_should_have_are_refused)
{
	SSL_CTX *context = SSL_CTX_new(TLS_method());
	const struct row wrong[] = {
		{ { .context = context, .ca_file = "ca.pem" }, false, 0, "" },
		{ { .context = context, .ca_path = "." }, false, 0, "" },
		{ { .context = context, .cert_file = "client.pem" },
		  false,
		  0,
		  "" },
		{ { .context = context, .verify_client = true }, true, 0, "" },
		{ { .context = context, .alpn = h2 }, true, 0, "" },
	};
	char why[256];

	ck_assert_ptr_null(
		make(&wrong[_i].options, wrong[_i].server, why, sizeof why));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_str_eq(why, "context, and options that it should have");
	ck_assert_ptr_null(af_tls_server_new(
		&(struct af_tls_options){ .context = context, .name = "a" },
		why, sizeof why));
	ck_assert_str_eq(why, "no_verify or name for a server");
	SSL_CTX_free(context);
}
END_TEST

START_TEST(context_of_the_program_is_used_and_not_changed)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	ck_assert_int_eq(SSL_CTX_load_verify_locations(context, "ca.pem", NULL),
			 1);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.context = context, .alpn = h2);
	server_tls = SERVER(.alpn = h2);
	shake_well("localhost");
	ck_assert_str_eq(af_tls_alpn(server), "h2");
	ck_assert_ptr_eq(SSL_get_SSL_CTX(af_tls_ssl(client)), context);
	ck_assert_int_eq(SSL_CTX_get_verify_mode(context), SSL_VERIFY_NONE);
	expect_passes(client, server);
	close_tls();
	SSL_CTX_free(context);
}
END_TEST

/* A context of its own verifies nothing unless it is told to. */
START_TEST(name_is_verified_with_a_context_of_the_program_too)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int r, s;

	ck_assert_int_eq(SSL_CTX_load_verify_locations(context, "ca.pem", NULL),
			 1);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.context = context);
	server_tls = SERVER();
	shake("other.test", &r, &s);
	ck_assert_int_eq(r, -EACCES);
	close_tls();
	SSL_CTX_free(context);
}
END_TEST

START_TEST(context_of_the_program_keeps_its_rules_for_names)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	unsigned flags;

	ck_assert_int_eq(SSL_CTX_load_verify_locations(context, "ca.pem", NULL),
			 1);
	X509_VERIFY_PARAM_set_hostflags(SSL_CTX_get0_param(context),
					X509_CHECK_FLAG_NO_WILDCARDS);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.context = context);
	server_tls = SERVER();
	shake_well("localhost");
	flags = X509_VERIFY_PARAM_get_hostflags(
		SSL_get0_param(af_tls_ssl(client)));
	ck_assert_uint_eq(flags, X509_CHECK_FLAG_NO_WILDCARDS |
					 X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	close_tls();
	SSL_CTX_free(context);
}
END_TEST

START_TEST(authorities_in_a_folder_are_trusted)
{
	char name[64];
	FILE *in = fopen("ca.pem", "r");
	X509 *cert = PEM_read_X509(in, NULL, NULL, NULL);

	fclose(in);
	ck_assert_int_eq(mkdir("folder", 0700), 0);
	snprintf(name, sizeof name, "folder/%08lx.0",
		 X509_subject_name_hash(cert));
	X509_free(cert);
	ck_assert_int_eq(symlink("../ca.pem", name), 0);
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = af_tls_client_new(
		&(struct af_tls_options){ .ca_path = "folder" }, NULL, 0);
	server_tls = SERVER();
	shake_well("localhost");
	close_tls();
	/* Also by a server, of its clients. */
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT(.cert_file = "client.pem");
	server_tls = SERVER(.verify_client = true, .ca_path = "folder");
	shake_well("localhost");
	close_tls();
}
END_TEST

START_TEST(key_in_a_file_of_its_own_is_used)
{
	open_ends(KIND_SOCKETPAIR, DRIVE_AWAIT);
	client_tls = CLIENT();
	server_tls =
		SERVER(.cert_file = "server.pem", .key_file = "server.pem");
	shake_well("localhost");
	close_tls();
}
END_TEST

/* As of a daemon: what is opened has the number 0. */
START_TEST(new_without_descriptor_0_leaves_it_closed)
{
	int copy = fcntl(0, F_DUPFD_CLOEXEC, 3);

	ck_assert_int_ge(copy, 0);
	ck_assert_int_eq(close(0), 0);
	client_tls = CLIENT(.ca_file = "ca.pem");
	ck_assert_int_lt(fcntl(0, F_GETFD), 0);
	ck_assert_int_eq(dup2(copy, 0), 0);
	close(copy);
	af_tls_free(client_tls);
}
END_TEST

START_TEST(free_of_null_does_nothing)
{
	char why[8] = "unset";

	af_tls_free(NULL);
	client_tls = af_tls_client_new(NULL, why, sizeof why);
	ck_assert_ptr_nonnull(client_tls);
	ck_assert_str_eq(why, "");
	af_tls_free(client_tls);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tls options");
	TCase *tc = tls_case(s, "options");

	tcase_add_loop_test(tc, options_that_are_wrong_are_refused_with_a_text,
			    0, sizeof rows / sizeof *rows);
	tcase_add_loop_test(tc, context_and_what_it_should_have_are_refused, 0,
			    5);
	tcase_add_test(tc, context_of_the_program_is_used_and_not_changed);
	tcase_add_test(tc, name_is_verified_with_a_context_of_the_program_too);
	tcase_add_test(tc, context_of_the_program_keeps_its_rules_for_names);
	tcase_add_test(tc, authorities_in_a_folder_are_trusted);
	tcase_add_test(tc, key_in_a_file_of_its_own_is_used);
	tcase_add_test(tc, new_without_descriptor_0_leaves_it_closed);
	tcase_add_test(tc, free_of_null_does_nothing);
	return s;
}
