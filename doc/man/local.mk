# SPDX-License-Identifier: BSD-3-Clause
#
# The manual. A page NAME.3 may have an example NAME.c, which tests/pages.sh runs.

manual_pages = \
	doc/man/af_address_text.3 \
	doc/man/af_adopt.3 \
	doc/man/af_all.3 \
	doc/man/af_await.3 \
	doc/man/af_communicate.3 \
	doc/man/af_connect_tls.3 \
	doc/man/af_connect.3 \
	doc/man/af_copy.3 \
	doc/man/af_datagram.3 \
	doc/man/af_each.3 \
	doc/man/af_file.3 \
	doc/man/af_file_from_bufferevent.3 \
	doc/man/af_finish.3 \
	doc/man/af_follow.3 \
	doc/man/af_future.3 \
	doc/man/af_future_new.3 \
	doc/man/af_hangup.3 \
	doc/man/af_idle.3 \
	doc/man/af_limit.3 \
	doc/man/af_listen.3 \
	doc/man/af_listener_accept.3 \
	doc/man/af_loop.3 \
	doc/man/af_loop_reaped.3 \
	doc/man/af_map.3 \
	doc/man/af_peek.3 \
	doc/man/af_pipe.3 \
	doc/man/af_pipe_each.3 \
	doc/man/af_pipe_spawn.3 \
	doc/man/af_pipe_wait.3 \
	doc/man/af_post.3 \
	doc/man/af_process.3 \
	doc/man/af_process_wait.3 \
	doc/man/af_pty.3 \
	doc/man/af_read.3 \
	doc/man/af_resolve.3 \
	doc/man/af_read_at.3 \
	doc/man/af_run.3 \
	doc/man/af_seek.3 \
	doc/man/af_send_fds.3 \
	doc/man/af_set_layer.3 \
	doc/man/af_shield.3 \
	doc/man/af_sleep.3 \
	doc/man/af_spawn.3 \
	doc/man/af_spawn_error.3 \
	doc/man/af_spawn_options.3 \
	doc/man/af_stop.3 \
	doc/man/af_then.3 \
	doc/man/af_tls_new.3 \
	doc/man/af_version.3 \
	doc/man/af_wait_fd.3 \
	doc/man/af_with_timeout.3 \
	doc/man/af_work.3 \
	doc/man/af_write.3 \
	doc/man/asyncfile.7

manual_programs = \
	doc/man/af_address_text \
	doc/man/af_adopt \
	doc/man/af_adopt_more \
	doc/man/af_all \
	doc/man/af_await \
	doc/man/af_await_more \
	doc/man/af_communicate \
	doc/man/af_connect \
	doc/man/af_copy \
	doc/man/af_copy_more \
	doc/man/af_datagram \
	doc/man/af_each \
	doc/man/af_each_more \
	doc/man/af_file \
	doc/man/af_file_from_bufferevent \
	doc/man/af_file_more \
	doc/man/af_finish \
	doc/man/af_follow \
	doc/man/af_future \
	doc/man/af_future_more \
	doc/man/af_future_new \
	doc/man/af_hangup \
	doc/man/af_idle \
	doc/man/af_limit \
	doc/man/af_listen \
	doc/man/af_listener_accept \
	doc/man/af_loop \
	doc/man/af_loop_reaped \
	doc/man/af_map \
	doc/man/af_peek \
	doc/man/af_pipe \
	doc/man/af_pipe_each \
	doc/man/af_pipe_spawn \
	doc/man/af_pipe_spawn_more \
	doc/man/af_pipe_wait \
	doc/man/af_post \
	doc/man/af_process \
	doc/man/af_process_wait \
	doc/man/af_process_wait_more \
	doc/man/af_pty \
	doc/man/af_read \
	doc/man/af_read_at \
	doc/man/af_read_more \
	doc/man/af_resolve \
	doc/man/af_run \
	doc/man/af_seek \
	doc/man/af_send_fds \
	doc/man/af_set_layer \
	doc/man/af_shield \
	doc/man/af_sleep \
	doc/man/af_spawn \
	doc/man/af_spawn_error \
	doc/man/af_spawn_more \
	doc/man/af_spawn_options \
	doc/man/af_spawn_options_more \
	doc/man/af_stop \
	doc/man/af_then \
	doc/man/af_version \
	doc/man/af_wait_fd \
	doc/man/af_with_timeout \
	doc/man/af_work \
	doc/man/af_write \
	doc/man/asyncfile \
	doc/man/asyncfile_more
