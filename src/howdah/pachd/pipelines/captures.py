"""Pachyderm's globs as regular expressions, for what their parentheses capture.

Finding the matching files is the tree's work; this only answers, for a path that matched,
what `$1` stands for in `join_on` and `group_by`. Grammar: `*` and `?` stop at a slash, `**`
does not; `[a-z]`, `[!a-z]`; `{a,b}`; `(…)` captures; `@(a|b)`, `?(a|b)`, `*(a|b)`, `+(a|b)`
and `!(a|b)` match one, at most one, any number, at least one and none of the alternatives,
and capture too.
"""

import functools
import re

from howdah.errors import Invalid


class GlobError(Invalid):
    """A glob that cannot be read."""


_REFERENCE = re.compile(r"\$(?:(\d+)|\{(\d+)\})")
_REPEATS = {"@": "", "?": "?", "*": "*", "+": "+"}


@functools.lru_cache(maxsize=1024)
def compile_glob(glob: str) -> re.Pattern[str]:
    return re.compile(_Translation(glob).whole(), re.DOTALL)


def expand(glob: str, path: str, template: str) -> str:
    """The template with `$1`, `${2}`, … replaced by what the glob captured in the path."""
    if "$" not in template:
        return template
    match = compile_glob(glob).fullmatch(path.rstrip("/") or "/")

    def captured(reference: re.Match[str]) -> str:
        number = int(reference[1] or reference[2])
        if match is None or number > (match.re.groups):
            return ""
        return match[number] or ""

    return _REFERENCE.sub(captured, template)


class _Translation:
    def __init__(self, glob: str) -> None:
        self._glob = glob
        self._at = 0

    def whole(self) -> str:
        out = self._sequence("")
        if self._at < len(self._glob):
            raise GlobError(f'glob "{self._glob}": unbalanced "{self._glob[self._at]}"')
        return out

    def _sequence(self, stops: str) -> str:
        out: list[str] = []
        while self._at < len(self._glob) and self._glob[self._at] not in stops:
            out.append(self._one())
        return "".join(out)

    def _one(self) -> str:
        char = self._glob[self._at]
        following = self._glob[self._at + 1 : self._at + 2]
        if char in "@?*+!" and following == "(":
            self._at += 2
            inside = self._alternatives("|", ")")
            if char == "!":
                return f"((?:(?!(?:{inside})(?:/|$))[^/])*)"
            return f"((?:{inside}){_REPEATS[char]})"
        self._at += 1
        match char:
            case "*" if following == "*":
                self._at += 1
                return ".*"
            case "*":
                return "[^/]*"
            case "?":
                return "[^/]"
            case "[":
                return self._class()
            case "{":
                return f"(?:{self._alternatives(',', '}')})"
            case "(":
                return f"({self._alternatives('|', ')')})"
            case ")" | "}":
                raise GlobError(f'glob "{self._glob}": unbalanced "{char}"')
            case "\\" if following:
                self._at += 1
                return re.escape(following)
            case _:
                return re.escape(char)

    def _alternatives(self, separator: str, end: str) -> str:
        parts = [self._sequence(separator + end)]
        while self._at < len(self._glob) and self._glob[self._at] == separator:
            self._at += 1
            parts.append(self._sequence(separator + end))
        if self._at >= len(self._glob):
            raise GlobError(f'glob "{self._glob}": a "{end}" is missing')
        self._at += 1
        return "|".join(parts)

    def _class(self) -> str:
        end = self._glob.find("]", self._at + 1)
        if end < 0:
            raise GlobError(f'glob "{self._glob}": a "]" is missing')
        body = self._glob[self._at : end]
        self._at = end + 1
        negated = body[:1] in ("!", "^")
        body = body[1:] if negated else body
        escaped = body.replace("\\", "\\\\").replace("[", "\\[").replace("^", "\\^")
        return f"[{'^/' if negated else ''}{escaped}]"
