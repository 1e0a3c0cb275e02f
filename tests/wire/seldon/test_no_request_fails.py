"""Weights, versions and processes change under load, and no caller notices."""

import os
import signal
import time

import pytest

ASKED = {"inputs": [{"name": "X", "shape": [1, 4], "datatype": "FP32", "data": [5.1, 3.5, 1.4, 0.2]}]}
PATH = "/seldon/models/steady/v2/models/classifier/infer"


def steady(model: str, weights: tuple[int, ...] = (100,), version: int = 0, replicas: int = 1) -> dict:
    predictors = [
        {
            "name": f"p{number}",
            "replicas": replicas,
            "traffic": weight,
            "graph": {
                "name": "classifier",
                "type": "MODEL",
                "modelUri": model,
                "parameters": [{"name": "version", "value": str(version), "type": "INT"}],
            },
            "componentSpecs": [
                {"spec": {"containers": [{"name": "classifier", "image": "howdah/onnx-server:1"}]}}
            ],
        }
        for number, weight in enumerate(weights)
    ]
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "steady", "namespace": "models"},
        "spec": {"protocol": "v2", "predictors": predictors},
    }


def settled(engine, replicas: int) -> bool:
    pods = engine.pods()
    ready = [pod for pod in pods if pod["status"]["containerStatuses"][0]["ready"]]
    return len(pods) == len(ready) == replicas and engine.status("steady").get("state") == "Available"


def change_weights(engine, model: str, times: int) -> None:
    for number in range(times):
        first = 10 + 80 * (number % 2)
        engine.apply(steady(model, (first, 100 - first)))
        engine.until(
            lambda first=first: engine.weights("steady") == [first, 100 - first], "the weights to reach Envoy"
        )


def roll(engine, model: str, times: int) -> None:
    for number in range(times):
        before = _pids(engine)
        engine.apply(steady(model, version=number + 1))
        engine.until(
            lambda before=before: settled(engine, 1) and not set(before) & set(_pids(engine)),
            "the new version",
        )


def kill_replicas(engine, model: str, times: int) -> None:
    for number in range(times):
        engine.until(lambda: settled(engine, 2), "both replicas")
        pids = sorted(int(pod["metadata"]["annotations"]["howdah/pid"]) for pod in engine.pods())
        os.kill(pids[number % 2], signal.SIGKILL)
        engine.until(lambda pids=pids: pids != _pids(engine), "the end of one replica to be seen")


def _pids(engine) -> list[int]:
    return sorted(int(pod["metadata"]["annotations"]["howdah/pid"]) for pod in engine.pods())


def kill_engine(engine, model: str, times: int) -> None:
    before = _pids(engine)
    for _ in range(times):
        engine.kill()
        engine.start()
        engine.until(lambda: settled(engine, 1), "the model server to be adopted")
    assert _pids(engine) == before, "the model server was started anew instead of adopted"


STORIES = {
    "weights": (change_weights, {"weights": (50, 50)}, 2, 50),
    "versions": (roll, {}, 1, 20),
    "replicas": (kill_replicas, {"replicas": 2}, 2, 20),
    "engine": (kill_engine, {}, 1, 5),
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.slow
def test_no_request_fails_a_little(engine, onnx_model, load, story):
    tell(engine, onnx_model, load, story, long=False)


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.long
@pytest.mark.timeout(900)
def test_no_request_fails_at_length(engine, onnx_model, load, story, record_property):
    record_property("requests", tell(engine, onnx_model, load, story, long=True))


def tell(engine, model, load, story: str, long: bool) -> int:
    """How many requests were answered, all of them well."""
    act, shape, few, many = STORIES[story]
    engine.apply(steady(model, **shape))
    processes = len(shape.get("weights", (100,))) * shape.get("replicas", 1)
    engine.until(lambda: settled(engine, processes), "a first version")
    try:
        rate = 300 if long else 100
        with load(PATH, ASKED, rate=rate) as requests:
            began = time.monotonic()
            act(engine, model, many if long else few)
            lasted_s = time.monotonic() - began

        assert requests.answered > 0
        # Without load nothing would have been shown; a machine that is busy otherwise may halve it.
        assert not long or requests.answered >= rate * lasted_s / 2, (requests.answered, lasted_s)
        assert not requests.failures, requests.failures[:5]
        return requests.answered
    finally:
        engine.kubectl("delete", "sdep", "steady", "-n", "models")
        engine.until(lambda: not engine.pods(), "the processes to end")
