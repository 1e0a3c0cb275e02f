"""Stores of every release and of every version of the format open, and say what they said then."""

import contextlib
import runpy
import sqlite3
import tarfile
from pathlib import Path

import pytest

from howdah.core.refs import CommitSpec, RepoRef
from howdah.errors import Conflict
from howdah.pachd.storage import tables as storage_tables
from howdah.pachd.storage.backup import DATABASE, OBJECTS
from howdah.pachd.storage.blobs import FORMAT, FORMAT_OBJECT, NewerStore
from howdah.pachd.storage.database import NewerVersion
from howdah.pachd.versions import SCHEMA, CommitState, Trigger, Versions
from howdah.pachd.versions.check import check
from howdah.pachd.versions.gc import collect_garbage
from howdah.pachd.versions.opening import OpenStore

HERE = Path(__file__).parent
STORES = sorted((HERE / "stores").glob("*.tar.xz"))
_written = runpy.run_path(str(HERE / "write_store.py"))
RAW, CLEAN, MASTER, OUT, text = (_written[name] for name in ("RAW", "CLEAN", "MASTER", "OUT", "text"))


@pytest.fixture(params=STORES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(request.param) as tar:
        tar.extractall(tmp_path, filter="data")
    return tmp_path / "store"


def files_of(versions: Versions, commit: CommitSpec) -> dict[str, bytes]:
    files = versions.files(commit)
    return {file.path: b"".join(files.read(file)) for file in files.tree.files()}


def written_in(archive: Path, folder: Path) -> tuple[dict[str, int], bytes]:
    """The versions of its schemas, and the format of its packs."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    place = folder / "store"
    with contextlib.closing(sqlite3.connect(place / DATABASE)) as connection:
        return dict(connection.execute("SELECT name, version FROM schemas")), (
            place / OBJECTS / FORMAT_OBJECT
        ).read_bytes()


def test_there_is_a_store_of_the_present_version(tmp_path: Path) -> None:
    """Whoever gives a schema another version adds a store that was written in it."""
    schemas = {schema.name: schema.version for schema in (storage_tables.SCHEMA, SCHEMA)}
    assert (schemas, FORMAT) in [written_in(path, tmp_path / path.name) for path in STORES]
    assert all(path.stat().st_size < 200_000 for path in STORES)


def test_an_old_store_says_what_it_said(folder: Path) -> None:
    with OpenStore(folder) as store:
        versions = store.versions
        with versions.view() as view:
            assert [info.name for info in view.projects()] == ["default", "lab"]
            assert view.repo(RAW).metadata == {"owner": "somebody"}
            assert view.branch(OUT).provenance == (MASTER,)
            slow = next(info for info in view.branches(RAW) if info.ref.name == "slow")
            assert slow.trigger == Trigger("master", commits=2)
            failed = view.commit(CommitSpec(CLEAN, "master^3"))
            assert failed.error == "it failed"
            states = [view.state(view.commit(CommitSpec(RAW, name))) for name in ("master", "master^")]
            assert states == [CommitState.FINISHING, CommitState.FINISHED]
            assert view.stored_transaction("t").requests == (b"request",)
            assert len(view.events()) > 20
        first = files_of(versions, CommitSpec(RAW, "master^2"))
        many = {f"/many/{number:04d}": b"%d" % number for number in range(600)}
        assert first == {"/large.txt": text(40_000), "/small/one": b"inline", "/small/two": text(20)} | many
        second = files_of(versions, CommitSpec(RAW, "master^"))
        del many["/many/0007"]
        changed = {"/large.txt": text(40_000) + b"and an end\n", "/by-datum": b"from a datum"}
        assert second == {"/small/one": b"inline", "/small/two": text(20)} | changed | many
        assert versions.files(CommitSpec(RAW, "master^")).writers("/by-datum") == ("d" * 64,)
        assert [str(finding) for finding in check(versions, data=True)] == []


def test_an_old_store_goes_on(folder: Path) -> None:
    with OpenStore(folder) as store:
        store.start()
        versions = store.versions
        assert versions.wait_commit(CommitSpec(RAW, "master")).finished
        assert versions.files(CommitSpec(RAW, "master")).read_all("/finishing") == b"its commit is FINISHING"
        with versions.modify(CommitSpec(RAW, "master")) as session:
            session.append("/large.txt", b"more")
        assert versions.files(CommitSpec(RAW, "master")).read_all("/large.txt").endswith(b"an end\nmore")
        collect_garbage(versions)
        assert [str(finding) for finding in check(versions, data=True)] == []


def test_a_store_of_a_later_version_is_refused(tmp_path: Path) -> None:
    with OpenStore(tmp_path) as store:
        store.database.write(lambda connection: connection.execute("UPDATE schemas SET version = 99"))
    with pytest.raises(NewerVersion, match="open it with the Howdah that wrote it"):
        OpenStore(tmp_path)


def test_packs_of_a_later_format_are_refused(tmp_path: Path) -> None:
    with OpenStore(tmp_path):
        pass
    (tmp_path / "objects" / "format").write_bytes(b"howdah store 2\n")
    with pytest.raises(NewerStore):
        OpenStore(tmp_path)


def test_one_process_a_folder(tmp_path: Path) -> None:
    with OpenStore(tmp_path) as store:
        with pytest.raises(Conflict, match="in use by process"):
            OpenStore(tmp_path)
        assert not store.versions.transact(lambda tx: tx.delete_repo(RepoRef("none")))
