# SPDX-License-Identifier: BSD-3-Clause
"""The copies of the project that tests/mutate builds, and tests run in them."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.path.abspath(__file__ + '/../../..')
# Runs the rest of its arguments in the tree $3, where only the folder $1 can be
# written, and the folder $2 as /tmp. The memory is 4 GB.
GUARD = """
exec 3<"$1" &&
mount --bind "$2" /tmp && mkdir -p "$1" &&
mount -c --bind /proc/self/fd/3 "$1" &&
mount -o remount,bind,ro / &&
cd "$3" && exec 3<&- && shift 3 && ulimit -Sc 0 -Sd 4000000 && "$@"; exit $?
"""


def run(cmd, cwd, check=True):
    r = subprocess.run(cmd, cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if check and r.returncode:
        sys.exit('%s: %s:\n%s' % (cwd, ' '.join(cmd), r.stdout[-3000:]))
    return r


def words(tree, text):
    """The words that a text with variables of a tree's Makefile means."""
    return run(['make', '-s', '--eval=words:;@echo ' + text, 'words'],
               tree).stdout.split()


def copy_project(tree):
    """Copies the files that git does not ignore; True if any has changed."""
    changed = False
    for name in run(['git', 'ls-files', '-co', '--exclude-standard'],
                    TOP).stdout.splitlines():
        source, copy = os.path.join(TOP, name), os.path.join(tree, name)
        if not os.path.isfile(source):
            continue
        with open(source, 'rb') as f:
            data = f.read()
        if os.path.exists(copy):
            with open(copy, 'rb') as f:
                if f.read() == data:
                    continue
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        with open(copy, 'wb') as f:
            f.write(data)
        shutil.copymode(source, copy)
        changed = True
    return changed


def build(tree, *configure):
    built = tree + '/built'
    if copy_project(tree) and os.path.exists(built):
        os.remove(built)
    if os.path.exists(built):
        return
    print('building', tree, flush=True)
    if not os.path.exists(tree + '/Makefile'):
        run(['./bootstrap', '--no-configure'], tree)
        run(['./configure', '--disable-static'] + list(configure), tree)
    run(['make', 'Makefile'], tree) # or words() has what this prints
    libraries = words(tree, '$(lib_LTLIBRARIES)')
    run(['make', '-j2'] + libraries, tree)
    # Those linked with a shared library need not be linked again.
    run(['make', '-j2'] + ['-o' + library for library in libraries] +
        words(tree, '$(check_tests)') +
        ['tests/support/' + p for p in ('helper', 'inside', 'peer')], tree)
    with open(built, 'w'):
        pass


def guarded(tree, cmd, deadline, **env):
    """Runs a test. None if it passed, else what failed; '' is too late."""
    # A new one: what a test leaves may be in use by a child that is ending.
    scratch = tempfile.mkdtemp(prefix='scratch-', dir=tree)
    os.chmod(scratch, 0o1777)
    env = dict({'LD_LIBRARY_PATH': tree + '/lib/.libs'}, TMPDIR='/tmp',
               CK_TAP_LOG_FILE_NAME='-', **env)
    p = subprocess.Popen(
        ['unshare', '-pmf', '--kill-child', '--mount-proc', 'bash', '-c',
         GUARD, 'guard', os.path.dirname(tree), scratch, tree] + cmd,
        env=dict(os.environ, **env), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, errors='replace')
    late = []
    timer = threading.Timer(deadline, lambda: (late.append(True), p.kill()))
    timer.start()
    failed = None
    for line in p.stdout:
        m = re.match(r'not ok \d+ - [^:]*:([^:]*):([^:]*)', line)
        if m:
            failed = m[1] + ':' + m[2]
            p.kill()
            break
    p.stdout.close()
    r = p.wait()
    timer.cancel()
    shutil.rmtree(scratch, ignore_errors=True)
    if failed is None and r not in (0, 77):
        failed = '' if late else 'status %d' % r
    return failed


def unchanged(tree, test, deadline):
    """Runs a test of the unchanged copy for gcov."""
    cover = os.path.dirname(tree) + '/cover'
    return guarded(tree, [cover + '/' + test], deadline,
                   LD_LIBRARY_PATH=cover + '/lib/.libs',
                   GCOV_PREFIX=tree + '/gcov',
                   GCOV_PREFIX_STRIP=str(cover.count('/')))


def fails(tree, test, usual):
    """What fails, or hangs, in a test twice: once may be a busy machine."""
    failed = guarded(tree, [tree + '/' + test], max(10, 5 * usual))
    if failed is None:
        return None
    env = {'CK_RUN_CASE': failed.split(':')[0]} if ':' in failed else {}
    if not failed: # how long does it take now?
        since = time.monotonic()
        unchanged(tree, test, 300)
        usual = max(usual, time.monotonic() - since)
    if guarded(tree, [tree + '/' + test], max(10, 5 * usual), **env) is None:
        return None
    return failed or 'too late'


def each(trees, items, function):
    """function(tree, item) for all items, with a thread for each tree."""
    items, lock, errors = iter(items), threading.Lock(), []

    def work(tree):
        try:
            while not errors:
                with lock:
                    item = next(items, None)
                if item is None:
                    break
                function(tree, item)
        except BaseException as error: # of the main thread, below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(t,), daemon=True)
               for t in trees]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
