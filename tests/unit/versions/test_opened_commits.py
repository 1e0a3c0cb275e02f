"""The reader of a finished commit is kept until anything changes, and never a moment longer."""

import pytest

from howdah.core.refs import BranchRef, CommitSpec, RepoRef
from howdah.pachd.versions import Versions, tables
from howdah.pachd.versions.errors import CommitNotFound, FilesetNotFound
from howdah.pachd.versions.files.reader import CommitFiles
from howdah.pachd.versions.finish import finish_one

RAW = RepoRef("raw")
HEAD = CommitSpec(RAW, "master")


@pytest.fixture(autouse=True)
def repo(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_repo(RAW))


def written(versions: Versions, data: bytes) -> CommitFiles:
    with versions.modify(HEAD) as session:
        session.put_file("/f", [data])
    with versions.view() as view:
        rows = tables.commits_finishing(view.connection)
    for row in rows:
        finish_one(versions, row)
    return versions.files(HEAD)


def test_looking_again_opens_nothing(versions: Versions) -> None:
    assert written(versions, b"1") is versions.files(HEAD)


def test_a_moved_branch_is_seen_at_once(versions: Versions) -> None:
    first = written(versions, b"1")
    assert written(versions, b"2").read_all("/f") == b"2"
    versions.transact(lambda tx: tx.create_branch(BranchRef(RAW, "master"), head=first.ref))
    assert versions.files(HEAD).read_all("/f") == b"1"


def test_any_write_forgets(versions: Versions) -> None:
    first = written(versions, b"1")
    versions.transact(lambda tx: tx.create_repo(RepoRef("other")))
    assert versions.files(HEAD) is not first


def test_a_deleted_commit_is_gone(versions: Versions) -> None:
    ref = written(versions, b"1").ref
    versions.files(ref)
    written(versions, b"2")
    versions.files(ref)
    versions.transact(lambda tx: tx.squash_commit_set(ref.id))
    with pytest.raises(CommitNotFound):
        versions.files(ref)


def test_an_open_commit_shows_what_came_since(versions: Versions) -> None:
    commit = versions.transact(lambda tx: tx.start_commit(BranchRef(RAW, "master")))
    for number in range(2):
        with versions.modify(commit) as session:
            session.put_file(f"/{number}", [b"x"])
        assert len(list(versions.files(commit).listing())) == number + 1


def test_a_fileset_ends_by_the_clock(versions: Versions, clock) -> None:
    with versions.prepare() as session:
        session.put_file("/f", [b"1"])
        id = versions.create_fileset(session, ttl_s=10)
    fileset = CommitSpec(RepoRef("__filesets__"), id)
    assert versions.files(fileset).read_all("/f") == b"1"
    clock.at_ns += 11 * 10**9
    with pytest.raises(FilesetNotFound):
        versions.files(fileset)
