/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TLS with another program at the other end: openssl s_server and s_client,
 * where they are.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "support/children.h"
#include "support/system.h"
#include "support/tlsrig.h"

/* Starts it; NULL: there is none. */
static struct af_process *start_openssl(const char *const argv[])
{
	struct af_process *process = af_spawn(rig.loop, argv, WITH(ALL_PIPES));

	if (!process) {
		ck_assert_int_eq(errno, ENOENT);
		fprintf(stderr, "skipped: there is no openssl\n");
	}
	return process;
}

static void stop(struct af_process *process)
{
	struct af_future *f = af_process_stop(process, MS(2000));

	drive(&rig, f);
	af_future_unref(f);
	af_process_free(process);
}

/* The port that it prints. */
static int port_of(struct af_process *process)
{
	struct af_file *out = af_process_stdout(process);
	struct af_future *line;
	const char *text;
	int port = 0;

	while (port == 0) {
		line = af_file_readline(out, 0, 0, 0, MS(20000));
		ck_assert_int_eq(drive(&rig, line), 0);
		ck_assert_uint_eq(af_future_flags(line), 0);
		text = af_future_data(line, NULL);
		if (strncmp(text, "ACCEPT ", 7) == 0)
			port = atoi(strrchr(text, ':') + 1);
		af_future_unref(line);
	}
	return port;
}

/* The file of a socket that is connected to it. */
static struct af_file *connect_to(struct af_process *process)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = cloexec_socket(AF_INET, SOCK_STREAM);

	to.sin_port = htons((uint16_t)port_of(process));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return af_file_new(rig.loop, fd, 0);
}

static const char *const versions[] = { "-tls1_2", "-tls1_3" };

START_TEST(client_talks_with_s_server)
{
	const char *const argv[] = { "openssl",	    "s_server",	  "-accept",
				     "127.0.0.1:0", "-cert",	  "server.pem",
				     "-key",	    "server.pem", "-rev",
				     versions[_i],  NULL };
	struct af_process *process;
	struct af_future *f;

	rig_open_loop(&rig, DRIVE_AWAIT);
	process = start_openssl(argv);
	if (!process) {
		rig_close(&rig);
		return;
	}
	client_tls = CLIENT();
	client = connect_to(process);
	f = af_start_tls(client, "localhost", client_tls, MS(20000));
	ck_assert_msg(drive(&rig, f) == 0, "%s", af_connect_error(f));
	client = af_future_take_file(f);
	af_future_unref(f);
	ck_assert_str_eq(SSL_get_version(af_tls_ssl(client)),
			 _i == 0 ? "TLSv1.2" : "TLSv1.3");
	expect_count(&rig, af_file_write(client, "hello\n", 6, 0, NULL), 6, 0);
	expect_text(&rig, af_file_readline(client, 0, 0, 0, MS(20000)),
		    "olleh\n", 0);
	expect_error(&rig, af_file_finish(client, MS(20000)), 0);
	stop(process);
	close_tls();
}
END_TEST

/* A listening socket; returns its port. */
static int listen_somewhere(char port[16])
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof at;
	int fd = cloexec_socket(AF_INET, SOCK_STREAM);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)&at, &len);
	snprintf(port, 16, "127.0.0.1:%d", ntohs(at.sin_port));
	return fd;
}

START_TEST(server_talks_with_s_client)
{
	char port[16];
	int fd = listen_somewhere(port);
	const char *const argv[] = { "openssl",	    "s_client",
				     "-connect",    port,
				     "-CAfile",	    "ca.pem",
				     "-quiet",	    "-verify_return_error",
				     "-no_ign_eof", "-servername",
				     "localhost",   "-verify_hostname",
				     "localhost",   versions[_i],
				     NULL };
	struct af_process *process;
	struct af_future *f;

	rig_open_loop(&rig, DRIVE_AWAIT);
	process = start_openssl(argv);
	if (!process) {
		close(fd);
		rig_close(&rig);
		return;
	}
	server_tls = SERVER();
	server = af_file_new(rig.loop, cloexec_accept(fd), 0);
	f = af_accept_tls(server, server_tls, MS(20000));
	ck_assert_msg(drive(&rig, f) == 0, "%s", af_connect_error(f));
	server = af_future_take_file(f);
	af_future_unref(f);
	expect_count(&rig, af_file_write(server, "welcome\n", 8, 0, NULL), 8,
		     0);
	expect_text(&rig,
		    af_file_readline(af_process_stdout(process), 0, 0, 0,
				     MS(20000)),
		    "welcome\n", 0);
	expect_count(
		&rig,
		af_file_write(af_process_stdin(process), "line\n", 5, 0, NULL),
		5, 0);
	expect_text(&rig, af_file_readline(server, 0, 0, 0, MS(20000)),
		    "line\n", 0);
	expect_error(&rig, af_file_finish(server, MS(20000)), 0);
	/* It sees a clean end, and ends, too. */
	expect_text(&rig, af_file_read(af_process_stdout(process), 0, 0, NULL),
		    "", AFIO_EOF);
	expect_status(&rig, af_process_wait(process, MS(20000)), EXITED(0));
	af_process_free(process);
	close(fd);
	close_tls();
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tls peers");
	TCase *tc = tls_case(s, "openssl");

	tcase_add_loop_test(tc, client_talks_with_s_server, 0, 2);
	tcase_add_loop_test(tc, server_talks_with_s_client, 0, 2);
	return s;
}
