"""What a user of the command line waits for: whole processes, durable, progress shown.

`pachctl put file` against `borg create` and `restic backup` on the same data in the same run, and how long
`howdah --help` and `pachctl list repo` take. Every side writes to a terminal of its own, so that progress
costs what it costs. The daemon runs all the while; borg and restic need none, and have no key to stretch.

    bench_cli.py [starting] [whole] [small]
"""

import json
import os
import pty
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from harness import Bench

GIB, MIB = 1 << 30, 1 << 20
EDITS = 26
SMALL_FILES, SMALL_BYTES = 10_000, 1024
ROUNDS = 3
HOWDAH = [sys.executable, "-m", "howdah"]
PACHCTL = [str(Path(sys.executable).parent / "pachctl")]


def on_a_terminal(*command: str, **environment: str) -> None:
    """Runs a program as a person would see it; raises if it fails."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        command, env={**os.environ, **environment}, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    reader = threading.Thread(target=_drain, args=(ours,))
    reader.start()
    code = running.wait()
    reader.join()
    if code:
        raise SystemExit(f"{' '.join(command)} ended with {code}")


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 1 << 16):
            pass
    except OSError:
        pass  # the program has ended
    finally:
        os.close(terminal)


class Sides:
    """The three tools. A first round makes a new repository, a later one writes to the newest."""

    def __init__(self, folder: Path, pachd: str) -> None:
        self._folder = folder
        self._ours = {"PACHD_ADDRESS": pachd}
        self._borg = {"BORG_BASE_DIR": str(folder), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
        self._restic = {"RESTIC_PASSWORD": "x", "XDG_CACHE_HOME": str(folder / "cache")}
        self._made = dict.fromkeys(self.all(), 0)

    def all(self) -> dict[str, Callable[[Path, bool], float]]:
        return {"ours": self.ours, "borg": self.borg, "restic": self.restic}

    def ours(self, source: Path, fresh: bool) -> float:
        repo = f"bench-{id(self)}-{self._number('ours', fresh)}"
        if fresh:
            on_a_terminal(*PACHCTL, "create", "repo", repo, **self._ours)
        recursive = ["-r"] if source.is_dir() else []
        put = [*PACHCTL, "put", "file", f"{repo}@master:/data", *recursive, "-f", str(source)]
        return timed(*put, **self._ours)

    def borg(self, source: Path, fresh: bool) -> float:
        repository = self._folder / f"borg-{id(self)}-{self._number('borg', fresh)}"
        if fresh:
            on_a_terminal("borg", "init", "-e", "none", str(repository), **self._borg)
        archive = f"{repository}::{time.monotonic_ns()}"
        return timed("borg", "create", "--progress", archive, str(source), **self._borg)

    def restic(self, source: Path, fresh: bool) -> float:
        repository = self._folder / f"restic-{id(self)}-{self._number('restic', fresh)}"
        if fresh:
            on_a_terminal("restic", "init", "-r", str(repository), **self._restic)
        return timed("restic", "backup", "-r", str(repository), str(source), **self._restic)

    def _number(self, side: str, fresh: bool) -> int:
        self._made[side] += fresh
        return self._made[side]


def timed(*command: str, **environment: str) -> float:
    began = time.perf_counter()
    on_a_terminal(*command, **environment)
    return time.perf_counter() - began


def main() -> None:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled; so is this one
    bench = Bench("cli")
    folder = Path(tempfile.mkdtemp(prefix="howdah-bench-cli-"))
    state = folder / "state"
    ports = [word for port in ("pachd", "s3", "http", "ingress") for word in (f"--{port}-port", "0")]
    try:
        subprocess.run(
            [*HOWDAH, "up", "--detach", "--state", state, *ports], check=True, stdout=subprocess.DEVNULL
        )
        found = subprocess.run(
            [*HOWDAH, "status", "--json", "--state", state], check=True, capture_output=True
        )
        pachd = json.loads(found.stdout)["pachd"]
        for part in sys.argv[1:] or PARTS:
            PARTS[part](bench, folder, pachd)
    finally:
        subprocess.run([*HOWDAH, "down", "--state", state], check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)
    bench.finish()


def starting(bench: Bench, folder: Path, pachd: str) -> None:
    """Short commands."""
    short = bench.interleave(
        {
            "help": lambda: timed(*HOWDAH, "--help"),
            "list": lambda: timed(*PACHCTL, "list", "repo", PACHD_ADDRESS=pachd),
        },
        rounds=9,
        warmups=1,
    )
    bench.value("howdah --help", short["help"] * 1000, "ms", must="<= 200")
    bench.value("pachctl list repo", short["list"] * 1000, "ms", must="<= 500", aim="<= 250")


def whole(bench: Bench, folder: Path, pachd: str) -> None:
    """One large file, new and with a hundredth edited."""
    sides = Sides(folder, pachd)
    data = folder / "whole" / "data"
    made = random.Random(1)
    edited: dict[str, list[float]] = {}

    def big(side: Callable[[Path, bool], float], name: str) -> Callable[[], float]:
        def run() -> float:
            write_new(data, made)
            first = side(data, True)
            edit(data, made)
            edited.setdefault(name, []).append(side(data, False))
            return first

        return run

    times = bench.interleave({name: big(side, name) for name, side in sides.all().items()}, ROUNDS)
    again = {name: statistics.median(values) for name, values in edited.items()}
    bench.ratio("put 1 GiB", times["ours"], "s", peer=("borg", times["borg"]), must="<= 1.1")
    bench.ratio("put 1 GiB", times["ours"], "s", peer=("restic", times["restic"]), must="<= 0.6")
    bench.ratio("put it with 1% edited", again["ours"], "s", peer=("borg", again["borg"]), must="<= 1.5")


def small(bench: Bench, folder: Path, pachd: str) -> None:
    """Many small files; every round has new ones."""
    sides = Sides(folder, pachd)
    made = random.Random(2)

    def many(side: Callable[[Path, bool], float]) -> Callable[[], float]:
        def run() -> float:
            files = folder / "small"
            files.mkdir()
            for number in range(SMALL_FILES):
                (files / f"{number:05}").write_bytes(made.randbytes(SMALL_BYTES))
            taken = side(files, True)
            shutil.rmtree(files)
            return taken

        return run

    times = bench.interleave({name: many(side) for name, side in sides.all().items()}, ROUNDS)
    name = f"put {SMALL_FILES:,} files of 1 KiB"
    bench.ratio(name, times["ours"], "s", peer=("restic", times["restic"]), must="<= 2")
    bench.ratio(name, times["ours"], "s", peer=("borg", times["borg"]), aim="<= 1")


def write_new(path: Path, made: random.Random) -> None:
    """A file that no side has seen: ours would know its bytes again from another repo."""
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        for _ in range(GIB // (16 * MIB)):
            file.write(made.randbytes(16 * MIB))


def edit(path: Path, made: random.Random) -> None:
    """New bytes in a hundredth of the file, in places far apart."""
    with path.open("r+b") as file:
        for number in range(EDITS):
            file.seek(number * (GIB // EDITS))
            file.write(made.randbytes(GIB // 100 // EDITS))


PARTS = {"starting": starting, "whole": whole, "small": small}

if __name__ == "__main__":
    main()
