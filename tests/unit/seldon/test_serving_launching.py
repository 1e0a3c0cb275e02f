"""What a process is told at its start."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.core.clock import SystemClock
from howdah.errors import Invalid
from howdah.seldon import objects
from howdah.seldon.launching import Launcher, LogPolicy, SecretMissing
from howdah.seldon.objects import Objects
from howdah.seldon.plan import Slot
from howdah.seldon.tables import Tables
from howdah.seldon.workload import Group, Member


def test_each_replica_remembers_for_itself_over_all_revisions(tmp_path: Path):
    """Online detectors save what they have seen: two of them must not share one place."""
    tables = Tables(tmp_path / "seldon.db")
    launcher = Launcher(Objects(tables, SystemClock()), tmp_path, (), LogPolicy(tmp_path / "log"))
    member = Member("m", "howdah.runtimes.serve", replicas=2)
    group = Group("ns/d/p", "ns", "d", "p", (member,), "m")

    def folder(revision: str, index: int) -> Path:
        launch = launcher.launch(group, member, Slot(group.key, revision, "m", index), None, None)
        return Path(dict(launch.env)["HOWDAH_STATE_FOLDER"])

    first, second = folder("r1", 0), folder("r1", 1)
    assert first != second
    assert first.is_dir()
    assert second.is_dir()
    assert (folder("r2", 0), folder("r2", 1)) == (first, second)
    tables.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Objects]:
    tables = Tables(tmp_path / "seldon.db")
    yield Objects(tables, SystemClock())
    tables.close()


def variables(store: Objects, folder: Path, member: Member) -> dict[str, str]:
    launcher = Launcher(store, folder, (), LogPolicy(folder / "log"))
    group = Group("ns/d/p", "ns", "d", "p", (member,), "m")
    return dict(launcher.launch(group, member, Slot(group.key, "r", "m", 0), None, None).env)


def test_a_variable_from_a_secret_is_never_empty_for_want_of_it(store: Objects, tmp_path: Path):
    member = Member("m", "howdah.runtimes.serve", secret_env=(("TOKEN", "keys", "token"),))
    may_be = Member("m", member.program, secret_env=member.secret_env, optional_env=("TOKEN",))
    with pytest.raises(SecretMissing, match="secret keys in namespace ns does not exist: m has its"):
        variables(store, tmp_path, member)
    assert "TOKEN" not in variables(store, tmp_path, may_be)
    body = {"metadata": {}, "data": {"other": "", "image": base64.b64encode(b"\xff").decode()}}
    store.create(objects.SECRETS, "ns", "keys", body)
    with pytest.raises(SecretMissing, match="secret keys in namespace ns has no key token"):
        variables(store, tmp_path, member)
    assert "TOKEN" not in variables(store, tmp_path, may_be)
    told = store.get(objects.SECRETS, "ns", "keys")
    given = {**body["data"], "token": base64.b64encode(b"t0").decode()}
    store.replace(objects.SECRETS, "ns", "keys", {**told, "data": given})
    assert variables(store, tmp_path, member)["TOKEN"] == "t0"
    assert variables(store, tmp_path, may_be)["TOKEN"] == "t0"
    with pytest.raises(Invalid, match="secret keys: image is no UTF-8 text"):
        variables(store, tmp_path, Member("m", member.program, secret_env=(("I", "keys", "image"),)))


def test_what_was_written_before_there_were_optional_variables_keeps_its_revision():
    """Or every deployment would start anew with the engine that brought them."""
    member = Member("m", "howdah.runtimes.serve", secret_env=(("TOKEN", "keys", "token"),))
    assert Group("ns/d/p", "ns", "d", "p", (member,), "m").with_revision().revision == "d976731d9f"
