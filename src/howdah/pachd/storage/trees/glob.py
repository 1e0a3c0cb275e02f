"""Patterns over paths, in the grammar of Pachyderm's.

    *            any characters of one name             ?          one character of a name
    **           any characters, slashes too            [a-z] [!a]  one of, none of; [[:digit:]]
    {a,b}        one of these                           \\c         c itself
    (a|b) @(a|b) one of these, captured                 ?(a|b)     none or one, captured
    *(a|b)       any number, captured                   +(a|b)     at least one, captured
    !(a|b)       a name that is not one of these, captured

A pattern matches whole paths: of files, and of directories without their last slash; "/" matches
the root alone. Two habits of Pachyderm's are kept because joins and datums depend on them: a negation
that anything follows excludes every name that *begins* with an alternative, and a negated set
matches a slash too.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from howdah.errors import Invalid

_NAME_CHARACTER: Final = "[^/]"
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
class _Text:
    text: str


@dataclass(frozen=True, slots=True)
class _Stars:
    """One star stays within a name, two do not."""

    crosses: bool


@dataclass(frozen=True, slots=True)
class _One:
    pass


@dataclass(frozen=True, slots=True)
class _Set:
    regex: str


@dataclass(frozen=True, slots=True)
class _Group:
    """Alternatives; `kind` is one of @ ? * + ! for a captured group, { for braces."""

    kind: str
    options: tuple["_Sequence", ...]


_Part = _Text | _Stars | _One | _Set | _Group
_Sequence = tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """One name within a path that matches."""

    literal: str
    """Every such name begins with it."""
    loose: re.Pattern[str]

    def admits(self, name: str) -> bool:
        """True for every name that can be part of a match, and perhaps for others."""
        return self.loose.fullmatch(name) is not None


class Glob:
    """A compiled pattern. Immutable; safe for many threads."""

    def __init__(self, pattern: str) -> None:
        self.pattern = clean(pattern)
        parts = _Parser(self.pattern).parse()
        self._regex = re.compile(_regex(parts))
        self.literal = _literal(parts)
        """Every match begins with it."""
        self.names = _names(parts)
        """What the names of a match are like, where the pattern fixes how many there are."""

    def match(self, path: str) -> tuple[str, ...] | None:
        """The captured groups if the path matches; a group that took no part is empty."""
        found = self._regex.fullmatch(path if path == "/" else path.rstrip("/"))
        return None if found is None else found.groups("")

    def replace(self, path: str, template: str) -> str:
        """The template with $1 or ${1} replaced by what the first group captured of the path, $0 by
        the path, $$ by a dollar. A group that there is not, and any group of a path that does not
        match, is empty."""
        groups = self.match(path)
        captured = () if groups is None else (path if path == "/" else path.rstrip("/"), *groups)

        def expand(found: re.Match[str]) -> str:
            if found[0] == "$$":
                return "$"
            digits = found[1] or found[2]
            if digits != "0" and digits.startswith("0"):
                return ""
            return captured[int(digits)] if len(digits) < 9 and int(digits) < len(captured) else ""

        return re.sub(r"\$\$|\$(\d+)|\$\{(\d+)\}", expand, template, flags=re.ASCII)


def clean(pattern: str) -> str:
    """As a path: one slash at the start, none at the end, none doubled."""
    return re.sub("/+", "/", "/" + pattern).rstrip("/") or "/"


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def parse(self) -> _Sequence:
        return self._sequence("")

    def _sequence(self, ends: str) -> _Sequence:
        """Parts up to one of the characters in `ends`, which is left to be read."""
        parts: list[_Part] = []
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
                parts.append(_Stars(crosses))
            elif char == "?":
                parts.append(_One())
            elif char == "[":
                parts.append(self._set())
            else:
                if char == "\\" and self._at < len(pattern):
                    char = pattern[self._at]
                    self._at += 1
                if parts and isinstance(parts[-1], _Text):
                    parts[-1] = _Text(parts[-1].text + char)
                else:
                    parts.append(_Text(char))
        return tuple(parts)

    def _group(self, kind: str, separator: str, end: str) -> _Group:
        begun = self._at
        options: list[_Sequence] = []
        while True:
            options.append(self._sequence(separator + end))
            if self._at == len(self._pattern):
                raise BadGlob(self._pattern, f"the group begun at {begun} is never closed by {end!r}")
            self._at += 1
            if self._pattern[self._at - 1] == end:
                return _Group(kind, tuple(options))

    def _set(self) -> _Set:
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
        return _Set(regex)

    def _next_is(self, text: str) -> bool:
        return self._pattern.startswith(text, self._at)


_FOLLOWED, _NEGATION_ENDS, _ALTERNATIVE_ENDS = "\uffff", "\ufffe", "\ufffd"
"""Marks within an expression that is being put together; no path holds them."""


def _regex(parts: _Sequence) -> str:
    """The expression for a whole pattern. What a negation excludes depends on what follows it: up
    to the end of the path if nothing does that matches by itself, else any beginning."""
    marked = _marked(parts)
    _, ends, rest = marked.partition(_NEGATION_ENDS)
    excluded_ends = "" if ends and _FOLLOWED in rest else r"\Z"
    marked = marked.replace(_NEGATION_ENDS, excluded_ends).replace(_ALTERNATIVE_ENDS, excluded_ends)
    return marked.replace(_FOLLOWED, "")


def _marked(parts: Iterable[_Part]) -> str:
    return "".join(_marked_part(part) for part in parts)


def _marked_part(part: _Part) -> str:
    match part:
        case _Text(text):
            return re.escape(text) + _FOLLOWED
        case _Stars(crosses):
            return ("." if crosses else _NAME_CHARACTER) + "*" + _FOLLOWED
        case _One():
            return _NAME_CHARACTER
        case _Set(regex):
            return regex
        case _Group("!", options):
            excluded = f"{_ALTERNATIVE_ENDS}|".join(map(_marked, options))
            return f"((?!{excluded}{_NEGATION_ENDS}){_NAME_CHARACTER}*)"
        case _Group(kind, options):
            inner = "|".join(map(_marked, options))
            if kind in "{@":
                return f"(?:{inner})" if kind == "{" else f"({inner})"
            return f"((?:{inner}){kind})"


def _literal(parts: Sequence[_Part]) -> str:
    return parts[0].text if parts and isinstance(parts[0], _Text) else ""


def _names(parts: _Sequence) -> tuple[Name, ...] | None:
    if any(_may_cross(part) for part in parts if not isinstance(part, _Text)):
        return None
    return tuple(Name(_literal(name), re.compile(_loose(name))) for name in _split(parts))


def _split(parts: _Sequence) -> list[list[_Part]]:
    """The parts of every name; the slash that begins the pattern begins the first."""
    names: list[list[_Part]] = [[]]
    for part in parts:
        if not isinstance(part, _Text):
            names[-1].append(part)
            continue
        for number, piece in enumerate(part.text.split("/")):
            if number:
                names.append([])
            if piece:
                names[-1].append(_Text(piece))
    return names[1:]


def _may_cross(part: _Part) -> bool:
    """Whether the part can match a slash."""
    match part:
        case _Text(text):
            return "/" in text
        case _Stars(crosses):
            return crosses
        case _One():
            return False
        case _Set(regex):
            return re.match(regex, "/") is not None
        case _Group(_, options):
            return any(_may_cross(inner) for option in options for inner in option)


def _loose(parts: Iterable[_Part]) -> str:
    """An expression that matches at least what the parts do."""
    out = []
    for part in parts:
        match part:
            case _Group("!", _):
                out.append(_NAME_CHARACTER + "*")
            case _Group(kind, options):
                out.append(f"(?:{'|'.join(map(_loose, options))}){'' if kind in '{@' else kind}")
            case _:
                out.append(_marked_part(part).replace(_FOLLOWED, ""))
    return "".join(out)
