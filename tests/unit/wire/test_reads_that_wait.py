"""A read of a commit that is finishing is a wait, and counted as one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.core.clock import SystemClock
from howdah.core.refs import BranchRef, CommitRef, RepoRef
from howdah.pachd.versions import Versions
from howdah.pachd.versions.opening import OpenStore
from howdah.pachd.wire.call import Call, Waiting
from howdah.pachd.wire.contract import pfs
from howdah.pachd.wire.convert import commit_message
from howdah.pachd.wire.errors import TooManyWaiting
from howdah.pachd.wire.pfs_files import FileCalls

RAW = RepoRef("raw")


@pytest.fixture
def versions(tmp_path: Path) -> Iterator[Versions]:
    """Without anyone who finishes commits."""
    store = OpenStore(tmp_path / "store", SystemClock())
    yield store.versions
    store.close()


@pytest.fixture
def commit(versions: Versions) -> CommitRef:
    versions.transact(lambda tx: tx.create_repo(RAW))
    commit = versions.transact(lambda tx: tx.start_commit(BranchRef(RAW, "master")))
    with versions.modify(commit) as session:
        session.append("/a", b"1")
    return commit


def call() -> Call:
    """One for which no room is left among those that wait."""
    return Call({}, Waiting(0), lambda callback: None)


@pytest.mark.parametrize("name", ["inspect_file", "list_file", "walk_file", "get_file", "get_file_tar"])
def test_a_read_of_a_finishing_commit_takes_a_place_among_the_waits(
    versions: Versions, commit: CommitRef, name: str
) -> None:
    file = pfs.File(commit=commit_message(commit), path="/a")
    request = pfs.GetFileRequest if name.startswith("get") else pfs.InspectFileRequest
    if name in ("list_file", "walk_file"):
        request = pfs.ListFileRequest if name == "list_file" else pfs.WalkFileRequest
    serve = getattr(FileCalls(versions), name)
    serve(request(file=file), call())  # open: as written so far, without a wait
    versions.transact(lambda tx: tx.finish_commit(commit))
    with pytest.raises(TooManyWaiting):
        serve(request(file=file), call())


def test_a_pattern_is_looked_for_once_there_is_room(versions: Versions, commit: CommitRef) -> None:
    versions.transact(lambda tx: tx.finish_commit(commit))
    request = pfs.GlobFileRequest(commit=commit_message(commit), pattern="/*")
    with pytest.raises(TooManyWaiting):
        FileCalls(versions).glob_file(request, call())
