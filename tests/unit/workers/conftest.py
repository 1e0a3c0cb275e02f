"""A place with real sandboxes, real caches and logs; only the repo behind the inputs is a dict."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from howdah.core.clock import SystemClock
from howdah.core.refs import CommitId, RepoRef
from howdah.errors import Invalid, Unavailable
from howdah.pachd.pipelines.datums import Datum, InputFile, Source
from howdah.pachd.pipelines.logs import Caps, LogQuery, LogStore
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.pipelines.spec import Resources, Transform
from howdah.pachd.pipelines.workers.cache import InputCache
from howdah.pachd.pipelines.workers.isolation import Detected, Isolation
from howdah.pachd.pipelines.workers.layout import View
from howdah.pachd.pipelines.workers.sandbox import Sandbox
from howdah.pachd.pipelines.workers.task import (
    CopiedInput,
    DatumResult,
    DatumTask,
    LocalFile,
    WorkerSetup,
)
from howdah.pachd.pipelines.workers.worker import Worker
from howdah.pachd.pipelines.workers.workplace import BatchPorts, Guard, Places, Workplace
from howdah.pachd.storage.content import Content, hash_of
from howdah.processes.environments import Environment, own_prefixes
from howdah.processes.spawner import Spawner

PIPELINE = PipelineRef("edges", "default")
JOB = JobRef(PIPELINE, CommitId("1" * 32))
COMMIT = CommitId("2" * 32)


@dataclass
class MemoryData:
    """Repos as dictionaries."""

    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    reads: int = 0

    def files(self, file: InputFile) -> Iterator[tuple[str, Content]]:
        for path, data in sorted(self.repos[file.source.repo.name].items()):
            if path == file.path or (file.path.endswith("/") and path.startswith(file.path)):
                yield path, Content(len(data), hash_of(data), b"")

    def read(self, content: Content) -> Iterator[bytes]:
        self.reads += 1
        for files in self.repos.values():
            for data in files.values():
                if hash_of(data) == content.hash:
                    for start in range(0, len(data), 1 << 16):
                        yield data[start : start + (1 << 16)]
                    return
        raise Unavailable("no such content")


@dataclass
class FixedImages:
    environment: Environment = field(default_factory=lambda: Environment(visible=own_prefixes()))

    def prepare(self, image: str, progress: Callable[[str], None]) -> Environment:
        return self.environment


def check_path(path: str) -> None:
    if set(path) & set("*?[]"):
        raise Invalid(f"{path}: a path in a repo cannot hold any of *?[]")


class Shop:
    """Makes workers, and keeps what they share."""

    def __init__(self, root: Path, spawner: Spawner, isolation: Isolation) -> None:
        self.root = root
        self.isolation = isolation
        self.spawner = spawner
        self.state = root / "state"
        self.clock = SystemClock()
        self.data = MemoryData()
        self.logs = LogStore(self.state / "logs", self.clock, Caps(datum_bytes=1 << 16))
        self.cache = InputCache(self.state / "cache", "boot")
        self.images = FixedImages()
        self.guard = Guard(disk_reserve_bytes=0)
        self.batch_ports: BatchPorts | None = None
        self.outer: dict[str, str] = {"PATH": os.environ["PATH"]}
        self._workers: list[Worker] = []
        (self.state / "store").mkdir(parents=True)
        (self.state / "store" / "database").write_text("precious")

    @property
    def workplace(self) -> Workplace:
        places = Places(self.state, self.state / "workers", self.state / "cache")
        return Workplace(
            self.spawner, places, self.data, self.cache, self.logs, self.images, self.clock,
            Detected(self.isolation), check_path, self.batch_ports, self.guard,
        )  # fmt: skip

    def worker(
        self,
        *cmd: str,
        limits: Resources | None = None,
        setup: Mapping[str, object] | None = None,
        **transform: object,
    ) -> Worker:
        made = Worker(
            self.workplace,
            WorkerSetup(
                PIPELINE,
                COMMIT,
                Transform(cmd=cmd, **transform),  # type: ignore[arg-type]
                limits or Resources(),
                **(setup or {}),  # type: ignore[arg-type]
            ),
            self.outer,
        )
        self._workers.append(made)
        return made

    def sh(self, script: str, **rest: object) -> Worker:
        """A worker that runs a script by `sh -c`."""
        return self.worker("sh", "-c", script, **rest)  # type: ignore[arg-type]

    def task(
        self, files: Mapping[str, bytes] | None = None, *, path: str = "/", input: str = "in", **rest: object
    ) -> DatumTask:
        """One datum of one input; `rest` are fields of Source and of DatumTask."""
        if files is not None:
            self.data.repos[input] = dict(files)
        self.data.repos.setdefault(input, {})
        of_source = {key: rest.pop(key) for key in ("lazy", "empty_files") if key in rest}
        source = Source(input, RepoRef(input), "master", COMMIT, **of_source)  # type: ignore[arg-type]
        inputs = (InputFile(source, path, b"h" * 32, 1),)
        return DatumTask(JOB, Datum(inputs), CommitId("3" * 32), **{"tries": 1, **rest})  # type: ignore[arg-type]

    def log(self) -> list[str]:
        return [line.message for line in self.logs.read(LogQuery(PIPELINE)) if line.user]

    def close(self) -> None:
        for worker in self._workers:
            worker.close()


def outputs(result: DatumResult) -> dict[str, bytes | Content]:
    """What a result holds, read whole; closes it."""
    assert result.output is not None, result.reason
    found: dict[str, bytes | Content] = {}
    for file in result.output:
        match file:
            case LocalFile(path, source, size):
                found[path] = source.read_bytes()
                assert len(source.read_bytes()) == size
            case CopiedInput(path, content):
                found[path] = content
    result.output.close()
    return found


@pytest.fixture(scope="session")
def spawner() -> Iterator[Spawner]:
    with Spawner.start() as started:
        yield started


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where sandboxes can be told to hide something: not below /tmp, which they replace whole."""
    base = Path(os.environ.get("HOWDAH_TEST_FOLDER", "/var/lib"))
    made = (base if os.access(base, os.W_OK) else Path.home()) / f"howdah-test-{os.getpid()}-{tmp_path.name}"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(params=list(Isolation), ids=lambda isolation: isolation.value)
def isolation(request: pytest.FixtureRequest, spawner: Spawner, tmp_path: Path) -> Isolation:
    chosen = request.param
    assert isinstance(chosen, Isolation)
    if chosen.shuts_in:
        for name in ("pfs/out", "out", "tmp"):
            (tmp_path / "trial" / name).mkdir(parents=True)
        try:
            Sandbox.start(spawner, chosen, View(tmp_path / "trial"), SystemClock()).close()
        except Unavailable as error:
            pytest.skip(f"this system refuses {chosen.value}: {error}")
    return chosen


@pytest.fixture
def shop(folder: Path, spawner: Spawner, isolation: Isolation) -> Iterator[Shop]:
    made = Shop(folder, spawner, isolation)
    yield made
    made.close()


@pytest.fixture
def read() -> Callable[[DatumResult], dict[str, bytes | Content]]:
    return outputs
