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
