"""Whether the rows fit together: what every transaction promises to leave true."""

from collections.abc import Iterator

from howdah.core.refs import CommitRef
from howdah.pachd.versions import tables
from howdah.pachd.versions.files.tables import commits_with_layers
from howdah.pachd.versions.records import BranchInfo, CommitInfo
from howdah.pachd.versions.view import View


def inconsistencies(connection: tables.Connection) -> Iterator[str]:
    """Each in words; none in a sound store."""
    yield from tables.broken_references(connection)
    view = View(connection)
    commits = {info.ref: info for info in tables.commits(connection)}
    for branch in view.branches():
        yield from _branch(branch, commits)
    for info in commits.values():
        yield from _commit(info, commits)
    with_layers = set(commits_with_layers(connection))
    for info in commits.values():
        if info.finished and info.row in with_layers:
            yield f"commit {info.ref} has finished and still has layers"


def _branch(branch: BranchInfo, commits: dict[CommitRef, CommitInfo]) -> Iterator[str]:
    if branch.head not in commits:
        yield f"the head {branch.head} of branch {branch.ref} could not be found"
    if branch.trigger is not None and branch.direct_provenance:
        yield f"branch {branch.ref} has both provenance and a trigger"
    if branch.ref in branch.provenance:
        yield f"branch {branch.ref} is in its own provenance"
    if branch.never - set(branch.direct_provenance):
        yield f"branch {branch.ref} does not propagate from a branch that is not in its provenance"


def _commit(info: CommitInfo, commits: dict[CommitRef, CommitInfo]) -> Iterator[str]:
    if info.finished and info.open:
        yield f"commit {info.ref} has finished without finishing"
    for upstream in info.direct_provenance:
        if upstream not in commits:
            yield f"the commit {upstream} could not be found while checking the provenance of {info.ref}"
    parent = info.parent
    if parent is None:
        return
    if parent not in commits:
        yield f"the parent {parent} of commit {info.ref} could not be found"
    elif info.ref not in commits[parent].children:
        yield f"parent commit {parent} and child commit {info.ref} disagree about their relationship"
    elif commits[parent].row >= info.row and commits[parent].started_ns > info.started_ns:
        yield f"commit {info.ref} began before its parent {parent}"
