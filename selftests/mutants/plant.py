# SPDX-License-Identifier: GPL-2.0
"""
Mutants: which statements of the sources can be changed, and how.

A mutant is one statement that is deleted, one condition that is negated, or one
result that becomes 0. Statements that a macro makes are left alone, but not those
that are a call of one.
"""
import os
import re
import shlex
import subprocess
from collections import namedtuple

from clang import cindex
from clang.cindex import CursorKind as Kind, TypeKind

# file: path from the top; start, end: what is replaced, in bytes; change: DELETE,
# NEGATE or ZERO; text: the statement or condition, blanks collapsed, with an ordinal
# if the function has it more than once
Mutant = namedtuple('Mutant', 'file start end line function change text')

DELETE, NEGATE, ZERO = 'delete', 'negate', 'return 0, not'

KERNEL = '6.1'
# Flags of GCC's that say where to look and what is defined
FLAG = re.compile(r'-(I|D|U|isystem|include|std|nostdinc)')


class Text:
    """Enough of C's lexer to find the end of a statement or of a parenthesis."""

    TOKEN = re.compile(rb'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[()\[\]{};]',
                       re.S)

    def __init__(self, data):
        self.data = data

    def brackets(self, at):
        """Each bracket and semicolon: where, which, and how many brackets are open then."""
        depth = 0
        for token in self.TOKEN.finditer(self.data, at):
            word = token.group()
            if word in b'([{':
                depth += 1
            elif word in b')]}':
                depth -= 1
            elif word != b';':
                continue
            yield token.start(), word, depth

    def find_semicolon(self, at):
        """The next one outside of parentheses, or None."""
        for start, word, depth in self.brackets(at):
            if depth < 0:
                return None
            if word == b';' and not depth:
                return start
        return None

    def parenthesis(self, at):
        """Where the next one opens and closes, and its semicolons."""
        start = self.data.index(b'(', at)
        semicolons = []
        for place, word, depth in self.brackets(start):
            if not depth:
                return start, place, semicolons
            if word == b';' and depth == 1:
                semicolons.append(place)
        return None

    def has_word(self, at, word):
        return re.compile(word.encode() + rb'\b').match(self.data, at)


class Finder:
    """Finds the mutants of one file after the other; a header's once."""

    KEYWORDS = {
        Kind.IF_STMT: 'if', Kind.WHILE_STMT: 'while', Kind.FOR_STMT: 'for',
        Kind.DO_STMT: 'do', Kind.SWITCH_STMT: 'switch', Kind.CASE_STMT: 'case',
        Kind.DEFAULT_STMT: 'default', Kind.RETURN_STMT: 'return',
        Kind.BREAK_STMT: 'break', Kind.CONTINUE_STMT: 'continue', Kind.GOTO_STMT: 'goto',
    }
    SKIPPED = (Kind.DECL_STMT, Kind.NULL_STMT, Kind.ASM_STMT)
    INTEGERS = (TypeKind.CHAR_S, TypeKind.SCHAR, TypeKind.SHORT, TypeKind.INT, TypeKind.LONG,
                TypeKind.LONGLONG, TypeKind.UCHAR, TypeKind.USHORT, TypeKind.UINT, TypeKind.ULONG,
                TypeKind.ULONGLONG, TypeKind.ENUM)

    def __init__(self, roots):
        # (folder as the compiler sees it, folder in the tree)
        self.roots = roots
        self.texts = {}
        self.found = {}
        self.function = None
        self.file = None

    def tree_path(self, name):
        name = os.path.abspath(name)
        for seen, folder in self.roots:
            if name.startswith(seen + '/'):
                return folder + name[len(seen):]
        return None

    def parse(self, source, arguments, folder):
        here = os.getcwd()
        os.chdir(folder)
        try:
            unit = cindex.Index.create().parse(source, arguments)
        finally:
            os.chdir(here)
        for cursor in unit.cursor.get_children():
            if cursor.kind != Kind.FUNCTION_DECL or not cursor.is_definition():
                continue
            at = cursor.location.file
            path = at and self.tree_path(os.path.join(folder, at.name))
            if not path:
                continue
            if path not in self.texts:
                with open(path, 'rb') as file:
                    self.texts[path] = Text(file.read())
            self.file, self.text, self.function = path, self.texts[path], cursor
            for child in cursor.get_children():
                if child.kind == Kind.COMPOUND_STMT:
                    self.visit(child)

    def add(self, start, end, change):
        data = self.text.data
        self.found[self.file, start] = Mutant(
            self.file, start, end, data.count(b'\n', 0, start) + 1, self.function.spelling,
            change, ' '.join(data[start:end].decode().split()))

    def delete(self, start):
        end = self.text.find_semicolon(start)
        if end is not None:
            self.add(start, end + 1, DELETE)

    def negate(self, start, end):
        while self.text.data[start:start + 1].isspace():
            start += 1
        if start < end:
            self.add(start, end, NEGATE)

    def visit_return(self, start):
        end = self.text.find_semicolon(start)
        value = start + len('return')
        text = self.text.data[value:end].strip()
        result = self.function.result_type.get_canonical().kind
        if not text:
            self.add(start, end + 1, DELETE)
        elif result == TypeKind.BOOL:
            self.add(start, end + 1, NEGATE)
        elif result in self.INTEGERS and text != b'0':
            self.add(start, end + 1, ZERO)

    def visit(self, cursor):
        kind, start = cursor.kind, cursor.extent.start.offset
        children = list(cursor.get_children())
        data = self.text.data
        if kind in self.SKIPPED:
            return
        if kind == Kind.COMPOUND_STMT:
            if data[start:start + 1] == b'{':
                for child in children:
                    self.visit(child)
            return
        if kind == Kind.LABEL_STMT:
            self.visit(children[0])
            return

        keyword = self.KEYWORDS.get(kind)
        if not keyword:
            if re.match(rb'[A-Za-z_(*+-]', data[start:start + 1]) and \
                    not re.match(rb'\(void\)\w+;', data[start:]):
                self.delete(start)
            return
        if not self.text.has_word(start, keyword):
            # Of a macro: a loop has a body here; else it is like a call.
            end = self.text.parenthesis(start)
            if end and re.match(rb'\w+\s*$', data[start:end[0]]):
                if re.match(rb'\s*;', data[end[1] + 1:]):
                    self.delete(start)
                elif kind == Kind.FOR_STMT:
                    self.visit(children[-1])
            return

        if kind in (Kind.BREAK_STMT, Kind.CONTINUE_STMT, Kind.GOTO_STMT):
            self.delete(start)
        elif kind == Kind.RETURN_STMT:
            self.visit_return(start)
        elif kind == Kind.DO_STMT:
            self.visit(children[0])
            opens, closes, _ = self.text.parenthesis(children[0].extent.end.offset)
            if data[opens + 1:closes] != b'0':
                self.negate(opens + 1, closes)
        elif kind in (Kind.IF_STMT, Kind.WHILE_STMT):
            opens, closes, _ = self.text.parenthesis(start)
            self.negate(opens + 1, closes)
            for child in children[1:]:
                self.visit(child)
        elif kind == Kind.FOR_STMT:
            _, _, semicolons = self.text.parenthesis(start)
            self.negate(semicolons[0] + 1, semicolons[1])
            self.visit(children[-1])
        else:
            self.visit(children[-1])

    def mutants(self):
        """All, in the order of files and lines."""
        count = {}
        result = []
        for _, mutant in sorted(self.found.items()):
            key = mutant.file, mutant.function, mutant.change, mutant.text
            count[key] = count.get(key, 0) + 1
            if count[key] > 1:
                mutant = mutant._replace(text=f'{mutant.text} #{count[key]}')
            result.append(mutant)
        return result


