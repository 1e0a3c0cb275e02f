"""Trees of a million files: built, changed, compared and read, in memory.

Blocks go to a dictionary, so no row contains a sync or a disk. The peer of building and of reading
is a table of the same paths and contents in SQLite, in memory too.
"""

import gc
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import Bench

from howdah.pachd.storage.content import Content, Hash, chunk_content, hash_of
from howdah.pachd.storage.trees import EMPTY_ROOT, Files, NodeCache, Roots, Trees
from howdah.pachd.storage.trees.edit import apply
from howdah.pachd.storage.trees.nodes import Nodes
from howdah.pachd.storage.trees.sums import FILES

MANY, FEW = 1_000_000, 10_000
ROUNDS = 7


class MemoryBlocks:
    def __init__(self) -> None:
        self.blocks: dict[Hash, bytes] = {}

    def get(self, hash: Hash) -> bytes:
        return self.blocks[hash]

    def get_all(self, hashes: Sequence[Hash]) -> list[bytes]:
        return [self.get(hash) for hash in hashes]

    def put(self, data: bytes) -> Hash:
        hash = hash_of(data)
        self.blocks[hash] = data
        return hash


def run(bench: Bench) -> None:
    with tempfile.TemporaryDirectory() as folder:
        many = Sample(MANY, Path(folder))
        few = Sample(FEW, Path(folder))
        # Millions of objects that belong to the samples: collections would be timed with the trees.
        gc.collect()
        gc.freeze()
        build(bench, many)
        commits(bench, many, few)
        reads(bench, many)


class Sample:
    """A commit of so many files, and further ones of a hundred changes each."""

    def __init__(self, count: int, folder: Path) -> None:
        self.count = count
        self.blocks = MemoryBlocks()
        self.trees = Trees(self.blocks, folder, NodeCache(256 << 20))
        self.entries = [(path_of(i).encode(), content_of(i).encode()) for i in range(count)]
        self.roots = Roots(self.build())
        self.random = random.Random(count)

    def build(self) -> Hash:
        return apply(Nodes(self.blocks, NodeCache()), EMPTY_ROOT, self.entries, FILES)

    def edit(self) -> tuple[Roots, float]:
        """A hundred scattered edits, insertions and deletions; the roots and the seconds taken."""
        writer = self.trees.layer()
        for i in range(100):
            number = self.random.randrange(self.count)
            if i % 3 == 0:
                writer.put(path_of(number), content_of(self.random.randrange(10**9)))
            elif i % 3 == 1:
                writer.put(path_of(number) + ".new", content_of(number))
            else:
                writer.delete(path_of(number))
        began = time.perf_counter()
        roots = self.trees.merge(self.roots, [writer.finish()], no_appends)
        return roots, time.perf_counter() - began


def path_of(number: int) -> str:
    return f"/data/dir-{number // 1000:04d}/file-{number:07d}.csv"


def content_of(number: int) -> Content:
    return chunk_content(1000 + number % 100_000, hash_of(number.to_bytes(8)))


def no_appends(contents: Sequence[Content]) -> Content:
    raise ValueError("nothing here appends")


def build(bench: Bench, many: Sample) -> None:
    def with_sqlite() -> None:
        table_of(many).close()

    times = bench.interleave({"ours": lambda: discard(many.build), "sqlite": with_sqlite}, rounds=3)
    bench.ratio("build of 1,000,000 files", times["ours"], "s", peer=("sqlite", times["sqlite"]))


def commits(bench: Bench, many: Sample, few: Sample) -> None:
    taken: dict[int, list[float]] = {MANY: [], FEW: []}
    compared: dict[int, list[float]] = {MANY: [], FEW: []}
    for sample in (many, few):
        for _ in range(ROUNDS):
            roots, seconds = sample.edit()
            taken[sample.count].append(seconds)
            began = time.perf_counter()
            found = sum(1 for _ in sample.trees.diff(sample.roots.content, roots.content))
            compared[sample.count].append(time.perf_counter() - began)
            assert found > 90
    commit, small = statistics.median(taken[MANY]), statistics.median(taken[FEW])
    bench.value("100 changes to 1,000,000 files", commit * 1e3, "ms", must="<= 50", aim="<= 10")
    bench.ratio(
        "100 changes, 10^6 files",
        commit * 1e3,
        "ms",
        peer=("10^4", small * 1e3),
        must="<= 2",
        aim="<= 1.5",
    )
    difference, small = statistics.median(compared[MANY]), statistics.median(compared[FEW])
    bench.value("diff of 100 changes", difference * 1e3, "ms", must="<= 30", aim="<= 5")
    bench.ratio(
        "diff, 10^6 files",
        difference * 1e3,
        "ms",
        peer=("10^4", small * 1e3),
        must="<= 2",
        aim="<= 1.5",
    )


def reads(bench: Bench, many: Sample) -> None:
    asked = [path_of(many.random.randrange(MANY)) for _ in range(20_000)]
    files = many.trees.files(many.roots.content)
    table = table_of(many)
    select = "SELECT content FROM files WHERE path = ?"

    def with_sqlite() -> float:
        return each(lambda path: Content.decode(table.execute(select, (path.encode(),)).fetchone()[0]), asked)

    times = bench.interleave({"ours": lambda: each(files.get, asked), "sqlite": with_sqlite}, warmups=1)
    table.close()
    warm = times["ours"] * 1e6
    bench.value("point read, warm", warm, "us", must="<= 30", aim="<= 10")
    bench.ratio("point read, warm", warm, "us", peer=("sqlite", times["sqlite"] * 1e6))
    cold = statistics.median(
        each(Files(Nodes(many.blocks, NodeCache()), files.root).get, [path]) for path in asked[:50]
    )
    bench.value("point read, no node in memory", cold * 1e6, "us", must="<= 1000")
    listed = statistics.median(each(lambda path: list(files.listing(path)), ["/data"]) for _ in range(3))
    bench.value("listing of 1,000 directories of 1,000 files", listed * 1e3, "ms")


def each(read: Callable[[str], object], paths: Sequence[str]) -> float:
    """Seconds a path."""
    began = time.perf_counter()
    for path in paths:
        read(path)
    return (time.perf_counter() - began) / len(paths)


def table_of(sample: Sample) -> sqlite3.Connection:
    table = sqlite3.connect(":memory:")
    table.execute("CREATE TABLE files (path BLOB PRIMARY KEY, content BLOB) WITHOUT ROWID")
    table.executemany("INSERT INTO files VALUES (?, ?)", sample.entries)
    table.commit()
    return table


def discard(build: Callable[[], object]) -> None:
    build()


if __name__ == "__main__":
    measured = Bench("trees")
    run(measured)
    measured.finish()
