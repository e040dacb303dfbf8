/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A getaddrinfo(3) in front of the C library's: it knows the names that a test
 * gives it, asks no name server, and waits for as long as the test wants. A
 * test program includes this once. That also the shared library calls it is how
 * ELF works.
 */
#ifndef TESTS_RESOLVER_H
#define TESTS_RESOLVER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "support/gate.h"

struct resolver_name {
	const char *host;
	const char *addresses[8]; /* numeric; until NULL */
	int code;		  /* not 0: that error */
	int error;		  /* the errno of EAI_SYSTEM */
	bool waits;		  /* until resolver_leave is open */
};

/* What it knows, until a host of NULL. */
static const struct resolver_name *resolver_names;
/* Who waits arrives at the first, and goes on once the second is open. */
static struct gate resolver_waiting = GATE_INIT, resolver_leave = GATE_INIT;
/* Questions about names. */
static atomic_uint resolver_calls;
/* The loop's, which must not wait: a question there aborts. */
static pthread_t resolver_thread;

/* For tcase_add_checked_fixture(). */
static inline void resolver_setup(void)
{
	resolver_thread = pthread_self();
}

static inline bool resolver_take_host(struct sockaddr_storage *to,
				      const char *host)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof *to);
	to->ss_family = AF_INET;
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1)
		return true;
	to->ss_family = AF_INET6;
	return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1;
}

/* The only service with a name is http. */
static inline int resolver_port(const char *service, bool numeric)
{
	char *end;
	long port = service ? strtol(service, &end, 10) : 0;

	if (!service || *end == '\0')
		return (int)port;
	if (numeric)
		return -1;
	return strcmp(service, "http") == 0 ? 80 : -2;
}

/* Appends an address, if it has the family that is wanted. */
static inline void resolver_append(struct addrinfo **list, const char *host,
				   int port, const struct addrinfo *hints)
{
	struct addrinfo **last = list, *info = calloc(1, sizeof *info);
	struct sockaddr_storage *to = calloc(1, sizeof *to);
	bool v6;

	if (!info || !to || !resolver_take_host(to, host))
		abort();
	v6 = to->ss_family == AF_INET6;
	if (v6)
		((struct sockaddr_in6 *)to)->sin6_port = htons((uint16_t)port);
	else
		((struct sockaddr_in *)to)->sin_port = htons((uint16_t)port);
	info->ai_family = to->ss_family;
	info->ai_socktype = hints->ai_socktype;
	info->ai_addr = (struct sockaddr *)to;
	info->ai_addrlen =
		v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (hints->ai_family != AF_UNSPEC &&
	    hints->ai_family != info->ai_family) {
		free(to);
		free(info);
		return;
	}
	while (*last)
		last = &(*last)->ai_next;
	*last = info;
}

/* Looks a name up, as a name server would. */
static inline int resolver_ask(struct addrinfo **list, const char *host,
			       int port, const struct addrinfo *hints)
{
	const struct resolver_name *name = resolver_names;

	if (pthread_equal(pthread_self(), resolver_thread))
		abort();
	resolver_calls++;
	while (name && name->host && strcmp(name->host, host) != 0)
		name++;
	if (!name || !name->host)
		return EAI_NONAME;
	if (name->waits) {
		gate_arrive(&resolver_waiting);
		gate_await(&resolver_leave, 1);
	}
	errno = name->error;
	if (name->code != 0)
		return name->code;
	for (int i = 0; name->addresses[i]; i++)
		resolver_append(list, name->addresses[i], port, hints);
	return *list ? 0 : EAI_NONAME;
}

static inline int resolver_find(struct addrinfo **list, const char *host,
				int port, const struct addrinfo *hints)
{
	bool passive = hints->ai_flags & AI_PASSIVE;
	struct sockaddr_storage to;

	if (host && !resolver_take_host(&to, host)) {
		if (hints->ai_flags & AI_NUMERICHOST)
			return EAI_NONAME;
		return resolver_ask(list, host, port, hints);
	}
	if (host) {
		resolver_append(list, host, port, hints);
		return *list ? 0 : EAI_NONAME;
	}
	resolver_append(list, passive ? "::" : "::1", port, hints);
	resolver_append(list, passive ? "0.0.0.0" : "127.0.0.1", port, hints);
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	struct addrinfo *next;

	for (; list; list = next) {
		next = list->ai_next;
		free(list->ai_addr);
		free(list);
	}
}

int getaddrinfo(const char *restrict host, const char *restrict service,
		const struct addrinfo *restrict hints,
		struct addrinfo **restrict ret)
{
	int port = resolver_port(service, hints->ai_flags & AI_NUMERICSERV);
	struct addrinfo *list = NULL;
	int code;

	if (hints->ai_socktype != 0 && hints->ai_socktype != SOCK_STREAM &&
	    hints->ai_socktype != SOCK_DGRAM)
		return EAI_SOCKTYPE;
	if (port < 0)
		return port == -1 ? EAI_NONAME : EAI_SERVICE;
	code = resolver_find(&list, host, port, hints);
	if (code == 0)
		*ret = list;
	else
		freeaddrinfo(list);
	return code;
}

#endif
