"""Many files put in the place of others: right whatever stood there, and whoever else writes."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest

from howdah.client.files import Files
from howdah.client.pachd import Address, Fields, Pachd
from howdah.client.replacing import MANY, replace
from howdah.client.uploads import Opened
from howdah.daemon.house import House

pytestmark = pytest.mark.slow


class Branch:
    def __init__(self, pachd: Pachd, repo: str) -> None:
        self.pachd, self.repo = pachd, repo
        self.files = Files(pachd)
        self.files.ensure_repo(repo, "")

    @property
    def commit(self) -> Fields:
        project = self.pachd.message("pfs_v2.Project", name="default")
        repo = self.pachd.message("pfs_v2.Repo", project=project, name=self.repo, type="user")
        branch = self.pachd.message("pfs_v2.Branch", repo=repo, name="master")
        return self.pachd.message("pfs_v2.Commit", repo=repo, branch=branch)

    def put(self, folder: str, content: bytes, count: int = MANY) -> None:
        paths = (f"{folder}/{number}" for number in range(count))
        replace(self.pachd, self.commit, [Opened(path, lambda: BytesIO(content)) for path in paths])

    def read(self, path: str) -> bytes:
        return self.files.read(f"{self.repo}@master", path)

    def commits(self) -> int:
        return len(list(self.pachd.stream("pfs_v2.API/ListCommit", repo=self.commit.repo, all=True)))


@pytest.fixture
def pachd(house: House) -> Pachd:
    return Pachd(Address.parse(house.running.pachd))


@pytest.mark.parametrize("folder", ["", "/d", "/d/e"])
def test_new_files_then_others_in_their_place(pachd: Pachd, folder: str) -> None:
    branch = Branch(pachd, f"replacing{folder.replace('/', '-')}")
    branch.put(folder, b"first")
    assert (branch.read(f"{folder}/7"), branch.commits()) == (b"first", 1)
    branch.put(folder, b"second")
    assert (branch.read(f"{folder}/7"), branch.commits()) == (b"second", 2)
    branch.put(f"{folder}/new", b"third", MANY + 1)
    assert branch.read(f"{folder}/new/{MANY}") == b"third"
    assert (branch.read(f"{folder}/7"), branch.commits()) == (b"second", 3)


def test_one_path_named_twice_holds_the_later_file(pachd: Pachd) -> None:
    branch = Branch(pachd, "replacing-twice")
    sources = [Opened("/a", lambda: BytesIO(b"1"))] * MANY + [Opened("/a", lambda: BytesIO(b"2"))]
    replace(pachd, branch.commit, sources)
    assert branch.read("/a") == b"2"


def test_into_an_open_commit(pachd: Pachd) -> None:
    branch = Branch(pachd, "replacing-open")
    commit = pachd.call("pfs_v2.API/StartCommit", branch=branch.commit.branch)
    branch.put("/d", b"first")
    branch.put("/d", b"second")
    pachd.call("pfs_v2.API/FinishCommit", commit=commit)
    pachd.call("pfs_v2.API/InspectCommit", commit=commit, wait=4)
    assert (branch.read("/d/7"), branch.commits()) == (b"second", 1)


def test_another_writer_makes_the_same_folder_meanwhile(pachd: Pachd) -> None:
    branch = Branch(pachd, "replacing-race")
    branch.files.put("replacing-race@master", {"/elsewhere": b"1"})

    def opened() -> BytesIO:
        if not branch.files.exists("replacing-race@master", "/d/7"):
            branch.files.put("replacing-race@master", {"/d/7": b"theirs", "/d/theirs": b"kept"})
        return BytesIO(b"ours")

    replace(pachd, branch.commit, [Opened(f"/d/{number}", opened) for number in range(MANY)])
    assert branch.read("/d/7") == b"ours"
    assert (branch.read("/d/theirs"), branch.read("/elsewhere")) == (b"kept", b"1")


def test_another_writer_comes_after_ours(pachd: Pachd, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "replacing-later"
    branch = Branch(pachd, name)
    branch.files.put(f"{name}@master", {"/elsewhere": b"1"})
    send, opened = Pachd.send, []

    def sent(*words: Any) -> Mapping[str, str | bytes]:
        answer = send(*words)
        if len(opened) == MANY:
            monkeypatch.undo()
            branch.files.put(f"{name}@master", {"/d/7": b"theirs"})
        return answer

    def once() -> BytesIO:
        opened.append(1)
        return BytesIO(b"ours")

    monkeypatch.setattr(Pachd, "send", sent)
    replace(pachd, branch.commit, [Opened(f"/d/{number}", once) for number in range(MANY)])
    assert (branch.read("/d/7"), branch.read("/d/8")) == (b"theirs", b"ours")
    assert (branch.commits(), len(opened)) == (3, MANY)


def test_another_writer_elsewhere_meanwhile_costs_no_second_upload(pachd: Pachd) -> None:
    branch = Branch(pachd, "replacing-beside")
    opened = []

    def beside() -> BytesIO:
        if not opened:
            branch.files.put("replacing-beside@master", {"/elsewhere": b"theirs"})
        opened.append(1)
        return BytesIO(b"ours")

    replace(pachd, branch.commit, [Opened(f"/d/{number}", beside) for number in range(MANY)])
    assert (branch.read("/elsewhere"), branch.read("/d/7"), len(opened)) == (b"theirs", b"ours", MANY)


def test_what_can_be_read_only_once_is_never_put_twice(pachd: Pachd) -> None:
    branch = Branch(pachd, "replacing-once")
    branch.files.put("replacing-once@master", {"/elsewhere": b"1"})
    typed = BytesIO(b"typed")

    def meanwhile() -> BytesIO:
        if not branch.files.exists("replacing-once@master", "/d/7"):
            branch.files.put("replacing-once@master", {"/d/7": b"theirs", "/d/0": b"theirs"})
        return BytesIO(b"ours")

    others = [Opened(f"/d/{number}", meanwhile) for number in range(1, MANY)]
    replace(pachd, branch.commit, [Opened("/d/0", lambda: typed, once=True), *others])
    assert (branch.read("/d/0"), branch.read("/d/7")) == (b"typed", b"ours")
