/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tests of multicast groups, on the loopback interface, where the machine
 * delivers messages to groups there.
 */
#include <errno.h>
#include <net/if.h>

#include "support/datagrams.h"

static struct rig rig;
static unsigned lo;

static struct address group_of(enum family family, const char *name)
{
	struct address a = { .len = 0 };

	if (family == IPV4) {
		struct sockaddr_in *sin = (struct sockaddr_in *)&a.storage;

		sin->sin_family = AF_INET;
		ck_assert_int_eq(inet_pton(AF_INET, name, &sin->sin_addr), 1);
		a.len = sizeof *sin;
	} else {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&a.storage;

		sin6->sin6_family = AF_INET6;
		sin6->sin6_scope_id = lo;
		ck_assert_int_eq(inet_pton(AF_INET6, name, &sin6->sin6_addr),
				 1);
		a.len = sizeof *sin6;
	}
	return a;
}

static struct address some_group(enum family family)
{
	return group_of(family, family == IPV4 ? "239.255.0.77" : "ff01::4d");
}

static bool open_rig(enum family family, enum driver driver)
{
	lo = if_nametoindex("lo");
	if (!lo)
		lo = if_nametoindex("lo0");
	if (!have_family(family))
		return false;
	rig_open_loop(&rig, driver);
	rig.reader = af_datagram_open(
		rig.loop, NULL, NULL,
		&(struct af_datagram_options){
			.family = family == IPV4 ? AF_INET : AF_INET6,
			.reuse_address = true,
			.interface = lo,
		});
	ck_assert_ptr_nonnull(rig.reader);
	return true;
}

static int join(const struct address *a)
{
	return af_file_join_group(rig.reader, &a->sa, a->len, lo);
}

static int leave(const struct address *a)
{
	return af_file_leave_group(rig.reader, &a->sa, a->len, lo);
}

/* The group's address with the port of the socket. */
static struct address target(struct address group)
{
	struct address own = address_of(af_file_fd(rig.reader));

	if (group.sa.sa_family == AF_INET)
		((struct sockaddr_in *)&group.storage)->sin_port =
			((struct sockaddr_in *)&own.storage)->sin_port;
	else
		((struct sockaddr_in6 *)&group.storage)->sin6_port =
			((struct sockaddr_in6 *)&own.storage)->sin6_port;
	return group;
}

static struct af_future *send_to_group(struct address group)
{
	struct address to = target(group);

	return af_file_send_to(rig.reader, "abc", 3, &to.sa, to.len, 0, NULL);
}

/* False, and a word: it cannot be sent there. */
static bool can_send(struct address group)
{
	struct af_future *f = send_to_group(group);
	int r = drive(&rig, f);

	af_future_unref(f);
	if (r < 0)
		fprintf(stderr, "skipped: no multicast: %s\n", strerror(-r));
	return r == 0;
}

START_TEST(member_of_a_group_gets_its_messages_until_it_leaves)
{
	struct address group;

	if (!open_rig((enum family)(_i / DRIVE_COUNT), DRIVER_OF(_i)))
		return;
	group = some_group((enum family)(_i / DRIVE_COUNT));
	if (!can_send(group)) {
		rig_close(&rig);
		return;
	}
	expect_error(&rig, af_file_receive_from(rig.reader, 0, 0, MS(5)),
		     -ETIMEDOUT);
	ck_assert_int_eq(join(&group), 0);
	expect_count(&rig, send_to_group(group), 3, 0);
	expect_text(&rig, af_file_receive_from(rig.reader, 0, 0, MS(5000)),
		    "abc", 0);
	ck_assert_int_eq(leave(&group), 0);
	expect_count(&rig, send_to_group(group), 3, 0);
	expect_error(&rig, af_file_receive_from(rig.reader, 0, 0, MS(5)),
		     -ETIMEDOUT);
	rig_close(&rig);
}
END_TEST

