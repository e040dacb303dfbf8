/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps sessions, so that the next connection to the same peer begins with
 * fewer steps. Knows no connection.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "tls/sessions.h"

int afi_sessions_init(struct afi_sessions *sessions)
{
	return -pthread_mutex_init(&sessions->lock, NULL);
}

static void sessions_drop(struct afi_sessions *sessions, size_t i)
{
	SSL_SESSION_free(sessions->kept[i].session);
	free(sessions->kept[i].key);
	sessions->kept[i].session = NULL;
	sessions->kept[i].key = NULL;
	sessions->kept[i].number = 0;
}

void afi_sessions_clear(struct afi_sessions *sessions)
{
	for (size_t i = 0; i < AFI_SESSIONS_MAX; i++)
		sessions_drop(sessions, i);
	pthread_mutex_destroy(&sessions->lock);
}

/* The place of a key; or AFI_SESSIONS_MAX. */
static size_t sessions_find(const struct afi_sessions *sessions,
			    const char *key)
{
	size_t i = 0;

	while (i < AFI_SESSIONS_MAX &&
	       (!sessions->kept[i].key || strcmp(sessions->kept[i].key, key)))
		i++;
	return i;
}

/* A free place, or that of the oldest one. */
static size_t sessions_oldest(const struct afi_sessions *sessions)
{
	size_t oldest = 0;

	for (size_t i = 1; i < AFI_SESSIONS_MAX; i++)
		if (sessions->kept[i].number < sessions->kept[oldest].number)
			oldest = i;
	return oldest;
}

bool afi_sessions_put(struct afi_sessions *sessions, const char *key,
		      SSL_SESSION *session)
{
	size_t len = strlen(key) + 1, i;
	char *copy = malloc(len);

	if (!copy)
		return false;
	memcpy(copy, key, len);
	pthread_mutex_lock(&sessions->lock);
	i = sessions_find(sessions, key);
	if (i == AFI_SESSIONS_MAX)
		i = sessions_oldest(sessions);
	sessions_drop(sessions, i);
	sessions->kept[i].key = copy;
	sessions->kept[i].session = session;
	sessions->kept[i].number = ++sessions->stored;
	pthread_mutex_unlock(&sessions->lock);
	return true;
}

SSL_SESSION *afi_sessions_get(struct afi_sessions *sessions, const char *key)
{
	SSL_SESSION *session = NULL;
	size_t i;

	pthread_mutex_lock(&sessions->lock);
	i = sessions_find(sessions, key);
	if (i < AFI_SESSIONS_MAX) {
		session = sessions->kept[i].session;
		SSL_SESSION_up_ref(session);
		if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
			sessions_drop(sessions, i);
	}
	pthread_mutex_unlock(&sessions->lock);
	return session;
}
