/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The environment of a program: the variables of RFC 3875, section 4.1, and a
 * PATH. Nothing is inherited.
 *
 * The fields of the request become HTTP_ variables, those of the same name one
 * variable. Not passed on are:
 *
 * | field                                 | because                           |
 * |---------------------------------------|-----------------------------------|
 * | Proxy                                 | HTTP_PROXY is the proxy that many
 *                                           programs would use                |
 * | Authorization, Proxy-Authorization    | passwords                         |
 * | of the connection, as Connection, TE  | it is the server's                |
 * | Content-Length, Content-Type          | they have variables of their own  |
 * | a name with other characters than
 *   letters, digits and "-"               | X_Y would look like X-Y           |
 */
#ifndef CGI_ENV_H
#define CGI_ENV_H

struct evhttp_request;
struct path;

/* The address of the server: what getsockname(2) says. */
struct env_server {
	char name[64], port[8];
};

/*
 * Makes it, for af_spawn_options. Returns NULL with errno: ENOMEM; E2BIG if the
 * request has too many fields.
 */
const char *const *env_new(struct evhttp_request *req, const struct path *path,
			   const struct env_server *server);
void env_free(const char *const *env);

#endif
