/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a program may ask of a connection.
 */
#include "config.h"

#include "tls/conn.h"

const char *af_tls_alpn(const struct af_file *file)
{
	const struct afi_conn *conn = afi_conn_of(file);

	return conn ? conn->alpn : "";
}

bool af_tls_is_resumed(const struct af_file *file)
{
	const struct afi_conn *conn = afi_conn_of(file);

	return conn && SSL_session_reused(conn->ssl);
}

struct ssl_st *af_tls_ssl(const struct af_file *file)
{
	const struct afi_conn *conn = afi_conn_of(file);

	return conn ? conn->ssl : NULL;
}
