"""The grammar of globs: what a pattern's parts are, and how its text is taken apart."""

import re
from dataclasses import dataclass
from typing import Final

from howdah.errors import Invalid

_POSIX: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": "\\x00-\\x7f",
    "blank": "\\t ",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}


class BadGlob(Invalid):
    def __init__(self, pattern: str, reason: str) -> None:
        super().__init__(f"glob {pattern!r} is not a pattern: {reason}")
        self.pattern = pattern


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Stars:
    """One star stays within a name, two do not."""

    crosses: bool


@dataclass(frozen=True, slots=True)
class One:
    pass


@dataclass(frozen=True, slots=True)
class Set:
    regex: str


@dataclass(frozen=True, slots=True)
class Group:
    """Alternatives; `kind` is one of @ ? * + ! for a captured group, { for braces."""

    kind: str
    options: tuple["Parts", ...]


Part = Text | Stars | One | Set | Group
Parts = tuple[Part, ...]


def parse(pattern: str) -> Parts:
    return _Parser(pattern).parse()


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def parse(self) -> Parts:
        return self._sequence("")

    def _sequence(self, ends: str) -> Parts:
        """Parts up to one of the characters in `ends`, which is left to be read."""
        parts: list[Part] = []
        pattern = self._pattern
        while self._at < len(pattern) and (char := pattern[self._at]) not in ends:
            self._at += 1
            if char in "*?@+!^" and self._next_is("("):
                if char == "^":
                    raise BadGlob(pattern, f"there is no group '^(' (at {self._at}); did you mean '!('?")
                self._at += 1
                parts.append(self._group(char, "|", ")"))
            elif char == "(":
                parts.append(self._group("@", "|", ")"))
            elif char == "{":
                parts.append(self._group("{", ",", "}"))
            elif char == "*":
                # The star of "**(" begins a group.
                crosses = self._next_is("*") and not self._next_is("*(")
                self._at += crosses
                parts.append(Stars(crosses))
            elif char == "?":
                parts.append(One())
            elif char == "[":
                parts.append(self._set())
            else:
                if char == "\\" and self._at < len(pattern):
                    char = pattern[self._at]
                    self._at += 1
                if parts and isinstance(parts[-1], Text):
                    parts[-1] = Text(parts[-1].text + char)
                else:
                    parts.append(Text(char))
        return tuple(parts)

    def _group(self, kind: str, separator: str, end: str) -> Group:
        begun = self._at
        options: list[Parts] = []
        while True:
            options.append(self._sequence(separator + end))
            if self._at == len(self._pattern):
                raise BadGlob(self._pattern, f"the group begun at {begun} is never closed by {end!r}")
            self._at += 1
            if self._pattern[self._at - 1] == end:
                return Group(kind, tuple(options))

    def _set(self) -> Set:
        pattern, begun = self._pattern, self._at
        negated = self._next_is("!") or self._next_is("^")
        self._at += negated
        inside = ""
        while not self._next_is("]"):
            if posix := re.match(r"\[:(\w+):\]", pattern[self._at :]):
                if posix[1] not in _POSIX:
                    raise BadGlob(pattern, f"there is no class [:{posix[1]}:]")
                inside += _POSIX[posix[1]]
                self._at += posix.end()
                continue
            char = pattern[self._at : self._at + 1]
            escaped = char == "\\"
            if escaped:
                char = pattern[self._at + 1 : self._at + 2]
            if not char:
                raise BadGlob(pattern, f"the set begun at {begun} is never closed by ']'")
            self._at += 1 + escaped
            inside += char if char == "-" and not escaped else re.escape(char)
        self._at += 1
        regex = f"[{'^' if negated else ''}{inside}]"
        try:
            re.compile(regex)
        except re.error as error:
            raise BadGlob(pattern, f"the set begun at {begun} is empty or runs backwards") from error
        return Set(regex)

    def _next_is(self, text: str) -> bool:
        return self._pattern.startswith(text, self._at)
