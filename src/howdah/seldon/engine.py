"""The embedded Seldon, whole: store, API, ingress and loop, started and stopped together.

`stop()` leaves model servers and Envoy running, to be adopted by the next engine on the same
folder; `shut_down()` ends everything.
"""

import base64
import contextlib
import queue
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from howdah.core.clock import Clock, SystemClock
from howdah.core.json import JsonObject
from howdah.errors import AlreadyExists, NotFound
from howdah.processes import logfiles
from howdah.processes.environments import Environments
from howdah.processes.spawner import Spawner
from howdah.seldon import objects, scraping
from howdah.seldon.children import Children
from howdah.seldon.fetch import ModelStore
from howdah.seldon.images import Folders
from howdah.seldon.kube.api import create_app
from howdah.seldon.launching import Launcher, LogPolicy
from howdah.seldon.objects import Objects
from howdah.seldon.plan import Slot
from howdah.seldon.proxy import Proxy
from howdah.seldon.run import Loop, Reported
from howdah.seldon.shipping import Shipper, Sink
from howdah.seldon.status import pod_name
from howdah.seldon.tables import Tables
from howdah.seldon.usage import PodProcess, Usage
from howdah.seldon.wanted import Wanted

PACHD_SECRET = "howdah-pachd"


@dataclass(frozen=True, slots=True)
class EngineSettings:
    ingress_port: int = 8003
    ingress_address: str = "127.0.0.1"
    images: Path = Path("images")
    trusted_pickles: tuple[str, ...] = ()
    drain_s: float = 3.0
    log_commit_every_s: float = 60.0
    log_commit_rows: int = 10_000
    pachd_secret: Mapping[str, str] = field(default_factory=dict)
    """What the Secret `howdah-pachd` holds in every namespace: rclone's variables for the S3 gateway."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The daemon's own, for the programs that install what an image requires."""
    admits: Callable[[str], bool] | None = None
    """Whether a token may use the Kubernetes API; None lets everybody."""
    sink: Callable[[], Sink] | None = None
    """How to reach the pachd that keeps the inference log; None leaves segments where they are."""


class Engine:
    def __init__(
        self, folder: Path, settings: EngineSettings, spawner: Spawner, clock: Clock | None = None
    ) -> None:
        clock = clock or SystemClock()
        folder = folder.resolve()
        for name in ("", "home", "logs", "inferences"):
            (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._settings = settings
        self._tables = Tables(folder / "seldon.db")
        self._objects = Objects(self._tables, clock)
        self._reports: queue.SimpleQueue[Reported] = queue.SimpleQueue()
        self._children = Children(self._tables, folder, spawner, clock, self._report)
        self._proxy = Proxy(
            self._tables,
            folder / "envoy",
            spawner,
            settings.ingress_port,
            self._wake,
            settings.ingress_address,
        )
        self.inferences = folder / "inferences"
        policy = LogPolicy(self.inferences, settings.log_commit_every_s, settings.log_commit_rows)
        launcher = Launcher(self._objects, folder, settings.trusted_pickles, policy)
        images = Folders(settings.images, folder / "images")
        self._loop = Loop(
            self._objects,
            self._children,
            self._reports,
            self._proxy,
            Environments(spawner, folder, settings.images, settings.environment),
            ModelStore(folder / "models"),
            launcher,
            Wanted(self._objects, self._tables, images, self._namespace_ready),
            clock,
            settings.drain_s,
        )
        self._shipper = Shipper(self.inferences, settings.sink) if settings.sink is not None else None
        self.app: Starlette = create_app(
            self._objects, self._log_file, Usage(self._processes, clock).read, settings.admits
        )

    @property
    def routes(self) -> list[BaseRoute]:
        """The API's routes and what Prometheus reads, to stand beside others on one port."""
        return [*self.app.routes, *scraping.routes(self.targets, self.prometheus)]

    @property
    def objects(self) -> Objects:
        return self._objects

    def start(self) -> None:
        self._unsubscribe = self._objects.subscribe(self._wake)
        self._namespace_ready("default")
        self._loop.start()
        if self._shipper is not None:
            self._shipper.start()

    def stop(self) -> None:
        self._unsubscribe()
        self._loop.stop()
        if self._shipper is not None:
            self._shipper.stop()
        self._tables.close()

    def shut_down(self) -> None:
        """End the ingress first, so that nothing is refused by a server that is already going."""
        self._unsubscribe()
        self._loop.stop()
        self._proxy.stop()
        self._children.stop_all()
        if self._shipper is not None:
            self._shipper.stop()
        self._tables.close()

    def prometheus(self) -> bytes:
        """Envoy's metrics, in Prometheus' text."""
        return self._proxy.prometheus()

    def targets(self) -> list[tuple[str, str, int]]:
        """(namespace, pod, port) of every process that answers /metrics."""
        return [
            (slot.group.split("/")[0], pod_name(slot), running.http_port)
            for slot, running in list(self._children.running.items())
        ]

    def _processes(self) -> list[PodProcess]:
        return [
            PodProcess(slot.group.split("/")[0], pod_name(slot), slot.member, running.pid)
            for slot, running in list(self._children.running.items())
        ]

    def _wake(self) -> None:
        self._loop.wake()

    def _report(self, slot: Slot, pid: int, what: str, words: str) -> None:
        self._reports.put((slot, pid, what, words))
        self._loop.wake()

    def _log_file(self, namespace: str, pod: str, previous: bool) -> Path | None:
        for slot, running in list(self._children.running.items()):
            if slot.group.split("/")[0] == namespace and pod_name(slot) == pod:
                return logfiles.previous(running.log) if previous else running.log
        return None

    def _namespace_ready(self, namespace: str) -> None:
        """Every namespace has the secret by which servers' models come from pachd."""
        if not self._settings.pachd_secret:
            return
        data: JsonObject = {
            key: base64.b64encode(value.encode()).decode()
            for key, value in self._settings.pachd_secret.items()
        }
        body: JsonObject = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {},
            "data": data,
        }
        try:
            present = self._objects.get(objects.SECRETS, namespace, PACHD_SECRET)
        except NotFound:
            with contextlib.suppress(AlreadyExists):
                self._objects.create(objects.SECRETS, namespace, PACHD_SECRET, body)
            return
        if present.get("data") != data:
            self._objects.replace(objects.SECRETS, namespace, PACHD_SECRET, {**present, "data": data})
