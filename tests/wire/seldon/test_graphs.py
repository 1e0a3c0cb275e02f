"""A graph that splits at random and combines: its answers, and how ready it says it is."""

import contextlib
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator

import grpc
import pytest
from tritonclient.grpc import service_pb2 as v2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

pytestmark = pytest.mark.slow

PARTS = {
    "Sum.py": "class Sum:\n    def aggregate(self, Xs, names):\n        return sum(Xs)\n",
    "Add.py": (
        "class Add:\n    def __init__(self, by=1):\n        self.by = by\n"
        "    def predict(self, X, names):\n        return X + self.by\n"
    ),
    "Dockerfile": "ENV MODEL_NAME=Add\nCMD exec seldon-core-microservice $MODEL_NAME\n",
}
PATH = "/seldon/around/mixed"


def adds(name: str, by: int) -> dict:
    return {"name": name, "type": "MODEL", "parameters": [{"name": "by", "value": str(by), "type": "INT"}]}


@pytest.fixture(scope="module", autouse=True)
def mixed(engine) -> Iterator[None]:
    """sum(split(one | ten), hundred)"""
    folder = engine.folder / "images" / "mixed"
    folder.mkdir(parents=True)
    for name, text in PARTS.items():
        (folder / name).write_text(text)
    split = {
        "name": "split",
        "implementation": "RANDOM_ABTEST",
        "parameters": [{"name": "ratioA", "value": "0.5", "type": "FLOAT"}],
        "children": [adds("one", 1), adds("ten", 10)],
    }
    graph = {"name": "sum", "type": "COMBINER", "children": [split, adds("hundred", 100)]}
    program = "seldon-core-microservice"
    containers = [
        {"name": name, "image": "team/mixed:1", "args": [program, "Sum" if name == "sum" else "Add"]}
        for name in ("sum", "one", "ten", "hundred")
    ]
    engine.apply(engine.deployment("mixed", graph, containers, "seldon"))
    engine.until_ready("mixed", "around")
    yield
    engine.kubectl("delete", "sdep", "mixed", "-n", "around")


@contextlib.contextmanager
def stopped(engine, node: str) -> Iterator[None]:
    """A process that is there and does not answer."""
    (pod,) = [p for p in engine.pods("around") if p["metadata"]["labels"]["model"] == node]
    number = int(pod["metadata"]["annotations"]["howdah/pid"])
    os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(number, signal.SIGCONT)


def state(engine, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://{engine.ingress}{PATH}{path}", timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def ready(engine, node: str) -> bool:
    asked = v2.ModelReadyRequest(name=node)
    headers = (("seldon", "mixed"), ("namespace", "around"))
    with grpc.insecure_channel(engine.ingress) as channel:
        return bool(GRPCInferenceServiceStub(channel).ModelReady(asked, metadata=headers, timeout=30).ready)


def test_what_it_answers_is_the_sum_of_a_split_and_the_rest(engine):
    found = set()
    for _ in range(40):
        asked = {"data": {"ndarray": [[0, 5]]}}
        status, answer, _ = engine.post(f"{PATH}/api/v1.0/predictions", asked)
        assert status == 200, answer
        branch = answer["meta"]["routing"]["split"]
        by = (1, 10)[branch]
        assert answer["data"]["ndarray"] == [[100 + by, 110 + by]]
        assert set(answer["meta"]["requestPath"]) == {"sum", "split", "hundred", ("one", "ten")[branch]}
        found.add(branch)
    assert found == {0, 1}


def test_it_is_as_ready_as_its_nodes(engine):
    whole = ("/api/v1.0/status", "/api/v1.0/health/status", "/v2/health/ready", "/v2/models/ten/ready")
    assert [state(engine, path) for path in (*whole, "/api/v1.0/status/split")] == [200] * 5
    assert ready(engine, "ten")
    with stopped(engine, "ten"):
        assert [state(engine, path) for path in whole] == [503] * 4
        assert state(engine, "/api/v1.0/status/one") == 200
        assert not ready(engine, "ten")
        assert ready(engine, "one")
    assert state(engine, "/api/v1.0/status") == 200
    assert state(engine, "/api/v1.0/status/nobody") == 404
    with pytest.raises(grpc.RpcError) as unknown:
        ready(engine, "nobody")
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
