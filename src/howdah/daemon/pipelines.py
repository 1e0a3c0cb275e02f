"""The pipelines: jobs, workers, logs, and the services by which clients speak to them."""

import contextlib
import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from howdah.core.settings import Settings
from howdah.daemon.pachd import Pachd
from howdah.errors import NotFound
from howdah.pachd.pipelines import secrets
from howdah.pachd.pipelines.engine import Engine
from howdah.pachd.pipelines.logs import LogStore
from howdah.pachd.pipelines.stored_files import StoredFiles
from howdah.pachd.pipelines.workers import variables
from howdah.pachd.pipelines.workers.cache import InputCache
from howdah.pachd.pipelines.workers.task import WorkerSetup
from howdah.pachd.pipelines.workers.worker import Worker
from howdah.pachd.pipelines.workers.workplace import Places, Workplace, detect_isolation
from howdah.pachd.versions import Transaction
from howdah.pachd.versions.names import validate_path
from howdah.pachd.wire.batch_ports import GrpcBatchPorts
from howdah.pachd.wire.pps_datums import DatumCalls
from howdah.pachd.wire.pps_defaults import DefaultsCalls
from howdah.pachd.wire.pps_jobs import JobCalls, JobSetCalls
from howdah.pachd.wire.pps_logs import LogsService, PpsLogCalls
from howdah.pachd.wire.pps_pipelines import CreatePipelineCalls, PipelineCalls
from howdah.pachd.wire.pps_secrets import SecretCalls
from howdah.processes.environments import Environments
from howdah.processes.spawner import Spawner

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the edge knows and pipelines need."""

    state: Path
    project: Path
    """Where `images/` is."""
    outer: Mapping[str, str]
    """The daemon's own environment."""


class Pipelines:
    """Registers with `pachd` at once; work begins with `start`."""

    def __init__(self, pachd: Pachd, spawner: Spawner, around: Surroundings, settings: Settings) -> None:
        self._closing = ExitStack()
        self._variables: dict[str, str] = {}
        self._versions = pachd.versions
        clock, files = pachd.versions.clock, StoredFiles(pachd.versions)
        logs = LogStore(around.state / "logs" / "pipelines", clock)
        self._closing.callback(logs.close)
        places = Places(around.state, around.state / "workers", around.state / "cache" / "inputs")
        workplace = Workplace(
            spawner,
            places,
            files,
            InputCache(places.cache, _boot_id()),
            logs,
            Environments(
                spawner,
                around.state,
                around.project / "images",
                around.outer,
                allow_unknown=settings.pipelines.unknown_images == "host",
            ),
            clock,
            detect_isolation(spawner, around.state / "cache", clock),
            _check_path,
            GrpcBatchPorts(pachd.contract),
        )
        workplace.clean()

        def make_worker(setup: WorkerSetup) -> Worker:
            return Worker(workplace, setup, around.outer)

        self.engine = engine = Engine(pachd.versions, files, logs, make_worker, self._variables)
        pachd.services += [
            CreatePipelineCalls(engine, pachd.transactor),
            PipelineCalls(engine),
            DefaultsCalls(engine),
            SecretCalls(engine),
            JobCalls(engine, pachd.transactor),
            JobSetCalls(engine),
            DatumCalls(engine),
            PpsLogCalls(engine),
            LogsService(engine),
        ]

    def give_secret(self, name: str, values: Mapping[str, str]) -> None:
        """A secret of the engine's own, made anew at every start: what it holds may have changed."""
        named = {"metadata": {"name": name}, "type": secrets.OWN, "stringData": dict(values)}
        document = json.dumps(named).encode()

        def replace(tx: Transaction) -> None:
            with contextlib.suppress(NotFound):
                secrets.delete(tx, name)
            secrets.create(tx, document)

        self._versions.transact(replace)

    def start(self, pachd_port: int, token: str = "") -> None:
        """`pachd_port` is where user code finds pachd, `token` what it shows there if one is asked for."""
        self._variables.update(
            PACHD_PEER_SERVICE_HOST="127.0.0.1",
            PACHD_PEER_SERVICE_PORT=str(pachd_port),
            PEER_PORT=str(pachd_port),
        )
        if token:
            self._variables.update(dict.fromkeys(variables.TOKENS, token))
        self.engine.start()
        self._closing.callback(self.engine.stop)

    def close(self) -> None:
        self._closing.close()


def _check_path(path: str) -> None:
    validate_path(path)


def _boot_id() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return f"no-boot-id-{os.getpid()}"
