"""A serving engine of its own for these tests: real Envoy, real model servers, free ports."""

import contextlib
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from howdah.seldon.envoy.files import EnvoyFiles
from howdah.seldon.proxy import _admin_socket

PROGRAM = """
import contextlib, os, signal, sys, threading
from pathlib import Path
import uvicorn
from howdah.processes.spawner import Spawner
from howdah.seldon.engine import Engine, EngineSettings

folder, api_port, ingress_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
spawner = Spawner.start()
settings = EngineSettings(
    ingress_port=ingress_port, images=folder / "images", trusted_pickles=(f"{folder}/trusted/*",),
    log_commit_every_s=1.0, environment=dict(os.environ),
)
engine = Engine(folder / "state", settings, spawner)
engine.start()
engine.app.router.routes[:] = engine.routes  # what Prometheus reads, too, as in the daemon
server = uvicorn.Server(uvicorn.Config(engine.app, host="127.0.0.1", port=api_port, log_level="warning"))
server.capture_signals = contextlib.nullcontext
thread = threading.Thread(target=server.run, daemon=True)
thread.start()
ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
while not ended.wait(0.2):
    pass
server.should_exit = True
thread.join()
engine.shut_down()
spawner.close()
"""


class Engine:
    """The engine in a process of its own, so that it can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.api_port, self.ingress_port = free_port(), free_port()
        self.api = f"http://127.0.0.1:{self.api_port}"
        self.ingress = f"127.0.0.1:{self.ingress_port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        ports = [str(self.api_port), str(self.ingress_port)]
        log = (self.folder / "engine.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(self.folder), *ports], stdout=log, stderr=log
        )
        log.close()
        self.until(lambda: self.get("/healthz") == b"ok", "the API to answer")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(60)

    def get(self, path: str) -> bytes:
        with contextlib.suppress(OSError), urllib.request.urlopen(self.api + path, timeout=5) as answer:
            return bytes(answer.read())
        return b""

    def kubectl(self, *words: str, stdin: dict | None = None, check: bool = True) -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        done = subprocess.run(
            ["kubectl", "--server", self.api, *words],
            input=json.dumps(stdin) if stdin is not None else None,
            capture_output=True,
            text=True,
            env=environment,
            timeout=100,
        )
        if check and done.returncode:
            log = (self.folder / "engine.log").read_text()[-2000:]
            raise AssertionError(f"kubectl {' '.join(words)}: {done.stderr}\n{log}")
        return done.stdout + ("" if check else done.stderr)

    def apply(self, manifest: dict) -> None:
        self.kubectl("apply", "-f", "-", stdin=manifest)

    def deployment(
        self,
        name: str,
        graph: dict,
        containers: list[dict],
        protocol: str = "v2",
        annotations: dict[str, str] | None = None,
        **predictor: object,
    ) -> dict:
        """A manifest of one predictor, `p`, in the namespace `around`."""
        specs = [{"spec": {"containers": containers}}] if containers else []
        return {
            "apiVersion": "machinelearning.seldon.io/v1",
            "kind": "SeldonDeployment",
            "metadata": {"name": name, "namespace": "around", "annotations": annotations or {}},
            "spec": {
                "protocol": protocol,
                "predictors": [{"name": "p", "graph": graph, "componentSpecs": specs, **predictor}],
            },
        }

    def until_ready(self, name: str, namespace: str = "models", within_s: float = 60) -> None:
        words = ("wait", "--for=condition=Ready", f"sdep/{name}", "-n", namespace, f"--timeout={within_s}s")
        self.kubectl(*words)

    def status(self, name: str, namespace: str = "models") -> dict:
        return json.loads(self.kubectl("get", "sdep", name, "-n", namespace, "-o", "json")).get("status", {})

    def pods(self, namespace: str = "models") -> list[dict]:
        return json.loads(self.kubectl("get", "pods", "-n", namespace, "-o", "json"))["items"]

    def post(self, path: str, body: object, **headers: str) -> tuple[int, dict, dict[str, str]]:
        connection = http.client.HTTPConnection(self.ingress, timeout=60)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, data, {"Content-Type": "application/json", **named})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        got = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, json.loads(text) if text else {}, got

    def weights(self, name: str) -> list[int]:
        """Of a deployment's predictors, as Envoy itself has them."""
        text = EnvoyFiles(self.folder, _admin_socket((self.folder / "state" / "envoy").resolve()))._ask(
            "/config_dump"
        )
        found: list[list[int]] = []

        def walk(value: object) -> None:
            if isinstance(value, dict):
                clusters = value.get("weighted_clusters", {}).get("clusters", [])
                found.extend([[c["weight"] for c in clusters]] if f"/{name}/" in json.dumps(clusters) else [])
                for inner in value.values():
                    walk(inner)
            for inner in value if isinstance(value, list) else ():
                walk(inner)

        walk(json.loads(text))
        return found[0] if found and all(weights == found[0] for weights in found) else []

    def until(self, condition: Callable[[], bool], what: str, within_s: float = 60) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                log = (self.folder / "engine.log").read_text()[-3000:]
                raise AssertionError(f"waited {within_s} s for {what}; the engine's log ends:\n{log}")
            time.sleep(0.05)


