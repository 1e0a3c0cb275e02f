"""One of two replicas is dead and Envoy does not know yet: requests reach the other, however busy it is."""

import http.client
import json
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from howdah.seldon.envoy.bootstrap import bootstrap
from howdah.seldon.envoy.files import EnvoyFiles
from howdah.seldon.ingress import Backend, Endpoint, Ingress, Route, Target
from howdah.seldon.proxy import envoy_binary

pytestmark = pytest.mark.slow

DEPLOYMENTS = 25
"""Each is one draw: with one retry that may meet the dead replica again, about one in five would fail."""


class Replica(ThreadingHTTPServer):
    """Keeps every request to /hold until it is released."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.held = threading.Semaphore(0)
        self.release = threading.Event()


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Replica

    def do_GET(self) -> None:
        if self.path == "/hold":
            self.server.held.release()
            self.server.release.wait(60)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def replica() -> Iterator[Replica]:
    server = Replica()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def envoy(tmp_path: Path, replica: Replica) -> Iterator[int]:
    """Its port. Every deployment has the replica and a port that is taken and refuses."""
    taken, port = _bound(), _bound()
    alive, dead = Endpoint(replica.server_port, 1), Endpoint(taken.getsockname()[1], 1)
    names = [f"d{number}" for number in range(DEPLOYMENTS)]
    routes = tuple(Route("models", name, (Target(f"models/{name}/p", 100),)) for name in names)
    backends = tuple(Backend(f"models/{name}/p", (alive, dead)) for name in names)
    files = EnvoyFiles(tmp_path, tmp_path / "admin.sock")
    files.write(Ingress(routes, backends))
    number = port.getsockname()[1]
    fixed = bootstrap(tmp_path, tmp_path / "admin.sock", number)
    (tmp_path / "bootstrap.json").write_text(json.dumps(fixed))
    port.close()
    words = [envoy_binary(), "-c", tmp_path / "bootstrap.json", "--disable-hot-restart", "-l", "warning"]
    with (tmp_path / "envoy.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        while not files.is_live():
            assert process.poll() is None, (tmp_path / "envoy.log").read_text()
            time.sleep(0.02)
        yield number
    finally:
        process.kill()
        process.wait()
        taken.close()


def _bound() -> socket.socket:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def test_the_living_replica_answers_all(envoy: int, replica: Replica) -> None:
    statuses: list[int] = []

    def note(path: str) -> None:
        statuses.append(ask(envoy, path))

    holding = []
    for number in range(DEPLOYMENTS):
        holding.append(threading.Thread(target=note, args=(f"/seldon/models/d{number}/hold",)))
        holding[-1].start()
        assert replica.held.acquire(timeout=60), statuses
        note(f"/seldon/models/d{number}/now")
    replica.release.set()
    for thread in holding:
        thread.join()
    assert statuses == [200] * DEPLOYMENTS * 2


def test_a_replica_that_cannot_be_reached_is_left_out(envoy: int, replica: Replica, tmp_path: Path) -> None:
    ejected = r'outlier_detection_ejections_enforced_total\{envoy_cluster_name="models/d0/p/http"\} [1-9]'
    files = EnvoyFiles(tmp_path, tmp_path / "admin.sock")
    for _ in range(1000):
        assert ask(envoy, "/seldon/models/d0/now") == 200
        if re.search(ejected, files.prometheus().decode()):
            return
    raise AssertionError("Envoy goes on trying a replica that refuses")


def ask(envoy: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", envoy, timeout=60)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status
