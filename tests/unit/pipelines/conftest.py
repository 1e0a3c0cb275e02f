"""A store, an engine and real workers in one folder; no network."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from howdah.core.clock import SystemClock
from howdah.core.refs import CommitId, CommitSpec, RepoRef
from howdah.pachd.pipelines import operations, tables
from howdah.pachd.pipelines.engine import Engine
from howdah.pachd.pipelines.logs import LogQuery, LogStore
from howdah.pachd.pipelines.meta import Meta
from howdah.pachd.pipelines.records import JobInfo, PipelineInfo
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.pipelines.stored_files import StoredFiles
from howdah.pachd.pipelines.workers.cache import InputCache
from howdah.pachd.pipelines.workers.task import WorkerSetup
from howdah.pachd.pipelines.workers.worker import Worker
from howdah.pachd.pipelines.workers.workplace import Places, Workplace, detect_isolation
from howdah.pachd.versions import View
from howdah.pachd.versions.names import validate_path
from howdah.pachd.versions.opening import OpenStore
from howdah.processes.environments import Environment
from howdah.processes.spawner import Spawner

WAIT_S = 30.0


class HostImages:
    """Every image is the host."""

    def prepare(self, image: str, progress: Callable[[str], None]) -> Environment:
        return Environment()


class Plant:
    """Everything between commits and user code."""

    def __init__(self, root: Path, spawner: Spawner) -> None:
        clock = SystemClock()
        self.store = OpenStore(root / "pachd", schemas=[tables.SCHEMA])
        self.versions = self.store.versions
        self.files = StoredFiles(self.versions)
        self.logs = LogStore(root / "logs", clock)
        places = Places(root, root / "workers", root / "cache")
        self.workers = places.workers
        workplace = Workplace(
            spawner, places, self.files, InputCache(places.cache, "boot"), self.logs, HostImages(), clock,
            detect_isolation(spawner, root, clock), _check_path,
        )  # fmt: skip
        workplace.clean()

        self.hindrances: list[Exception] = []
        """What happens instead to who would hire a worker, one after the other."""

        def make(setup: WorkerSetup) -> Worker:
            if self.hindrances:
                raise self.hindrances.pop()
            return Worker(workplace, setup, {"PATH": os.environ["PATH"]})

        self.engine = Engine(self.versions, self.files, self.logs, make, {})
        self._closed = False
        self.store.start()
        self.engine.start()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.engine.stop()
            self.store.close()

    # -- short ways to do the everyday things

    def repo(self, *names: str) -> None:
        for name in names:
            self.versions.transact(lambda tx, name=name: tx.create_repo(RepoRef(name)))

    def put(self, repo: str, files: Mapping[str, bytes | None], branch: str = "master") -> CommitId:
        """One commit; None deletes."""
        with self.versions.modify(CommitSpec(RepoRef(repo), branch)) as session:
            for path, data in files.items():
                if data is None:
                    session.delete(path)
                else:
                    session.put(path, data)
        assert session.commit is not None
        return session.commit.id

    def pipeline(
        self,
        name: str,
        input: Mapping[str, object],
        script: str,
        *,
        update: bool = False,
        reprocess: bool = False,
        transform: Mapping[str, object] | None = None,
        **more: object,
    ) -> PipelineInfo:
        spec = {
            "pipeline": {"name": name},
            "input": input,
            "transform": {"cmd": ["sh", "-e"], "stdin": [script], **(transform or {})},
        }
        text = json.dumps(spec | more)
        return self.versions.transact(
            lambda tx: operations.create(
                tx, operations.effective(tx, text), update=update, reprocess=reprocess
            )
        )

    def latest(self, name: str) -> JobInfo:
        with self.versions.view() as view:
            return next(iter(tables.jobs(view.connection, PipelineRef(name))))

    def wait(self, name: str, id: CommitId | None = None) -> JobInfo:
        """The job, ended."""
        ref = JobRef(PipelineRef(name), id or self.latest(name).ref.id)

        def look(view: View) -> JobInfo | None:
            info = tables.job(view.connection, ref)
            return info if info is not None and info.state.terminal else None

        return self.versions.wait_until(look, (str(ref),), f"waiting for {ref}", WAIT_S)

    def until(self, name: str, holds: Callable[[JobInfo], bool]) -> JobInfo:
        """The newest job, once it is as wanted."""
        ref = self.latest(name).ref

        def look(view: View) -> JobInfo | None:
            info = tables.job(view.connection, ref)
            return info if info is not None and holds(info) else None

        return self.versions.wait_until(look, (str(ref),), f"watching {ref}", WAIT_S)

    def output(self, name: str, branch: str = "master") -> dict[str, bytes]:
        files = self.versions.files(CommitSpec(RepoRef(name), branch))
        return {file.path: b"".join(files.read(file)) for file in files.tree.files()}

    def meta_files(self, job: JobRef) -> dict[str, bytes]:
        files = self.versions.files(job.meta)
        return {file.path: b"".join(files.read(file)) for file in files.tree.files()}

    @contextmanager
    def logs_of(self, name: str, job: CommitId) -> Iterator[Iterator[str]]:
        """What user code says, as it says it."""
        over = threading.Event()
        lines = self.logs.read(LogQuery(PipelineRef(name), job), follow=True, cancelled=over.is_set)
        yield (line.message for line in lines if line.user)
        over.set()

    def metas(self, job: JobRef) -> list[Meta]:
        return list(self.files.metas(job.meta))

    def said(self, name: str, job: CommitId | None = None) -> list[str]:
        return [line.message for line in self.logs.read(LogQuery(PipelineRef(name), job)) if line.user]


def _check_path(path: str) -> None:
    validate_path(path)


@pytest.fixture(scope="session")
def spawner() -> Iterator[Spawner]:
    with Spawner.start() as started:
        yield started


@pytest.fixture
def open_plant(tmp_path: Path, spawner: Spawner) -> Iterator[Callable[[], Plant]]:
    """Opens the same folder again and again; each is closed at the end if it was not before."""
    made: list[Plant] = []

    def start() -> Plant:
        made.append(Plant(tmp_path, spawner))
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture
def plant(open_plant: Callable[[], Plant]) -> Plant:
    return open_plant()