class Load:
    """Requests at a steady rate from several threads, every failure kept."""

    def __init__(self, address: str, path: str, body: bytes, rate: float, threads: int = 6) -> None:
        self._address, self._path, self._body = address, path, body
        self._pause = threads / rate
        self._stop = threading.Event()
        self.answered = 0
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        due = time.monotonic()
        while not self._stop.is_set():
            due = max(due + self._pause, time.monotonic() - 1)
            failure = ""
            try:
                connection.request("POST", self._path, self._body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200:
                    failure = f"{answer.status} {text[:200]!r}"
            except (OSError, http.client.HTTPException) as error:
                failure = f"{type(error).__name__}: {error}"
                connection.close()
            with self._lock:
                self.answered += 1
                if failure:
                    self.failures.append(failure)
            self._stop.wait(max(0.0, due - time.monotonic()))
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(tmp_path_factory.mktemp("seldon"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def load(engine: Engine) -> Callable[..., Load]:
    def make(path: str, body: object, rate: float = 300) -> Load:
        return Load(engine.ingress, path, json.dumps(body).encode(), rate)

    return make


@pytest.fixture(scope="module")
def iris_model(engine: Engine) -> str:
    """A scikit-learn classifier where pickles are trusted; its address."""
    import joblib
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    features, classes = load_iris(return_X_y=True)
    folder = engine.folder / "trusted" / "iris"
    folder.mkdir(parents=True)
    joblib.dump(LogisticRegression(max_iter=500).fit(features, classes), folder / "model.joblib")
    return str(folder)


@pytest.fixture(scope="module")
def onnx_model(engine: Engine) -> str:
    import numpy as np
    from skl2onnx import to_onnx
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    features, classes = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(features, classes)
    folder = engine.folder / "onnx"
    folder.mkdir()
    converted = to_onnx(model, features[:1].astype(np.float32), options={"zipmap": False})
    (folder / "model.onnx").write_bytes(converted.SerializeToString())
    return str(folder)


@pytest.fixture(scope="module")
def bundle_folder(engine) -> str:
    import numpy as np
    import pandas as pd

    from howdah.learning import bundle, export, training
    from howdah.learning.schema import Column, Schema

    schema = Schema(
        (Column("size", "number", nullable=True), Column("maker", "category"), Column("y", "number"))
    )
    generator = np.random.default_rng(0)
    size, makers = generator.normal(0, 1, 300), generator.choice(["a", "b"], 300)
    table = pd.DataFrame({"size": size, "maker": makers, "y": size + (makers == "a")})
    truth = np.where(table["y"] > 0, "high", "low")
    signature = training.signature_for(schema, "y", "classification", (), ("high", "low"))
    frame = training.frame_of(table, signature)
    estimator = training.build(signature, "logistic", {}, seed=0).fit(frame, truth)
    folder = engine.folder / "bundle"
    folder.mkdir()
    file = export.export(estimator, frame, signature, folder)
    about = {"cross_validation": {}}
    manifest = bundle.Manifest("m", file, signature, "logistic", {}, 0, len(frame), about)
    text = io.StringIO()
    frame.to_csv(text, index=False)
    inputs = {field.name: frame[field.name].to_numpy()[:3] for field in signature.inputs}
    bundle.write(folder, manifest, text.getvalue(), "# m\n", inputs)
    return str(folder)
