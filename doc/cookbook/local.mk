# SPDX-License-Identifier: BSD-3-Clause
#
# The cookbook: for each answer a program NAME.c, which tests/pages.sh runs and
# which has two lines here.

cookbook_programs =
cookbook_programs += doc/cookbook/feed
doc_cookbook_feed_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/gone
doc_cookbook_gone_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/hosts
doc_cookbook_hosts_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/jobs
doc_cookbook_jobs_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/lines
doc_cookbook_lines_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/linger
doc_cookbook_linger_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/linger_lines
doc_cookbook_linger_lines_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/live
doc_cookbook_live_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/log_lines
doc_cookbook_log_lines_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/pipe_status
doc_cookbook_pipe_status_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/prompt
doc_cookbook_prompt_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/reaping
doc_cookbook_reaping_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/steps
doc_cookbook_steps_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/timeout
doc_cookbook_timeout_LDADD = $(example_libs)
if ON_LINUX
cookbook_programs += doc/cookbook/in_order
doc_cookbook_in_order_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/stop_all
doc_cookbook_stop_all_LDADD = $(example_libs)
endif
MOSTLYCLEANFILES += $(for_gcov:%=doc/cookbook/%)

EXTRA_DIST += doc/cookbook/README.md
EXTRA_DIST += doc/cookbook/children.md
EXTRA_DIST += doc/cookbook/many.md
EXTRA_DIST += doc/cookbook/feed.sh
EXTRA_DIST += doc/cookbook/gone.sh
EXTRA_DIST += doc/cookbook/hosts.sh
EXTRA_DIST += doc/cookbook/in_order.sh
EXTRA_DIST += doc/cookbook/jobs.sh
EXTRA_DIST += doc/cookbook/lines.sh
EXTRA_DIST += doc/cookbook/linger.sh
EXTRA_DIST += doc/cookbook/linger_lines.sh
EXTRA_DIST += doc/cookbook/live.sh
EXTRA_DIST += doc/cookbook/log_lines.sh
EXTRA_DIST += doc/cookbook/pipe_status.sh
EXTRA_DIST += doc/cookbook/prompt.sh
EXTRA_DIST += doc/cookbook/reaping.out
EXTRA_DIST += doc/cookbook/steps.sh
EXTRA_DIST += doc/cookbook/stop_all.sh
EXTRA_DIST += doc/cookbook/timeout.sh
cookbook_programs += doc/cookbook/ask
doc_cookbook_ask_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/budget
doc_cookbook_budget_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/copy
doc_cookbook_copy_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/count_any
doc_cookbook_count_any_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/deadline_line
doc_cookbook_deadline_line_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/follow
doc_cookbook_follow_LDADD = $(example_libs)
if HAVE_EVENT_EXTRA
cookbook_programs += doc/cookbook/http_later
doc_cookbook_http_later_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_EXTRA_CFLAGS)
doc_cookbook_http_later_LDADD = $(example_libs) $(EVENT_EXTRA_LIBS)
cookbook_programs += doc/cookbook/http_stream
doc_cookbook_http_stream_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_EXTRA_CFLAGS)
doc_cookbook_http_stream_LDADD = $(example_libs) $(EVENT_EXTRA_LIBS)
cookbook_programs += doc/cookbook/http_work
doc_cookbook_http_work_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_EXTRA_CFLAGS)
doc_cookbook_http_work_LDADD = $(example_libs) $(EVENT_EXTRA_LIBS)
endif
cookbook_programs += doc/cookbook/proxy
doc_cookbook_proxy_LDADD = $(example_libs)
if WITH_TLS
cookbook_programs += doc/cookbook/tls_client
doc_cookbook_tls_client_LDADD = $(example_tls_libs)
endif
cookbook_programs += doc/cookbook/wait_in_callback
doc_cookbook_wait_in_callback_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/connect
doc_cookbook_connect_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/daemon
doc_cookbook_daemon_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/after_fork
doc_cookbook_after_fork_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/receive_fds
doc_cookbook_receive_fds_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/send_fds
doc_cookbook_send_fds_LDADD = $(example_libs)
cookbook_programs += doc/cookbook/wait_fd
doc_cookbook_wait_fd_LDADD = $(example_libs)
EXTRA_DIST += doc/cookbook/files.md doc/cookbook/server.md
EXTRA_DIST += doc/cookbook/serve.sh doc/cookbook/http_later.sh
EXTRA_DIST += doc/cookbook/http_stream.sh doc/cookbook/http_work.sh
EXTRA_DIST += doc/cookbook/wait_in_callback.out
EXTRA_DIST += doc/cookbook/ask.sh doc/cookbook/budget.sh doc/cookbook/copy.sh
EXTRA_DIST += doc/cookbook/count_any.sh doc/cookbook/deadline_line.sh
EXTRA_DIST += doc/cookbook/follow.sh doc/cookbook/proxy.sh
EXTRA_DIST += doc/cookbook/connect.sh doc/cookbook/daemon.sh
EXTRA_DIST += doc/cookbook/after_fork.out
EXTRA_DIST += doc/cookbook/receive_fds.sh doc/cookbook/send_fds.sh
EXTRA_DIST += doc/cookbook/wait_fd.sh
EXTRA_DIST += doc/cookbook/tls_client.sh
