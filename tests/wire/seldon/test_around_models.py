"""Graphs, explainers and detectors as deployments; events from one to the other."""

import json

import pytest

pytestmark = pytest.mark.slow

PARTS = {
    "Double.py": "class Double:\n    def transform_input(self, X, names):\n        return X * 2\n",
    "Choose.py": (
        "class Choose:\n"
        "    def route(self, X, names):\n        return int(X[0][0] > 5)\n"
        "    def send_feedback(self, X, names, reward, truth, routing=None):\n"
        "        print('rewarded', reward, routing, flush=True)\n"
    ),
    "Add.py": (
        "class Add:\n    def __init__(self, by=1):\n        self.by = by\n"
        "    def predict(self, X, names, meta=None):\n        return X + self.by\n"
        "    def tags(self):\n        return {'by': self.by}\n"
    ),
    "Dockerfile": "ENV MODEL_NAME=Add\nCMD exec seldon-core-microservice $MODEL_NAME\n",
}


@pytest.fixture(scope="module")
def parts(engine):
    folder = engine.folder / "images" / "parts"
    folder.mkdir(parents=True)
    for name, text in PARTS.items():
        (folder / name).write_text(text)


def part(name: str, component: str) -> dict:
    return {"name": name, "image": "team/parts:1", "args": ["seldon-core-microservice", component]}


def test_a_graph_of_components_and_its_feedback(engine, parts):
    graph = {
        "name": "double",
        "type": "TRANSFORMER",
        "children": [
            {
                "name": "choose",
                "type": "ROUTER",
                "children": [
                    {"name": "one", "type": "MODEL"},
                    {
                        "name": "ten",
                        "type": "MODEL",
                        "parameters": [{"name": "by", "value": "10", "type": "INT"}],
                    },
                ],
            }
        ],
    }
    containers = [part("double", "Double"), part("choose", "Choose"), part("one", "Add"), part("ten", "Add")]
    engine.apply(engine.deployment("graph", graph, containers, "seldon"))
    engine.until_ready("graph", "around")
    path = "/seldon/around/graph/api/v1.0"
    small = {"data": {"ndarray": [[1, 1]]}}
    status, answer, headers = engine.post(f"{path}/predictions", small)
    assert (status, answer["data"]["ndarray"]) == (200, [[3, 3]])
    assert answer["meta"]["routing"] == {"choose": 0}
    assert answer["meta"]["puid"] == headers["seldon-puid"]
    assert answer["meta"]["tags"] == {"by": 1}
    _, large, _ = engine.post(f"{path}/predictions", {"data": {"ndarray": [[9, 9]]}})
    assert large["data"]["ndarray"] == [[28, 28]]
    told = {"request": small, "response": large, "reward": 0.5}
    assert engine.post(f"{path}/feedback", told)[0] == 200
    (pod,) = [p for p in engine.pods("around") if p["metadata"]["labels"]["model"] == "choose"]
    assert "rewarded 0.5 1" in engine.kubectl("logs", pod["metadata"]["name"], "-n", "around")
    engine.kubectl("delete", "sdep", "graph", "-n", "around")


def test_a_bundle_is_explained_and_watched(engine, bundle_folder):
    watcher = {
        "name": "d",
        "type": "MODEL",
        "modelUri": bundle_folder,
        "parameters": [{"name": "drift_batch_size", "value": "40", "type": "INT"}],
    }
    engine.apply(
        engine.deployment("watch", watcher, [{"name": "d", "image": "howdah/detector-server:1"}], "v2")
    )
    engine.until_ready("watch", "around")
    logger = {"mode": "request", "url": f"http://{engine.ingress}/seldon/around/watch/"}
    graph = {"name": "m", "type": "MODEL", "modelUri": bundle_folder, "logger": logger}
    explainer = {"type": "KernelShap", "modelUri": bundle_folder}
    containers = [{"name": "m", "image": "howdah/bundle-server:1"}]
    engine.apply(engine.deployment("b", graph, containers, "v2", explainer=explainer))
    engine.until_ready("b", "around")

    asked = {"data": {"names": ["size", "maker"], "ndarray": [[1.0, "a"]]}}
    status, answer, headers = engine.post("/seldon/around/b/api/v1.0/predictions", asked)
    assert (status, answer["data"]["ndarray"][0][0]) == (200, "high")
    id = headers["seldon-puid"]
    path = "/seldon/around/b-explainer/p/api/v1.0/explain"
    status, told, _ = engine.post(path, asked, Seldon_Puid=id)
    assert status == 200
    assert told["prediction_id"] == id
    assert set(told["shares"]) == {"size", "maker"}
    assert abs(sum(told["shares"].values()) - (told["prediction"] - told["base"])) < 1e-6
    columns = [
        {"name": "size", "shape": [1, 1], "datatype": "FP64", "data": [1.0]},
        {"name": "maker", "shape": [1, 1], "datatype": "BYTES", "data": ["a"]},
    ]
    path = "/seldon/around/b-explainer/p/v2/models/b-p-explainer/infer"
    status, v2, _ = engine.post(path, {"inputs": columns})
    assert status == 200
    assert json.loads(v2["outputs"][0]["data"][0])["shares"] == told["shares"]

    strange = {"data": {"names": ["size", "maker"], "ndarray": [[9.0, "a"]]}}
    for _ in range(40):
        assert engine.post("/seldon/around/b/api/v1.0/predictions", strange)[0] == 200

    def drifted() -> bool:
        import urllib.request

        with urllib.request.urlopen(f"http://{engine.ingress}/seldon/around/watch/v1/metrics") as answer:
            return 'seldon_metric_drift_is_drift{feature="all"} 1.0' in answer.read().decode()

    engine.until(drifted, "the drift to be seen")
    engine.kubectl("delete", "sdep", "b", "watch", "-n", "around")


def test_skipped_and_recorded(engine):
    """Records lie in segments until somebody ships them; what asked not to be recorded is not there."""
    from howdah.core import inference_log

    folder = engine.folder / "state" / "inferences" / "around~b"
    records = [r for path in sorted(folder.iterdir()) for r in inference_log.read(path)]
    kinds = {record.header.kind for record in records}
    assert {"prediction", "explanation"} <= kinds
    by_id = {record.header.id for record in records if record.header.kind == "explanation"}
    assert by_id & {record.header.id for record in records if record.header.kind == "prediction"}
