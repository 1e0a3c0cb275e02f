"""What all workers share, and where they are made."""

import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from howdah.core.clock import Clock
from howdah.errors import HowdahError
from howdah.pachd.pipelines.logs import LogStore
from howdah.pachd.pipelines.workers import isolation as isolations
from howdah.pachd.pipelines.workers.cache import InputCache
from howdah.pachd.pipelines.workers.folder import WorkerFolder, remove
from howdah.pachd.pipelines.workers.isolation import Detected, Isolation
from howdah.pachd.pipelines.workers.layout import View
from howdah.pachd.pipelines.workers.sandbox import Sandbox, UserCommand, Watch
from howdah.pachd.pipelines.workers.task import Doing, InputData
from howdah.processes.environments import Environment
from howdah.processes.limits import Processors
from howdah.processes.spawner import Spawner


class Desk(Protocol):
    """What a worker answers to who asks at its port."""

    def next_datum(self, error: str) -> list[str]:
        """Called with the error of the datum just done, or empty; waits for the next one and gives its
        environment as `NAME=value`. Raises Unavailable when the worker closes."""
        ...

    def present(self) -> Doing | None:
        """The datum in hand."""
        ...

    def begin_again(self, job: str, filters: Sequence[str]) -> bool:
        """Kill the user code and run its datum again, if it is of this job and matches; else False."""
        ...


class BatchPort(Protocol):
    @property
    def port(self) -> int:
        """On the loopback address: what user code finds in PPS_WORKER_GRPC_PORT."""
        ...

    def close(self) -> None: ...


class BatchPorts(Protocol):
    def open(self, desk: Desk) -> BatchPort:
        """Serve `pachyderm.worker.Worker` for one worker on a port of its own."""
        ...


class Images(Protocol):
    def prepare(self, image: str, progress: Callable[[str], None]) -> Environment:
        """The environment that `image` names, built at most once; see `processes.environments`."""
        ...


@dataclass(frozen=True, slots=True)
class Places:
    """Folders, all on one file system and all hidden from user code with `state`."""

    state: Path
    """Howdah's own folder: the store, the database, other workers."""
    workers: Path
    cache: Path


@dataclass(frozen=True, slots=True)
class Guard:
    """What keeps user code from harming the rest of the machine."""

    disk_reserve_bytes: int = 1 << 30
    """User code is stopped before less than this is free on the disk that it writes to."""
    free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free


@dataclass(frozen=True, slots=True)
class Workplace:
    """Shared by all workers; thread-safe. `clean` it at the daemon's start."""

    spawner: Spawner
    places: Places
    data: InputData
    cache: InputCache
    logs: LogStore
    images: Images
    clock: Clock
    detected: Detected
    check_path: Callable[[str], None]
    """Raises Invalid for a path that an output repo may not hold."""
    batch_ports: BatchPorts | None = None
    guard: Guard = field(default_factory=Guard)
    processors: Processors = field(default_factory=Processors)

    def clean(self) -> None:
        """Remove what workers of an earlier daemon left behind."""
        remove(self.places.workers)
        self.places.workers.mkdir(parents=True)


def detect_isolation(spawner: Spawner, folder: Path, clock: Clock) -> Detected:
    """Find out by running a command in a sandbox; takes some tens of milliseconds."""

    def attempt(isolation: Isolation) -> str | None:
        place = WorkerFolder(folder / f"trial-{threading.get_native_id()}", shut_in=True)
        try:
            sandbox = Sandbox.start(spawner, isolation, View(place.path), clock)
            try:
                ended = sandbox.run(UserCommand(("true",), {"PATH": os.defpath}, "/"), Watch())
            finally:
                sandbox.close()
        except HowdahError as error:
            return str(error)
        finally:
            remove(place.path)
        return None if ended.exit is not None and ended.exit.succeeded else str(ended)

    return isolations.detect(attempt)


def base_variables(environment: Environment, outer: Mapping[str, str], home: str) -> dict[str, str]:
    """What a container's own environment would hold. `outer` is the daemon's environment."""
    path = os.pathsep.join([*map(str, environment.path), outer.get("PATH", os.defpath)])
    return {
        "PATH": path,
        "HOME": home,
        "TMPDIR": home,
        "LANG": outer.get("LANG", "C.UTF-8"),
        "USER": "howdah",
    }
