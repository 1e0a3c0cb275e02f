"""Which datums changed, in time proportional to the change.

Where a pipeline reads one branch by one glob and its base processed every datum, nothing needs
to be enumerated: the difference of the two input commits names every file that changed, and a
datum can only have changed if its path is one of those or a folder above. Counting stays exact,
since the base's total is known. Anything else is enumerated; `skip.decide` then compares.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from howdah.core.refs import CommitId, CommitRef
from howdah.pachd.pipelines.datums import Datum, Found, input_file, source_of
from howdah.pachd.pipelines.identity import Prefix
from howdah.pachd.pipelines.inputs import CronInput, Input, PfsInput
from howdah.pachd.pipelines.records import JobInfo, PipelineInfo
from howdah.pachd.pipelines.skip import Decision, Drop, Run
from howdah.pachd.storage.trees import Glob


class Differences(Protocol):
    def find(self, commit: CommitRef, path: str) -> Found | None:
        """The file, or the directory if the path ends in a slash."""
        ...

    def changed_paths(self, old: CommitRef, new: CommitRef) -> Iterator[str]:
        """Files that one of the two finished commits lacks or that differ, ordered."""
        ...


@dataclass(frozen=True, slots=True)
class Shortcut:
    """The same leaf in the base's input commit and in the job's."""

    leaf: PfsInput
    base: CommitId
    total: int  # datums of the base


def shortcut(
    now: PipelineInfo, fixed: Input, base: JobInfo | None, then: PipelineInfo | None, read: Input | None
) -> Shortcut | None:
    """None when the datums must be enumerated. `read` is the input that the base read."""
    leaf, before = as_pfs(fixed), as_pfs(read)
    if leaf is None or before is None or base is None or then is None:
        return None
    if replace(leaf, commit="") != replace(before, commit=""):
        return None
    if now.spec.every_job or now.salt != then.salt or base.counts.recovered or base.counts.failed:
        return None
    return Shortcut(leaf, CommitId(before.commit), base.counts.total)


def as_pfs(leaf: Input | None) -> PfsInput | None:
    if isinstance(leaf, CronInput):
        return PfsInput(leaf.name, leaf.repo, "master", "/*", leaf.commit)
    return leaf if isinstance(leaf, PfsInput) else None


@dataclass(slots=True)
class Changed:
    """Decisions about the datums that changed; `total` and `skipped` hold once they are all taken."""

    total: int
    skipped: int = 0

    def decide(self, short: Shortcut, files: Differences) -> Iterator[Decision]:
        leaf = short.leaf
        source, glob = source_of(leaf), Glob(leaf.glob)
        prefix = Prefix(leaf.name, leaf.repo.name, leaf.branch)
        old, new = CommitRef(leaf.repo, short.base), source.at
        self.skipped = short.total
        for path in _candidates(files.changed_paths(old, new), glob):
            before = _find(files, old, path)
            after = _find(files, new, path)
            self.total += (after is not None) - (before is not None)
            if after is not None and before is not None:
                if leaf.reference and before.path == after.path:
                    continue
                if before.path == after.path and before.hash == after.hash:
                    continue
            self.skipped -= before is not None
            if before is not None and (after is None or after.path != before.path):
                yield Drop(prefix.id_of(before.path))
            if after is not None:
                replaces = before is not None and before.path == after.path
                yield Run(Datum((input_file(leaf, source, glob, after),)), replaces)


def _candidates(paths: Iterable[str], glob: Glob) -> Iterator[str]:
    """Every matching path that is a changed file or stands above one, once each, without slashes."""
    seen: set[str] = set()
    for path in paths:
        at = path
        while at and at not in seen:
            seen.add(at)
            if glob.match(at) is not None:
                yield at
            at = at.rpartition("/")[0]
        if not at and glob.pattern == "/" and "" not in seen:
            seen.add("")
            yield ""


def _find(files: Differences, commit: CommitRef, path: str) -> Found | None:
    """A path may be a file in one commit and a directory in the other."""
    if not path:
        return files.find(commit, "/")
    return files.find(commit, path) or files.find(commit, path + "/")
