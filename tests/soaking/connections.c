/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections over TCP and Unix sockets to listeners of this process. The two
 * ends of one find each other by a number, which the client sends first.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "soaking/connections.h"
#include "soaking/loads.h"

static struct {
	struct af_listener *listener;
	struct af_future *each;
	char host[64], service[16];
	bool is_unix;
} places[2];

/* A connection that was accepted and has not said its number. */
struct visitor {
	struct task task;
	struct af_file *file;
};

/* Those that wait for their other end. */
static struct connection *waiting;
static uint32_t last_number;

void connection_close(struct connection *c)
{
	af_file_close(c->client);
	af_file_close(c->server);
}

static void connection_end(struct task *task)
{
	struct connection *c = (struct connection *)task;

	connection_close(c);
	free(c);
}

static void connection_sent(struct flow *flow)
{
	int r = af_file_shutdown(flow->in, SHUT_WR);

	if (r < 0)
		soak_fail("%s: shutdown: %s", flow->task->name, strerror(-r));
}

static void connection_got(struct flow *flow)
{
	(void)flow;
}

void connection_talk(struct connection *c)
{
	for (int i = 0; i < 2; i++) {
		struct flow *flow = &c->flows[i];

		flow->task = &c->task;
		flow->in = i == 0 ? c->client : c->server;
		flow->out = i == 0 ? c->server : c->client;
		flow->total = 1 + pick(chance(4) ? 200000 : 5000);
		flow->sent_all = connection_sent;
		flow->got_all = connection_got;
		flow_begin(flow);
	}
}

static void visitor_end(struct task *task)
{
	struct visitor *visitor = (struct visitor *)task;

	af_file_close(visitor->file);
	free(visitor);
}

/* Gives an accepted file to the connection with this number, if it waits. */
static void visitor_give(struct visitor *visitor, uint32_t number)
{
	for (struct connection **c = &waiting; *c; c = &(*c)->next) {
		struct connection *found = *c;

		if (found->number != number)
			continue;
		*c = found->next;
		found->server = visitor->file;
		visitor->file = NULL;
		found->ready(found);
		task_drop(&found->task);
		return;
	}
}

static void visitor_said(struct af_future *done, void *arg)
{
	struct visitor *visitor = arg;
	uint32_t number;
	size_t len = 0;
	const char *data = af_future_data(done, &len);

	if (!data || len != sizeof number)
		return;
	memcpy(&number, data, sizeof number);
	visitor_give(visitor, number);
}

static int connections_accepted(struct af_file *file, void *arg)
{
	struct visitor *visitor = soak_alloc(sizeof *visitor);

	(void)arg;
	visitor->file = file;
	task_begin(&visitor->task, "visitor", visitor_end);
	op_watch(&visitor->task, "number",
		 af_file_read(file, sizeof(uint32_t), AFIO_FULL, NULL),
		 MAY_BREAK | MAY_STAY, visitor_said, visitor);
	task_drop(&visitor->task);
	return 0;
}

static void connection_said(struct af_future *done, void *arg)
{
	struct connection *c = arg;

	/* The server waits for the number, so nothing else can happen. */
	if (af_future_error(done) < 0 ||
	    af_future_count(done) != sizeof c->number)
		soak_fail("%s: the number was not sent", c->task.name);
}

static void connection_made(struct af_future *done, void *arg)
{
	struct connection *c = arg;

	c->client = af_future_take_file(done);
	if (!c->client) {
		if (af_future_error(done) == 0)
			soak_fail("%s: no file", c->task.name);
		return;
	}
	c->number = ++last_number;
	c->next = waiting;
	waiting = c;
	c->task.pending++; /* until it is given its other end */
	op_watch(&c->task, "number",
		 af_file_write(c->client, &c->number, sizeof c->number,
			       AFIO_FULL, NULL),
		 MAY_STAY, connection_said, c);
}

void connection_begin(const char *name, void (*ready)(struct connection *c))
{
	struct connection *c = soak_alloc(sizeof *c);
	int i = (int)pick(2);

	c->ready = ready;
	task_begin(&c->task, name, connection_end);
	op_watch(&c->task, "connect",
		 af_connect(soak.loop, places[i].host,
			    places[i].is_unix ? NULL : places[i].service, NULL,
			    deadline()),
		 MAY_LACK, connection_made, c);
	task_drop(&c->task);
}

void load_connection(void)
{
	connection_begin("connection", connection_talk);
}

static void places_listen(int i)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof at;

	places[i].listener = af_listen(soak.loop, places[i].host,
				       places[i].is_unix ? NULL : "0", NULL);
	if (!places[i].listener)
		soak_fail("af_listen %s: %s", places[i].host, strerror(errno));
	if (!places[i].is_unix) {
		getsockname(af_listener_fd(places[i].listener, 0),
			    (struct sockaddr *)&at, &len);
		snprintf(places[i].service, sizeof places[i].service, "%d",
			 ntohs(((struct sockaddr_in *)&at)->sin_port));
	}
	places[i].each = af_listener_each(places[i].listener,
					  connections_accepted, NULL);
}

void connections_open(void)
{
	strcpy(places[0].host, "127.0.0.1");
#ifdef __linux__
	snprintf(places[1].host, sizeof places[1].host, "@soak-%ld",
		 (long)getpid());
#else
	if (!getcwd(places[1].host, sizeof places[1].host - 7))
		soak_fail("getcwd: %s", strerror(errno));
	strcat(places[1].host, "/socket");
#endif
	places[1].is_unix = true;
	places_listen(0);
	places_listen(1);
}

void connections_close(void)
{
	for (int i = 0; i < 2; i++) {
		af_listener_close(places[i].listener);
		if (af_future_error(places[i].each) != -ECANCELED)
			soak_fail("a listener ended by itself: %s",
				  strerror(-af_future_error(places[i].each)));
		af_future_unref(places[i].each);
	}
}
