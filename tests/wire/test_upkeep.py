"""Gc, check and backup beside a daemon that goes on serving, and without one."""

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.cli import upkeep as commands
from howdah.daemon import upkeep
from howdah.daemon.house import House
from howdah.daemon.options import Options
from howdah.errors import AlreadyExists, Conflict, Corrupt, NotFound, Unavailable
from howdah.pachd.storage import backup as backups
from howdah.pachd.storage.backup import DATABASE
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.tables import SCHEMA

pytestmark = pytest.mark.slow
RAW = pfs.Repo(name="raw", type="user", project=pfs.Project(name="default"))
MASTER = pfs.Branch(repo=RAW, name="master")
SECRETS = "/api/v1/namespaces/default/secrets"


def opened(state: Path) -> House:
    return House(Options(state=state, pachd_port=0, s3_port=0, http_port=0, ingress_port=0))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[House]:
    house = opened(tmp_path / "state")
    yield house
    house.close()


def put(client: Client, **files: bytes) -> None:
    with client.pfs.commit(branch=MASTER) as commit:
        for path, data in files.items():
            commit.put_file_from_bytes(path=f"/{path}", data=data)
    client.pfs.wait_commit(commit)


def test_beside_a_running_daemon(own: House, tmp_path: Path) -> None:
    state = tmp_path / "state"
    client = Client.from_pachd_address(own.running.pachd)
    client.pfs.create_repo(repo=RAW)
    put(client, kept=b"k" * 100_000)
    put(client, gone=bytes(range(256)) * 20_000)
    head = client.pfs.inspect_branch(branch=MASTER).head
    client.pfs.drop_commit_set(commit_set=pfs.CommitSet(id=head.id))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "data": {"k": "dg=="}}
    requests.post(f"{own.running.http}{SECRETS}", json=secret, timeout=10).raise_for_status()
    stop, written = threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            put(client, **{f"more{len(written)}": f"{len(written)}".encode() * 9000})
            written.append(len(written))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with upkeep.at(state) as keeper:
            assert isinstance(keeper, upkeep.Asked)
            assert keeper.collect(dry_run=True).bytes > 0
            assert keeper.collect(dry_run=False).bytes > 0
            assert list(keeper.check(data=True)) == []
            keeper.back_up(tmp_path / "copy")
            with pytest.raises(AlreadyExists, match="exists") as raised:
                keeper.back_up(tmp_path / "copy")
            assert raised.value.remedy == "Name a new folder."
            acknowledged = len(written)
    finally:
        stop.set()
        writer.join()
    assert acknowledged > 0
    with pytest.raises(Conflict, match="is in use"):
        upkeep.reindex(state)

    upkeep.restore(tmp_path / "copy", tmp_path / "again")
    with upkeep.at(tmp_path / "again") as keeper:
        assert isinstance(keeper, upkeep.Held)
        assert list(keeper.check(data=True)) == []
    with closing(opened(tmp_path / "again")) as again:
        restored = Client.from_pachd_address(again.running.pachd)
        with restored.pfs.pfs_file(pfs.File.from_uri("raw@master:/kept")) as file:
            assert file.read() == b"k" * 100_000
        found = requests.get(f"{again.running.http}{SECRETS}/key", timeout=10).json()
        assert found["data"] == {"k": "dg=="}


def test_an_index_that_does_not_fit_its_packs_is_found_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    with closing(opened(state)) as house:
        client = Client.from_pachd_address(house.running.pachd)
        client.pfs.create_repo(repo=RAW)
        put(client, file=bytes(range(256)) * 4000)
    with closing(Database(state / upkeep.PACHD / DATABASE, [SCHEMA])) as database:
        database.write(lambda connection: connection.execute("DELETE FROM chunks"))
        database.write(lambda connection: connection.execute("DELETE FROM recent"))
    with pytest.raises(Corrupt):
        commands.check(data=True, state=state)
    capsys.readouterr()
    commands.check(data=True, reindex=True, state=state)
    assert capsys.readouterr().out == "No errors found.\n"


def test_where_there_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="holds no store"), upkeep.at(tmp_path):
        pass
    with pytest.raises(NotFound, match="holds no store"):
        upkeep.reindex(tmp_path)


def test_what_is_being_done_ends_with_the_daemon(
    own: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client.from_pachd_address(own.running.pachd)
    client.pfs.create_repo(repo=RAW)
    put(client, file=b"f" * 9000)
    stops = threading.Thread(target=own.close)
    copy = backups._copy

    def copy_while_it_stops(*what: Any) -> Iterator[int]:
        stops.start()
        while (tmp_path / "state" / "door").exists():
            stops.join(0.01)
        yield from copy(*what)

    monkeypatch.setattr(backups, "_copy", copy_while_it_stops)
    with upkeep.at(tmp_path / "state") as keeper, pytest.raises(Unavailable, match="the daemon stops"):
        keeper.back_up(tmp_path / "copy")
    stops.join(60)
    assert not stops.is_alive()
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_holder_that_does_not_answer_is_named(own: House, tmp_path: Path) -> None:
    """Such as one that still starts."""
    (tmp_path / "state" / "door").rename(tmp_path / "elsewhere")
    with upkeep.at(tmp_path / "state") as keeper, pytest.raises(Conflict, match="does not answer") as raised:
        keeper.collect(dry_run=True)
    assert "is in use by process" in raised.value.why
