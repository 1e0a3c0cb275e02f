"""A deployed model, asked by every client that Seldon's users have, and asked wrongly."""

import gzip
import json

import numpy as np
import pytest

pytestmark = pytest.mark.slow
ROW = [5.1, 3.5, 1.4, 0.2]
ASKED = {"inputs": [{"name": "X", "shape": [1, 4], "datatype": "FP64", "data": ROW}]}
PATH = "/seldon/models/iris"


@pytest.fixture(scope="module")
def iris(engine, iris_model):
    """How long from apply to ready, too."""
    document = {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "iris", "namespace": "models"},
        "spec": {
            "protocol": "v2",
            "predictors": [
                {
                    "name": "default",
                    "graph": {
                        "name": "classifier",
                        "implementation": "SKLEARN_SERVER",
                        "modelUri": iris_model,
                    },
                }
            ],
        },
    }
    engine.apply(document)
    engine.until_ready("iris")
    return document


def test_v2_over_rest(engine, iris):
    status, answer, headers = engine.post(f"{PATH}/v2/models/classifier/infer", ASKED)
    assert status == 200
    assert answer["outputs"][0]["data"] == [0]
    assert answer["id"] == headers["seldon-puid"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["access-control-allow-origin"] == "*"
    assert not [name for name in headers if name.startswith("ce-")]
    short, answer, _ = engine.post(f"{PATH}/v2/models/infer", ASKED)
    assert (short, answer["model_name"]) == (200, "classifier")


def test_ids_and_cloud_event_headers_are_kept(engine, iris):
    path = f"{PATH}/v2/models/classifier/infer"
    _, answer, headers = engine.post(path, ASKED, Seldon_Puid="mine", Ce_Specversion="1.0")
    assert (answer["id"], headers["seldon-puid"], headers["ce-id"]) == ("mine", "mine", "mine")
    assert headers["ce-specversion"] == "0.3"
    assert headers["ce-type"] == "seldon.iris.models.response"


@pytest.mark.parametrize(
    ("form", "data"),
    [("tensor", {"shape": [1, 4], "values": ROW}), ("ndarray", [ROW])],
)
def test_seldon_v1_over_rest(engine, iris, form, data):
    status, answer, _ = engine.post(f"{PATH}/api/v1.0/predictions", {"data": {form: data}})
    assert status == 200
    values = answer["data"][form]["values"] if form == "tensor" else answer["data"][form][0]
    assert values[0] > 0.9
    assert answer["data"]["names"] == ["t:0", "t:1", "t:2"]


def test_feedback_metadata_and_status(engine, iris):
    feedback = {"request": {"data": {"ndarray": [ROW]}}, "reward": 1.0}
    assert engine.post(f"{PATH}/api/v1.0/feedback", feedback)[0] == 200
    import urllib.request

    base = f"http://{engine.ingress}{PATH}"
    for path in ("/api/v1.0/metadata", "/api/v1.0/metadata/classifier", "/v2/models/classifier"):
        with urllib.request.urlopen(base + path) as answer:
            assert json.loads(answer.read())["name"] in ("default", "classifier")
    for path in ("/v2/models/classifier/ready", "/api/v1.0/health/status", "/ready", "/live"):
        with urllib.request.urlopen(base + path) as answer:
            assert answer.status == 200
    with urllib.request.urlopen(base + "/prometheus") as answer:
        text = answer.read().decode()
    labels = 'deployment_name="iris",method="post",predictor_name="default",predictor_version=""'
    assert "seldon_api_executor_server_requests_seconds_bucket{" in text
    assert all(label in text for label in labels.split(","))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v2/models/other/infer", ASKED, 404),
        ("/v2/models/classifier/infer", b"not json", 422),
        ("/v2/models/classifier/infer", {}, 422),
        ("/v2/models/classifier/infer", {"inputs": [{**ASKED["inputs"][0], "shape": [1, 3]}]}, 400),
        ("/v2/models/classifier/infer", {"inputs": [{**ASKED["inputs"][0], "datatype": "FP99"}]}, 422),
        ("/v2/models/classifier/infer", {"inputs": [{**ASKED["inputs"][0], "data": ["a"] * 4}]}, 400),
        ("/api/v1.0/predictions", {"data": {"ndarray": [[1, 2], [3]]}}, 400),
        ("/api/v1.0/predictions", {"data": {"ndarray": [["a", "b", "c", "d"]]}}, 400),
        ("/api/v1.0/predictions", b"\xff\xfe", 400),
    ],
)
def test_wrong_payloads_are_the_callers_fault_and_said_so(engine, iris, path, body, status):
    got, answer, _ = engine.post(PATH + path, body)
    assert got == status
    assert answer.get("error") or answer["status"]["info"]


