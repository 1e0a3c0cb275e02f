"""`make bench-pipelines`: jobs from commit to commit, in process, on a real store with real sandboxes.

The daemon's parts are put together as the daemon does, without its network, so that what is
measured is pipelines and not gRPC.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pipeline_workers
from harness import Bench

from howdah.core.clock import SystemClock
from howdah.core.messages.catalogue import catalogue
from howdah.core.refs import CommitId, CommitSpec, RepoRef
from howdah.pachd.pipelines import changing_jobs, operations, tables
from howdah.pachd.pipelines.datums import datums
from howdah.pachd.pipelines.engine import Engine
from howdah.pachd.pipelines.jobrun import fixed_input
from howdah.pachd.pipelines.logs import LogQuery, LogStore
from howdah.pachd.pipelines.meta import Meta, ProcessStats, encode, meta_path
from howdah.pachd.pipelines.records import Counts, JobInfo, JobState, PipelineInfo
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.pipelines.stored_files import StoredFiles
from howdah.pachd.pipelines.workers.cache import InputCache
from howdah.pachd.pipelines.workers.task import WorkerSetup
from howdah.pachd.pipelines.workers.worker import Worker
from howdah.pachd.pipelines.workers.workplace import Places, Workplace, detect_isolation
from howdah.pachd.versions import Transaction, View
from howdah.pachd.versions.names import validate_path
from howdah.pachd.versions.opening import OpenStore
from howdah.pachd.wire.batch_ports import GrpcBatchPorts
from howdah.processes.environments import Environments
from howdah.processes.spawner import Spawner

MANY = 100_000
WAIT_S = 300.0


class Plant:
    """Store, engine and workers in a folder of their own."""

    def __init__(self, root: Path, spawner: Spawner) -> None:
        clock = SystemClock()
        self.store = OpenStore(root / "pachd", schemas=[tables.SCHEMA])
        self.versions = self.store.versions
        files = StoredFiles(self.versions)
        self.logs = LogStore(root / "logs", clock)
        places = Places(root, root / "workers", root / "cache")
        images = Environments(spawner, root, root / "images", dict(os.environ))
        workplace = Workplace(
            spawner, places, files, InputCache(places.cache, "boot"), self.logs, images, clock,
            detect_isolation(spawner, root, clock), _check_path, GrpcBatchPorts(catalogue()),
        )  # fmt: skip
        workplace.clean()

        def make(setup: WorkerSetup) -> Worker:
            return Worker(workplace, setup, dict(os.environ))

        self.engine = Engine(self.versions, files, self.logs, make, {})
        self.files = files
        self.store.start()
        self._started = False

    def start(self) -> None:
        """Let jobs be worked on."""
        self._started = True
        self.engine.start()

    def close(self) -> None:
        if self._started:
            self.engine.stop()
        self.store.close()

    def repo(self, name: str) -> str:
        self.versions.transact(lambda tx: tx.create_repo(RepoRef(name)))
        return name

    def put(self, repo: str, files: Mapping[str, bytes]) -> CommitId:
        with self.versions.modify(CommitSpec(RepoRef(repo), "master")) as session:
            for path, data in files.items():
                session.put(path, data)
        assert session.commit is not None
        return session.commit.id

    def finished(self, repo: str, id: CommitId) -> None:
        self.versions.wait_commit(CommitSpec(RepoRef(repo), id), timeout_s=WAIT_S)

    def create(self, name: str, spec: Mapping[str, object]) -> PipelineInfo:
        text = json.dumps({"pipeline": {"name": name}, **spec})
        return self.versions.transact(lambda tx: operations.create(tx, operations.effective(tx, text)))

    def pipeline(self, name: str, reads: str, cmd: list[str], batching: bool = False, **more: object) -> None:
        """One datum a file; its first job is over when this returns."""
        self.create(
            name,
            {
                "input": {"pfs": {"repo": reads, "name": "in", "glob": "/*"}},
                "transform": {"cmd": cmd, "datum_batching": batching},
                **more,
            },
        )
        self.wait(name)

    def wait(self, name: str, id: CommitId | None = None) -> JobInfo:
        with self.versions.view() as view:
            newest = next(iter(tables.jobs(view.connection, PipelineRef(name))))
        ref = JobRef(PipelineRef(name), id or newest.ref.id)

        def look(view: View) -> JobInfo | None:
            info = tables.job(view.connection, ref)
            return info if info is not None and info.state.terminal else None

        info = self.versions.wait_until(look, (str(ref),), f"waiting for {ref}", WAIT_S)
        if info.state is not JobState.SUCCESS:
            raise SystemExit(f"{ref}: {info.state.name}: {info.reason}")
        return info

    def seconds(self, name: str, id: CommitId) -> float:
        """From the job's birth to its end."""
        info = self.wait(name, id)
        assert info.finished_ns is not None
        return (info.finished_ns - info.created_ns) / 1e9


