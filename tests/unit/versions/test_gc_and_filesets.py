"""Gc while a fileset's time runs out: either it is gone, or all of it is there."""

import pytest

from howdah.core.refs import BranchRef, CommitRef, RepoRef
from howdah.errors import NotFound
from howdah.pachd.storage.collection import Collection
from howdah.pachd.versions import Versions
from howdah.pachd.versions.check import check
from howdah.pachd.versions.finish import finish_one
from howdah.pachd.versions.gc import collect_garbage

RAW = RepoRef("raw")
DATA = b"bytes of a fileset " * 20_000


@pytest.fixture
def fileset(versions: Versions) -> str:
    versions.transact(lambda tx: tx.create_repo(RAW))
    with versions.prepare() as session:
        session.put("/f", DATA)
        return versions.create_fileset(session, ttl_s=10)


def open_commit(versions: Versions) -> CommitRef:
    return versions.transact(lambda tx: tx.start_commit(BranchRef(RAW, "master")))


def test_one_that_ends_during_the_run_is_still_whole_for_who_found_it_alive(
    versions: Versions, clock, fileset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = open_commit(versions)
    before_ns = clock.at_ns
    begin = Collection.__init__

    def begin_late(self: Collection, *args: object) -> None:
        begin(self, *args)  # type: ignore[arg-type]
        clock.at_ns = before_ns + 11 * 10**9

    monkeypatch.setattr(Collection, "__init__", begin_late)
    collect_garbage(versions)
    # A transaction that looked at the clock before gc did, and became durable after.
    clock.at_ns = before_ns
    versions.add_fileset(commit, fileset)
    versions.transact(lambda tx: tx.finish_commit(commit))
    with versions.view() as view:
        finish_one(versions, view.commit(commit).row)
    assert versions.files(commit).read_all("/f") == DATA
    assert list(check(versions, data=True)) == []


def test_one_whose_time_is_over_is_freed_and_not_found(versions: Versions, clock, fileset: str) -> None:
    clock.at_ns += 11 * 10**9
    assert collect_garbage(versions, dry_run=True).freed_bytes > 0
    assert collect_garbage(versions).freed_bytes > 0
    clock.at_ns -= 11 * 10**9
    with pytest.raises(NotFound):
        versions.add_fileset(open_commit(versions), fileset)
