# SPDX-License-Identifier: BSD-3-Clause
#
# Pages for whoever comes from another library, with pairs of programs that
# tests/pages.sh runs. NAME.c uses this library. NAME_LIBRARY.c, NAME.py and
# NAME.go do the same with something else; all of them print NAME.out. A NAME has
# no "_". Each program in C has two lines here, or three.

EXTRA_DIST += doc/from/README.md
EXTRA_DIST += doc/from/bufferevent.md
EXTRA_DIST += doc/from/glib.md
EXTRA_DIST += doc/from/go.md
EXTRA_DIST += doc/from/libuv.md
EXTRA_DIST += doc/from/popen.md
EXTRA_DIST += doc/from/python.md
EXTRA_DIST += doc/from/ask.out
EXTRA_DIST += doc/from/copy.out
EXTRA_DIST += doc/from/deadline.out
EXTRA_DIST += doc/from/echo.sh
EXTRA_DIST += doc/from/lines.out
EXTRA_DIST += doc/from/many.out
EXTRA_DIST += doc/from/pipe.out
EXTRA_DIST += doc/from/run.out
EXTRA_DIST += doc/from/stop.out
EXTRA_DIST += doc/from/deadline.go
EXTRA_DIST += doc/from/lines.go
EXTRA_DIST += doc/from/many.go
EXTRA_DIST += doc/from/pipe.go
EXTRA_DIST += doc/from/run.go
EXTRA_DIST += doc/from/stop.go
EXTRA_DIST += doc/from/deadline.py
EXTRA_DIST += doc/from/echo.py
EXTRA_DIST += doc/from/lines.py
EXTRA_DIST += doc/from/many.py
EXTRA_DIST += doc/from/pipe.py
EXTRA_DIST += doc/from/run.py

from_programs =
from_programs += doc/from/ask
doc_from_ask_LDADD = $(example_libs)
from_programs += doc/from/copy
doc_from_copy_LDADD = $(example_libs)
from_programs += doc/from/deadline
doc_from_deadline_LDADD = $(example_libs)
from_programs += doc/from/echo
doc_from_echo_LDADD = $(example_libs)
from_programs += doc/from/lines
doc_from_lines_LDADD = $(example_libs)
from_programs += doc/from/many
doc_from_many_LDADD = $(example_libs)
from_programs += doc/from/pipe
doc_from_pipe_LDADD = $(example_libs)
from_programs += doc/from/run
doc_from_run_LDADD = $(example_libs)
from_programs += doc/from/stop
doc_from_stop_LDADD = $(example_libs)

from_programs += doc/from/ask_bufferevent
doc_from_ask_bufferevent_LDADD = $(EVENT_LIBS)
from_programs += doc/from/copy_bufferevent
doc_from_copy_bufferevent_LDADD = $(EVENT_LIBS)
from_programs += doc/from/deadline_bufferevent
doc_from_deadline_bufferevent_LDADD = $(EVENT_LIBS)
from_programs += doc/from/echo_bufferevent
doc_from_echo_bufferevent_LDADD = $(EVENT_LIBS)
from_programs += doc/from/lines_bufferevent
doc_from_lines_bufferevent_LDADD = $(EVENT_LIBS)
from_programs += doc/from/lines_popen
doc_from_lines_popen_LDADD =
from_programs += doc/from/pipe_popen
doc_from_pipe_popen_LDADD =
from_programs += doc/from/run_popen
doc_from_run_popen_LDADD =
from_programs += doc/from/stop_popen
doc_from_stop_popen_LDADD =

if HAVE_GLIB
from_programs += doc/from/copy_glib
doc_from_copy_glib_CPPFLAGS = $(AM_CPPFLAGS) $(GLIB_CFLAGS)
doc_from_copy_glib_LDADD = $(GLIB_LIBS)
from_programs += doc/from/deadline_glib
doc_from_deadline_glib_CPPFLAGS = $(AM_CPPFLAGS) $(GLIB_CFLAGS)
doc_from_deadline_glib_LDADD = $(GLIB_LIBS)
from_programs += doc/from/lines_glib
doc_from_lines_glib_CPPFLAGS = $(AM_CPPFLAGS) $(GLIB_CFLAGS)
doc_from_lines_glib_LDADD = $(GLIB_LIBS)
from_programs += doc/from/run_glib
doc_from_run_glib_CPPFLAGS = $(AM_CPPFLAGS) $(GLIB_CFLAGS)
doc_from_run_glib_LDADD = $(GLIB_LIBS)
endif
if HAVE_UV
from_programs += doc/from/copy_libuv
doc_from_copy_libuv_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
doc_from_copy_libuv_LDADD = $(UV_LIBS)
from_programs += doc/from/echo_libuv
doc_from_echo_libuv_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
doc_from_echo_libuv_LDADD = $(UV_LIBS)
from_programs += doc/from/lines_libuv
doc_from_lines_libuv_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
doc_from_lines_libuv_LDADD = $(UV_LIBS)
from_programs += doc/from/run_libuv
doc_from_run_libuv_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
doc_from_run_libuv_LDADD = $(UV_LIBS)
from_programs += doc/from/stop_libuv
doc_from_stop_libuv_CPPFLAGS = $(AM_CPPFLAGS) $(UV_CFLAGS)
doc_from_stop_libuv_LDADD = $(UV_LIBS)
endif