def _check_path(path: str) -> None:
    validate_path(path)


def begins(plant: Plant, bench: Bench) -> None:
    """Commit finished to user code started, as user code's own clock has it."""
    repo = plant.repo("begins")
    plant.put(repo, {"/f": b"0"})
    plant.pipeline("begins-p", repo, ["date", "+%s.%N"])
    waits = []
    for n in range(1, 16):
        id = plant.put(repo, {"/f": str(n).encode()})
        plant.wait("begins-p", id)
        with plant.versions.view() as view:
            commit = view.commit(CommitSpec(RepoRef(repo), id))
        lines = [line for line in plant.logs.read(LogQuery(PipelineRef("begins-p"), id)) if line.user]
        assert commit.finished_ns is not None
        waits.append(float(lines[0].message) - commit.finished_ns / 1e9)
    waits.sort()
    bench.value("commit finished to user code", waits[len(waits) // 2] * 1e3, "ms", must="<= 50")


def per_datum(plant: Plant, bench: Bench) -> None:
    """A datum against the same command spawned bare, and in namespaces of its own."""
    count = 200
    repo = plant.repo("overhead")
    plant.put(repo, {"/f0": b"x"})
    plant.pipeline("overhead-p", repo, ["true"], datum_set_spec={"number": count})
    rounds = iter(range(1, 100))

    def ours() -> float:
        n = next(rounds)
        id = plant.put(repo, {f"/r{n}-{i}": b"x" for i in range(count)})
        return plant.seconds("overhead-p", id) / count

    def bare() -> float:
        began = time.perf_counter()
        for _ in range(count):
            subprocess.run(["true"], check=True)
        return (time.perf_counter() - began) / count

    def namespaced() -> float:
        argv = pipeline_workers.alone(["true"])
        began = time.perf_counter()
        for _ in range(count):
            subprocess.run(argv, check=True)
        return (time.perf_counter() - began) / count

    times = bench.interleave({"ours": ours, "bare": bare, "namespaced": namespaced}, rounds=3)
    in_ms = {name: taken * 1e3 for name, taken in times.items()}
    added = in_ms["namespaced"] - in_ms["bare"]
    pipeline_workers.judge(bench, "a datum of a job", in_ms["ours"], in_ms["bare"], added)


BATCHED = """
from pachyderm_sdk import batch_all_datums
@batch_all_datums
def main():
    pass
main()
"""


def batched(plant: Plant, bench: Bench) -> None:
    count = 1000
    repo = plant.repo("batch")
    plant.put(repo, {"/f0": b"x"})
    plant.pipeline("batch-p", repo, [sys.executable, "-c", BATCHED], batching=True)
    rates = []
    for n in range(3):
        id = plant.put(repo, {f"/r{n}-{i}": b"x" for i in range(count)})
        rates.append(count / plant.seconds("batch-p", id))
    bench.value("batched no-op datums", sorted(rates)[1], "datums/s", must=">= 300", aim=">= 1000")


def many(plant: Plant, bench: Bench) -> None:
    """A hundred thousand datums: one changed, none changed."""
    repo = plant.repo("many")
    plant.finished(repo, plant.put(repo, {f"/{i:06d}": b"x" for i in range(MANY)}))
    _lay_down_base(plant, repo, "many-p", {"pfs": {"repo": repo, "name": "in", "glob": "/*"}})
    plant.start()
    one = [plant.seconds("many-p", plant.put(repo, {"/000007": str(n).encode()})) for n in range(3)]
    bench.value(f"one change in {MANY:,} datums", sorted(one)[1], "s", must="<= 1")
    skips = [plant.seconds("many-p", plant.put(repo, {"/000007": b"2"})) for _ in range(3)]
    bench.value(f"{MANY:,} unchanged datums skipped", sorted(skips)[1], "s", must="<= 2")


def enumerated(plant: Plant, bench: Bench) -> None:
    """A union cannot take the short way: every datum is enumerated and compared."""
    repo = plant.repo("enumerated")
    plant.finished(repo, plant.put(repo, {f"/{i:06d}": b"x" for i in range(MANY)}))
    legs = [{"pfs": {"repo": repo, "name": "in", "glob": glob}} for glob in ("/0[0-4]*", "/0[5-9]*")]
    _lay_down_base(plant, repo, "long-p", {"union": legs})
    plant.start()
    times = [plant.seconds("long-p", plant.put(repo, {"/000007": str(n).encode()})) for n in range(3)]
    bench.value(f"one change in {MANY:,} datums of a union", sorted(times)[1], "s")


def _lay_down_base(plant: Plant, repo: str, name: str, input: Mapping[str, object]) -> None:
    """A first job as if every datum had been processed; running them all would take many minutes."""
    info = plant.create(name, {"input": input, "transform": {"cmd": ["true"]}})
    with plant.versions.view() as view:
        job = next(iter(tables.jobs(view.connection, info.ref)))
        fixed = fixed_input(view, info.spec, job.ref)
    writing = plant.files.writing()
    count = 0
    for datum in datums(fixed, plant.files):
        meta = Meta(job.ref, datum, datum.hash(info.salt))
        writing.put(meta_path(datum.id), [encode(meta)])
        count += 1
    writing.seal()

    def change(tx: Transaction) -> None:
        now = changing_jobs.require(tx, job.ref)
        writing.attach(tx, job.ref.meta)
        changing_jobs.progress(tx, now, Counts(processed=count, total=count), ProcessStats())
        changing_jobs.finish_work(tx, now)

    plant.versions.transact(change)
    writing.close()
    plant.wait(name)


SPIN = "import time; t = time.process_time()\nwhile time.process_time() - t < 0.5: pass"


def two_workers(plant: Plant, bench: Bench) -> None:
    count = 12
    repo = plant.repo("cpu")
    plant.put(repo, {"/f0": b"x"})
    cmd = [sys.executable, "-I", "-S", "-c", SPIN]
    plant.pipeline("one-p", repo, cmd, datum_set_spec={"number": 1})

    other = plant.repo("cpu2")
    plant.put(other, {"/f0": b"x"})
    plant.pipeline("two-p", other, cmd, datum_set_spec={"number": 1}, parallelism_spec={"constant": 2})
    rounds = iter(range(100))

    def run(source: str, name: str) -> Callable[[], float]:
        def go() -> float:
            n = next(rounds)
            return plant.seconds(name, plant.put(source, {f"/r{n}-{i}": b"x" for i in range(count)}))

        return go

    times = bench.interleave({"two": run(other, "two-p"), "one": run(repo, "one-p")}, rounds=3)
    bench.ratio(
        "two workers' rate against one's",
        1 / times["two"],
        "1/s",
        peer=("one", 1 / times["one"]),
        must=">= 1.8",
    )


def chain(plant: Plant, bench: Bench) -> None:
    links = 20
    repo = plant.repo("chain")
    plant.put(repo, {"/f": b"0"})
    reads = repo
    for n in range(links):
        plant.pipeline(f"link-{n}", reads, ["cp", "-r", "/pfs/in/f", "/pfs/out/"])
        reads = f"link-{n}"
    times = []
    for n in range(1, 6):
        id = plant.put(repo, {"/f": str(n).encode()})
        first, last = plant.wait("link-0", id), plant.wait(f"link-{links - 1}", id)
        assert first.finished_ns is not None and last.finished_ns is not None
        times.append((last.finished_ns - first.finished_ns) / 1e6 / (links - 1))
    bench.value(f"a link in a chain of {links}", sorted(times)[2], "ms", must="<= 100")


def large_cross(plant: Plant, bench: Bench) -> None:
    """A cross of 1,000 by 1,000 starts working at once."""
    left, right = plant.repo("left"), plant.repo("right")
    for side in (left, right):
        plant.finished(side, plant.put(side, {f"/{i:04d}": b"x" for i in range(1000)}))
    legs = [{"pfs": {"repo": side, "glob": "/*"}} for side in (left, right)]
    began = time.perf_counter()
    info = plant.create("cross-p", {"input": {"cross": legs}, "transform": {"cmd": ["true"]}})
    said = threading.Event()
    lines = plant.logs.read(LogQuery(info.ref), follow=True, cancelled=said.is_set)
    next(iter(lines))
    bench.value("a cross of 1,000,000 datums: first datum", time.perf_counter() - began, "s", must="<= 1")
    plant.versions.transact(lambda tx: operations.delete(tx, info.ref))


def main() -> None:
    bench = Bench("pipelines")
    chosen = sys.argv[1:] or [*PARTS, "workers"]
    with ExitStack() as stack:
        spawner = stack.enter_context(Spawner.start())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="howdah-bench-")))
        catalogue()
        for name in chosen:
            if name == "workers":
                pipeline_workers.rows(bench, spawner, folder / name)
                continue
            plant = Plant(folder / name, spawner)
            stack.callback(plant.close)
            if name not in ("many", "enumerated"):
                plant.start()
            PARTS[name](plant, bench)
    bench.finish()


PARTS: Mapping[str, Callable[[Plant, Bench], None]] = {
    "begins": begins,
    "per_datum": per_datum,
    "batched": batched,
    "two_workers": two_workers,
    "chain": chain,
    "large_cross": large_cross,
    "many": many,
    "enumerated": enumerated,
}

if __name__ == "__main__":
    main()
