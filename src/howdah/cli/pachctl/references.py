"""How a command line names things: `[project/]repo[.type][@branch-or-commit[=commit]][:path]`."""

import re
from dataclasses import dataclass, replace

from howdah.errors import Invalid

_COMMIT_ID = re.compile(r"[0-9a-f]{12}4[0-9a-f]{19}")
_BRANCH = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Reference:
    """What was written, taken apart; nothing is known yet of whether it exists."""

    repo: str
    type: str = "user"
    project: str = ""
    branch: str = ""
    commit: str = ""
    """An id, or an ancestor such as `master^2`, which pachd resolves."""
    path: str = ""

    @property
    def revision(self) -> str:
        return self.commit or self.branch


def is_commit_id(text: str) -> bool:
    return _COMMIT_ID.fullmatch(text) is not None


def parse(text: str) -> Reference:
    name, _, rest = text.partition("@")
    if not name:
        raise Invalid(f'invalid format "{text}": repo cannot be empty')
    project, _, short = name.rpartition("/")
    repo, _, kind = short.partition(".")
    revision, _, path = rest.partition(":")
    branch, equals, commit = revision.partition("=")
    if not equals and (is_commit_id(branch) or not _BRANCH.fullmatch(branch)):
        branch, commit = "", branch
    return Reference(repo, kind or "user", project, branch, commit, path)


def repo(text: str) -> Reference:
    found = parse(text)
    if found.revision or found.path:
        raise Invalid(f'invalid format "{text}": a repo, without a branch or a path, is wanted here')
    return found


def commit(text: str) -> Reference:
    """A reference to a commit, by its branch or by itself."""
    found = parse(text)
    if found.path:
        raise Invalid(f'invalid format "{text}": cannot specify a file path')
    return found


def branch(text: str) -> Reference:
    found = commit(text)
    if found.commit:
        raise Invalid(f'invalid branch "{text}": cannot specify a commit or ancestry')
    if not found.branch:
        raise Invalid(f'invalid branch "{text}": name it as repo@branch')
    return found


def file(text: str) -> Reference:
    found = parse(text)
    if not found.revision:
        raise Invalid(f'invalid format "{text}": name the file as repo@branch-or-commit:/path')
    return found


def within(project: str, reference: Reference) -> Reference:
    """The same in `project`, where one is given and the reference names none itself."""
    return replace(reference, project=reference.project or project)


def job(text: str) -> Reference:
    """`pipeline@job-id`."""
    name, at, identity = text.partition("@")
    if not name:
        raise Invalid(f'invalid format "{text}": pipeline must be specified')
    if not at or not identity:
        raise Invalid(f'invalid format "{text}": expected pipeline@job-id')
    project, _, short = name.rpartition("/")
    return Reference(repo=short, project=project, commit=identity)


def history(text: str) -> int:
    """How many versions back: `none`, `all` or a number."""
    if text in ("none", "all"):
        return 0 if text == "none" else -1
    if not text.isdecimal():
        raise Invalid(f"--history is none, all or a number, not {text!r}")
    return int(text)
