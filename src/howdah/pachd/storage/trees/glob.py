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

from howdah.pachd.storage.trees.careful import Careful, is_risky
from howdah.pachd.storage.trees.pattern import Group, One, Part, Parts, Set, Stars, Text, parse

_NAME_CHARACTER: Final = "[^/]"


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
        parts = parse(self.pattern)
        self._regex = re.compile(expression(parts))
        self._careful = Careful(parts, excludes_beginnings(parts)) if is_risky(parts) else None
        self.literal = _literal(parts)
        """Every match begins with it."""
        self.names = _names(parts)
        """What the names of a match are like, where the pattern fixes how many there are."""

    def match(self, path: str) -> tuple[str, ...] | None:
        """The captured groups if the path matches; a group that took no part is empty."""
        named = self._named(path)
        if self._careful is not None:
            return self._careful.match(named)
        found = self._regex.fullmatch(named)
        return None if found is None else found.groups("")

    def _named(self, path: str) -> str:
        """What is matched of a path. Only the pattern "/" sees the root's slash, so that no other
        matches the root."""
        return path if self.pattern == "/" else path.rstrip("/")

    def replace(self, path: str, template: str) -> str:
        """The template with $1 or ${1} replaced by what the first group captured of the path, $0 by
        the path, $$ by a dollar. A group that there is not, and any group of a path that does not
        match, is empty."""
        groups = self.match(path)
        captured = () if groups is None else (self._named(path), *groups)

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


_FOLLOWED, _NEGATION_ENDS, _ALTERNATIVE_ENDS = "\uffff", "\ufffe", "\ufffd"
"""Marks within an expression that is being put together; no path holds them."""


def excludes_beginnings(parts: Parts) -> bool:
    """What negations exclude depends on what follows: whatever begins with an alternative, if
    something follows that matches by itself, else only what is an alternative."""
    _, ends, rest = _marked(parts).partition(_NEGATION_ENDS)
    return bool(ends) and _FOLLOWED in rest


def expression(parts: Parts) -> str:
    """The regular expression of a whole pattern."""
    excluded_ends = "" if excludes_beginnings(parts) else r"\Z"
    marked = _marked(parts).replace(_NEGATION_ENDS, excluded_ends)
    return marked.replace(_ALTERNATIVE_ENDS, excluded_ends).replace(_FOLLOWED, "")


def _marked(parts: Iterable[Part]) -> str:
    return "".join(_marked_part(part) for part in parts)


def _marked_part(part: Part) -> str:
    match part:
        case Text(text):
            return re.escape(text) + _FOLLOWED
        case Stars(crosses):
            return ("." if crosses else _NAME_CHARACTER) + "*" + _FOLLOWED
        case One():
            return _NAME_CHARACTER
        case Set(regex):
            return regex
        case Group("!", options):
            excluded = f"{_ALTERNATIVE_ENDS}|".join(map(_marked, options))
            return f"((?!{excluded}{_NEGATION_ENDS}){_NAME_CHARACTER}*)"
        case Group(kind, options):
            inner = "|".join(map(_marked, options))
            if kind in "{@":
                return f"(?:{inner})" if kind == "{" else f"({inner})"
            return f"((?:{inner}){kind})"


def _literal(parts: Sequence[Part]) -> str:
    return parts[0].text if parts and isinstance(parts[0], Text) else ""


def _names(parts: Parts) -> tuple[Name, ...] | None:
    if any(_may_cross(part) for part in parts if not isinstance(part, Text)):
        return None
    return tuple(Name(_literal(name), re.compile(_loose(name))) for name in _split(parts))


def _split(parts: Parts) -> list[list[Part]]:
    """The parts of every name; the slash that begins the pattern begins the first."""
    names: list[list[Part]] = [[]]
    for part in parts:
        if not isinstance(part, Text):
            names[-1].append(part)
            continue
        for number, piece in enumerate(part.text.split("/")):
            if number:
                names.append([])
            if piece:
                names[-1].append(Text(piece))
    return names[1:]


def _may_cross(part: Part) -> bool:
    """Whether the part can match a slash."""
    match part:
        case Text(text):
            return "/" in text
        case Stars(crosses):
            return crosses
        case One():
            return False
        case Set(regex):
            return re.match(regex, "/") is not None
        case Group(_, options):
            return any(_may_cross(inner) for option in options for inner in option)


def _loose(parts: Iterable[Part]) -> str:
    """An expression that matches at least what the parts do."""
    out = []
    for part in parts:
        match part:
            case Group("!", _):
                out.append(_NAME_CHARACTER + "*")
            case Group(kind, options):
                out.append(f"(?:{'|'.join(map(_loose, options))}){'' if kind in '{@' else kind}")
            case _:
                out.append(_marked_part(part).replace(_FOLLOWED, ""))
    return "".join(out)
