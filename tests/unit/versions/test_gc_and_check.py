"""What gc takes and leaves, what the check finds and names, backups of a running store."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.core.refs import BranchRef, CommitRef, CommitSpec, RepoRef
from howdah.errors import Conflict
from howdah.pachd.storage.backup import backup, restore
from howdah.pachd.storage.content import Hash
from howdah.pachd.versions import Versions
from howdah.pachd.versions import check as checking
from howdah.pachd.versions.check import check
from howdah.pachd.versions.finish import finish_one
from howdah.pachd.versions.gc import collect_garbage
from howdah.pachd.versions.opening import LostDatabase, OpenStore

RAW = RepoRef("raw")
MASTER = BranchRef(RAW, "master")
HEAD = CommitSpec(RAW, "master")


def noise(seed: int, size: int = 300_000) -> bytes:
    return random.Random(seed).randbytes(size)


def write(versions: Versions, files: dict[str, bytes]) -> CommitRef:
    with versions.modify(HEAD) as session:
        for path, data in files.items():
            session.put(path, data)
    assert session.commit is not None
    with versions.view() as view:
        finish_one(versions, view.commit(session.commit).row)
    return session.commit


@pytest.fixture
def store(tmp_path: Path) -> OpenStore:
    store = OpenStore(tmp_path / "store")
    store.versions.transact(lambda tx: tx.create_repo(RAW))
    return store


def test_gc_frees_what_was_dropped_and_leaves_the_rest(store: OpenStore) -> None:
    versions = store.versions
    write(versions, {"/kept": noise(1), "/x/small": b"tiny" * 100})
    dropped = write(versions, {"/gone": noise(2)})
    versions.transact(lambda tx: tx.drop_commit_set(dropped.id))
    store.close()
    reopened = OpenStore(store.database.path.parent)
    with reopened:
        versions = reopened.versions
        assert collect_garbage(versions, dry_run=True).freed_bytes > 250_000
        assert versions.files(HEAD).tree.find("/gone") is None
        freed = collect_garbage(versions).freed_bytes
        assert freed > 250_000
        assert versions.files(HEAD).read_all("/kept") == noise(1)
        assert list(check(versions, data=True)) == []


def test_gc_leaves_filesets_and_open_commits(store: OpenStore) -> None:
    with store:
        versions = store.versions
        ref = versions.transact(lambda tx: tx.start_commit(MASTER))
        with versions.modify(ref) as session:
            session.put("/open", noise(1))
        with versions.prepare() as session:
            session.put("/set", noise(2))
            fileset = versions.create_fileset(session)
        for _ in range(2):
            collect_garbage(versions)
        assert versions.files(ref).read_all("/open") == noise(1)
        assert versions.files(CommitSpec(RepoRef("__filesets__"), fileset)).read_all("/set") == noise(2)
        assert list(check(versions, data=True)) == []


def test_the_check_names_the_files_of_the_commits_that_damage_touches(store: OpenStore) -> None:
    versions = store.versions
    first = write(versions, {"/a": noise(1), "/b": noise(2)})
    second = write(versions, {"/c": noise(3)})
    store.close()
    folder = store.database.path.parent
    target = noise(2)[150_000:150_100]
    for pack in (folder / "objects" / "packs").iterdir():
        data = pack.read_bytes()
        if target in data:
            at = data.index(target)
            pack.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    with OpenStore(folder) as reopened:
        assert list(check(reopened.versions)) == []
        findings = list(check(reopened.versions, data=True))
        named = {(finding.commit, finding.path) for finding in findings if finding.commit}
        assert named == {(first, "/b"), (second, "/b")}
        assert any("damaged" in finding.reason for finding in findings if finding.commit is None)
        assert reopened.versions.files(second).read_all("/a") == noise(1)


def test_the_check_names_the_files_of_filesets_that_damage_touches(store: OpenStore) -> None:
    versions = store.versions
    with versions.prepare() as session:
        session.put("/a", noise(1))
        session.put("/b", b"small")
        fileset = versions.create_fileset(session)
    assert list(check(versions, data=True)) == []
    versions.blobs.packs.enter_notes()
    versions.database.write(lambda connection: connection.execute("DELETE FROM chunks WHERE length > 4096"))
    named = [str(finding) for finding in check(versions) if finding.commit]
    store.close()
    assert named == [f"default/__filesets__@{fileset}:/a: the file cannot be read whole"]


def test_what_is_dropped_during_a_check_stays_until_it_has_been_walked(
    store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store:
        versions = store.versions
        write(versions, {"/kept": noise(1)})
        dropped = write(versions, {"/gone": noise(2)})
        versions.blobs.packs.seal()
        roots = checking._all_roots

        def drop_after_reading(versions: Versions) -> Iterator[tuple[CommitRef, Hash]]:
            found = list(roots(versions))
            versions.transact(lambda tx: tx.drop_commit_set(dropped.id))
            with pytest.raises(Conflict, match="gc cannot run while check does"):
                collect_garbage(versions)
            return iter(found)

        with monkeypatch.context() as patch:
            patch.setattr(checking, "_all_roots", drop_after_reading)
            assert list(check(versions, data=True)) == []
        assert collect_garbage(versions).freed_bytes > 250_000


def test_a_lost_pack_is_told_from_a_lost_row(store: OpenStore) -> None:
    versions = store.versions
    ref = write(versions, {"/a": noise(1), "/b": b"small"})
    versions.blobs.packs.enter_notes()
    versions.database.write(lambda connection: connection.execute("DELETE FROM chunks WHERE length > 4096"))
    named = {(finding.commit, finding.path) for finding in check(versions) if finding.commit}
    store.close()
    assert named == {(ref, "/a")}


def test_rows_that_do_not_fit_are_told(store: OpenStore) -> None:
    with store:
        versions = store.versions
        write(versions, {"/a": b"1"})
        versions.database.write(lambda connection: connection.execute("UPDATE commits SET parent = 77"))
        reasons = [str(finding) for finding in check(versions)]
        assert any("commits.parent names 77, which is not in commits" in reason for reason in reasons)


@pytest.mark.slow
def test_a_backup_of_a_running_store_is_a_store(store: OpenStore, tmp_path: Path) -> None:
    with store:
        versions = store.versions
        write(versions, {"/a": noise(1)})
        with versions.modify(HEAD) as session:
            session.put("/b", noise(2))
            backup(store.blobs, tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "again")
    with OpenStore(tmp_path / "again") as again:
        assert [file.path for file in again.versions.files(HEAD).tree.files()] == ["/a"]
        assert list(check(again.versions, data=True)) == []


def test_packs_without_their_database_are_not_opened(store: OpenStore) -> None:
    write(store.versions, {"/a": noise(1)})
    store.close()
    database = store.database.path
    database.rename(database.with_name("elsewhere"))
    with pytest.raises(LostDatabase, match="is missing, and packs are there"):
        OpenStore(database.parent)
    assert not database.exists()
    database.with_name("elsewhere").rename(database)
    with OpenStore(database.parent) as again:
        assert again.versions.files(HEAD).read_all("/a") == noise(1)


def test_what_a_crash_left_of_sorting_is_removed_at_opening(store: OpenStore) -> None:
    scratch = store.database.path.parent / "scratch"
    store.close()
    (scratch / "left").write_bytes(b"over")
    with OpenStore(scratch.parent):
        assert list(scratch.iterdir()) == []
