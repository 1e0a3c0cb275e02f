"""Rows of `make bench-pipelines`: what a worker adds to a datum, against the same command spawned bare.

One input file and one output file a datum; the repo behind is memory, so that only the worker is
measured. Also: what it costs to build a sandbox, how two workers share the processors, and
how many small files a second come out.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from harness import Bench

from howdah.core.clock import SystemClock
from howdah.core.messages.catalogue import catalogue
from howdah.core.refs import CommitId, RepoRef
from howdah.errors import Unavailable
from howdah.pachd.pipelines.datums import Datum, InputFile, Source
from howdah.pachd.pipelines.logs import LogStore
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.pipelines.spec import Transform
from howdah.pachd.pipelines.workers.cache import InputCache
from howdah.pachd.pipelines.workers.isolation import Detected, Isolation
from howdah.pachd.pipelines.workers.task import DatumTask, WorkerSetup
from howdah.pachd.pipelines.workers.worker import Worker
from howdah.pachd.pipelines.workers.workplace import Places, Workplace
from howdah.pachd.storage.content import Content, inline_content
from howdah.pachd.wire.batch_ports import GrpcBatchPorts
from howdah.processes.environments import Environment
from howdah.processes.spawner import Spawner

DATUMS = 200
BUSY = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"
PIPELINE = PipelineRef("bench")
COMMIT = CommitId("1" * 32)


class OneFile:
    def files(self, file: InputFile) -> Iterator[tuple[str, Content]]:
        yield file.path, inline_content(b"data")

    def read(self, content: Content) -> Iterator[bytes]:
        yield b"data"


class Here:
    def prepare(self, image: str, progress: Callable[[str], None]) -> Environment:
        return Environment()


def workplace(spawner: Spawner, state: Path, isolation: Isolation) -> Workplace:
    clock = SystemClock()
    return Workplace(
        spawner, Places(state, state / "workers", state / "cache"), OneFile(),
        InputCache(state / "cache", "b"), LogStore(state / "logs", clock), Here(), clock,
        Detected(isolation), lambda path: None,
    )  # fmt: skip


def worker(place: Workplace, *cmd: str) -> Worker:
    setup = WorkerSetup(PIPELINE, COMMIT, Transform(cmd=cmd))
    return Worker(place, setup, {"PATH": os.environ["PATH"]})


def task(number: int) -> DatumTask:
    source = Source("in", RepoRef("in"), "master", COMMIT)
    file = InputFile(source, f"/{number}", b"h" * 32, 4)
    return DatumTask(JobRef(PIPELINE, COMMIT), Datum((file,)), COMMIT, tries=1)


def drive(driven: Worker, count: int) -> int:
    files = 0
    for number in range(count):
        result = driven.run(task(number))
        if result.output is None:
            raise SystemExit(f"a datum failed: {result.reason}")
        files += len(list(result.output))
        result.output.close()
    return files


def per_datum_ms(driven: Worker) -> float:
    began = time.perf_counter()
    drive(driven, DATUMS)
    return (time.perf_counter() - began) / DATUMS * 1000


def bare_ms(argv: list[str]) -> float:
    began = time.perf_counter()
    for _ in range(DATUMS):
        subprocess.run(argv, check=True, capture_output=True)
    return (time.perf_counter() - began) / DATUMS * 1000


def alone(argv: list[str]) -> list[str]:
    """The command in fresh namespaces of its own, by the cheapest program for that."""
    as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_root, "--mount", "--pid", "--ipc", "--fork", *argv]


def judge(bench: Bench, name: str, ours: float, bare: float, namespaces: float) -> None:
    """All in ms. The must: half as much again as the same command spawned bare, and what namespaces cost.

    The aim leaves out the namespaces: a worker makes them once and not for each datum.
    """
    bench.value(f"{name}: spawned bare", bare, "ms")
    bench.value(f"{name}: what namespaces add to that", namespaces, "ms")
    bound = 1.5 * bare + namespaces
    bench.value(f"{name}: by Howdah", ours, "ms", must=f"<= {bound:.3f}", aim=f"<= {1.5 * bare:.3f}")


def built_ms(place: Workplace) -> float:
    fresh = worker(place, "true")
    began = time.perf_counter()
    drive(fresh, 1)
    taken = (time.perf_counter() - began) * 1000
    fresh.close()
    return taken


def together_s(place: Workplace, count: int, datums: int) -> float:
    """`datums` busy ones, shared among `count` workers."""
    workers = [worker(place, "sh", "-c", BUSY) for _ in range(count)]
    for each in workers:
        drive(each, 1)
    threads = [threading.Thread(target=drive, args=(each, datums // count)) for each in workers]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - began
    for each in workers:
        each.close()
    return taken


BATCH = "from pachyderm_sdk import batch_all_datums\n@batch_all_datums\ndef main(): pass\nmain()"
FAST_BATCH = f"import howdah\nhowdah.accelerate()\n{BATCH}"


def batched(bench: Bench, place: Workplace) -> None:
    """No-op datums through the SDK's own client, whose codec and reader of `.env` set the floor."""
    plain, fast = _batching(place, BATCH), _batching(place, FAST_BATCH)
    times = bench.interleave(
        {"plain": lambda: per_datum_ms(plain), "fast": lambda: per_datum_ms(fast)}, rounds=5, warmups=1
    )
    bench.value("batched no-op datums by the SDK", 1000 / times["plain"], "datums/s", must=">= 300")
    bench.value("the same, accelerated", 1000 / times["fast"], "datums/s", aim=">= 1000")
    plain.close()
    fast.close()


