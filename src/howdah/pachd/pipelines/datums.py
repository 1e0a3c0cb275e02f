"""From inputs to datums, one at a time.

A datum is the files that one run of the user's code sees. They are generated lazily: what
is held in memory is the files of the inputs, never their product, so a cross of 1,000 by
1,000 gives its first datum at once. Joins and groups must see all keys before they can give
any datum, and hold one entry per file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Protocol

from howdah.core.refs import CommitId, CommitRef, RepoRef
from howdah.errors import Invalid
from howdah.pachd.pipelines.identity import datum_hash, datum_id
from howdah.pachd.pipelines.inputs import Combined, CronInput, Input, PfsInput
from howdah.pachd.pipelines.refs import DatumId
from howdah.pachd.storage.trees import Glob


@dataclass(frozen=True, slots=True)
class Found:
    """A file or directory that a glob matched; a directory's path ends in a slash."""

    path: str
    hash: bytes
    size: int

    @property
    def is_dir(self) -> bool:
        return self.path.endswith("/")


class Files(Protocol):
    def glob(self, commit: CommitRef, pattern: str) -> Iterator[Found]:
        """What the pattern matches in a finished commit, ordered by path."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """The input that a file came through; shared by all its files."""

    name: str
    repo: RepoRef
    branch: str
    commit: CommitId
    lazy: bool = False
    empty_files: bool = False
    outer_join: bool = False
    reference: bool = False

    @property
    def at(self) -> CommitRef:
        return CommitRef(self.repo, self.commit)


@dataclass(frozen=True, slots=True)
class InputFile:
    source: Source
    path: str
    hash: bytes
    size: int
    join_on: str = ""
    group_by: str = ""


@dataclass(frozen=True)
class Datum:
    inputs: tuple[InputFile, ...]

    @cached_property
    def id(self) -> DatumId:
        return datum_id(self.inputs)

    def hash(self, salt: str) -> str:
        return datum_hash(self.id, self.inputs, salt)

    @property
    def size_bytes(self) -> int:
        return sum(item.size for item in self.inputs)


def datums(root: Input, files: Files) -> Iterator[Datum]:
    """Every datum of an input whose leaves are fixed to commits; each id once."""
    for inputs in _generate(root, files):
        yield Datum(inputs)


type Combination = tuple[InputFile, ...]


def _generate(root: Input, files: Files) -> Iterator[Combination]:
    if isinstance(root, PfsInput):
        yield from _leaf(root, files)
    elif isinstance(root, CronInput):
        yield from _leaf(_ticks(root), files)
    elif root.kind == "cross":
        yield from _cross(root, files)
    elif root.kind == "union":
        yield from _union(root, files)
    elif root.kind == "join":
        yield from _join(root, files)
    else:
        yield from _group(root, files)


def _ticks(cron: CronInput) -> PfsInput:
    return PfsInput(name=cron.name, repo=cron.repo, branch="master", glob="/*", commit=cron.commit)


def source_of(leaf: PfsInput) -> Source:
    return Source(
        name=leaf.name,
        repo=leaf.repo,
        branch=leaf.branch,
        commit=CommitId(leaf.commit),
        lazy=leaf.lazy,
        empty_files=leaf.empty_files,
        outer_join=leaf.outer_join,
        reference=leaf.reference,
    )


def _leaf(leaf: PfsInput, files: Files) -> Iterator[Combination]:
    source, glob = source_of(leaf), Glob(leaf.glob)
    if not leaf.commit:
        raise Invalid(f"input {leaf.name}: {leaf.repo}@{leaf.branch} has no commit to read")
    for found in files.glob(source.at, leaf.glob):
        yield (input_file(leaf, source, glob, found),)


def input_file(leaf: PfsInput, source: Source, glob: Glob, found: Found) -> InputFile:
    return InputFile(
        source,
        found.path,
        found.hash,
        found.size,
        glob.replace(found.path, leaf.join_on) if leaf.join_on else "",
        glob.replace(found.path, leaf.group_by) if leaf.group_by else "",
    )


def _cross(root: Combined, files: Files) -> Iterator[Combination]:
    first, *rest = root.parts
    inner = [list(_generate(part, files)) for part in rest]
    if not all(inner):
        return
    for head in _generate(first, files):
        for tail in product(*inner):
            yield sum(tail, head)


def _union(root: Combined, files: Files) -> Iterator[Combination]:
    # Two parts may match the same file; the datum is one, as its id is.
    seen: set[bytes] = set()
    for part in root.parts:
        for inputs in _generate(part, files):
            key = bytes.fromhex(datum_id(inputs))
            if key not in seen:
                seen.add(key)
                yield inputs


def _join(root: Combined, files: Files) -> Iterator[Combination]:
    by_part = [_by_key(part, files, "join_on") for part in root.parts]
    keys = sorted(set().union(*by_part))
    for key in keys:
        present = [part[key] for part in by_part if key in part]
        if len(present) == len(by_part):
            yield from product(*present)
            continue
        seen: set[Combination] = set()
        for inputs in product(*present):
            kept = tuple(item for item in inputs if item.source.outer_join)
            if kept and kept not in seen:
                seen.add(kept)
                yield kept


def _group(root: Combined, files: Files) -> Iterator[Combination]:
    groups: dict[str, list[InputFile]] = {}
    for part in root.parts:
        for key, items in _by_key(part, files, "group_by").items():
            groups.setdefault(key, []).extend(items)
    for key in sorted(groups):
        yield tuple(groups[key])


def _by_key(part: Input, files: Files, attribute: str) -> dict[str, list[InputFile]]:
    keyed: dict[str, list[InputFile]] = {}
    for inputs in _generate(part, files):
        for item in inputs:
            keyed.setdefault(getattr(item, attribute), []).append(item)
    return keyed
