"""Whether a trigger fires, and what moves when a commit finishes. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from howdah.core.refs import BranchRef, CommitRef
from howdah.errors import Invalid
from howdah.pachd.versions.records import BranchInfo, CommitInfo, Origin, Trigger

_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+) ?([kmgtp])?(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}
_ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = re.compile(r"@every ((?:\d+(?:\.\d+)?(?:h|m|s))+)")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def parse_size(text: str) -> int:
    """Bytes in a size as people write it: `100M` is a hundred million."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Invalid(f"invalid trigger size: invalid size: '{text}'")
    number, unit = match.groups()
    return int(float(number) * _UNITS[(unit or "").lower()])


def next_tick(spec: str, after_ns: int) -> int:
    """The first moment after `after_ns` at which the cron expression ticks (UTC)."""
    if every := _EVERY.fullmatch(spec.strip()):
        parts = re.findall(r"([\d.]+)([hms])", every.group(1))
        step_s = sum(float(number) * _SECONDS[unit] for number, unit in parts)
        if step_s < 1:
            raise Invalid(f"invalid cron expression {spec!r}: the shortest period is one second")
        return after_ns + int(step_s * 1e9)
    start = datetime.fromtimestamp(after_ns // 10**9, UTC)
    try:
        return int(next(CronSim(_ALIASES.get(spec.strip(), spec), start)).timestamp()) * 10**9
    except (CronSimError, StopIteration) as problem:
        raise Invalid(f"invalid cron expression {spec!r}: it has five fields, as in '0 3 * * 1'") from problem


def validate(branch: BranchRef, trigger: Trigger, others: Mapping[str, BranchInfo]) -> None:
    """`others` are the branches of the same repo, by name."""
    if not trigger.branch:
        raise Invalid("triggers must specify a branch to trigger on")
    if trigger.commits < 0:
        raise Invalid("can't trigger on a negative number of commits")
    if trigger.size:
        parse_size(trigger.size)
    for spec in (trigger.rate_limit_spec, trigger.cron_spec):
        if spec:
            next_tick(spec, 0)
    if trigger.cron_spec and (trigger.size or trigger.commits or trigger.rate_limit_spec):
        raise Invalid("a cron trigger cannot be combined with other conditions")
    for name in _chain(trigger.branch, others):
        if name == branch.name:
            raise Invalid("triggers cannot form a loop")


def _chain(name: str, others: Mapping[str, BranchInfo]) -> Iterator[str]:
    while True:
        yield name
        info = others.get(name)
        if info is None or info.trigger is None:
            return
        name = info.trigger.branch


def fires(trigger: Trigger, old: CommitInfo, new: CommitInfo, commits_since: Callable[[int], int]) -> bool:
    """Whether `new` is far enough from `old`, the head of the branch that has the trigger.

    `commits_since(limit)` counts from `new` back to `old`, no further than the limit.
    """
    conditions: list[bool] = []
    if trigger.size:
        conditions.append(new.size_bytes - old.size_bytes >= parse_size(trigger.size))
    if trigger.rate_limit_spec:
        last_ns, now_ns = old.finishing_ns or 0, new.finishing_ns or 0
        conditions.append(next_tick(trigger.rate_limit_spec, last_ns) < now_ns)
    if trigger.commits:
        conditions.append(commits_since(trigger.commits) >= trigger.commits)
    return all(conditions) if trigger.all else any(conditions)


def count_commits(
    new: CommitInfo, old: CommitRef, parent: Callable[[CommitRef], CommitInfo], limit: int
) -> int:
    """Commits from `new` back to `old`. The empty commit that a branch begins with is not counted."""
    count, info = 0, new
    while count < limit:
        if info.ref == old:
            break
        if info.parent is None:
            return count + (info.origin is not Origin.AUTO)
        count, info = count + 1, parent(info.parent)
    return count


@dataclass(frozen=True, slots=True)
class Moved:
    branch: BranchInfo
    head: CommitInfo


def moves(
    finished: CommitInfo,
    branches: Mapping[str, BranchInfo],
    commit: Callable[[CommitRef], CommitInfo],
) -> list[Moved]:
    """Which branches of the repo now point at the commit that has just finished, or stay.

    A chain of triggers is followed: a branch that moves may trigger the next.
    """
    heads: dict[str, CommitInfo | None] = {finished.branch: finished} if finished.branch else {}
    moved: list[Moved] = []

    def head_of(info: BranchInfo) -> CommitInfo | None:
        name = info.ref.name
        if name in heads:
            return heads[name]
        heads[name] = None
        trigger = info.trigger
        if trigger is None or trigger.cron_spec or trigger.branch not in branches:
            return None
        new = head_of(branches[trigger.branch])
        if new is None or new.ref == info.head:
            return None
        old = commit(info.head)
        head = new
        if not fires(trigger, old, head, lambda limit: count_commits(head, old.ref, commit, limit)):
            return None
        heads[name] = new
        moved.append(Moved(info, new))
        return new

    for info in branches.values():
        head_of(info)
    return moved
