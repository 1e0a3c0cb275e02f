"""Long work on a terminal: how far it is, and Ctrl-C in the middle of it, which leaves no mess."""

import io
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from howdah.cli import tree
from howdah.cli.failures import run
from howdah.cli.pachctl import progress, waiting
from howdah.cli.pachctl.tree import app as pachctl
from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.daemon.house import House
from howdah.daemon.options import Options

pytestmark = pytest.mark.slow

UPKEEP = [
    ("check",),
    ("check", "--data"),
    ("gc",),
    ("backup", "copy"),
    ("restore", "whole", "--state", "again"),
]


class Terminal(io.StringIO):
    """A terminal whose user presses Ctrl-C, or does something else, as soon as a line is drawn."""

    def __init__(self, at_first: Callable[[], None]) -> None:
        super().__init__()
        self._at_first: list[Callable[[], None]] = [at_first]
        self._ours, self._theirs = os.openpty()

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._theirs

    def write(self, text: str) -> int:
        count = super().write(text)
        if "\r" in text and self._at_first:
            self._at_first.pop()()
        return count

    def close(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)
        super().close()


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], None]], Terminal]]:
    monkeypatch.setattr(progress, "EVERY_S", 0)
    monkeypatch.setattr(waiting, "EVERY_S", 0.01)
    before, made = signal.getsignal(signal.SIGINT), []

    def terminal(at_first: Callable[[], None] = lambda: None) -> Terminal:
        made.append(Terminal(at_first))
        monkeypatch.setattr(sys, "stderr", made[-1])
        return made[-1]

    yield terminal
    monkeypatch.undo()
    signal.signal(signal.SIGINT, before)
    for each in made:
        each.close()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder that no daemon holds any more."""
    state: Path = tmp_path_factory.mktemp("stored")
    house = House(Options(state=state, pachd_port=0, s3_port=0, http_port=0, ingress_port=0))
    files = Files.at(house.running.pachd)
    files.ensure_repo("kept", "")
    files.put("kept@master", {f"/{n}": os.urandom(1 << 20) for n in range(4)})
    house.close()
    return state


@pytest.fixture
def here(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(store, tmp_path / "state", ignore=shutil.ignore_patterns("*.sock", "logs"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOWDAH_STATE", str(tmp_path / "state"))
    assert run(tree.app, "howdah", ["backup", "whole"]) == 0
    return tmp_path


@pytest.mark.parametrize("words", UPKEEP, ids=" ".join)
def test_upkeep_says_how_far_it_is(words: tuple[str, ...], here: Path, terminal) -> None:
    shown = terminal()
    assert run(tree.app, "howdah", words) == 0
    drawn = shown.getvalue()
    assert "MiB of" in drawn
    assert "(100%), 0 s left" in drawn
    assert drawn.endswith("\n")


@pytest.mark.parametrize("words", UPKEEP, ids=" ".join)
def test_ctrl_c_in_upkeep_leaves_everything_as_it_was(words: tuple[str, ...], here: Path, terminal) -> None:
    before = {path.name for path in here.iterdir()} | {"again"}
    terminal(ctrl_c)
    assert run(tree.app, "howdah", words) == 130
    assert {path.name for path in here.iterdir()} <= before
    assert not list(here.glob("again/pachd*"))
    assert not list(here.glob("again/.pachd*"))
    assert run(tree.app, "howdah", words) == 0
    assert run(tree.app, "howdah", ["check", "--data"]) == 0


@pytest.fixture
def files(house: House, monkeypatch: pytest.MonkeyPatch) -> Files:
    monkeypatch.setenv("PACHD_ADDRESS", house.running.pachd)
    return Files.at(house.running.pachd)


def test_a_folder_that_is_fetched_counts_bytes_and_files(files: Files, terminal, tmp_path: Path) -> None:
    files.ensure_repo("fetched", "")
    files.put("fetched@master", {f"/in/{n}": b"x" * (1 << 20) for n in range(3)})
    shown = terminal()
    words = ["get", "file", "-r", "fetched@master:/in", "-o", str(tmp_path / "there")]
    assert run(pachctl, "pachctl", words) == 0
    assert "of 3MiB (100%), 0 s left, 3 files" in shown.getvalue()
    terminal(ctrl_c)
    assert run(pachctl, "pachctl", [*words[:-1], str(tmp_path / "cut")]) == 130
    assert {path.stat().st_size for path in (tmp_path / "cut").glob("*")} <= {1 << 20}


def open_commit(address: str, repo: str) -> Callable[[], None]:
    """Starts a commit, and says how to finish it."""
    with Pachd(Address.parse(address)) as pachd:
        project = pachd.message("pfs_v2.Project", name="default")
        named = pachd.message("pfs_v2.Repo", project=project, name=repo, type="user")
        branch = pachd.message("pfs_v2.Branch", repo=named, name="master")
        commit = pachd.call("pfs_v2.API/StartCommit", branch=branch)

    def finish() -> None:
        with Pachd(Address.parse(address)) as pachd:
            pachd.call("pfs_v2.API/FinishCommit", commit=commit)

    return finish


def test_a_wait_is_shown_until_it_ends(house: House, files: Files, terminal, capsys) -> None:
    files.ensure_repo("awaited", "")
    finish = open_commit(house.running.pachd, "awaited")
    shown = terminal(finish)
    assert run(pachctl, "pachctl", ["wait", "commit", "awaited@master"]) == 0
    assert "waiting 0 s" in shown.getvalue()
    assert shown.getvalue().endswith("\r\x1b[K")
    assert "Commit: awaited@" in capsys.readouterr().out


def test_ctrl_c_ends_a_wait(house: House, files: Files, terminal, capsys) -> None:
    files.ensure_repo("endless", "")
    finish = open_commit(house.running.pachd, "endless")
    shown = terminal(ctrl_c)
    assert run(pachctl, "pachctl", ["wait", "commit", "endless@master"]) == 130
    assert shown.getvalue().endswith("\r\x1b[KInterrupted.\n")
    assert capsys.readouterr().out == ""
    finish()
