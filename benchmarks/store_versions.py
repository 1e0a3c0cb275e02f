"""Commits end to end, in process and durable: what a million files cost, and what a change costs then.

The stores are filled in children, whose peak memory is their own. Syncs are a property of the disk. A
commit of 100 changes makes three, and what three fdatasyncs of 4 KiB take at that moment is taken off;
where two sizes of store are compared, nothing is synced at all, and the two take turns.
"""

import functools
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import Bench, progress

from howdah.core.refs import CommitRef, CommitSpec, RepoRef
from howdah.pachd.storage import files as object_files
from howdah.pachd.versions import Versions
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.opening import OpenStore

REPO = RepoRef("files")
HEAD = CommitSpec(REPO, "master")
FILES = int(os.environ.get("FILES", "1000000"))
FEW = 10_000
CHANGES = 100
SYNCS = 3
ROUNDS, WARMUPS = 9, 3


def run(bench: Bench) -> None:
    with tempfile.TemporaryDirectory(prefix="howdah-bench-") as name:
        _run(bench, Path(name))


def _run(bench: Bench, folder: Path) -> None:
    progress(f"{bench.name}: commit of {FILES:,} files")
    filling = fill(folder / "many", FILES)
    fill(folder / "few", FEW)
    with OpenStore(folder / "many") as many, OpenStore(folder / "few") as few:
        many.start()
        few.start()
        commits(bench, many.versions, folder)
        sizes(bench, many, few)
        differences(bench, many.versions)
    cold_reads(bench, folder / "many")
    with OpenStore(folder / "many") as many:
        warm_reads(bench, many.versions)
    seconds = filling["seconds"] * 1_000_000 / FILES
    bench.value("1,000,000 files of 1 KiB, end to end", seconds, "s", must="<= 90", aim="<= 30")
    bench.value("the same, peak memory", filling["peak_mib"], "MiB", must="<= 400")


def commits(bench: Bench, versions: Versions, folder: Path) -> None:
    chance = random.Random(1)
    taken, busy = [], []
    for number in range(-WARMUPS, ROUNDS):
        syncs_s = SYNCS * sync_s(folder)
        busy_s = time.process_time()
        seconds = timed(lambda: commit_of_changes(versions, FILES, chance))
        if number >= 0:
            taken.append(seconds - syncs_s)
            busy.append(time.process_time() - busy_s)
    # On a machine that does other things too, this is the figure to trust.
    print(f"commit of 100 changes: {statistics.median(busy) * 1e3:.1f} ms of processor time")
    value = statistics.median(taken) * 1e3
    bench.value("commit of 100 changes, less syncs", value, "ms", must="<= 50", aim="<= 10")


def sizes(bench: Bench, many: OpenStore, few: OpenStore) -> None:
    for store in (many, few):
        store.database._writer.execute("PRAGMA synchronous = OFF")
    real, object_files.sync_file = object_files.sync_file, lambda fd: None
    try:
        chance = random.Random(2)
        sides: dict[str, Callable[[], float]] = {
            "many": lambda: timed(lambda: commit_of_changes(many.versions, FILES, chance)),
            "few": lambda: timed(lambda: commit_of_changes(few.versions, FEW, chance)),
        }
        times = bench.interleave(sides, ROUNDS, WARMUPS)
    finally:
        object_files.sync_file = real
    bench.ratio(
        "the same at 10^6 against 10^4, no syncs", times["many"] * 1e3, "ms",
        peer=(f"{FEW:,} files", times["few"] * 1e3), must="<= 2", aim="<= 1.5",
    )  # fmt: skip


def differences(bench: Bench, versions: Versions) -> None:
    refs = [commit_of_changes(versions, FILES, random.Random(3)) for _ in range(2)]
    old, new = (versions.files(ref).roots.content for ref in refs)
    taken = statistics.median(timed(lambda: list(versions.trees.diff(old, new))) for _ in range(ROUNDS))
    bench.value("diff of two commits 100 files apart", taken * 1e3, "ms", must="<= 30", aim="<= 5")


def cold_reads(bench: Bench, folder: Path) -> None:
    """The first look-up after opening the store: no cache of ours holds anything."""
    taken = []
    for number in range(ROUNDS):
        with OpenStore(folder) as store:
            files = store.versions.files(HEAD).tree
            path = path_of(random.Random(number).randrange(FILES))
            taken.append(timed(functools.partial(files.get, path)))
    bench.value("point read, cold", statistics.median(taken) * 1e3, "ms", must="<= 1")


def warm_reads(bench: Bench, versions: Versions) -> None:
    chance = random.Random(7)
    files = versions.files(HEAD).tree
    paths = [path_of(chance.randrange(FILES)) for _ in range(2000)]
    taken = [timed(lambda: [files.get(path) for path in paths]) for _ in range(ROUNDS + 1)][1:]
    value = statistics.median(taken) / len(paths) * 1e6
    bench.value("point read, warm", value, "µs", must="<= 30", aim="<= 10")


def path_of(number: int) -> str:
    return f"/part-{number % 1000:03d}/file-{number:07d}.bin"


def commit_of_changes(versions: Versions, files: int, chance: random.Random) -> CommitRef:
    with versions.modify(HEAD) as session:
        change(session, files, chance)
    assert session.commit is not None
    versions.wait_commit(session.commit)
    return session.commit


def change(session: FileSession, files: int, chance: random.Random) -> None:
    """Edits, inserts and deletes, a third each, anywhere."""
    for number in range(CHANGES):
        path = path_of(chance.randrange(files))
        if number % 3 == 0:
            session.put(path, os.urandom(1024))
        elif number % 3 == 1:
            session.put(path.replace("file", f"new-{chance.random()}"), os.urandom(1024))
        else:
            session.delete(path)


def timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def sync_s(folder: Path) -> float:
    path = folder / "sync"
    taken = []
    with path.open("wb", buffering=0) as file:
        for _ in range(20):
            file.write(os.urandom(4096))
            taken.append(timed(lambda: getattr(os, "fdatasync", os.fsync)(file.fileno())))
    path.unlink()
    return statistics.median(taken)


def fill(folder: Path, files: int) -> dict[str, float]:
    command = [sys.executable, __file__, "fill", str(folder), str(files)]
    report: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    return report


def _fill(folder: Path, files: int) -> None:
    """In the child: one write of so many files of 1 KiB, until its commit is FINISHED."""
    with OpenStore(folder) as store:
        store.start()
        versions = store.versions
        versions.transact(lambda tx: tx.create_repo(REPO))
        began = time.perf_counter()
        with versions.modify(HEAD) as session:
            for number in range(files):
                session.put(path_of(number), os.urandom(1024))
        versions.wait_commit(HEAD)
        seconds = time.perf_counter() - began
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}) + "\n")


def peak_mib() -> float:
    """Of this program alone: what getrusage gives on Linux includes that of whoever started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


if __name__ == "__main__" and sys.argv[1:2] == ["fill"]:
    _fill(Path(sys.argv[2]), int(sys.argv[3]))