def flags(command):
    """What libclang needs of a command of GCC's."""
    result = []
    words = iter(shlex.split(command))
    for word in words:
        if FLAG.match(word):
            result.append(word)
            if word in ('-I', '-D', '-U', '-isystem', '-include'):
                result.append(next(words))
    return result


def find_mutants(top):
    """
    All mutants of kmod/, libfreq and freqctl. The modules have been built for KERNEL,
    so that their commands are known; paths are from the folder @top, which is the
    current one.
    """
    built = f'{top}/build/{KERNEL}/kmod'
    user = f'{top}/userspace'
    finder = Finder([(built, 'kmod'), (f'{top}/kmod', 'kmod'),
                     (f'{user}/freqctl', 'userspace/freqctl'),
                     (f'{user}/libfreq', 'userspace/libfreq')])

    kernel = subprocess.run(['selftests/vm/kernel', '-k', KERNEL, 'build'], check=True,
                            stdout=subprocess.PIPE, text=True).stdout.strip()
    for folder, _, files in sorted(os.walk(built)):
        for name in sorted(files):
            if not re.match(r'\.[^.]+\.o\.cmd$', name):
                continue
            source = f'{folder}/{name[1:-len(".o.cmd")]}.c'
            if os.path.exists(source) and not source.endswith('/kunit.c'):
                with open(f'{folder}/{name}', encoding='utf-8') as file:
                    finder.parse(source, flags(file.readline().split(':=', 1)[1]), kernel)

    commands = subprocess.run(['make', '-C', user, '--no-print-directory', '-Bn', 'V=1'],
                              check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in commands.replace('\\\n', ' ').splitlines():
        if re.search(r'\s-c -o \S+ \S+\.c$', line):
            finder.parse(line.split()[-1], flags(line), user)
    return finder.mutants()


def replacement(mutant, text, chosen):
    """The mutant's text, which behaves as it was unless the expression @chosen is true."""
    if mutant.change == DELETE:
        return f'{{ if (!{chosen}) {text} }}'
    if text.startswith('return'):
        value = text[len('return'):-1].strip()
        if mutant.change == NEGATE:
            return f'return {chosen} != !!({value});'
        return f'return {chosen} ? 0 : ({value});'
    return f'{chosen} != !!({text})'


def plant(data, mutants, include=None):
    """
    The source @data with (number, mutant) of @mutants in it. Without the header
    @include, the only mutant is always chosen.
    """
    for number, mutant in sorted(mutants, key=lambda item: -item[1].start):
        text = data[mutant.start:mutant.end].decode()
        chosen = f'mutant({number})' if include else '1'
        data = (data[:mutant.start] + replacement(mutant, text, chosen).encode() +
                data[mutant.end:])
    if include:
        # The first line is the licence, in a comment.
        first, rest = data.split(b'\n', 1)
        data = first + f'\n#include "{include}"\n#line 2\n'.encode() + rest
    return data
