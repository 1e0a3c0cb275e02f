"""What names and paths may look like, and what an ancestry expression means."""

import re
from dataclasses import dataclass

from howdah.core.refs import DEFAULT_PROJECT
from howdah.errors import Invalid
from howdah.pachd.versions.errors import InvalidName, InvalidPath

_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_NAME_MAX = 255
_COMMIT_ID = re.compile(r"[0-9a-fA-F]{12}4[0-9a-fA-F]{19}")
_PATH = re.compile(r"[ -~]+")
_PATH_MAX = 4096
_PLAIN_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[ \"#$%&',\-.0-9:;<=>A-Z_`a-z|~\\]+)+")
"""Paths that are good and already in their one spelling: nearly all there are."""
_GLOB = re.compile(r"[*?\[\]{}!()@+^]")
_STEPS = re.compile(r"[0-9]{1,9}")
_PROJECT_MAX = 51  # 63 for a Kubernetes name, less what Pachyderm adds to pipeline names


def validate_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidName(name, "only alphanumeric characters, underscores, and dashes are allowed")
    if len(name) > _NAME_MAX:
        raise InvalidName(name[:40] + "…", f"it is longer than {_NAME_MAX} characters")


def validate_branch_name(name: str) -> None:
    validate_name(name)
    if is_commit_id(name):
        raise InvalidName(name, "it looks like a commit ID, and a branch of this name could not be reached")


def validate_project_name(name: str) -> None:
    if name == DEFAULT_PROJECT:
        return
    if len(name) > _PROJECT_MAX:
        excess = len(name) - _PROJECT_MAX
        raise Invalid(f'project name "{name}" is {excess} characters longer than the {_PROJECT_MAX} max')
    validate_name(name)
    if not name[0].isalnum():
        raise Invalid("project names must start with an alphanumeric character")


def is_commit_id(text: str) -> bool:
    return _COMMIT_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Ancestry:
    """`back` steps towards the root from `base`, or `from_root` steps from the branch's root."""

    base: str
    back: int = 0
    from_root: int | None = None


def parse_ancestry(expression: str) -> Ancestry:
    """`foo^^` and `foo~2` are two back from foo; `foo.3` is the third after the root of foo."""
    match = re.search(r"[\^~.]", expression)
    if match is None:
        return Ancestry(expression)
    base, mark, rest = expression[: match.start()], match.group(), expression[match.end() :]
    if _STEPS.fullmatch(rest):
        steps = int(rest)
    elif all(character == mark for character in rest):
        steps = 1 + len(rest)
    else:
        raise Invalid(f'invalid ancestry syntax "{expression}", cannot mix {mark} and other characters')
    if mark == ".":
        return Ancestry(base, from_root=steps)
    return Ancestry(base, back=steps)


def clean_path(path: str) -> str:
    """The one spelling of a path inside a commit: `/a/b`, and `/` for the root."""
    return "/" + "/".join(part for part in path.split("/") if part)


def validate_path(path: str) -> str:
    """Check a path that is about to be written and return its one spelling."""
    if len(path) <= _PATH_MAX and _PLAIN_PATH.fullmatch(path):
        return path
    if not _PATH.fullmatch(path):
        raise InvalidPath(path, "only printable ASCII characters allowed")
    if glob := _GLOB.search(path):
        raise InvalidPath(path, f"globbing character ({glob.group()}) not allowed in path")
    if len(path) > _PATH_MAX:
        raise InvalidPath(path[:40] + "…", f"it is longer than {_PATH_MAX} characters")
    if any(part in (".", "..") for part in path.split("/")):
        raise InvalidPath(path, "relative file paths are not allowed")
    return clean_path(path)
