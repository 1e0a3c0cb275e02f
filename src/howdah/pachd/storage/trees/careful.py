"""Matching in time that no pattern can blow up.

A regular expression that backtracks can take time exponential in a path's length when something
that matches in several ways is repeated, such as `*(*)x` on a path without an x; and it holds up
everyone else meanwhile. Here the pattern becomes a small program that tries alternatives in the same
order, but remembers every (instruction, position) that it has been at: having failed from there once
it would fail again. So a match takes at most steps of program times path, and captures what the
expression would.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from howdah.pachd.storage.trees.pattern import Group, One, Part, Set, Stars, Text

MOST_STARS = 3
"""More than this many in a row backtrack too much, though not exponentially."""


def is_risky(parts: Sequence[Part]) -> bool:
    """Whether an expression for the parts may take long."""
    most, stars = 0, 0
    crosses = any(isinstance(part, Stars) and part.crosses for part in parts)
    for part in parts:
        if isinstance(part, Text) and "/" in part.text and not crosses:
            stars = 0
        stars += isinstance(part, Stars) or (isinstance(part, Group) and part.kind == "!")
        most = max(most, stars)
    groups = [part for part in parts if isinstance(part, Group)]
    return most > MOST_STARS or any(
        (group.kind in "*+" and not _is_decided(group)) or any(map(is_risky, group.options))
        for group in groups
    )


def _is_decided(group: Group) -> bool:
    """Whether the next character alone says which alternative it can be."""
    firsts = set()
    for option in group.options:
        match option:
            case (Text(text),):
                firsts.add(text[0])
    return len(firsts) == len(group.options)


class _Step(NamedTuple):
    """One of: `accepts` one character; else `tries` one place, then others; else `marks` a group's
    edge; else goes on unless what begins at `unless` matches; else succeeds (`at_end`: at the end
    of the path only)."""

    accepts: re.Pattern[str] | None = None
    tries: tuple[int, ...] = ()
    marks: int = -1
    unless: int = -1
    at_end: bool = False


_ANY_OF_NAME, _ANY = re.compile("[^/]"), re.compile(".")


class Careful:
    def __init__(self, parts: Sequence[Part], excludes_beginnings: bool) -> None:
        """`excludes_beginnings`: whether a negation excludes all that begins with an alternative."""
        self._steps: list[_Step] = []
        self._groups = 0
        self._negation_ends = not excludes_beginnings
        self._sequence(parts)
        self._add(_Step(at_end=True))

    def match(self, path: str) -> tuple[str, ...] | None:
        """What the groups captured, if the path matches."""
        marks = self._run(0, path, 0)
        if marks is None:
            return None
        ends = dict(marks)
        return tuple(
            path[ends[2 * i] : ends[2 * i + 1]] if 2 * i + 1 in ends else "" for i in range(self._groups)
        )

    def _run(self, step: int, path: str, at: int) -> tuple[tuple[int, int], ...] | None:
        been: set[tuple[int, int]] = set()
        waiting: list[tuple[int, int, tuple[tuple[int, int], ...]]] = [(step, at, ())]
        while waiting:
            number, at, marks = waiting.pop()
            while (number, at) not in been:
                been.add((number, at))
                accepts, tries, mark, unless, at_end = self._steps[number]
                if accepts is not None:
                    if at == len(path) or accepts.match(path, at) is None:
                        break
                    at += 1
                elif tries:
                    waiting.extend((other, at, marks) for other in reversed(tries[1:]))
                    number = tries[0]
                    continue
                elif mark >= 0:
                    marks = (*marks, (mark, at))
                elif unless >= 0:
                    if self._run(unless, path, at) is not None:
                        break
                elif not at_end or at == len(path):
                    return marks
                else:
                    break
                number += 1
        return None

    def _add(self, step: _Step) -> int:
        self._steps.append(step)
        return len(self._steps) - 1

    def _sequence(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self._part(part)

    def _part(self, part: Part) -> None:
        match part:
            case Text(text):
                for char in text:
                    self._add(_Step(accepts=re.compile(re.escape(char))))
            case Stars(crosses):
                self._repeated(_ANY if crosses else _ANY_OF_NAME)
            case One():
                self._add(_Step(accepts=_ANY_OF_NAME))
            case Set(regex):
                self._add(_Step(accepts=re.compile(regex)))
            case Group("{", options):
                self._options(options)
            case Group(kind, options):
                group, self._groups = self._groups, self._groups + 1
                self._add(_Step(marks=2 * group))
                self._captured(kind, options)
                self._add(_Step(marks=2 * group + 1))

    def _captured(self, kind: str, options: Sequence[Sequence[Part]]) -> None:
        begun = len(self._steps)
        if kind == "@":
            self._options(options)
        elif kind == "+":
            self._options(options)
            self._add(_Step(tries=(begun, len(self._steps) + 1)))
        elif kind == "!":
            self._add(_Step())
            over = self._add(_Step())
            self._options(options)
            self._add(_Step(at_end=self._negation_ends))
            self._steps[begun] = _Step(unless=over + 1)
            self._steps[over] = _Step(tries=(len(self._steps),))
            self._repeated(_ANY_OF_NAME)
        else:
            self._add(_Step())
            self._options(options)
            if kind == "*":
                self._add(_Step(tries=(begun,)))
            self._steps[begun] = _Step(tries=(begun + 1, len(self._steps)))

    def _repeated(self, accepts: re.Pattern[str]) -> None:
        begun = len(self._steps)
        self._add(_Step(tries=(begun + 1, begun + 3)))
        self._add(_Step(accepts=accepts))
        self._add(_Step(tries=(begun,)))

    def _options(self, options: Sequence[Sequence[Part]]) -> None:
        choice = self._add(_Step())
        begins: list[int] = []
        leaving: list[int] = []
        for option in options:
            begins.append(len(self._steps))
            self._sequence(option)
            leaving.append(self._add(_Step()))
        self._steps[choice] = _Step(tries=tuple(begins))
        for number in leaving:
            self._steps[number] = _Step(tries=(len(self._steps),))
