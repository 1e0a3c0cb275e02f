"""What Prometheus finds: Seldon's metrics by name and label, components' own, and every process'."""

import json
import urllib.request

import grpc
import pytest
from google.protobuf import json_format
from prometheus_client.parser import text_string_to_metric_families

from howdah.runtimes.front.messages import message_class

pytestmark = pytest.mark.slow

CODE = """
class Telling:
    def predict(self, X, names):
        if X[0][0] < 0:
            raise ValueError("never below nothing")
        return X

    def metrics(self):
        return [
            {"type": "COUNTER", "key": "rows_seen", "value": 2},
            {"type": "GAUGE", "key": "fullness", "value": 0.5, "tags": {"shelf": "upper"}},
            {"type": "TIMER", "key": "thinking", "value": 20.2},
            {"type": "GAUGE", "key": "no name!", "value": 1},
            {"type": "GAUGE", "key": "rows_seen", "value": 1},
        ]
"""
GOOD, BAD = ({"data": {"ndarray": [[number]]}} for number in (1.0, -1.0))
EXECUTOR = {"deployment_name", "predictor_name", "predictor_version", "service", "method", "code"}
MODEL = {"model_name", "model_image", "model_version"}
BOUNDS = {"0.005", "0.075", "7.5", "10.0", "+Inf"}
Samples = dict[str, list[tuple[dict[str, str], float]]]


@pytest.fixture(scope="module", autouse=True)
def image(engine) -> None:
    folder = engine.folder / "images" / "telling"
    folder.mkdir(parents=True)
    (folder / "Telling.py").write_text(CODE)
    (folder / "Dockerfile").write_text("CMD seldon-core-microservice Telling\n")


def read(url: str) -> Samples:
    found: Samples = {}
    with urllib.request.urlopen(url, timeout=10) as answer:
        for family in text_string_to_metric_families(answer.read().decode()):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def pods(engine, deployment: str) -> dict[str, Samples]:
    """The metrics of each of a deployment's processes, by container, as Prometheus finds them."""
    found = {}
    for entry in json.loads(engine.get("/prometheus/targets")):
        pod = entry["labels"]["pod"]
        if pod.startswith(f"{deployment}-"):
            assert entry["labels"]["namespace"] == "around"
            found[pod.removeprefix(f"{deployment}-p-").rsplit("-", 2)[0]] = read(
                f"http://{entry['targets'][0]}/metrics"
            )
    return found


def counts(samples: Samples, side: str, *labels: str) -> dict[tuple[str, ...], float]:
    name = f"seldon_api_executor_{side}_requests_seconds_count"
    return {tuple(said[label] for label in labels): value for said, value in samples.get(name, [])}


def serve(engine, name: str, graph: dict, *containers: str) -> None:
    images = [{"name": container, "image": "registry:5000/team/telling:1.3"} for container in containers]
    document = engine.deployment(name, graph, images, "seldon")
    document["spec"]["predictors"][0]["annotations"] = {"version": "v7"}
    engine.apply(document)
    engine.until_ready(name, "around")


def test_a_models_requests_its_own_metrics_and_its_process(engine):
    serve(engine, "told", {"name": "m", "type": "MODEL"}, "m")
    path = "/seldon/around/told/api/v1.0"
    assert [engine.post(f"{path}/predictions", body)[0] for body in (GOOD, GOOD, BAD)] == [200, 200, 400]
    assert engine.post(f"{path}/feedback", {"request": GOOD, "reward": 2.5})[0] == 200
    urllib.request.urlopen(f"http://{engine.ingress}{path}/metadata", timeout=10).close()
    request = json_format.ParseDict(GOOD, message_class("SeldonMessage")())
    with grpc.insecure_channel(engine.ingress) as channel:
        predict = channel.unary_unary(
            "/seldon.protos.Seldon/Predict",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_class("SeldonMessage").FromString,
        )
        predict(request, metadata=(("seldon", "told"), ("namespace", "around")), timeout=30)
    found = read(f"http://{engine.ingress}/seldon/around/told/prometheus")

    assert counts(found, "server", "service", "method", "code") == {
        ("predictions", "post", "200"): 2,
        ("predictions", "post", "400"): 1,
        ("feedback", "post", "200"): 1,
        ("metadata", "get", "200"): 1,
        ("/seldon.protos.Seldon/Predict", "unary", "OK"): 1,
    }
    assert counts(found, "client", "service", "code")["/predict", "200"] == 3
    for side, labels in (("server", EXECUTOR), ("client", EXECUTOR | MODEL)):
        name = f"seldon_api_executor_{side}_requests_seconds"
        for suffix in ("_count", "_sum", "_summary_count", "_summary_sum"):
            assert {frozenset(said) for said, _ in found[name + suffix]} == {frozenset(labels)}
        assert BOUNDS.issubset(said["le"] for said, _ in found[f"{name}_bucket"])
    told = found["seldon_api_executor_client_requests_seconds_count"][0][0]
    assert (told["deployment_name"], told["predictor_name"], told["predictor_version"]) == ("told", "p", "v7")
    assert (told["model_name"], told["model_image"]) == ("m", "registry:5000/team/telling")
    assert told["model_version"] == "1.3"

    by_method = {said["method"]: value for said, value in found["rows_seen_total"]}
    assert by_method == {"predict": 6}
    labels, value = found["fullness"][0]
    assert (labels["shelf"], labels["model_name"], labels["deployment_name"]) == ("upper", "m", "told")
    assert value == 0.5
    seconds = {said["method"]: value for said, value in found["thinking_sum"]}
    assert seconds["predict"] == pytest.approx(3 * 0.0202)
    buckets = [(float(said["le"]), n) for said, n in found["thinking_bucket"] if said["method"] == "predict"]
    assert max(le for le, n in buckets if n == 0) < 0.0202 < min(le for le, n in buckets if n == 3)
    assert [value for _, value in found["seldon_api_model_feedback_total"]] == [1]
    assert [value for _, value in found["seldon_api_model_feedback_reward_total"]] == [2.5]
    assert "no name!" not in str(sorted(found))
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"):
        assert found[name][0][1] > 0
    engine.kubectl("delete", "sdep", "told", "-n", "around")


def test_a_graphs_requests_are_counted_once_and_by_node(engine):
    graph = {"name": "first", "type": "MODEL", "children": [{"name": "second", "type": "MODEL"}]}
    serve(engine, "tree", graph, "first", "second")
    assert engine.post("/seldon/around/tree/api/v1.0/predictions", GOOD)[0] == 200
    found = pods(engine, "tree")
    assert set(found) == {"first", "second", "seldon-container-engine"}
    executor = found.pop("seldon-container-engine")
    assert counts(executor, "server", "service", "code") == {("predictions", "200"): 1}
    assert counts(executor, "client", "model_name", "service", "model_version") == {
        ("first", "/predict", "1.3"): 1,
        ("second", "/predict", "1.3"): 1,
    }
    for node in found.values():
        assert not counts(node, "server") and not counts(node, "client")
        assert node["rows_seen_total"][0][1] == 2
    engine.kubectl("delete", "sdep", "tree", "-n", "around")


def test_envoys_figures_and_its_process(engine):
    found = read(f"{engine.api}/prometheus/ingress")
    assert found["envoy_http_downstream_rq_total"]
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"):
        ((_, value),) = found[name]
        assert value > 0
