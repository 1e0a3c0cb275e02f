"""Seldon's v1 protocol over REST and gRPC alike: every form of payload, metadata, a graph of components."""

import base64
import http.client
import json
import urllib.request
from collections.abc import Iterator

import grpc
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

PARTS = {
    "Echo.py": "class Echo:\n    def predict(self, X, names, meta=None):\n        return X\n",
    "Pass.py": "class Pass:\n    def transform_input(self, X, names):\n        return X\n",
    "Choose.py": (
        "class Choose:\n    def route(self, X, names):\n"
        "        return int(not isinstance(X, (str, bytes, dict)) and X[0][0] > 5)\n"
        "    def send_feedback(self, X, names, reward, truth, routing=None):\n"
        "        print('rewarded', reward, routing, flush=True)\n"
    ),
    "Add.py": (
        "class Add:\n    def predict(self, X, names):\n        return X + 1\n"
        "    def tags(self):\n        return {'added': True}\n"
        "    def init_metadata(self):\n"
        "        number = {'names': ['x'], 'shape': [1]}\n"
        "        return {'name': 'adder', 'versions': ['v1'], 'platform': 'python',\n"
        "                'inputs': [{'messagetype': 'tensor', 'schema': number}], 'outputs': []}\n"
    ),
    "Dockerfile": "CMD seldon-core-microservice Echo\n",
}
GRAPH = {
    "name": "pass",
    "type": "TRANSFORMER",
    "children": [
        {
            "name": "choose",
            "type": "ROUTER",
            "children": [{"name": "echo", "type": "MODEL"}, {"name": "add", "type": "MODEL"}],
        }
    ],
}


@pytest.fixture(scope="module")
def deployed(engine) -> None:
    """`alone` is Echo, `adds` is Add, `chain` a graph that leads to either."""
    folder = engine.folder / "images" / "forms"
    folder.mkdir(parents=True)
    for name, text in PARTS.items():
        (folder / name).write_text(text)

    def part(name: str, component: str) -> dict:
        return {"name": name, "image": "team/forms:1", "args": ["seldon-core-microservice", component]}

    model = {"name": "m", "type": "MODEL"}
    parts = [part("pass", "Pass"), part("choose", "Choose"), part("echo", "Echo"), part("add", "Add")]
    engine.apply(engine.deployment("alone", model, [part("m", "Echo")], "seldon"))
    engine.apply(engine.deployment("adds", model, [part("m", "Add")], "seldon"))
    engine.apply(engine.deployment("chain", GRAPH, parts, "seldon"))
    for name in ("alone", "adds", "chain"):
        engine.until_ready(name, "around")


@pytest.fixture
def channel(engine) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(engine.ingress) as made:
        yield made


def to(name: str) -> dict:
    return {"metadata": (("seldon", name), ("namespace", "around")), "timeout": 30}


@pytest.mark.parametrize("transport", ["rest", "grpc"])
@pytest.mark.parametrize("name", ["alone", "chain"])
@pytest.mark.parametrize(
    ("form", "key", "sent"),
    [
        ("str_data", "strData", "grün, \U0001f418"),
        ("bin_data", "binData", bytes(range(256))),
        ("json_data", "jsonData", {"a": [1, 2.5, None, "x"], "b": {"c": True}}),
    ],
)
def test_what_is_no_matrix_comes_back_as_it_was_sent(engine, deployed, transport, name, form, key, sent):
    from seldon_core.seldon_client import SeldonClient

    client = SeldonClient(
        deployment_name=name, namespace="around", gateway_endpoint=engine.ingress, gateway="istio"
    )
    answer = client.predict(transport=transport, **{form: sent})
    assert answer.success, answer
    assert {"strData", "binData", "jsonData", "data"} & set(answer.response) == {key}
    got = answer.response[key]
    assert (base64.b64decode(got) if key == "binData" else got) == sent


