// SPDX-License-Identifier: BSD-3-Clause
//
// Habits that no compiler checks, for spatch(1). Each match is printed as
// FILE:LINE: warning: TEXT [RULE].

// A lock is released on every way out of the function that took it.
@locked exists@
expression lock;
position p, q;
@@
pthread_mutex_lock@p(lock);
... when != pthread_mutex_unlock(lock)
return@q ...;

@script:python@
p << locked.p;
q << locked.q;
@@
print("%s:%s: warning: returns with the lock of line %s [lock]" %
      (q[0].file, q[0].line, p[0].line))

// Errors are negative, and errno is positive.
@positive@
position p;
@@
return@p errno;

@script:python@
p << positive.p;
@@
print("%s:%s: warning: returns errno, not -errno [errno]" %
      (p[0].file, p[0].line))

// errno is saved before close(2) and free(3) may change it.
@lost@
position p;
expression x;
identifier clean = {close, free};
@@
clean(x);
... when != errno = ...
    when any
return@p -errno;

@script:python@
p << lost.p;
@@
print("%s:%s: warning: errno after close or free [errno-lost]" %
      (p[0].file, p[0].line))

// sizeof of a pointer where memory for what it points to is meant.
@pointer@
type T;
T *x;
position p;
identifier f = {malloc, calloc, memset, memcpy};
@@
x = f@p(..., sizeof(x), ...)

@script:python@
p << pointer.p;
@@
print("%s:%s: warning: the size of the pointer [sizeof]" %
      (p[0].file, p[0].line))
