"""Which branches get a new commit because others moved, and what each is computed from. Pure.

The invariant that this keeps: the head of a branch is computed from the heads of the branches
that it is provenant on. At the end of a transaction every branch downstream of one that moved
gets a commit of the transaction's set; all branches that moved share that set, so a branch that
is reached on several ways gets one commit.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from howdah.core.refs import SPEC, BranchRef, CommitId, CommitRef, RepoRef
from howdah.pachd.versions.errors import InvalidProvenanceStructure
from howdah.pachd.versions.records import BranchInfo

type Lookup = Callable[[BranchRef], BranchInfo]


@dataclass(frozen=True, slots=True)
class PlannedCommit:
    branch: BranchInfo
    upstream: tuple[CommitRef, ...]


def plan(moved: Sequence[BranchRef], lookup: Lookup, set_id: CommitId) -> list[PlannedCommit]:
    """The commits to make, upstream before downstream."""
    downstream = _downstream(moved, lookup)
    ordered = sorted(downstream.values(), key=lambda branch: len(branch.provenance))
    planned: dict[BranchRef, PlannedCommit] = {}
    for branch in ordered:
        if _only_spec(branch) or branch.head.id == set_id:
            continue
        upstream = tuple(
            CommitRef(ref.repo, set_id) if ref in planned else lookup(ref).head
            for ref in branch.direct_provenance
        )
        planned[branch.ref] = PlannedCommit(branch, upstream)
    return list(planned.values())


def _downstream(moved: Sequence[BranchRef], lookup: Lookup) -> dict[BranchRef, BranchInfo]:
    """Branches reached from those that moved over provenance that is not marked `never`."""
    found: dict[BranchRef, BranchInfo] = {}
    near = list(moved)
    while near:
        ref = near.pop()
        for below in lookup(ref).subvenance:
            info = lookup(below)
            if below not in found and ref in info.direct_provenance and ref not in info.never:
                found[below] = info
                near.append(below)
    return found


def _only_spec(branch: BranchInfo) -> bool:
    """Spouts are provenant on their specification alone and make their own commits."""
    return len(branch.provenance) == 1 and branch.provenance[0].repo.type == SPEC


def check_triggers(changed: BranchRef, triggered: Sequence[BranchInfo], lookup: Lookup) -> None:
    """Refuse triggers by which one commit, when it finishes, could move several branches whose
    downstreams meet in a repo but not in a branch: their common set could not hold a commit of each.

    Only where the branch that was changed has a part in it: what met before is not its fault.
    """
    after: defaultdict[BranchRef, list[BranchRef]] = defaultdict(list)
    for info in triggered:
        if info.trigger is not None and not info.trigger.cron_spec:
            after[BranchRef(info.ref.repo, info.trigger.branch)].append(info.ref)
    own = {changed, *_downstream([changed, *_moved_by(changed, after)], lookup)}
    for source in list(after):
        below = _downstream(_moved_by(source, after), lookup)
        for repo in {ref.repo for ref in own & below.keys()}:
            meeting = [ref for ref in below if ref.repo == repo]
            if len(meeting) > 1:
                raise InvalidProvenanceStructure(meeting[-1])


def _moved_by(source: BranchRef, after: Mapping[BranchRef, Sequence[BranchRef]]) -> list[BranchRef]:
    """The branches that a commit to this one may move by triggers, which may trigger others."""
    moved: list[BranchRef] = []
    near = [source]
    while near:
        fresh = [ref for ref in after.get(near.pop(), ()) if ref not in moved]
        moved += fresh
        near += fresh
    return moved


def check_structure(moved: Iterable[BranchRef], lookup: Lookup) -> None:
    """Refuse a graph in which two branches of one repo are connected: their common set could
    not hold a commit of each.
    """
    for start in moved:
        seen = {start}
        near = [start]
        repos: set[RepoRef] = set()
        while near:
            info = lookup(near.pop())
            if info.ref.repo in repos:
                raise InvalidProvenanceStructure(info.ref)
            repos.add(info.ref.repo)
            fresh = [ref for ref in (*info.provenance, *info.subvenance) if ref not in seen]
            seen.update(fresh)
            near += fresh