def _batching(place: Workplace, code: str) -> Worker:
    transform = Transform(cmd=(sys.executable, "-c", code), datum_batching=True)
    ports = GrpcBatchPorts(catalogue())
    setup = WorkerSetup(PIPELINE, COMMIT, transform, env={"PYTHONPATH": os.environ.get("PYTHONPATH", "")})
    return Worker(replace(place, batch_ports=ports), setup, dict(os.environ))


def rows(bench: Bench, spawner: Spawner, folder: Path) -> None:
    best: Workplace | None = None
    for isolation in Isolation:
        place = workplace(spawner, folder / isolation.value, isolation)
        try:
            measure(bench, isolation, place)
        except Unavailable as error:
            print(f"{isolation.value} is not to be had here: {error}")
            continue
        best = best or place
    assert best is not None
    batched(bench, best)
    parallel(bench, best)


def measure(bench: Bench, isolation: Isolation, place: Workplace) -> None:
    noop = worker(place, "true")
    writing = worker(
        place,
        "sh",
        "-c",
        "echo x > $PFS_ROOT/out/x" if isolation is Isolation.PLAIN else "echo x > /pfs/out/x",
    )
    drive(noop, 1)
    drive(writing, 1)
    target = place.places.state / "x"
    bare, bare_writing = ["true"], ["sh", "-c", f"echo x > {target}"]
    sides = {
        "no-op": lambda: per_datum_ms(noop),
        "bare": lambda: bare_ms(bare),
        "writing": lambda: per_datum_ms(writing),
        "bare writing": lambda: bare_ms(bare_writing),
    }
    if isolation.shuts_in:
        sides["namespaced"] = lambda: bare_ms(alone(bare))
    times = bench.interleave(sides, rounds=5)
    for what, spawned in (("no-op", "bare"), ("writing", "bare writing")):
        name = f"{isolation.value}, {what} datum"
        if isolation.shuts_in:
            judge(bench, name, times[what], times[spawned], times["namespaced"] - times["bare"])
        else:  # the must is for code that is shut in
            bench.ratio(name, times[what], "ms", peer=("bare", times[spawned]))
    bench.value(f"{isolation.value}: first datum of a worker", built_ms(place), "ms", aim="<= 100")
    noop.close()
    writing.close()


def parallel(bench: Bench, place: Workplace) -> None:
    times = bench.interleave(
        {"one": lambda: together_s(place, 1, 8), "two": lambda: together_s(place, 2, 8)}, rounds=3
    )
    bench.ratio("two workers on busy datums", times["two"], "s", peer=("one", times["one"]), must="<= 0.556")
    script = "import os\nfor n in range(10000): open(f'/pfs/out/{n}', 'w').write('x')"
    many = worker(place, "python3", "-c", script)
    drive(many, 1)
    began = time.perf_counter()
    files = drive(many, 1)
    bench.value("small files out of one datum", files / (time.perf_counter() - began), "files/s")
    many.close()
