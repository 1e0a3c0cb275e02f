"""Commits end to end, in process and durable: what a million files cost, and what a change costs then.

    make bench-store_versions            FILES=1000000 unless given

The store of a million files is built in a child, whose peak memory is its own. Syncs are a property
of the disk: the commit of 100 changes needs six, and what six fdatasyncs of 4 KiB take in this very
run is taken off.
"""

import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from harness import Bench

from howdah.core.refs import CommitRef, CommitSpec, RepoRef
from howdah.pachd.versions import Versions
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.opening import OpenStore

REPO = RepoRef("files")
HEAD = CommitSpec(REPO, "master")
FILES = int(os.environ.get("FILES", "1000000"))
FEW = 10_000
CHANGES = 100
SYNCS = 6
ROUNDS = 7


def path_of(number: int) -> str:
    return f"/part-{number % 1000:03d}/file-{number:07d}.bin"


def fill(folder: Path, files: int) -> None:
    """In the child: one write of so many files of 1 KiB, until its commit is FINISHED."""
    with OpenStore(folder) as store:
        store.start()
        versions = store.versions
        versions.transact(lambda tx: tx.create_repo(REPO))
        begun = time.perf_counter()
        with versions.modify(HEAD) as session:
            for number in range(files):
                session.put(path_of(number), os.urandom(1024))
        versions.wait_commit(HEAD)
        took = time.perf_counter() - begun
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024 if sys.platform == "linux" else 1 << 20
    )
    sys.stdout.write(json.dumps({"seconds": took, "peak_mib": peak_mib}) + "\n")


def filled(folder: Path, files: int) -> dict[str, float]:
    command = [sys.executable, __file__, "fill", str(folder), str(files)]
    report: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    return report


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


def commit_of_changes(versions: Versions, files: int, chance: random.Random) -> tuple[CommitRef, float]:
    begun = time.perf_counter()
    with versions.modify(HEAD) as session:
        change(session, files, chance)
    assert session.commit is not None
    versions.wait_commit(session.commit)
    return session.commit, time.perf_counter() - begun


def sync_s(folder: Path) -> float:
    path = folder / "sync"
    taken = []
    with path.open("wb", buffering=0) as file:
        for _ in range(20):
            file.write(os.urandom(4096))
            begun = time.perf_counter()
            getattr(os, "fdatasync", os.fsync)(file.fileno())
            taken.append(time.perf_counter() - begun)
    path.unlink()
    return statistics.median(taken)


def median_s(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def changes_s(versions: Versions, folder: Path, files: int) -> tuple[float, list[CommitRef]]:
    """The median commit of 100 changes, less its syncs."""
    chance = random.Random(files)
    taken, refs = [], []
    for _ in range(ROUNDS):
        sync = sync_s(folder)
        ref, seconds = commit_of_changes(versions, files, chance)
        taken.append(max(seconds - SYNCS * sync, 0.0001))
        refs.append(ref)
    return statistics.median(taken), refs


def point_reads(bench: Bench, versions: Versions) -> None:
    chance = random.Random(7)
    files = versions.files(HEAD).tree
    warm = [path_of(chance.randrange(FILES)) for _ in range(2000)]
    for path in warm:
        files.get(path)
    taken = median_s(lambda: [files.get(path) for path in warm]) / len(warm)
    bench.value("point read, warm", taken * 1e6, "µs", must="<= 30", aim="<= 10")


def cold_read_ms(folder: Path) -> float:
    """The first look-up after opening the store: no cache of ours holds anything."""
    taken = []
    for round in range(ROUNDS):
        with OpenStore(folder) as store:
            files = store.versions.files(HEAD).tree
            begun = time.perf_counter()
            files.get(path_of(random.Random(round).randrange(FILES)))
            taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def main() -> None:
    bench = Bench("store_versions")
    folder = Path(tempfile.mkdtemp(prefix="howdah-bench-"))
    try:
        report = filled(folder / "many", FILES)
        scale = FILES / 1_000_000
        bench.value(
            "1,000,000 files of 1 KiB, end to end", report["seconds"] / scale, "s", must="<= 90", aim="<= 30"
        )
        bench.value("the same, peak memory", report["peak_mib"], "MiB", must="<= 400")
        filled(folder / "few", FEW)
        bench.value("point read, cold", cold_read_ms(folder / "many"), "ms", must="<= 1")
        with OpenStore(folder / "few") as store:
            store.start()
            few_s, _ = changes_s(store.versions, folder, FEW)
        with OpenStore(folder / "many") as store:
            store.start()
            versions = store.versions
            many_s, refs = changes_s(versions, folder, FILES)
            bench.value("commit of 100 changes, less syncs", many_s * 1000, "ms", must="<= 50", aim="<= 10")
            peer = (f"{FEW:,} files", few_s * 1000)
            bench.ratio(
                "the same at 10^6 against 10^4", many_s * 1000, "ms", peer=peer, must="<= 2", aim="<= 1.5"
            )
            roots = [versions.files(ref).roots.content for ref in refs]
            taken = median_s(lambda: list(versions.trees.diff(roots[-2], roots[-1]))) * 1000
            bench.value("diff of two commits 100 files apart", taken, "ms", must="<= 30", aim="<= 5")
            point_reads(bench, versions)
    finally:
        shutil.rmtree(folder)
    bench.finish()


if __name__ == "__main__":
    if sys.argv[1:2] == ["fill"]:
        fill(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