def test_a_graph_over_grpc_and_its_feedback(engine, deployed, channel):
    from seldon_core.proto import prediction_pb2 as messages
    from seldon_core.proto.prediction_pb2_grpc import SeldonStub

    seldon = SeldonStub(channel)
    tensor = messages.Tensor(shape=[1, 2], values=[7, 9])
    asked = messages.SeldonMessage(data=messages.DefaultData(names=["a", "b"], tensor=tensor))
    answer, call = seldon.Predict.with_call(asked, **to("chain"))
    assert (list(answer.data.tensor.shape), list(answer.data.tensor.values)) == ([1, 2], [8, 10])
    assert dict(answer.meta.routing) == {"choose": 1}
    assert set(answer.meta.requestPath) == {"pass", "choose", "add"}
    assert answer.meta.tags["added"].bool_value
    assert dict(call.trailing_metadata())["seldon-puid"] == answer.meta.puid
    mine = {**to("chain"), "metadata": (*to("chain")["metadata"], ("seldon-puid", "mine"))}
    assert seldon.Predict(asked, **mine).meta.puid == "mine"
    told = messages.Feedback(request=asked, response=answer, reward=0.25)
    seldon.SendFeedback(told, **to("chain"))
    (pod,) = [p for p in engine.pods("around") if p["metadata"]["labels"]["model"] == "choose"]
    assert "rewarded 0.25 1" in engine.kubectl("logs", pod["metadata"]["name"], "-n", "around")
    text = messages.SeldonMessage(data=messages.DefaultData(tensor=messages.Tensor(shape=[3], values=[1])))
    with pytest.raises(grpc.RpcError) as wrong:
        seldon.Predict(text, **to("chain"))
    assert wrong.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "do not fill the shape" in wrong.value.details()


def test_metadata_of_models_and_graphs_over_grpc(engine, deployed, channel):
    from google.protobuf import empty_pb2
    from seldon_core.proto import prediction_pb2 as messages
    from seldon_core.proto.prediction_pb2_grpc import SeldonStub

    seldon = SeldonStub(channel)
    own = seldon.ModelMetadata(messages.SeldonModelMetadataRequest(name="m"), **to("adds"))
    assert (own.name, list(own.versions), own.platform) == ("adder", ["v1"], "python")
    assert own.inputs[0].messagetype == "tensor"
    assert own.inputs[0].schema.struct_value["names"][0] == "x"
    whole = seldon.GraphMetadata(empty_pb2.Empty(), **to("adds"))
    assert (whole.name, set(whole.models)) == ("p", {"m"})
    assert whole.models["m"] == own
    assert whole.inputs[0].schema.struct_value["names"][0] == "x"
    with urllib.request.urlopen(f"http://{engine.ingress}/seldon/around/adds/api/v1.0/metadata") as answer:
        document = json.load(answer)
    assert (document["name"], document["models"]["m"]["name"]) == ("p", "adder")
    assert document["graphinputs"] == document["models"]["m"]["inputs"]
    chain = seldon.GraphMetadata(empty_pb2.Empty(), **to("chain"))
    assert (chain.name, set(chain.models)) == ("p", {"pass", "choose", "echo", "add"})
    one = seldon.ModelMetadata(messages.SeldonModelMetadataRequest(name="echo"), **to("chain"))
    assert (one.name, one.platform) == ("echo", "MODEL")
    for name in ("adds", "chain"):
        with pytest.raises(grpc.RpcError) as missing:
            seldon.ModelMetadata(messages.SeldonModelMetadataRequest(name="nobody"), **to(name))
        assert missing.value.code() is grpc.StatusCode.NOT_FOUND


def test_v2_tells_of_a_graphs_nodes_over_grpc(engine, deployed):
    import tritonclient.grpc as rpc

    headers = {"seldon": "chain", "namespace": "around"}
    with rpc.InferenceServerClient(engine.ingress) as client:
        assert client.is_model_ready("echo", headers=headers)
        with pytest.raises(rpc.InferenceServerException) as nobody:
            client.is_model_ready("nobody", headers=headers)
        assert nobody.value.status() == "StatusCode.NOT_FOUND"
        told = client.get_model_metadata("echo", headers=headers)
        assert (told.name, told.platform) == ("echo", "MODEL")
        with pytest.raises(rpc.InferenceServerException) as missing:
            client.get_model_metadata("nobody", headers=headers)
        assert missing.value.status() == "StatusCode.NOT_FOUND"
        with pytest.raises(rpc.InferenceServerException) as unknown:
            client.get_server_metadata(headers=headers)
        assert unknown.value.status() == "StatusCode.UNIMPLEMENTED"


def test_a_browser_may_ask_from_elsewhere(engine, deployed):
    """The preflight, and the answer that it is for."""
    path = "/seldon/around/alone/api/v1.0/predictions"
    connection = http.client.HTTPConnection(engine.ingress, timeout=30)
    asking = {
        "Origin": "http://elsewhere",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    connection.request("OPTIONS", path, headers=asking)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    assert answer.getheader("access-control-allow-origin") == "*"
    assert "POST" in str(answer.getheader("access-control-allow-methods"))
    assert "content-type" in str(answer.getheader("access-control-allow-headers")).lower()
    connection.close()
    _, _, headers = engine.post(path, {"strData": "x"}, Origin="http://elsewhere")
    assert headers["access-control-allow-origin"] == "*"
