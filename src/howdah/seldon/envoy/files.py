"""Configuration files that Envoy watches, and asking it whether it has taken them.

A file is replaced in one rename, so Envoy never reads half of one. `publish` returns once Envoy
says that it runs the new version: only then may anything be drained that it no longer names.
"""

import hashlib
import http.client
import json
import os
import re
import socket
import time
from pathlib import Path

from howdah.core.json import Json, JsonObject
from howdah.errors import Unavailable
from howdah.seldon.envoy.clusters import clusters
from howdah.seldon.envoy.routes import route_configuration
from howdah.seldon.ingress import Backend, Ingress

APPLIED_WITHIN_S = 5.0
LOOK_S = 0.01


class EnvoyFiles:
    def __init__(self, folder: Path, admin: Path) -> None:
        self._folder = folder
        self._admin = admin
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, ingress: Ingress) -> None:
        """For an Envoy that is yet to start."""
        self._replace("clusters.json", clusters(ingress.backends))
        self._replace("routes.json", [route_configuration(ingress)])

    def publish(self, before: Ingress, after: Ingress) -> None:
        """From one ingress to the next, without a moment in which a route leads nowhere.

        New and old clusters together, then the routes, then the old clusters go. Raises Unavailable
        when Envoy does not take it (in which case it goes on with what it had).
        """
        union = _union(before.backends, after.backends)
        self._await("cds", self._replace("clusters.json", clusters(union)))
        self._await("rds", self._replace("routes.json", [route_configuration(after)]))
        if union != after.backends:
            self._await("cds", self._replace("clusters.json", clusters(after.backends)))

    def prometheus(self) -> bytes:
        return self._ask("/stats/prometheus?usedonly")

    def is_live(self) -> bool:
        try:
            return self._ask("/ready").strip() == b"LIVE"
        except Unavailable:
            return False

    def _replace(self, name: str, resources: list[Json]) -> str:
        """Write a discovery response; returns its version, the hash of what it holds."""
        text = json.dumps(resources, sort_keys=True)
        version = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        path = self._folder / name
        document: JsonObject = {"version_info": version, "resources": resources}
        fresh = path.with_suffix(".new")
        with fresh.open("w") as file:
            json.dump(document, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        return version

    def _await(self, what: str, version: str) -> None:
        deadline = time.monotonic() + APPLIED_WITHIN_S
        while time.monotonic() < deadline:
            if version in self._versions(what):
                return
            time.sleep(LOOK_S)
        raise Unavailable(f"Envoy has not taken its new {what} configuration ({version}); its log says why")

    def _versions(self, what: str) -> set[str]:
        names = {"cds": r"cluster_manager\.cds\.version_text", "rds": r"http\.ingress\.rds\..*\.version_text"}
        text = self._ask(f"/stats?type=TextReadouts&filter=^{names[what]}$").decode()
        return set(re.findall(r'"([0-9a-f]{16})"', text))

    def _ask(self, path: str) -> bytes:
        connection = _UnixConnection(self._admin)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"Envoy does not answer: {error}") from error
        finally:
            connection.close()


def _union(before: tuple[Backend, ...], after: tuple[Backend, ...]) -> tuple[Backend, ...]:
    names = {backend.name for backend in after}
    return (*after, *(backend for backend in before if backend.name not in names))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("envoy", timeout=2)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
