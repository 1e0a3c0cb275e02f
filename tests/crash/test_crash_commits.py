"""A process that commits is killed; every commit it acknowledged is whole, and the store is sound."""

import json
import logging
import random
import runpy
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from howdah.core import failpoints
from howdah.core.refs import CommitId, CommitRef
from howdah.pachd.versions import tables
from howdah.pachd.versions.check import check
from howdah.pachd.versions.finish import finish_one
from howdah.pachd.versions.gc import collect_garbage
from howdah.pachd.versions.opening import OpenStore

CHILD = Path(__file__).with_name("commits_child.py")
_child = runpy.run_path(str(CHILD))
noise, RAW = _child["noise"], _child["RAW"]
FAILPOINTS = [
    "packs.appended", "packs.synced", "packs.indexed", "packs.entered", "database.before_commit",
    "database.after_commit", "gc.copied", "gc.forgotten", "session.before_sync", "session.after_sync",
    "finish.before_sync", "finish.before_complete",
]  # fmt: skip


class Crashes:
    """One store through many lives of a child; remembers what was acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.acknowledged: dict[str, dict[str, tuple[int, int]]] = {}
        self.lives = 0

    def live(self, armed: str = "", kill_after_lines: int | None = None, and_seconds: float = 0.0) -> None:
        """Run a child until its failpoint kills it, or kill it so long after it has said so many lines."""
        self.lives += 1
        command = [sys.executable, str(CHILD), str(self.folder), str(self.lives * 100_000), armed]
        lines = 0
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            killer = threading.Timer(and_seconds, child.kill)
            for line in child.stdout:
                if line.endswith("\n"):
                    self.heard(json.loads(line))
                    lines += 1
                    if lines == kill_after_lines:
                        killer.start()
            killer.cancel()
        assert child.returncode == -signal.SIGKILL

    def heard(self, line: dict) -> None:
        if "dropping" in line:
            # From here on it may be there or not.
            self.acknowledged.pop(line["dropping"], None)
        else:
            self.acknowledged[line["commit"]] = line["files"]

    def verify(self, collect: bool = False) -> None:
        with OpenStore(self.folder) as store:
            versions = store.versions
            with versions.view() as view:
                finishing = tables.commits_finishing(view.connection)
            for row in finishing:
                assert finish_one(versions, row)
            if collect:
                collect_garbage(versions)
            assert [str(finding) for finding in check(versions, data=True)] == []
            for id, expected in self.acknowledged.items():
                files = versions.files(CommitRef(RAW, CommitId(id)))
                assert files.info.finished and not files.info.error
                found = {file.path: b"".join(files.read(file)) for file in files.tree.files()}
                assert found == {path: noise(*written) for path, written in expected.items()}


@pytest.fixture
def crashes(tmp_path: Path) -> Crashes:
    return Crashes(tmp_path / "store")


def test_every_failpoint_of_commits_is_tried() -> None:
    mine = {name for name in failpoints.declared() if name.split(".")[0] in ("session", "finish")}
    assert mine <= set(FAILPOINTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILPOINTS)
def test_commits_survive_a_kill_at_each_failpoint(crashes: Crashes, name: str) -> None:
    for hit in (1, 3):
        crashes.live(f"{name}@{hit}")
        crashes.verify()
    crashes.verify(collect=True)


@pytest.mark.slow
def test_commits_survive_a_few_kills_at_random(crashes: Crashes) -> None:
    kill_at_random(crashes, 4, random.Random(1))


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_commits_survive_two_hundred_kills_at_random(crashes: Crashes) -> None:
    seed = random.randrange(1 << 32)
    logging.getLogger(__name__).warning("seed %d", seed)  # shown when it fails
    kill_at_random(crashes, 200, random.Random(seed))


def kill_at_random(crashes: Crashes, times: int, chance: random.Random) -> None:
    for _ in range(times):
        if chance.random() < 0.5:
            # Between two acknowledgements, wherever the child is by then.
            crashes.live(kill_after_lines=chance.randint(1, 9), and_seconds=chance.uniform(0, 0.1))
        else:
            crashes.live(f"{chance.choice(FAILPOINTS[:6])}@{chance.randint(1, 25)}")
        crashes.verify(collect=chance.random() < 0.2)
        if len(crashes.acknowledged) > 80:  # do not let reading it all back grow with every crash
            for id in list(crashes.acknowledged)[:-30]:
                del crashes.acknowledged[id]
