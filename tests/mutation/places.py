# SPDX-License-Identifier: BSD-3-Clause
"""The places of a source that tests/mutate changes, and how.

It finds them by the layout that clang-format gives the sources.
"""

import random
import re

# Never changed: with other arguments these hit more than they should.
NEVER = re.compile(r'\b(kill|killpg|unlink\w*|rename\w*|rmdir|\w*send_signal)\(')
SWAPS = {
    '==': ['!='], '!=': ['=='], '<': ['<=', '>='], '<=': ['<', '>'],
    '>': ['>=', '<='], '>=': ['>', '<'], '&&': ['||'], '||': ['&&'],
    '+': ['-'], '-': ['+'], '*': ['/'], '/': ['*'], '%': ['*'],
    '&': ['|'], '|': ['&'], '<<': ['>>'], '>>': ['<<'],
    '+=': ['-='], '-=': ['+='], '|=': ['&='], '&=': ['|='],
    '++': ['--'], '--': ['++'], 'true': ['false'], 'false': ['true'],
}
ERRORS = ['EINVAL', 'EIO', 'ENOMEM', 'EPERM', 'EAGAIN', 'EINTR', 'EBADF']
WORDS = {'if', 'while', 'for', 'switch', 'return', 'sizeof'}

OPAQUE = re.compile(r'''/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+'|'''
                    r'^#(?:[^\n\\]|\\.)*', re.S | re.M)
FUNCTION = re.compile(r'^\w[^;{}=]*?(\w+)\([^;{}]*\n\{$.*?^\}$', re.S | re.M)
# Binary operators stand between spaces, and no others do.
BINARY = re.compile(r'(?<= )([=!<>]=|&&|\|\||<<|>>|[-+|&]=|[-+*/%&|<>])(?=\s)')
UNARY = re.compile(r'(?<=[(\s])[-!~](?=[\w(])|\+\+|--|\b(?:true|false)\b')
NUMBER = re.compile(r'(?<![\w.])(0x[0-9a-fA-F]+|\d+)[uUlL]*(?![\w.])')
ERRNO = re.compile(r'\bE[A-Z0-9]{3,}\b')
RETURN = re.compile(r'\breturn ([^;]+);')
CONDITION = re.compile(r'\b(?:if|while) (?=\()')
JUMP = re.compile(r'\b(?:break|continue)(?=;)')
CALL = re.compile(r'[{};)](?:\s+else)?\s+(?:\(void\))?([a-z]\w*)(?=\()')


class Place:
    """One change: text[start:end] of a file becomes new."""

    def __init__(self, file, text, function, start, end, new, seed):
        self.file, self.function = file, function
        self.line = text.count('\n', 0, start) + 1
        first = text.rfind('\n', 0, start) + 1
        last = text.find('\n', end)
        whole = ' '.join(text[first:last].split())
        # The same with a seed whatever else changes in the sources.
        rng = random.Random(repr((seed, file, function, whole, start - first)))
        self.rank = rng.random()
        new = rng.choice(new)
        new += '\n' * (text.count('\n', start, end) - new.count('\n'))
        self.mutated = text[:start] + new + text[end:]
        changed = text[first:start] + new + text[end:last]
        # What names it, in results and explanations.
        self.key = (file, function, whole, ' '.join(changed.split()))

    def __str__(self):
        return '%s:%d: %s()\n\t- %s\n\t+ %s' % (
            (self.file, self.line) + self.key[1:])


def matching(text, i):
    """The index after the parenthesis that closes the one at text[i]."""
    depth = 0
    for j in range(i, len(text)):
        depth += {'(': 1, ')': -1}.get(text[j], 0)
        if depth == 0:
            return j + 1
    return len(text)


def changes(code, text, start, end):
    """Yields the start, end and possible new texts of all changes.

    code is the text with comments and strings made blank.
    """
    for m in BINARY.finditer(code, start, end):
        yield m.start(), m.end(), SWAPS[m[0]]
    for m in UNARY.finditer(code, start, end):
        yield m.start(), m.end(), SWAPS[m[0]] if len(m[0]) > 1 else ['']
    for m in NUMBER.finditer(code, start, end):
        n = int(m[1], 8 if re.match(r'0\d', m[1]) else 0)
        yield m.start(1), m.end(1), [str(n + 1)] + [str(n - 1)] * (n > 0)
    for m in ERRNO.finditer(code, start, end):
        yield m.start(), m.end(), [e for e in ERRORS if e != m[0]]
    for m in RETURN.finditer(code, start, end):
        if not re.fullmatch(r'-?\d+|NULL|true|false|-E\w+', m[1]):
            yield m.start(1), m.end(1), ['0']
    for m in CONDITION.finditer(code, start, end):
        i = matching(code, m.end())
        yield m.end(), i, ['(!%s)' % text[m.end():i]]
    for m in JUMP.finditer(code, start, end):
        yield m.start(), m.end(), ['']
    for m in CALL.finditer(code, start, end):
        i = matching(code, m.end())
        if m[1] not in WORDS and code[i:i + 1] == ';':
            yield m.start(1), i, ['']


def places(top, file, seed):
    """Yields all places of a source, each with one of its changes."""
    with open('%s/%s' % (top, file)) as f:
        text = f.read()
    code = OPAQUE.sub(lambda m: re.sub(r'\S', ' ' if m[0][0] in '/#' else '_',
                                       m[0]), text)
    for m in FUNCTION.finditer(code):
        body = code.index('\n{\n', m.start()) + 2
        for start, end, new in changes(code, text, body, m.end()):
            line = code[code.rfind('\n', 0, start):code.find('\n', end)]
            if not NEVER.search(line):
                yield Place(file, text, m[1], start, end, new, seed)


def explanations(path):
    """The keys of the changes that a list explains.

    An entry has a line FILE FUNCTION, one with the old line after a "-", one
    with the new line after a "+", and the reason.
    """
    known, entry = set(), ()
    with open(path) as f:
        for line in f:
            if line.startswith('lib/'):
                entry = tuple(line.split())
            elif line[0] in '-+' and len(entry) in (2, 3):
                entry += (' '.join(line[1:].split()),)
                known.add(entry)
    return known