PACKED = gzip.compress(json.dumps(ASKED).encode())


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", PACKED, 200),
        ("gzip", PACKED[:-10], 400),
        ("gzip", b"not packed", 400),
        ("gzip", gzip.compress(bytes(257 << 20), 1), 413),
        ("br", PACKED, 415),
        ("identity", json.dumps(ASKED).encode(), 200),
        ("identity", json.dumps(ASKED).encode("utf-16"), 422),
        ("identity", b"[" * 100_000, 422),
        ("identity", b'{"inputs": [{"name": "X", "shape": [1, 4], "datatype": "FP64", "data": [NaN]}]}', 400),
        ("identity", json.dumps({"inputs": [{**ASKED["inputs"][0], "shape": [10**12, 4]}]}).encode(), 400),
        ("identity", json.dumps({"inputs": [{**ASKED["inputs"][0], "shape": [-1, 4]}]}).encode(), 400),
    ],
)
def test_encodings_and_sizes(engine, iris, encoding, body, status):
    path = f"{PATH}/v2/models/classifier/infer"
    got, answer, _ = engine.post(path, body, Content_Encoding=encoding)
    assert got == status, answer
    assert status == 200 or answer["error"]
    assert engine.post(path, ASKED)[0] == 200


def test_tritonclient(engine, iris):
    import tritonclient.grpc as rpc
    import tritonclient.http as http

    row = np.array([ROW])
    client = http.InferenceServerClient(f"{engine.ingress}{PATH}")
    asked = http.InferInput("X", [1, 4], "FP64")
    asked.set_data_from_numpy(row, binary_data=False)
    wanted = http.InferRequestedOutput("predict", binary_data=False)
    assert client.infer("classifier", [asked], outputs=[wanted]).as_numpy("predict").ravel().tolist() == [0]
    assert client.is_model_ready("classifier")
    asked.set_data_from_numpy(row)
    for wanted in (None, [http.InferRequestedOutput("predict")]):
        assert client.infer("classifier", [asked], outputs=wanted).as_numpy("predict").ravel().tolist() == [0]
    assert client.infer("classifier", [asked], request_compression_algorithm="gzip").as_numpy("predict") == [
        0
    ]
    client.close()

    headers = {"seldon": "iris", "namespace": "models"}
    with rpc.InferenceServerClient(engine.ingress) as client:
        asked = rpc.InferInput("X", [1, 4], "FP64")
        asked.set_data_from_numpy(row)
        answer = client.infer("classifier", [asked], headers=headers)
        assert answer.as_numpy("predict").ravel().tolist() == [0]
        assert client.is_server_live(headers=headers)
        assert client.is_model_ready("classifier", headers=headers)
        told = client.get_model_metadata("classifier", headers=headers)
        assert told.name == "classifier"
        with pytest.raises(rpc.InferenceServerException) as nobody:
            client.get_model_metadata("other", headers=headers)
        assert nobody.value.status() == "StatusCode.NOT_FOUND"
        asked._raw_content = asked._raw_content[:-3]
        with pytest.raises(rpc.InferenceServerException) as torn:
            client.infer("classifier", [asked], headers=headers)
        assert torn.value.status() == "StatusCode.INVALID_ARGUMENT"
        asked.set_data_from_numpy(row)
        with pytest.raises(rpc.InferenceServerException) as missing:
            client.infer("other", [asked], headers=headers)
        assert missing.value.status() == "StatusCode.NOT_FOUND"


@pytest.mark.filterwarnings("ignore")
def test_seldon_client(engine, iris):
    from seldon_core.seldon_client import SeldonClient

    client = SeldonClient(
        deployment_name="iris", namespace="models", gateway_endpoint=engine.ingress, gateway="istio"
    )
    row = np.array([ROW])
    for transport in ("rest", "grpc"):
        for payload in ("tensor", "ndarray"):
            answer = client.predict(transport=transport, data=row, payload_type=payload)
            assert answer.success, answer
            told = client.feedback(answer.request, answer.response, reward=1.0, transport=transport)
            assert told.success, told


def test_the_model_servers_log_and_the_wrong_pickle(engine, iris, iris_model):
    pod = engine.kubectl("get", "pods", "-n", "models", "-l", "seldon-deployment-id=iris", "-o", "name")
    assert "is ready" in engine.kubectl("logs", pod.strip().removeprefix("pod/"), "-n", "models")
    copy = engine.folder / "untrusted"
    copy.mkdir(exist_ok=True)
    (copy / "model.joblib").write_bytes((engine.folder / "trusted" / "iris" / "model.joblib").read_bytes())
    wrong = json.loads(json.dumps(iris))
    wrong["spec"]["predictors"][0]["graph"]["modelUri"] = str(copy)
    engine.apply(wrong)
    engine.until(lambda: engine.status("iris").get("state") == "Failed", "the refusal")
    assert "trusted_pickles" in engine.status("iris")["description"]
    assert "the previous version keeps serving" in engine.status("iris")["description"]
    assert engine.post(f"{PATH}/v2/models/classifier/infer", ASKED)[0] == 200
    engine.apply(iris)
    engine.until_ready("iris")


def test_a_model_that_does_not_load(engine, iris):
    broken = engine.folder / "trusted" / "broken"
    broken.mkdir(exist_ok=True)
    (broken / "model.joblib").write_bytes(b"this is no pickle")
    wrong = json.loads(json.dumps(iris))
    wrong["metadata"]["name"] = "broken"
    wrong["spec"]["predictors"][0]["graph"]["modelUri"] = str(broken)
    engine.apply(wrong)
    engine.until(lambda: "BackOff" in engine.kubectl("get", "events", "-n", "models"), "the crash loop")
    told = engine.kubectl("describe", "sdep", "broken", "-n", "models")
    assert "the model cannot be loaded" in told
    engine.kubectl("delete", "sdep", "broken", "-n", "models")
