"""What serving costs: our ingress, our log, our graph, our runtime, each against its peer.

Both sides of every row answer the same model and payload in the same run on the same cores, and
share them with the load generator. BentoML has an environment of its own, made when it is missing.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from harness import Bench
from serving_load import Call, latency, throughput

from howdah.processes.spawner import Spawner
from howdah.seldon.children import free_port
from howdah.seldon.engine import Engine, EngineSettings

ROW = [5.1, 3.5, 1.4, 0.2]
SPECIES = ("setosa", "versicolor", "virginica")
V2 = {"inputs": [{"name": "X", "shape": [1, 4], "datatype": "FP32", "data": ROW}]}
V1 = {"data": {"ndarray": [ROW]}}
ROUNDS = 5
BENTOML = Path(__file__).resolve().parent.parent / "build" / "bentoml"
SERVICE = """
import bentoml, numpy as np, onnxruntime

@bentoml.service(workers=1, http={"port": PORT})
class Iris:
    def __init__(self) -> None:
        self.model = onnxruntime.InferenceSession("MODEL")
        self.inputs = [node.name for node in self.model.get_inputs()]

    @bentoml.api
    def predict(self, x: list[list[float]]) -> list[str]:
        columns = np.asarray(x, dtype=np.float32).T[:, :, None]
        return self.model.run(["label"], dict(zip(self.inputs, columns)))[0].tolist()
"""
PARTS = """
class Same:
    def transform_input(self, X, names):
        return X

    def predict(self, X, names):
        return X
"""


def models(folder: Path) -> None:
    """One model in two shapes: a bundle with ONNX inside, and scikit-learn's own."""
    import joblib
    import numpy as np
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from howdah.learning import bundle, export
    from howdah.learning.schema import Column, Schema
    from howdah.learning.training import signature_for

    features, classes = load_iris(return_X_y=True, as_frame=True)
    features.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    species = classes.map(dict(enumerate(SPECIES)))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    model.fit(features.to_numpy(dtype=np.float32), species)
    for name in ("sklearn", "bundle"):
        (folder / name).mkdir()
    joblib.dump(model, folder / "sklearn" / "model.joblib")
    columns = (*(Column(name, "number") for name in features), Column("species", "category"))
    signature = signature_for(Schema(columns), "species", "classification", (), SPECIES)
    (folder / "bundle" / "model.onnx").write_bytes(export.to_onnx(model, signature))
    manifest = bundle.Manifest("iris", "model.onnx", signature, "logistic", {}, 0, len(features), {})
    table = features.assign(species=species).to_csv(index=False)
    rows = {name: features[name].to_numpy()[:3] for name in features}
    bundle.write(folder / "bundle", manifest, table, "# iris\n", rows)
    image = folder / "images" / "same"
    image.mkdir(parents=True)
    (image / "Same.py").write_text(PARTS)
    (image / "Dockerfile").write_text("CMD seldon-core-microservice Same\n")


def manifest(name: str, graph: dict, annotations: dict | None = None, **spec: object) -> dict:
    containers = [{"name": part, "image": "same:1"} for part in ("first", "second")]
    container = {"name": graph["name"], "image": "howdah/bundle-server:1"}
    if "children" in graph or graph["name"] == "first":
        parts = containers[: 2 if "children" in graph else 1]
        predictor = {"componentSpecs": [{"spec": {"containers": parts}}]}
    elif "implementation" in graph:
        predictor = {}
    else:
        predictor = {"componentSpecs": [{"spec": {"containers": [container]}}]}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "namespace": "bench", "annotations": annotations or {}},
        "spec": {"predictors": [{"name": "p", "graph": graph, **predictor}], **spec},
    }


