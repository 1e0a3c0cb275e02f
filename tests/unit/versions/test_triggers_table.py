"""Triggers as tables: what fires, what chains, what is refused."""

import pytest

from howdah.core.refs import BranchRef, CommitId, CommitRef, RepoRef
from howdah.errors import Invalid
from howdah.pachd.versions.records import BranchInfo, CommitInfo, Origin, Trigger
from howdah.pachd.versions.triggers import count_commits, fires, moves, next_tick, parse_size, validate

REPO = RepoRef("raw")
USER = Origin.USER
HOUR = 3600 * 10**9


def commit(
    name: str, parent: str = "", size: int = 0, at_h: int = 0, origin: Origin = Origin.USER
) -> CommitInfo:
    return CommitInfo(
        row=1,
        ref=CommitRef(REPO, CommitId(name)),
        branch="master",
        origin=origin,
        started_ns=0,
        finishing_ns=at_h * HOUR,
        finished_ns=at_h * HOUR,
        parent=CommitRef(REPO, CommitId(parent)) if parent else None,
        size_bytes=size,
    )


LINE = [
    commit("c0", origin=Origin.AUTO),
    commit("c1", "c0", size=600, at_h=1),
    commit("c2", "c1", size=1200, at_h=2),
    commit("c3", "c2", size=1500, at_h=30),
]
BY_REF = {info.ref: info for info in LINE}


@pytest.mark.parametrize(
    ("trigger", "old", "new", "expected"),
    [
        (Trigger("master", size="1K"), 0, 1, False),
        (Trigger("master", size="1K"), 0, 2, True),
        (Trigger("master", size="1K"), 2, 3, False),
        (Trigger("master", commits=2), 0, 1, False),
        (Trigger("master", commits=2), 0, 2, True),
        (Trigger("master", commits=3), 1, 3, False),
        (Trigger("master", rate_limit_spec="@daily"), 1, 2, False),
        (Trigger("master", rate_limit_spec="@daily"), 1, 3, True),
        (Trigger("master", size="1K", commits=1), 0, 1, True),
        (Trigger("master", size="1K", commits=1, all=True), 0, 1, False),
        (Trigger("master", size="1K", commits=1, all=True), 0, 2, True),
        (Trigger("master"), 0, 1, False),
        (Trigger("master", all=True), 0, 1, True),
    ],
)
def test_fires(trigger: Trigger, old: int, new: int, expected: bool) -> None:
    since = lambda limit: count_commits(LINE[new], LINE[old].ref, BY_REF.__getitem__, limit)  # noqa: E731
    assert fires(trigger, LINE[old], LINE[new], since) is expected


def branch(name: str, head: int = 0, trigger: Trigger | None = None) -> BranchInfo:
    return BranchInfo(1, BranchRef(REPO, name), LINE[head].ref, trigger=trigger)


def test_a_chain_moves_as_far_as_its_conditions_hold() -> None:
    branches = {
        "master": branch("master", 2),
        "slow": branch("slow", 0, Trigger("fast", commits=2)),
        "fast": branch("fast", 0, Trigger("master", commits=1)),
        "never": branch("never", 0, Trigger("slow", commits=9)),
        "daily": branch("daily", 0, Trigger("master", cron_spec="@daily")),
        "beyond": branch("beyond", 0, Trigger("never", commits=1)),
    }
    moved = moves(LINE[2], branches, BY_REF.__getitem__)
    assert [(each.branch.ref.name, each.head.ref.id) for each in moved] == [("fast", "c2"), ("slow", "c2")]


@pytest.mark.parametrize(
    ("text", "size"), [("10", 10), ("1K", 1000), ("1.5MB", 1_500_000), ("2 GiB", 2 * 10**9), ("3b", 3)]
)
def test_sizes_are_decimal(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        (Trigger(""), "must specify a branch"),
        (Trigger("staging"), "loop"),
        (Trigger("other"), "loop"),
        (Trigger("master", size="much"), "invalid trigger size"),
        (Trigger("master", commits=-1), "negative number"),
        (Trigger("master", cron_spec="every tuesday"), "invalid cron"),
        (Trigger("master", cron_spec="@daily", commits=1), "cannot be combined"),
        (Trigger("master", rate_limit_spec="* *"), "invalid cron"),
    ],
)
def test_what_a_trigger_may_not_be(trigger: Trigger, text: str) -> None:
    others = {"master": branch("master"), "other": branch("other", 0, Trigger("staging"))}
    with pytest.raises(Invalid, match=text):
        validate(BranchRef(REPO, "staging"), trigger, others)


def test_ticks() -> None:
    assert next_tick("@hourly", 30) == HOUR
    assert next_tick("@every 1h30m", 5) == 5 + HOUR * 3 // 2
    assert next_tick("*/5 * * * *", 0) == 300 * 10**9
