"""A process that writes bytes is killed; nothing it acknowledged may be lost, nothing may be a lie."""

import contextlib
import random
import runpy
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from howdah.core import failpoints
from howdah.pachd.storage.check import check
from howdah.pachd.storage.collection import Collection
from howdah.pachd.storage.content import Content

CHILD = Path(__file__).with_name("bytes_child.py")
_child = runpy.run_path(str(CHILD))
noise, open_store = _child["noise"], _child["open_store"]
FAILPOINTS = [
    "packs.appended", "packs.synced", "packs.indexed", "packs.entered", "database.before_commit",
    "database.after_commit", "gc.copied", "gc.forgotten",
]  # fmt: skip


class Crashes:
    """One store through many lives of a child; remembers what was acknowledged."""

    def __init__(self, folder):
        self.folder, self.acknowledged = folder, {}

    def live(self, armed="", kill_after_lines=None, and_seconds=0.0):
        """Run a child until its failpoint kills it, or kill it so long after it has said so many lines."""
        first = max(self.acknowledged, default=-1) + 1000
        alive = "\n".join(content.encode().hex() for _, content in self.acknowledged.values())
        (self.folder / "alive").write_text(alive)
        command = [sys.executable, str(CHILD), str(self.folder), str(first), armed]
        lines = 0
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            killer = threading.Timer(and_seconds, child.kill)
            for line in child.stdout:
                if line.endswith("\n"):
                    seed, size, content = line.split()
                    self.acknowledged[int(seed)] = int(size), Content.decode(bytes.fromhex(content))
                    lines += 1
                    if lines == kill_after_lines:
                        killer.start()
            killer.cancel()
        assert child.returncode == -signal.SIGKILL

    def verify(self):
        database, blobs = open_store(self.folder)
        with contextlib.closing(database), contextlib.closing(blobs):
            assert list(check(blobs, data=True)) == []
            for seed, (size, content) in self.acknowledged.items():
                assert blobs.read_all(content) == noise(seed, size), seed

    def collect(self):
        """Sweep what the crashes left behind."""
        database, blobs = open_store(self.folder)
        with contextlib.closing(database), contextlib.closing(blobs), Collection(blobs) as collection:
            for _, content in self.acknowledged.values():
                collection.mark_all(blobs.hashes(content))
            collection.sweep()


@pytest.fixture
def crashes(tmp_path):
    return Crashes(tmp_path)


def test_the_list_of_failpoints_is_whole():
    mine = {name for name in failpoints.declared() if name.split(".")[0] in ("packs", "database", "gc")}
    assert mine == set(FAILPOINTS)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAILPOINTS)
def test_killed_at_each_failpoint(crashes, name):
    for hit in (1, 2, 4):
        crashes.live(f"{name}@{hit}")
        crashes.verify()
    crashes.collect()
    crashes.verify()


@pytest.mark.slow
def test_killed_at_a_few_random_moments(crashes):
    _kill_at_random(crashes, 5)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_killed_at_two_hundred_random_moments(crashes):
    _kill_at_random(crashes, 200)


def _kill_at_random(crashes, times):
    moments = random.Random(times)
    for _ in range(times):
        # Between two acknowledgements, wherever the child is by then.
        crashes.live(kill_after_lines=moments.randrange(1, 24), and_seconds=moments.uniform(0, 0.1))
        if len(crashes.acknowledged) > 80:  # do not let reading it all back grow with every crash
            for seed in sorted(crashes.acknowledged)[:-30]:
                del crashes.acknowledged[seed]
        crashes.verify()
    crashes.collect()
    crashes.verify()