/* Several programs of one machine on one port: each gets all. */
START_TEST(members_on_one_port_all_get_a_message)
{
	struct address group, own;
	struct af_file *other;
	char port[8];

	if (!open_rig((enum family)(_i / DRIVE_COUNT), DRIVER_OF(_i)))
		return;
	group = some_group((enum family)(_i / DRIVE_COUNT));
	if (!can_send(group)) {
		rig_close(&rig);
		return;
	}
	own = target(group);
	snprintf(port, sizeof port, "%u",
		 ntohs(((struct sockaddr_in *)&own.storage)->sin_port));
	other = af_datagram_open(
		rig.loop, NULL, port,
		&(struct af_datagram_options){ .family = group.sa.sa_family,
					       .reuse_address = true });
	ck_assert_ptr_nonnull(other);
	ck_assert_int_eq(join(&group), 0);
	ck_assert_int_eq(af_file_join_group(other, &group.sa, group.len, lo),
			 0);
	expect_count(&rig, send_to_group(group), 3, 0);
	expect_text(&rig, af_file_receive_from(rig.reader, 0, 0, MS(5000)),
		    "abc", 0);
	expect_text(&rig, af_file_receive_from(other, 0, 0, MS(5000)), "abc",
		    0);
	ck_assert_int_eq(af_file_close(other), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(membership_of_nonsense_fails_and_changes_nothing)
{
	enum family family = (enum family)_i;
	struct address group, plain;

	if (!open_rig(family, DRIVE_AWAIT))
		return;
	group = some_group(family);
	plain = loopback(family);
	ck_assert_int_eq(leave(&group), -EADDRNOTAVAIL);
	ck_assert_int_eq(join(&group), 0);
	ck_assert_int_eq(join(&group), -EADDRINUSE);
	ck_assert_int_eq(leave(&group), 0);
	ck_assert_int_eq(leave(&group), -EADDRNOTAVAIL);
	ck_assert_int_eq(join(&plain), -EINVAL);
	ck_assert_int_eq(af_file_join_group(rig.reader, NULL, 0, lo), -EINVAL);
	ck_assert_int_eq(af_file_join_group(NULL, &group.sa, group.len, lo),
			 -EINVAL);
	ck_assert_int_eq(af_file_join_group(rig.reader, &group.sa, 4, lo),
			 -EINVAL);
	ck_assert_int_eq(af_file_join_group(rig.reader, &group.sa, 1, lo),
			 -EINVAL);
	ck_assert_int_eq(af_file_join_group(rig.reader, &group.sa,
					    sizeof group.storage + 1, lo),
			 -EINVAL);
	ck_assert_int_eq(af_file_join_group(rig.reader, &group.sa, group.len,
					    0x7ffffff0),
			 -ENODEV);
	group.sa.sa_family = AF_UNIX;
	ck_assert_int_eq(join(&group), -EINVAL);
	if (family == IPV4) {
		group = some_group(IPV6);
		ck_assert_int_eq(join(&group), -EINVAL);
	}
	group = some_group(family);
	expect_count(&rig, af_file_finish(rig.reader, NULL), 0, 0);
	ck_assert_int_eq(join(&group), -EBADF);
	rig_close(&rig);
}
END_TEST

START_TEST(membership_of_another_kind_is_not_supported)
{
	struct address group = some_group(IPV4);
	int fds[2];

	rig_open_loop(&rig, DRIVE_AWAIT);
	make_pair((enum kind)_i, fds);
	rig.in = fds[0];
	rig.out = fds[1];
	rig_reader(&rig);
	ck_assert_int_eq(join(&group), -ENOTSUP);
	ck_assert_int_eq(leave(&group), -ENOTSUP);
	rig_close(&rig);
	open_datagrams(&rig, UNIX, DRIVE_AWAIT);
	ck_assert_int_eq(join(&group), -ENOTSUP);
	rig_close(&rig);
}
END_TEST

/* What a group's message says of its sender is that socket. */
START_TEST(message_of_a_group_has_the_address_of_its_sender)
{
	struct address group, own;
	struct af_future *f;
	const struct sockaddr *from;

	if (!open_rig(IPV4, DRIVE_AWAIT))
		return;
	group = some_group(IPV4);
	if (!can_send(group)) {
		rig_close(&rig);
		return;
	}
	ck_assert_int_eq(join(&group), 0);
	expect_count(&rig, send_to_group(group), 3, 0);
	f = af_file_receive_from(rig.reader, 0, 0, MS(5000));
	ck_assert_int_eq(drive(&rig, f), 0);
	from = af_future_address(f, 0, NULL);
	own = address_of(af_file_fd(rig.reader));
	ck_assert_ptr_nonnull(from);
	ck_assert_int_eq(((const struct sockaddr_in *)(const void *)from)
				 ->sin_port,
			 ((struct sockaddr_in *)&own.storage)->sin_port);
	af_future_unref(f);
	rig_close(&rig);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("net/multicast");
	TCase *tc = sockets_case(s, "groups");

#define ADD(test, n) tcase_add_loop_test(tc, test, 0, n)
	ADD(member_of_a_group_gets_its_messages_until_it_leaves,
	    UNIX * DRIVE_COUNT);
	ADD(members_on_one_port_all_get_a_message, UNIX * DRIVE_COUNT);
	ADD(message_of_a_group_has_the_address_of_its_sender, 1);
	ADD(membership_of_nonsense_fails_and_changes_nothing, UNIX);
	ADD(membership_of_another_kind_is_not_supported, KIND_COUNT);
	return s;
}
