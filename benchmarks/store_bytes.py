"""Bytes in and out: 1 GiB against borg, restic, cp and pread; edits; many small files.

The peers run as their users run them, from the command line into a new repository on the same disk, with
their defaults but for encryption, which borg lets us leave out. Ours runs in process and is durable and
indexed when the clock stops; the peers sync less. Everything is in the page cache to begin with.
"""

import contextlib
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import Bench

from howdah.core.refs import CommitSpec, RepoRef
from howdah.pachd.storage import tables
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.content import Content
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.files import LocalObjects
from howdah.pachd.versions.opening import OpenStore

GIB, MIB = 1 << 30, 1 << 20
READ_BYTES = 8 * MIB
ROUNDS = 3
EDITS, EDITED_SHARE = 26, 0.01
SCATTERED, SCATTERED_BYTES = 2621, 4096
SMALL_FILES, SMALL_BYTES = 10_000, 1024
KINDS = ("whole", "edited", "scattered", "small")


def run(bench: Bench) -> None:
    with tempfile.TemporaryDirectory(prefix="howdah-bench-") as name:
        _run(bench, Path(name))


def _run(bench: Bench, folder: Path) -> None:
    # Gigabytes in memory, for a moment: in a process that ends.
    subprocess.run([sys.executable, __file__, "sources", folder], check=True)
    source = {kind: folder / kind for kind in KINDS}
    times: defaultdict[str, list[float]] = defaultdict(list)
    growth: dict[str, float] = {}

    def ours() -> float:
        with _store(folder / "ours") as (blobs, size):
            first = _timed(lambda: _put(blobs, source["whole"]))
            before = size()
            times["edited ours"].append(_timed(lambda: _put(blobs, source["edited"])))
            growth["edited"] = (size() - before) / GIB
            before = size()
            times["scattered ours"].append(_timed(lambda: _put(blobs, source["scattered"])))
            growth["scattered"] = (size() - before) / GIB
        times["small ours"].append(_small_commit(folder / "commit", source["small"]))
        return first

    def peer(tool: str, create: Callable[[Path, Path], None], init: Callable[[Path], None]) -> float:
        repository = folder / tool
        init(repository)
        try:
            first = _timed(lambda: create(repository, source["whole"]))
            for kind in ("edited", "small"):
                path = source[kind]
                times[f"{kind} {tool}"].append(_timed(lambda path=path: create(repository, path)))
            return first
        finally:
            shutil.rmtree(repository)

    def cp() -> float:
        return _timed(lambda: _cp(source["whole"], folder / "copy"))

    sides = {
        "ours": ours, "cp": cp,
        "borg": lambda: peer("borg", _borg_create, _borg_init),
        "restic": lambda: peer("restic", _restic_create, _restic_init),
    }  # fmt: skip
    first = bench.interleave(sides, rounds=ROUNDS)
    middle = {name: statistics.median(values) for name, values in times.items()}
    put = "1 GiB random, first time"
    bench.ratio(put, first["ours"], "s", peer=("borg", first["borg"]), must="<= 0.8")
    bench.ratio(put, first["ours"], "s", peer=("restic", first["restic"]), must="<= 0.4")
    bench.ratio(put, first["ours"], "s", peer=("cp + sync", first["cp"]), aim="<= 1.3")
    edited = "1% edited in 26 places"
    bench.ratio(edited, middle["edited ours"], "s", peer=("borg", middle["edited borg"]), must="<= 0.7")
    bench.ratio(edited, middle["edited ours"], "s", peer=("cp + sync", first["cp"]), aim="<= 0.4")
    bench.value(f"{edited}, growth", growth["edited"] * 100, "%", must="<= 4")
    bench.value("2,621 edits of 4 KiB, growth", growth["scattered"] * 100, "%", must="<= 65", aim="<= 25")
    bench.ratio(
        "10,000 x 1 KiB in one commit", middle["small ours"], "s",
        peer=("restic", middle["small restic"]), must="<= 0.3", aim="<= 0.1",
    )  # fmt: skip
    _read_back(bench, folder, source["whole"])


