#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What of lib/ the tests have run: report.py SOURCES PASS...

A PASS is a folder in which tests/cover has put what llvm-cov(1) exports. What
runs in any of them has run. This prints the share of lines and branches of each
folder of lib/, and writes to standard output each branch that is left and that
tests/coverage/left does not have with its reason. A branch is one outcome, true
or false, of a condition or of an operand of && and ||, or a case of a switch.
The exit status is 0 if lines are at least 97 %, branches at least 90 %, and all
that is left has a reason.
"""

import collections
import json
import os
import re
import sys

LINES, BRANCHES = 97, 90
# A counter is the difference of two others, and a process can be killed
# between them.
NEGATIVE = 1 << 31


def count(text):
    n = int(text)
    return n if n < NEGATIVE else 0


def in_library(path):
    """The name in the project of a source of the library, else None."""
    m = re.search(r'(?:^|/)(lib/\w+/\w+\.[ch])$', path)
    return m and m[1]


class Coverage:
    def __init__(self, sources):
        self.sources, self.texts = sources, {}
        self.lines = collections.Counter()     # (file, line): count
        self.functions = collections.Counter() # (file, function): count
        self.branches = collections.Counter()  # branch(): count

    def text(self, file):
        if file not in self.texts:
            with open(os.path.join(self.sources, file)) as f:
                self.texts[file] = f.read().split('\n')
        return self.texts[file]

    def condition(self, file, l1, c1, l2, c2):
        lines = self.text(file)[l1 - 1:l2]
        lines[-1] = lines[-1][:c2 - 1]
        lines[0] = lines[0][c1 - 1:]
        return ' '.join(' '.join(lines).split())

    def add(self, folder):
        with open(folder + '/lines.info') as f:
            for line in f:
                if line.startswith('SF:'):
                    file = in_library(line[3:].strip())
                elif line.startswith('DA:') and file:
                    number, n = line[3:].split(',')[:2]
                    self.lines[file, int(number)] += count(n)
        with open(folder + '/branches.json') as f:
            functions = json.load(f)['data'][0]['functions']
        for function in functions:
            file = in_library(function['filenames'][0])
            if not file:
                continue
            name = function['name'].split(':')[-1]
            self.functions[file, name] += function['count']
            for l1, c1, l2, c2, true, false, at, _, _ in function['branches']:
                where = in_library(function['filenames'][at])
                if where:
                    key = where, name, l1, c1, \
                        self.condition(where, l1, c1, l2, c2)
                    self.branches[key + ('true',)] += count(true)
                    self.branches[key + ('false',)] += count(false)

    def left(self):
        """Yields what has not run, without what follows from it."""
        for (file, name), n in sorted(self.functions.items()):
            if not n:
                yield file, name, 'is called'
        for (file, name, _, _, text, outcome), n in sorted(
                self.branches.items()):
            if not n and self.functions[file, name]:
                yield file, name, '%s: %s' % (text, outcome)

    def shares(self):
        """A line for each folder, and whether the whole is enough."""
        parts = collections.defaultdict(lambda: [0, 0, 0, 0])
        for of, first in (self.lines, 0), (self.branches, 2):
            for key, n in of.items():
                for folder in key[0].split('/')[1], 'lib':
                    parts[folder][first] += n > 0
                    parts[folder][first + 1] += 1
        for folder in sorted(parts, key=lambda f: (f == 'lib', f)):
            ran, lines, taken, branches = parts[folder]
            print('%-10s %5.1f %% of %5d lines   %5.1f %% of %5d branches' % (
                folder, 100 * ran / lines, lines, 100 * taken / branches,
                branches))
        ran, lines, taken, branches = parts['lib']
        return 100 * ran >= LINES * lines and \
            100 * taken >= BRANCHES * branches


def explained(folder):
    """What the lists say may be left."""
    known = collections.Counter()
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name)) as f:
            for line in f:
                if line.startswith('lib/'):
                    known[tuple(line.rstrip('\n').split(' ', 2))] += 1
    return known


def main():
    coverage = Coverage(sys.argv[1])
    for folder in sys.argv[2:]:
        coverage.add(folder)
    enough = coverage.shares()
    known = explained(coverage.sources + '/tests/coverage/left')
    left = collections.Counter(coverage.left())
    new = left - known
    for entry in new.elements():
        print('%s %s %s' % entry)
    for entry in known - left:
        print('runs, and can leave the list: %s %s %s' % entry)
    print('%d left, %d of them without a reason' % (
        sum(left.values()), sum(new.values())))
    sys.exit(not enough or bool(new))


if __name__ == '__main__':
    main()
