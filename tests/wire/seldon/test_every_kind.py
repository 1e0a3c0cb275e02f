"""Each kind of detector, explainer and server, deployed with kubectl and asked through the ingress.

One at a time: most bring TensorFlow, which takes most of a minute on a busy machine.
"""

import json
import subprocess
import sys
import urllib.request
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from howdah.learning import bundle
from howdah.learning.signature import Field, Signature

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]

BATCH = 60
WITHIN_S = 240
DETECTOR = "howdah/detector-server:1"
EXPLAINER = "howdah/explainer-server:1"
NETWORKS = """
import pathlib, sys
import keras

folder = pathlib.Path(sys.argv[1])
model = keras.Sequential(
    [keras.Input((2,), name="x"), keras.layers.Dense(1, kernel_initializer="ones", use_bias=False)]
)
for name in ("keras", "saved", "bundle"):
    (folder / name).mkdir(parents=True)
model.save(folder / "keras" / "model.keras")
model.export(folder / "saved" / "7", verbose=False)
size, age = keras.Input((), name="size"), keras.Input((), name="age")
both = keras.ops.stack([size, age], axis=-1)
keras.Model([size, age], keras.layers.Dense(1, use_bias=False)(both)).save(folder / "bundle" / "model.keras")
"""


@pytest.fixture(autouse=True)
def nothing_stays(engine):
    yield
    engine.kubectl("delete", "sdep", "--all", "-n", "around")
    engine.until(lambda: not engine.pods("around"), "the processes to end")


@pytest.fixture(scope="module")
def networks(engine) -> Path:
    """Keras in a process of its own: here it would be the wrong one for others."""
    folder = engine.folder / "networks"
    subprocess.run([sys.executable, "-c", NETWORKS, str(folder)], check=True, capture_output=True)
    inputs = (Field("size", "number"), Field("age", "number"))
    outputs = (Field("y", "number", source="prediction", column=0),)
    signature = Signature("regression", "y", inputs, outputs)
    manifest = bundle.Manifest("m", "model.keras", signature, "network", {}, 0, 2, {})
    (folder / "bundle" / bundle.MANIFEST).write_text(json.dumps(asdict(manifest)))
    (folder / "bundle" / "reference.csv").write_text("size,age,y\n1,2,0\n3,4,0\n")
    return folder


def rows(count: int, shift: float = 0.0, seed: int = 0) -> dict:
    generator = np.random.default_rng(seed)
    sizes = generator.normal(shift, 1, count).tolist()
    makers = generator.choice(["a", "b"], count).tolist()
    return {
        "inputs": [
            {"name": "size", "shape": [count, 1], "datatype": "FP64", "data": sizes},
            {"name": "maker", "shape": [count, 1], "datatype": "BYTES", "data": makers},
        ]
    }


def watch(engine, kind: str, bundle_folder: str, **options: object) -> None:
    parameters = [{"name": "type", "value": kind, "type": "STRING"}]
    for name, value in {"drift_batch_size": BATCH, **options}.items():
        parameters.append({"name": name, "value": str(value), "type": "STRING"})
    graph = {"name": "d", "type": "MODEL", "modelUri": bundle_folder, "parameters": parameters}
    engine.apply(engine.deployment("watch", graph, [{"name": "d", "image": DETECTOR}]))
    engine.until_ready("watch", "around", WITHIN_S)


def told(engine, event: dict) -> dict:
    status, answer, _ = engine.post(
        "/seldon/around/watch/", event, Ce_Specversion="1.0", Ce_Type="io.seldon.serving.inference.request"
    )
    assert status == 200, answer
    return answer["data"]