def _read_back(bench: Bench, folder: Path, source: Path) -> None:
    with _store(folder / "read") as (blobs, _):
        content = _put(blobs, source)
        sides = {"ours": lambda: _drain(blobs, content), "pread": lambda: _pread(source)}
        read = bench.interleave(sides, rounds=5, warmups=1)
    bench.ratio(
        "1 GiB read back, verified", read["ours"], "s", peer=("pread", read["pread"]), must="<= 4", aim="<= 3"
    )


@contextlib.contextmanager
def _store(folder: Path) -> Iterator[tuple[Blobs, Callable[[], int]]]:
    folder.mkdir()
    database = Database(folder / "db.sqlite", [tables.SCHEMA])
    blobs = Blobs(LocalObjects(folder / "objects"), database)

    def size() -> int:
        packs = sum(info.size for info in blobs.objects.list("packs/"))
        return packs + (folder / "db.sqlite").stat().st_size

    try:
        yield blobs, size
    finally:
        blobs.close()
        database.close()
        shutil.rmtree(folder)


def _put(blobs: Blobs, source: Path) -> Content:
    with blobs.upload() as upload, source.open("rb", buffering=0) as file:
        while piece := file.read(READ_BYTES):
            upload.write(piece)
        content = upload.end_file()
        upload.sync()
    return content


def _small_commit(folder: Path, source: Path) -> float:
    """From the files to a commit that is FINISHED."""
    repo = RepoRef("small")
    with OpenStore(folder) as store:
        store.start()
        versions = store.versions
        versions.transact(lambda tx: tx.create_repo(repo))

        def commit() -> None:
            with versions.modify(CommitSpec(repo, "master")) as session:
                for path in os.scandir(source):
                    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  pathlib is as dear as the read
                        session.put("/" + path.name, file.read())
            versions.wait_commit(CommitSpec(repo, "master"))

        taken = _timed(commit)
    shutil.rmtree(folder)
    return taken


def _drain(blobs: Blobs, content: Content) -> None:
    if sum(map(len, blobs.read(content))) != GIB:
        raise RuntimeError("read back too little")


def _pread(source: Path) -> None:
    with source.open("rb", buffering=0) as file:
        for start in range(0, GIB, MIB):
            os.pread(file.fileno(), MIB, start)


def _cp(source: Path, target: Path) -> None:
    subprocess.run(["cp", source, target], check=True)
    with target.open("rb") as file:
        os.fdatasync(file.fileno())
    target.unlink()


def _borg_init(repository: Path) -> None:
    subprocess.run(["borg", "init", "--encryption=none", repository], check=True, env=_QUIET)


def _borg_create(repository: Path, source: Path) -> None:
    subprocess.run(["borg", "create", f"{repository}::{time.time_ns()}", source], check=True, env=_QUIET)


def _restic_init(repository: Path) -> None:
    _restic(repository, "init")


def _restic_create(repository: Path, source: Path) -> None:
    _restic(repository, "backup", str(source))


def _restic(repository: Path, *words: str) -> None:
    subprocess.run(["restic", "--quiet", "-r", repository, *words], check=True, env=_QUIET)


_QUIET = os.environ | {
    "RESTIC_PASSWORD": "bench",
    "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
}


def _timed(work: Callable[[], object]) -> float:
    os.sync()  # what others wrote must not be paid for here
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _make_sources(folder: Path) -> None:
    source = {kind: folder / kind for kind in KINDS}
    whole = bytearray(os.urandom(GIB))
    source["whole"].write_bytes(whole)
    places = random.Random(26)
    each = int(GIB * EDITED_SHARE / EDITS)
    edited = bytearray(whole)
    for number in range(EDITS):
        at = places.randrange(GIB - each)
        edited[at : at + (each if number % 2 else 0)] = os.urandom(each)
    source["edited"].write_bytes(edited)
    for _ in range(SCATTERED):
        at = places.randrange(GIB // SCATTERED_BYTES) * SCATTERED_BYTES
        whole[at : at + SCATTERED_BYTES] = os.urandom(SCATTERED_BYTES)
    source["scattered"].write_bytes(whole)
    source["small"].mkdir()
    for number in range(SMALL_FILES):
        (source["small"] / str(number)).write_bytes(os.urandom(SMALL_BYTES))


if __name__ == "__main__" and sys.argv[1:2] == ["sources"]:
    _make_sources(Path(sys.argv[2]))
