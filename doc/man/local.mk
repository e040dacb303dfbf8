# SPDX-License-Identifier: BSD-3-Clause
#
# The manual. A page NAME.3 may have an example NAME.c, which tests/pages.sh runs
# and which has two lines here.

manual_pages =
manual_pages += doc/man/af_copy.3
manual_pages += doc/man/af_each.3
manual_pages += doc/man/af_file.3
manual_pages += doc/man/af_file_from_bufferevent.3
manual_pages += doc/man/af_finish.3
manual_pages += doc/man/af_follow.3
manual_pages += doc/man/af_hangup.3
manual_pages += doc/man/af_limit.3
manual_pages += doc/man/af_peek.3
manual_pages += doc/man/af_read.3
manual_pages += doc/man/af_seek.3
manual_pages += doc/man/af_write.3

manual_programs =
manual_programs += doc/man/af_copy
manual_programs += doc/man/af_copy_more
manual_programs += doc/man/af_each
manual_programs += doc/man/af_each_more
manual_programs += doc/man/af_file
manual_programs += doc/man/af_file_from_bufferevent
manual_programs += doc/man/af_file_more
manual_programs += doc/man/af_finish
manual_programs += doc/man/af_follow
manual_programs += doc/man/af_hangup
manual_programs += doc/man/af_limit
manual_programs += doc/man/af_peek
manual_programs += doc/man/af_read
manual_programs += doc/man/af_read_more
manual_programs += doc/man/af_seek
manual_programs += doc/man/af_write
doc_man_af_copy_LDADD = $(example_libs)
doc_man_af_copy_more_LDADD = $(example_libs)
doc_man_af_each_LDADD = $(example_libs)
doc_man_af_each_more_LDADD = $(example_libs)
doc_man_af_file_LDADD = $(example_libs)
doc_man_af_file_from_bufferevent_LDADD = $(example_libs)
doc_man_af_file_more_LDADD = $(example_libs)
doc_man_af_finish_LDADD = $(example_libs)
doc_man_af_follow_LDADD = $(example_libs)
doc_man_af_hangup_LDADD = $(example_libs)
doc_man_af_limit_LDADD = $(example_libs)
doc_man_af_peek_LDADD = $(example_libs)
doc_man_af_read_LDADD = $(example_libs)
doc_man_af_read_more_LDADD = $(example_libs)
doc_man_af_seek_LDADD = $(example_libs)
doc_man_af_write_LDADD = $(example_libs)

EXTRA_DIST += doc/man/af_copy.in
EXTRA_DIST += doc/man/af_copy.out
EXTRA_DIST += doc/man/af_copy_more.out
EXTRA_DIST += doc/man/af_each.in
EXTRA_DIST += doc/man/af_each.out
EXTRA_DIST += doc/man/af_each_more.in
EXTRA_DIST += doc/man/af_each_more.out
EXTRA_DIST += doc/man/af_file.sh
EXTRA_DIST += doc/man/af_file_from_bufferevent.out
EXTRA_DIST += doc/man/af_file_more.in
EXTRA_DIST += doc/man/af_file_more.out
EXTRA_DIST += doc/man/af_finish.sh
EXTRA_DIST += doc/man/af_follow.sh
EXTRA_DIST += doc/man/af_hangup.out
EXTRA_DIST += doc/man/af_limit.in
EXTRA_DIST += doc/man/af_limit.out
EXTRA_DIST += doc/man/af_peek.in
EXTRA_DIST += doc/man/af_peek.out
EXTRA_DIST += doc/man/af_read.in
EXTRA_DIST += doc/man/af_read.out
EXTRA_DIST += doc/man/af_read_more.in
EXTRA_DIST += doc/man/af_read_more.out
EXTRA_DIST += doc/man/af_seek.in
EXTRA_DIST += doc/man/af_seek.out
EXTRA_DIST += doc/man/af_write.out