if WITH_TLS
manual_programs += \
	doc/man/af_connect_tls \
	doc/man/af_tls_new
endif
example_tls_libs = lib/libasyncfile-tls.la $(example_libs)
doc_man_af_connect_tls_LDADD = $(example_tls_libs)
doc_man_af_tls_new_LDADD = $(example_tls_libs)
doc_man_af_address_text_LDADD = $(example_libs)
doc_man_af_adopt_LDADD = $(example_libs)
doc_man_af_adopt_more_LDADD = $(example_libs)
doc_man_af_all_LDADD = $(example_libs)
doc_man_af_await_LDADD = $(example_libs)
doc_man_af_await_more_LDADD = $(example_libs)
doc_man_af_communicate_LDADD = $(example_libs)
doc_man_af_connect_LDADD = $(example_libs)
doc_man_af_copy_LDADD = $(example_libs)
doc_man_af_copy_more_LDADD = $(example_libs)
doc_man_af_datagram_LDADD = $(example_libs)
doc_man_af_each_LDADD = $(example_libs)
doc_man_af_each_more_LDADD = $(example_libs)
doc_man_af_file_LDADD = $(example_libs)
doc_man_af_file_from_bufferevent_LDADD = $(example_libs)
doc_man_af_file_more_LDADD = $(example_libs)
doc_man_af_finish_LDADD = $(example_libs)
doc_man_af_follow_LDADD = $(example_libs)
doc_man_af_future_LDADD = $(example_libs)
doc_man_af_future_more_LDADD = $(example_libs)
doc_man_af_future_new_LDADD = $(example_libs)
doc_man_af_hangup_LDADD = $(example_libs)
doc_man_af_idle_LDADD = $(example_libs)
doc_man_af_limit_LDADD = $(example_libs)
doc_man_af_listen_LDADD = $(example_libs)
doc_man_af_listener_accept_LDADD = $(example_libs)
doc_man_af_loop_LDADD = $(example_libs)
doc_man_af_loop_reaped_LDADD = $(example_libs)
doc_man_af_map_LDADD = $(example_libs)
doc_man_af_peek_LDADD = $(example_libs)
doc_man_af_pipe_LDADD = $(example_libs)
doc_man_af_pipe_each_LDADD = $(example_libs)
doc_man_af_pipe_spawn_LDADD = $(example_libs)
doc_man_af_pipe_spawn_more_LDADD = $(example_libs)
doc_man_af_pipe_wait_LDADD = $(example_libs)
doc_man_af_post_LDADD = $(example_libs)
doc_man_af_process_LDADD = $(example_libs)
doc_man_af_process_wait_LDADD = $(example_libs)
doc_man_af_process_wait_more_LDADD = $(example_libs)
doc_man_af_pty_LDADD = $(example_libs)
doc_man_af_read_LDADD = $(example_libs)
doc_man_af_read_at_LDADD = $(example_libs)
doc_man_af_read_more_LDADD = $(example_libs)
doc_man_af_resolve_LDADD = $(example_libs)
doc_man_af_run_LDADD = $(example_libs)
doc_man_af_seek_LDADD = $(example_libs)
doc_man_af_send_fds_LDADD = $(example_libs)
doc_man_af_set_layer_LDADD = $(example_libs)
doc_man_af_shield_LDADD = $(example_libs)
doc_man_af_sleep_LDADD = $(example_libs)
doc_man_af_spawn_LDADD = $(example_libs)
doc_man_af_spawn_error_LDADD = $(example_libs)
doc_man_af_spawn_more_LDADD = $(example_libs)
doc_man_af_spawn_options_LDADD = $(example_libs)
doc_man_af_spawn_options_more_LDADD = $(example_libs)
doc_man_af_stop_LDADD = $(example_libs)
doc_man_af_then_LDADD = $(example_libs)
doc_man_af_version_LDADD = $(example_libs)
doc_man_af_wait_fd_LDADD = $(example_libs)
doc_man_af_with_timeout_LDADD = $(example_libs)
doc_man_af_work_LDADD = $(example_libs)
doc_man_af_write_LDADD = $(example_libs)
doc_man_asyncfile_LDADD = $(example_libs)
doc_man_asyncfile_more_LDADD = $(example_libs)
EXTRA_DIST += \
	doc/man/af_address_text.out \
	doc/man/af_adopt.out \
	doc/man/af_adopt_more.out \
	doc/man/af_all.out \
	doc/man/af_await.out \
	doc/man/af_await_more.out \
	doc/man/af_communicate.out \
	doc/man/af_connect_tls.sh \
	doc/man/af_connect.out \
	doc/man/af_copy.in \
	doc/man/af_copy.out \
	doc/man/af_copy_more.out \
	doc/man/af_datagram.out \
	doc/man/af_each.in \
	doc/man/af_each.out \
	doc/man/af_each_more.in \
	doc/man/af_each_more.out \
	doc/man/af_file.sh \
	doc/man/af_file_from_bufferevent.out \
	doc/man/af_file_more.in \
	doc/man/af_file_more.out \
	doc/man/af_finish.sh \
	doc/man/af_follow.sh \
	doc/man/af_future.in \
	doc/man/af_future.out \
	doc/man/af_future_more.out \
	doc/man/af_future_new.out \
	doc/man/af_hangup.out \
	doc/man/af_idle.out \
	doc/man/af_limit.in \
	doc/man/af_limit.out \
	doc/man/af_listen.out \
	doc/man/af_listener_accept.out \
	doc/man/af_loop.out \
	doc/man/af_loop_reaped.out \
	doc/man/af_map.out \
	doc/man/af_peek.in \
	doc/man/af_peek.out \
	doc/man/af_pipe.out \
	doc/man/af_pipe_each.out \
	doc/man/af_pipe_spawn.in \
	doc/man/af_pipe_spawn.out \
	doc/man/af_pipe_spawn_more.out \
	doc/man/af_pipe_wait.out \
	doc/man/af_post.out \
	doc/man/af_process.out \
	doc/man/af_process_wait.out \
	doc/man/af_process_wait_more.out \
	doc/man/af_pty.out \
	doc/man/af_read.in \
	doc/man/af_read.out \
	doc/man/af_read_more.in \
	doc/man/af_read_more.out \
	doc/man/af_resolve.out \
	doc/man/af_run.out \
	doc/man/af_read_at.out \
	doc/man/af_seek.in \
	doc/man/af_seek.out \
	doc/man/af_send_fds.out \
	doc/man/af_set_layer.out \
	doc/man/af_shield.out \
	doc/man/af_sleep.out \
	doc/man/af_spawn.sh \
	doc/man/af_spawn_error.in \
	doc/man/af_spawn_error.out \
	doc/man/af_spawn_more.out \
	doc/man/af_spawn_options.in \
	doc/man/af_spawn_options.out \
	doc/man/af_spawn_options_more.out \
	doc/man/af_stop.out \
	doc/man/af_then.out \
	doc/man/af_tls_new.sh \
	doc/man/af_version.out \
	doc/man/af_wait_fd.out \
	doc/man/af_with_timeout.out \
	doc/man/af_work.out \
	doc/man/af_write.out \
	doc/man/asyncfile.out \
	doc/man/asyncfile_more.in \
	doc/man/asyncfile_more.out \
	doc/man/links.sh

# A page describes several functions. Each of them is a link to it, so that
# man(1) finds the page by any of their names.

dist_man_MANS = $(manual_pages)
manual_links = (cd $(srcdir) && sh doc/man/links.sh $(manual_pages)) | \
	while read section link page; do \
		dir="$(DESTDIR)$(mandir)/man$$section";

install-manual-links:
	@$(manual_links) (cd "$$dir" && rm -f $$link && \
		$(LN_S) $$page $$link) || exit 1; done

uninstall-manual-links:
	@$(manual_links) rm -f "$$dir/$$link"; done

install-data-hook: install-manual-links
uninstall-hook: uninstall-manual-links
.PHONY: install-manual-links uninstall-manual-links
	doc/man/af_write.out
manual_pages += doc/man/fanout.1