def gauge(engine, name: str) -> float:
    with urllib.request.urlopen(f"http://{engine.ingress}/seldon/around/watch/v1/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line for line in lines if line.startswith(name)).rsplit(" ", 1)[1])


@pytest.mark.parametrize("kind", ["TabularDrift", "KSDrift", "MMDDrift", "LSDDDrift"])
def test_a_drift_detector(engine, bundle_folder, kind):
    watch(engine, kind, bundle_folder, p_val=0.001)
    assert told(engine, rows(BATCH - 1)) is None, "nothing is judged before the batch is full"
    assert told(engine, rows(1))["is_drift"] == 0
    assert gauge(engine, 'seldon_metric_drift_is_drift{feature="all"}') == 0
    assert told(engine, rows(BATCH, shift=3.0))["is_drift"] == 1
    assert gauge(engine, 'seldon_metric_drift_is_drift{feature="all"}') == 1


def test_an_online_detector_and_its_memory(engine, bundle_folder):
    watch(engine, "CVMDriftOnline", bundle_folder, expected_run_time=200, window_sizes=10)
    told(engine, rows(5))
    assert told(engine, rows(60, shift=4.0))["is_drift"] == 1


@pytest.mark.parametrize("kind", ["IForest", "Mahalanobis", "OutlierVAE"])
def test_an_outlier_detector(engine, bundle_folder, kind):
    watch(engine, kind, bundle_folder, threshold_perc=99)
    strange = rows(3, seed=2)
    strange["inputs"][0]["data"] = [0.0, 60.0, 0.1]
    found = told(engine, strange)
    assert found["is_outlier"][1] == 1
    assert found["instance_score"][1] == max(found["instance_score"])
    assert gauge(engine, "seldon_metric_outlier_is_outlier") == 1


def explained(engine, folder: str, asked: dict, kind: str, container: str = "") -> dict:
    """What the explainer says of one row."""
    explainer = {"type": kind, "modelUri": folder}
    if container:
        explainer["containerSpec"] = {"name": container, "image": EXPLAINER}
    graph = {"name": "m", "type": "MODEL", "modelUri": folder}
    containers = [{"name": "m", "image": "howdah/bundle-server:1"}]
    engine.apply(engine.deployment("e", graph, containers, explainer=explainer))
    engine.until_ready("e", "around", WITHIN_S)
    name = container or "e-p-explainer"
    path = f"/seldon/around/e-explainer/p/v2/models/{name}/infer"
    status, answer, _ = engine.post(path, {**asked, "id": "mine"})
    assert status == 200, answer
    found = json.loads(answer["outputs"][0]["data"][0])
    assert (found["explainer"], found["prediction_id"]) == (kind, "mine")
    return found


def test_anchors(engine, bundle_folder):
    found = explained(engine, bundle_folder, rows(1, shift=3.0), "AnchorTabular")
    assert found["conditions"]
    assert found["precision"] > 0.9


def test_accumulated_local_effects(engine, bundle_folder):
    found = explained(engine, bundle_folder, rows(1), "ALE", "effects")
    effects = found["curves"]["size"]["effects"]
    assert abs(effects[-1] - effects[0]) > 0.5


def test_integrated_gradients(engine, networks):
    """What two inputs contribute adds up to the difference from the reference's mean."""
    folder = networks / "bundle"
    row = [
        {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [value]}
        for name, value in (("size", 5.0), ("age", 3.0))
    ]
    shares = explained(engine, str(folder), {"inputs": row}, "IntegratedGradients", "gradients")["shares"]
    _, answer, _ = engine.post("/seldon/around/e/v2/models/m/infer", {"inputs": row})
    middle = [{**tensor, "data": [3.0]} for tensor in row]
    middle[0]["data"] = [2.0]
    _, before, _ = engine.post("/seldon/around/e/v2/models/m/infer", {"inputs": middle})
    gained = answer["outputs"][0]["data"][0] - before["outputs"][0]["data"][0]
    assert sum(shares.values()) == pytest.approx(gained, abs=1e-4)


@pytest.mark.parametrize("format", ["keras", "saved"])
def test_tensorflow_server(engine, networks, format):
    graph = {"name": "m", "implementation": "TENSORFLOW_SERVER", "modelUri": str(networks / format)}
    engine.apply(engine.deployment("tf", graph, [], "tensorflow"))
    engine.until_ready("tf", "around", WITHIN_S)
    path = "/seldon/around/tf/v1/models/m"
    status, answer, _ = engine.post(f"{path}:predict", {"instances": [[1, 2], [3, 4]]})
    assert (status, answer) == (200, {"predictions": [[3.0], [7.0]]})
    with urllib.request.urlopen(f"http://{engine.ingress}{path}") as state:
        assert json.load(state)["model_version_status"][0]["state"] == "AVAILABLE"
    status, answer, _ = engine.post(f"{path}:predict", {"instances": [[1, 2, 3]]})
    assert status == 400, answer
    status, answer, _ = engine.post(f"{path}:predict", {"instances": [[1, 2]]})
    assert (status, answer) == (200, {"predictions": [[3.0]]})
