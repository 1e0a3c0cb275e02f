"""What passes does not end a commit that was acknowledged; what is wrong with its content does."""

import contextlib
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.core import failpoints
from howdah.core.refs import CommitRef, CommitSpec, RepoRef
from howdah.errors import Unavailable
from howdah.pachd.storage.content import Hash
from howdah.pachd.versions import CommitState, Versions
from howdah.pachd.versions.finish import Finisher, finish_one
from howdah.pachd.versions.opening import OpenStore

RAW = RepoRef("raw")
HEAD = CommitSpec(RAW, "master")
FILES = {f"/many/{number:04}": b"%d of a datum" % number for number in range(600)}


@pytest.fixture(autouse=True)
def small_sorters(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The merges of a few hundred files sort on disk, as those of millions do."""
    monkeypatch.setattr("howdah.pachd.storage.trees.sorter.MEMORY_BYTES", 20_000)
    yield
    failpoints.disarm_all()


def acknowledged(versions: Versions) -> tuple[CommitRef, int]:
    """A commit that is FINISHING."""
    versions.transact(lambda tx: tx.create_repo(RAW))
    with versions.modify(HEAD) as session:
        for path, data in FILES.items():
            session.put(path, data, "d" * 64)
    assert session.commit is not None
    with versions.view() as view:
        return session.commit, view.commit(session.commit).row


def content(versions: Versions, ref: CommitRef) -> dict[str, bytes]:
    files = versions.files(ref)
    assert files.info.finished and not files.info.error
    return {file.path: b"".join(files.read(file)) for file in files.tree.files()}


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_merge_that_has_no_room_to_sort_is_done_later(versions: Versions) -> None:
    ref, row = acknowledged(versions)
    with no_file_beyond(4096), pytest.raises(Unavailable, match="scratch: the disk is full"):
        finish_one(versions, row)
    with versions.view() as view:
        assert view.state(view.commit(ref)) == CommitState.FINISHING
    assert finish_one(versions, row)
    assert content(versions, ref) == FILES


@pytest.mark.slow
@pytest.mark.parametrize(
    "armed",
    [
        "sorter.spilling=full", "sorter.spilling=no_files", "files.opening=no_files",
        "files.reading=broken", "packs.appended=full", "packs.synced=broken",
        "finish.before_sync=full", "finish.before_complete=full",
    ],
)  # fmt: skip
def test_a_fault_that_passes_does_not_end_a_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, armed: str
) -> None:
    monkeypatch.setattr("howdah.pachd.versions.finish._RETRY_S", 0.001)
    with OpenStore(tmp_path) as store:
        ref, _ = acknowledged(store.versions)
    with OpenStore(tmp_path) as store:  # nothing of it is in memory
        failpoints.arm(armed)
        finisher = Finisher(store.versions)
        try:
            store.versions.wait_commit(ref)
        finally:
            finisher.close()
        assert content(store.versions, ref) == FILES
    assert f"finishing commit {ref} waits, and is tried again" in caplog.text


def test_one_commit_that_cannot_be_finished_does_not_hold_up_the_others(
    versions: Versions, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, stuck_row = acknowledged(versions)
    with versions.modify(CommitSpec(RAW, "other")) as session:
        session.put("/b", b"two")
    assert session.commit is not None

    def finish(versions: Versions, row: int) -> bool:
        if row == stuck_row:
            raise MemoryError
        return finish_one(versions, row)

    with monkeypatch.context() as patch:
        patch.setattr("howdah.pachd.versions.finish.finish_one", finish)
        finisher = Finisher(versions)
        try:
            versions.wait_commit(session.commit)
        finally:
            finisher.close()
    assert content(versions, session.commit) == {"/b": b"two"}
    assert finish_one(versions, stuck_row)
    assert content(versions, stuck) == FILES


def test_a_commit_whose_bytes_are_gone_ends_with_an_error(versions: Versions) -> None:
    ref, row = acknowledged(versions)
    gone = Hash(b"\1" * 32)
    versions.database.write(lambda tx: tx.execute("UPDATE layers SET layer = ?", (gone,)))
    assert finish_one(versions, row)
    with versions.view() as view:
        assert view.commit(ref).error.startswith("the commit could not be finished: no chunk 0101")