def deployments(folder: Path) -> list[dict]:
    onnx = {"name": "m", "type": "MODEL", "modelUri": str(folder / "bundle")}
    sklearn = {"name": "m", "implementation": "SKLEARN_SERVER", "modelUri": str(folder / "sklearn")}
    off = {"howdah/log": "off"}
    graph = {"name": "first", "type": "TRANSFORMER", "children": [{"name": "second", "type": "MODEL"}]}
    return [
        manifest("onnx", onnx, off, protocol="v2"),
        manifest("logged", onnx, protocol="v2"),
        manifest("sklearn", sklearn, off, protocol="v2"),
        manifest("graph", graph, off),
        manifest("step", {"name": "first", "type": "MODEL"}, off),
    ]


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Engine, str, int]]:
    """The engine, the address of its Kubernetes API, the port of its ingress."""
    settings = EngineSettings(
        ingress_port=free_port(), images=folder / "images", trusted_pickles=(f"{folder}/*",)
    )
    port = free_port()
    with Spawner.start() as spawner:
        engine = Engine(folder / "state", settings, spawner)
        engine.start()
        server = uvicorn.Server(
            uvicorn.Config(engine.app, host="127.0.0.1", port=port, log_level="warning", lifespan="off")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            yield engine, f"http://127.0.0.1:{port}", settings.ingress_port
        finally:
            server.should_exit = True
            thread.join()
            engine.shut_down()


def apply(api: str, document: dict) -> float:
    """Seconds from `kubectl apply` until `kubectl wait` says that it is ready, their own included."""
    name = document["metadata"]["name"]
    kubectl = ["kubectl", "--server", api, "-n", "bench"]
    environment = {"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir()}
    began = time.monotonic()
    for words, given in (
        (["apply", "-f", "-"], json.dumps(document)),
        (["wait", "--for=condition=Ready", f"sdep/{name}", "--timeout=60s"], ""),
    ):
        subprocess.run(
            [*kubectl, *words], input=given, text=True, env=environment, stdout=subprocess.DEVNULL, check=True
        )
    return time.monotonic() - began


def port_of(engine: Engine, name: str) -> int:
    return next(port for _, pod, port in engine.targets() if pod.startswith(f"{name}-p-m-"))


def install_bentoml() -> None:
    """Before anything is measured: it may fail."""
    python = BENTOML / "bin" / "python"
    if not python.exists():
        subprocess.run(
            [sys.executable, "-m", "uv", "venv", "-q", "--python", sys.executable, str(BENTOML)], check=True
        )
        words = ["bentoml", "onnxruntime", "numpy==1.26.*"]
        install = [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", str(python), *words]
        subprocess.run(install, check=True)


@contextmanager
def bentoml(folder: Path) -> Iterator[Call]:
    """A BentoML service with the same ONNX file."""
    port = free_port()
    text = SERVICE.replace("PORT", str(port)).replace("MODEL", str(folder / "bundle" / "model.onnx"))
    (folder / "service.py").write_text(text)
    environment = {**os.environ, "BENTOML_HOME": str(folder), "BENTOML_DO_NOT_TRACK": "1"}
    words = [str(BENTOML / "bin" / "bentoml"), "serve", "service:Iris", "--port", str(port)]
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield Call(port, "/predict", json.dumps({"x": [ROW]}).encode())
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


@contextmanager
def stock_mlserver(folder: Path) -> Iterator[Call]:
    """MLServer as it comes, with its own scikit-learn runtime."""
    port = free_port()
    settings = {
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
    }
    model = {"name": "m", "implementation": "mlserver_sklearn.SKLearnModel"}
    here = folder / "stock"
    here.mkdir()
    (here / "settings.json").write_text(json.dumps({**settings, "debug": False}))
    uri = {"uri": str(folder / "sklearn" / "model.joblib")}
    (here / "model-settings.json").write_text(json.dumps({**model, "parameters": uri}))
    words = [str(Path(sys.executable).parent / "mlserver"), "start", str(here)]
    process = subprocess.Popen(
        words, cwd=here, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/m/ready", timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield Call(port, "/v2/models/m/infer", json.dumps(V2).encode())
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def main(chosen: list[str]) -> None:
    bench = Bench("serving")
    if "bentoml" in chosen:
        install_bentoml()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        models(folder)
        with serving(folder) as (engine, api, ingress):
            seconds = {document["metadata"]["name"]: apply(api, document) for document in deployments(folder)}
            bench.value("kubectl apply to ready, an ONNX bundle", seconds["onnx"], "s", must="<= 6")
            bench.value("kubectl apply to ready, scikit-learn", seconds["sklearn"], "s", must="<= 6")
            there = There(engine, ingress, folder)
            for name in chosen:
                ROWS[name](bench, there)
    bench.finish()


@dataclass(frozen=True)
class There:
    """What is deployed, and how to reach it."""

    engine: Engine
    ingress: int
    folder: Path

    def through(self, name: str) -> Call:
        return Call(self.ingress, f"/seldon/bench/{name}/v2/models/m/infer", json.dumps(V2).encode())

    def direct(self, name: str) -> Call:
        return Call(port_of(self.engine, name), "/v2/models/m/infer", json.dumps(V2).encode())

    def message(self, name: str) -> Call:
        return Call(self.ingress, f"/seldon/bench/{name}/api/v1.0/predictions", json.dumps(V1).encode())


def rates(bench: Bench, **sides: Call) -> dict[str, float]:
    return bench.interleave(
        {name: lambda call=call: throughput(call) for name, call in sides.items()}, ROUNDS, 1
    )


def times(bench: Bench, **sides: Call) -> dict[str, float]:
    return bench.interleave(
        {name: lambda call=call: latency(call) for name, call in sides.items()}, ROUNDS, 1
    )


def added(bench: Bench, there: There) -> None:
    found = times(bench, envoy=there.through("onnx"), direct=there.direct("onnx"))
    milliseconds = (found["envoy"] - found["direct"]) * 1000
    bench.value("ingress adds at c=1, p50", milliseconds, "ms", must="<= 0.35")


def ingress(bench: Bench, there: There) -> None:
    for name, must in (("onnx", ">= 0.70"), ("sklearn", ">= 0.85")):
        found = rates(bench, envoy=there.through(name), direct=there.direct(name))
        peer = ("direct", found["direct"])
        bench.ratio(f"through the ingress at c=16, {name}", found["envoy"], "1/s", peer=peer, must=must)


def log(bench: Bench, there: There) -> None:
    found = rates(bench, logged=there.through("logged"), off=there.through("onnx"))
    peer = ("without", found["off"])
    bench.ratio("with the inference log at c=16", found["logged"], "1/s", peer=peer, must=">= 0.90")


def graph(bench: Bench, there: There) -> None:
    found = times(bench, graph=there.message("graph"), step=there.message("step"))
    peer = ("its steps", found["step"] * 2000)
    bench.ratio("a graph of two steps at c=1", found["graph"] * 1000, "ms", peer=peer, must="<= 2.2")


def mlserver(bench: Bench, there: There) -> None:
    with stock_mlserver(there.folder) as stock:
        found = rates(bench, onnx=there.direct("onnx"), stock=stock)
    peer = ("MLServer", found["stock"])
    name = "an ONNX bundle against MLServer's scikit-learn"
    bench.ratio(name, found["onnx"], "1/s", peer=peer, must=">= 1.8")


def against_bentoml(bench: Bench, there: There) -> None:
    with bentoml(there.folder) as service:
        found = rates(bench, howdah=there.through("onnx"), bentoml=service)
    peer = ("BentoML", found["bentoml"])
    name = "an ONNX bundle, through the ingress, against BentoML"
    bench.ratio(name, found["howdah"], "1/s", peer=peer, must=">= 3")


ROWS = {
    "added": added,
    "ingress": ingress,
    "log": log,
    "graph": graph,
    "mlserver": mlserver,
    "bentoml": against_bentoml,
}

if __name__ == "__main__":
    main(sys.argv[1:] or list(ROWS))
