"""Daemon, workers and user code are killed at random moments; the outputs come out the same all the
same, and what was acknowledged as processed is not run again."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

ROOT = Path(__file__).resolve().parents[2]
FILES = 4


class Daemon:
    """`howdah up` in a process of its own, as often as it takes."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.up()

    def up(self) -> None:
        free = [word for port in ("pachd", "s3", "http", "ingress") for word in (f"--{port}-port", "0")]
        (self.state / "daemon.json").unlink(missing_ok=True)
        self.log = (self.state.parent / "daemon.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "howdah", "up", "--state", str(self.state), *free],
            cwd=self.state.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdout=self.log,
            stderr=self.log,
        )
        while not (self.state / "daemon.json").exists():
            assert self.process.poll() is None, (self.state.parent / "daemon.log").read_text()
            time.sleep(0.02)  # another process starts in its own time
        self.client = Client.from_pachd_address(json.loads((self.state / "daemon.json").read_text())["pachd"])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def its_children(self) -> list[int]:
        """Sandboxes and the user code in them."""
        parents = dict(_processes())
        below, found = {self.process.pid}, []
        for pid in sorted(parents):
            if parents[pid] in below:
                below.add(pid)
                found.append(pid)
        return found[1:]  # the first is the spawner, which ends with the daemon


def _processes() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            yield int(entry.name), int(stat.rpartition(")")[2].split()[1])


class Tree:
    """Pipelines that each read the one half as far from the root and append their number."""

    def __init__(self, daemon: Daemon, size: int) -> None:
        self.daemon = daemon
        self.size = size
        self.content: dict[str, str] = {}
        daemon.client.pfs.create_repo(repo=pfs.Repo(name="raw"))
        for n in range(size):
            self._create(n)

    def _create(self, n: int) -> None:
        above = f"p{(n - 1) // 2}" if n else "raw"
        script = (
            "echo ran $PACH_DATUM_ID\n"
            "sleep 0.02\n"
            f'for f in /pfs/in/*; do echo "$(cat $f) {n}" > /pfs/out/$(basename $f); done'
        )
        self.daemon.client.pps.create_pipeline(
            pipeline=pps.Pipeline(name=f"p{n}"),
            input=pps.Input(pfs=pps.PfsInput(repo=above, name="in", glob="/*")),
            transform=pps.Transform(cmd=["sh", "-e"], stdin=script.splitlines()),
            datum_tries=20,
            datum_set_spec=pps.DatumSetSpec(number=1),
        )

    def commit(self, number: int) -> str:
        with self.daemon.client.pfs.commit(branch=pfs.Branch.from_uri("raw@master")) as commit:
            for n in range(FILES):
                if number == 0 or n == number % FILES:
                    self.content[f"/{n}"] = f"{number}.{n}"
                    commit.put_file_from_bytes(path=f"/{n}", data=self.content[f"/{n}"].encode())
        return commit.id

    def acknowledged(self, id: str) -> set[tuple[str, str]]:
        found = set()
        for job in self.daemon.client.pps.inspect_job_set(job_set=pps.JobSet(id=id)):
            for datum in self.daemon.client.pps.list_datum(job=job.job):
                if datum.state == pps.DatumState.SUCCESS:
                    found.add((job.job.pipeline.name, datum.datum.id))
        return found

    def runs(self, id: str) -> Counter[tuple[str, str]]:
        """How often user code began on each datum, as the log files have it."""
        counted: Counter[tuple[str, str]] = Counter()
        for n in range(self.size):
            path = self.daemon.state / "logs" / "pipelines" / "default" / f"p{n}" / f"{id}.jsonl"
            if path.exists():
                for datum in re.findall(r'"message": "ran ([0-9a-f]{64})"', path.read_text()):
                    counted[f"p{n}", datum] += 1
        return counted

    def check(self, id: str) -> None:
        """As an undisturbed run would have left it."""
        client = self.daemon.client
        for job in client.pps.inspect_job_set(job_set=pps.JobSet(id=id), wait=True):
            assert job.state == pps.JobState.JOB_SUCCESS, (job.job.pipeline.name, job.reason)
        for n in range(self.size):
            line = [n]
            while line[-1]:
                line.append((line[-1] - 1) // 2)
            end = "".join(f" {each}" for each in reversed(line))
            for path, start in self.content.items():
                file = pfs.File.from_uri(f"p{n}@{id}:{path}")
                assert client.pfs.pfs_file(file).read().decode() == f"{start}{end}\n"


def run(folder: Path, pipelines: int, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    state = folder / "state"
    state.mkdir(mode=0o700)
    daemon = Daemon(state)
    try:
        tree = Tree(daemon, pipelines)
        tree.check(tree.commit(0))
        number = 0
        while kills > 0:
            number += 1
            id = tree.commit(number)
            sealed: dict[tuple[str, str], int] = {}
            for _ in range(min(kills, chance.randrange(1, 4))):
                kills -= 1
                time.sleep(chance.uniform(0, 0.03 * pipelines))  # the moment is the point
                _strike(daemon, tree, id, sealed, chance)
            tree.check(id)
            ran = tree.runs(id)
            assert {key: ran[key] for key in sealed} == sealed, f"seed {seed}"
    finally:
        daemon.stop()


def _strike(
    daemon: Daemon, tree: Tree, id: str, sealed: dict[tuple[str, str], int], chance: random.Random
) -> None:
    target = chance.choice(["daemon", "daemon", "worker or user code"])
    if target == "daemon":
        acknowledged = tree.acknowledged(id)
        daemon.kill()
        ran = tree.runs(id)
        sealed.update({key: ran[key] for key in acknowledged if key not in sealed})
        daemon.up()
    elif victims := daemon.its_children():
        try:
            os.kill(chance.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            return


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_few_kills_in_a_small_tree(tmp_path: Path) -> None:
    run(tmp_path, pipelines=5, kills=4, seed=1)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_hundred_kills_in_fifty_pipelines(tmp_path: Path) -> None:
    run(tmp_path, pipelines=50, kills=100, seed=2)
