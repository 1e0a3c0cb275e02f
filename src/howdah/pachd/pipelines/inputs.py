"""What a pipeline reads: a tree of inputs whose leaves are branches of repos."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from howdah.core.refs import BranchRef, RepoRef

CombineKind = Literal["cross", "union", "join", "group"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """When the input's branch follows the branch it watches."""

    branch: str = "master"
    all: bool = False
    rate_limit_spec: str = ""
    size: str = ""
    commits: int = 0
    cron_spec: str = ""


@dataclass(frozen=True, slots=True)
class PfsInput:
    name: str
    repo: RepoRef
    branch: str
    glob: str
    commit: str = ""
    join_on: str = ""
    outer_join: bool = False
    group_by: str = ""
    lazy: bool = False
    empty_files: bool = False
    s3: bool = False
    reference: bool = False
    never_propagates: bool = False
    trigger: Trigger | None = None


@dataclass(frozen=True, slots=True)
class CronInput:
    name: str
    repo: RepoRef
    spec: str
    overwrite: bool = False
    start_ns: int = 0
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Combined:
    kind: CombineKind
    parts: tuple["Input", ...]


Input = PfsInput | CronInput | Combined
Leaf = PfsInput | CronInput


def leaves(root: Input | None) -> Iterator[Leaf]:
    """The pfs and cron inputs, in spec order."""
    if isinstance(root, Combined):
        for part in root.parts:
            yield from leaves(part)
    elif root is not None:
        yield root


def crons(root: Input | None) -> list[CronInput]:
    return [leaf for leaf in leaves(root) if isinstance(leaf, CronInput)]


def branch_of(leaf: Leaf) -> BranchRef:
    return BranchRef(leaf.repo, "master" if isinstance(leaf, CronInput) else leaf.branch)


def branches(root: Input | None) -> list[BranchRef]:
    """Every branch read, once each, in spec order: the provenance that the input asks for."""
    return list(dict.fromkeys(branch_of(leaf) for leaf in leaves(root)))


def name_of(root: Input) -> str:
    """By which its siblings are ordered; the order is part of a datum's identity."""
    if isinstance(root, PfsInput):
        return root.name
    if isinstance(root, Combined) and root.parts:
        return name_of(root.parts[0])
    return ""


def in_order(root: Input) -> Input:
    """The same input with the parts of every combination ordered by name."""
    if not isinstance(root, Combined):
        return root
    parts = sorted((in_order(part) for part in root.parts), key=name_of)
    return replace(root, parts=tuple(parts))


def at_commits(root: Input, commits: dict[BranchRef, str]) -> Input:
    """The same input with each leaf fixed to a commit of its branch, where one is known."""
    if isinstance(root, Combined):
        return replace(root, parts=tuple(at_commits(part, commits) for part in root.parts))
    return replace(root, commit=commits.get(branch_of(root), ""))
