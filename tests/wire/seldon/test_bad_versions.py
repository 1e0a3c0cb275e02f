"""Versions that cannot be brought about: the deployment says why, and the good one goes on serving."""

import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

pytestmark = pytest.mark.slow

GOOD = "class Good:\n    def predict(self, X, names):\n        return X + 1\n"
BAD = {
    "Raises": "class Raises:\n    def __init__(self):\n        raise ValueError('the weights are gone')\n",
    "Greedy": (
        "import time\n"
        "class Greedy:\n    def __init__(self):\n        held = []\n"
        "        while True:\n            held.append(b'x' * (16 << 20))\n            time.sleep(0.02)\n"
    ),
    "Late": (
        "import pathlib, time\n"
        "class Late:\n    def load(self):\n"
        "        while not pathlib.Path('HERE', 'go').exists():\n            time.sleep(0.02)\n"
        "    def predict(self, X, names):\n        return X + 2\n"
    ),
    "Slow": (
        "import time\n"
        "class Slow:\n    def predict(self, X, names):\n        time.sleep(30 if X[0][0] > 5 else 0)\n"
        "        return X + 1\n"
    ),
    "Hungry": (
        "import time\n"
        "class Hungry:\n    def predict(self, X, names):\n        held = []\n"
        "        while X[0][0] > 5:\n"
        "            held.append(b'x' * (16 << 20))\n            time.sleep(0.02)\n"
        "        return X + 1\n"
    ),
    "Keyed": (
        "import os\n"
        "class Keyed:\n    def predict(self, X, names):\n        return X + float(os.environ['BY'])\n"
    ),
    "Odd": "class Odd:\n    def predict(self, X, names):\n        return X / 0\n",
}
ASKED = {"data": {"ndarray": [[1.0]]}}
PATH = "/seldon/around/good/api/v1.0/predictions"


@pytest.fixture(scope="module")
def image(engine) -> Path:
    folder = engine.folder / "images" / "team"
    folder.mkdir(parents=True)
    for name, text in {"Good": GOOD, **BAD}.items():
        (folder / f"{name}.py").write_text(text.replace("HERE", str(folder)))
    (folder / "Dockerfile").write_text("CMD seldon-core-microservice Good\n")
    broken = engine.folder / "images" / "broken"
    broken.mkdir()
    (broken / "Dockerfile").write_text("CMD seldon-core-microservice Good\n")
    (broken / "requirements.txt").write_text("nowhere @ file:///nowhere/nowhere-1-py3-none-any.whl\n")
    return folder


def version(engine, component: str = "Good", image: str = "team:1", **more: object) -> dict:
    """A version of the deployment `good`; `model_uri`, `limit_mib`, `annotations`, `deadline_s` as wanted."""
    graph = {"name": "m", "type": "MODEL"}
    if "model_uri" in more:
        graph["modelUri"] = more["model_uri"]
    container: dict = {"name": "m", "image": image}
    if not image.startswith("howdah/"):
        container["args"] = ["seldon-core-microservice", component]
    if "limit_mib" in more:
        container["resources"] = {"limits": {"memory": f"{more['limit_mib']}Mi"}}
    deadline = {"progressDeadlineSeconds": more["deadline_s"]} if "deadline_s" in more else {}
    return engine.deployment("good", graph, [container], "seldon", more.get("annotations"), **deadline)


@pytest.fixture
def good(engine, image) -> Iterator[None]:
    engine.apply(version(engine))
    engine.until_ready("good", "around")
    engine.until(lambda: len(engine.pods("around")) == 1, "what was there before to end")
    assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]
    return


def refused(engine, document: dict, words: str) -> None:
    """The version fails and says so; the good one answers before, while and after."""

    def failed() -> bool:
        status = engine.status("good", "around")
        assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]
        return status["state"] == "Failed" and words in status["description"]

    engine.apply(document)
    engine.until(failed, f"the failure to be told: {words}")
    status = engine.status("good", "around")
    assert "the previous version keeps serving" in status["description"]
    (ready,) = [condition for condition in status["conditions"] if condition["type"] == "Ready"]
    assert (ready["status"], words in ready["message"]) == ("False", True)
    engine.apply(version(engine))
    engine.until_ready("good", "around")
    assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]


def test_a_component_that_raises(engine, good):
    refused(engine, version(engine, "Raises"), "the weights are gone")


def test_the_version_that_serves_is_started_again_while_the_new_one_fails(engine, good):
    """Also by an engine that came back to find no process of it."""

    def pid() -> int:
        found = engine.pods("around")
        ready = [pod for pod in found if pod["status"]["containerStatuses"][0]["ready"]]
        return int(ready[0]["metadata"]["annotations"]["howdah/pid"]) if ready else 0

    def answers_from_another_than(dead: int) -> bool:
        return pid() not in (0, dead) and engine.post(PATH, ASKED)[0] == 200

    engine.apply(version(engine, "Raises"))
    engine.until(lambda: engine.status("good", "around")["state"] == "Failed", "the new one to fail")
    first = pid()
    os.kill(first, signal.SIGKILL)
    engine.until(lambda: answers_from_another_than(first), "the old one to be started again")
    second = pid()
    engine.kill()
    os.kill(second, signal.SIGKILL)
    engine.start()
    engine.until(lambda: answers_from_another_than(second), "the engine that came back to start it again")
    assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]
    engine.apply(version(engine))
    engine.until_ready("good", "around")


def test_one_that_allocates_without_end(engine, good):
    refused(engine, version(engine, "Greedy", limit_mib=400), "more than its limit, and was killed")
    assert "OOMKilled" in engine.kubectl("get", "events", "-n", "around")


def test_one_that_is_late_is_waited_for(engine, good, image):
    engine.apply(version(engine, "Late", deadline_s=1))
    engine.until(lambda: engine.status("good", "around")["state"] == "Failed", "it to be late")
    assert "was not ready after 1 s" in engine.status("good", "around")["description"]
    assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]
    (image / "go").touch()
    engine.until_ready("good", "around")
    assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[3.0]]


def test_an_image_that_nobody_knows(engine, good):
    refused(engine, version(engine, image="unheard-of:1"), "no folder images/unheard-of/")


def test_an_image_that_went_and_an_engine_that_came_back(engine, good, image):
    """The last good manifest outlives the engine, and so do the processes that it asked for."""
    engine.apply(version(engine, image="unheard-of:1"))
    engine.until(lambda: engine.status("good", "around")["state"] == "Failed", "the refusal")
    (before,) = engine.pods("around")
    engine.kill()
    engine.start()
    engine.until(lambda: len(engine.pods("around")) == 1, "the process to be adopted")
    for _ in range(20):
        assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]
    (after,) = engine.pods("around")
    assert after["metadata"]["annotations"] == before["metadata"]["annotations"]
    assert "the previous version keeps serving" in engine.status("good", "around")["description"]


def test_an_image_whose_requirements_cannot_be_had(engine, good):
    refused(engine, version(engine, image="broken:1"), "image broken")


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("model.onnx", lambda: b"no model at all", "the model cannot be loaded"),
        ("model.txt", lambda: b"no model at all", "no model among model.txt"),
        ("model.pickle", lambda: b"not even read", "trusted_pickles"),
    ],
)
def test_models_that_do_not_load(engine, good, name: str, make: Callable[[], bytes], words: str):
    folder = engine.folder / "bad" / name
    folder.mkdir(parents=True)
    (folder / name).write_bytes(make())
    refused(engine, version(engine, image="howdah/onnx-server:1", model_uri=str(folder)), words)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("/no/such/folder", "no such file or folder"),
        ("/models/../etc", "without .."),
        ("s3://bucket/model", "RCLONE_CONFIG_S3_ENDPOINT is not set"),
    ],
)
def test_addresses_where_no_model_is(engine, good, uri: str, words: str):
    refused(engine, version(engine, image="howdah/onnx-server:1", model_uri=uri), words)


class Store(ThreadingHTTPServer):
    """An object store that lists what it likes and gives what it likes."""

    daemon_threads = True
    listed: dict[str, int]
    given: bytes = b"short"
    status = 200


class _Answer(BaseHTTPRequestHandler):
    server: Store

    def do_GET(self) -> None:
        body = self.server.given
        if "list-type" in self.path:
            keys = self.server.listed.items()
            entries = "".join(f"<Contents><Key>{k}</Key><Size>{n}</Size></Contents>" for k, n in keys)
            body = f"<ListBucketResult>{entries}</ListBucketResult>".encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store(engine) -> Iterator[Store]:
    server = Store(("127.0.0.1", 0), _Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    words = ["create", "secret", "generic", "store", "-n", "around"]
    address = f"--from-literal=RCLONE_CONFIG_S3_ENDPOINT=http://127.0.0.1:{server.server_port}"
    engine.kubectl(*words, address)
    yield server
    engine.kubectl("delete", "secret", "store", "-n", "around")
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("listed", "status", "words"),
    [
        ({"m/../../../out.onnx": 5}, 200, "outside the model's folder"),
        ({"m/model.onnx": 500}, 200, "has 500 bytes, 5 came"),
        ({}, 200, "no files"),
        ({"m/model.onnx": 5}, 404, "does not exist"),
        ({"m/model.onnx": 5}, 403, "access denied"),
        ({"m/model.onnx": 5}, 500, "answered 500"),
    ],
)
def test_stores_that_lie(engine, good, store, listed: dict[str, int], status: int, words: str):
    store.listed, store.status = listed, status
    document = version(engine, image="howdah/onnx-server:1", model_uri="s3://bucket/m")
    document["spec"]["predictors"][0]["graph"]["envSecretRefName"] = "store"
    refused(engine, document, words)
    assert not list(engine.folder.rglob("out.onnx"))


def test_a_model_that_changes_where_it_came_from_does_not_change_here(engine, onnx_model, good):
    document = version(engine, image="howdah/onnx-server:1", model_uri=onnx_model)
    engine.apply(document)
    engine.until_ready("good", "around")
    row = {"data": {"ndarray": [[5.1, 3.5, 1.4, 0.2]]}}
    before = engine.post(PATH, row)[1]["data"]
    Path(onnx_model, "model.onnx").write_bytes(b"something else")
    assert engine.post(PATH, row)[1]["data"] == before
    document["spec"]["predictors"][0]["replicas"] = 2
    engine.apply(document)
    engine.until(lambda: len(engine.pods("around")) == 2, "the second replica")
    engine.until_ready("good", "around")
    for _ in range(4):
        assert engine.post(PATH, row)[1]["data"] == before


def test_code_that_changes_in_its_folder_does_not_change_here(engine, good, image):
    """Not for a process that is started again, not for an engine that comes back; for the next version."""

    def answers_from_another_than(dead: int) -> bool:
        (pod, *_) = engine.pods("around") or [{}]
        fresh = pod and int(pod["metadata"]["annotations"]["howdah/pid"]) != dead
        return bool(fresh) and engine.post(PATH, ASKED)[0] == 200

    (image / "Good.py").write_text(GOOD.replace("+ 1", "+ 100"))
    try:
        for _ in range(2):
            (pod,) = engine.pods("around")
            running = int(pod["metadata"]["annotations"]["howdah/pid"])
            os.kill(running, signal.SIGKILL)
            engine.until(lambda: answers_from_another_than(running), "it to be started again")  # noqa: B023
            assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]
            engine.kill()
            engine.start()
            engine.until(lambda: len(engine.pods("around")) == 1, "the process to be adopted")
            assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]
        engine.apply(version(engine, annotations={"howdah/log": "off"}))
        engine.until(lambda: engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[101.0]], "the next version")
    finally:
        (image / "Good.py").write_text(GOOD)


def test_a_version_taken_back_while_the_one_before_still_drains(engine, good):
    engine.apply(version(engine, annotations={"howdah/log": "off"}))
    engine.until_ready("good", "around")
    engine.until(lambda: any("deletionTimestamp" in pod["metadata"] for pod in engine.pods("around")), "both")
    engine.apply(version(engine))
    engine.until_ready("good", "around")
    engine.until(lambda: len(engine.pods("around")) == 1, "the version taken back to end")
    assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]


def test_too_slow_an_answer_is_cut_and_says_so(engine, image):
    engine.apply(version(engine, "Slow", annotations={"seldon.io/rest-timeout": "300"}))
    engine.until_ready("good", "around")
    status, answer, _ = engine.post(PATH, {"data": {"ndarray": [[9.0]]}})
    assert (status, answer["status"]["code"], answer["status"]["status"]) == (504, 504, "FAILURE")
    assert "timeout" in answer["error"]
    assert engine.post(PATH, ASKED)[0] == 200, "others are answered meanwhile"


def test_one_that_a_request_makes_allocate_without_end_is_started_again(engine, image):
    engine.apply(version(engine, "Hungry", limit_mib=400))
    engine.until_ready("good", "around")
    engine.until(lambda: len(engine.pods("around")) == 1, "the version before to end")
    (before,) = engine.pods("around")
    status, answer, _ = engine.post(PATH, {"data": {"ndarray": [[9.0]]}})
    assert (status, answer["status"]["status"]) == (503, "FAILURE")

    def serves_again() -> bool:
        (pod,) = engine.pods("around") or [before]
        fresh = (
            pod["metadata"]["annotations"]["howdah/pid"] != before["metadata"]["annotations"]["howdah/pid"]
        )
        return fresh and engine.post(PATH, ASKED)[0] == 200

    engine.until(serves_again, "another process")
    assert engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[2.0]]


def test_an_onnx_model_that_answers_nan_or_infinity(engine, good):
    """MLServer makes null of the one, JSON has no word for the other."""
    import numpy as np
    import tritonclient.grpc as rpc
    from onnx import TensorProto, helper

    shape = [None, 1]
    asked, told = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y"))
    graph = helper.make_graph([helper.make_node("Log", ["x"], ["y"])], "log", [asked], [told])
    opset = helper.make_opsetid("", 17)
    folder = engine.folder / "log"
    folder.mkdir()
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    engine.apply(version(engine, image="howdah/onnx-server:1", model_uri=str(folder)))
    engine.until_ready("good", "around")
    path = "/seldon/around/good/v2/models/m/infer"
    for values, status in (([1.0, 1.0], 200), ([1.0, -1.0], 500), ([1.0, 0.0], 500)):
        rows = {"name": "x", "shape": [2, 1], "datatype": "FP32", "data": values}
        got, answer, _ = engine.post(path, {"inputs": [rows]})
        assert got == status, answer
        assert status == 200 or "NaN or infinity in output 'y'" in answer["error"]
        rows = {"instances": [[value] for value in values]}
        got, answer, _ = engine.post("/seldon/around/good/v1/models/m:predict", rows)
        assert got == status, answer
        assert status == 200 or "NaN or infinity in output 'y'" in answer["error"]
    with rpc.InferenceServerClient(engine.ingress) as client:
        given = rpc.InferInput("x", [1, 1], "FP32")
        given.set_data_from_numpy(np.array([[-1.0]], np.float32))
        with pytest.raises(rpc.InferenceServerException, match="NaN or infinity") as nan:
            client.infer("m", [given], headers={"seldon": "good", "namespace": "around"})
    assert nan.value.status() == "StatusCode.INTERNAL"


def test_not_a_number_is_no_answer(engine, image):
    engine.apply(version(engine, "Odd"))
    engine.until_ready("good", "around")
    status, answer, _ = engine.post(PATH, ASKED)
    assert (status, answer["status"]["status"]) == (500, "FAILURE")
    assert "NaN or infinity" in answer["status"]["info"]
    status, answer, _ = engine.post("/seldon/around/good/v1/models/m:predict", {"instances": [[1.0]]})
    assert (status, "NaN or infinity" in answer["error"]) == (500, True)


def test_a_secret_that_is_not_there_yet(engine, good):
    """The version says what it lacks, and serves once it is there; it is never given an empty variable."""
    document = version(engine, "Keyed")
    key = {"name": "amounts", "key": "by"}
    container = document["spec"]["predictors"][0]["componentSpecs"][0]["spec"]["containers"][0]
    container["env"] = [{"name": "BY", "valueFrom": {"secretKeyRef": key}}]
    refused(engine, document, "secret amounts in namespace around does not exist: m has its variable BY")
    engine.kubectl("create", "secret", "generic", "amounts", "-n", "around", "--from-literal=other=1")
    refused(engine, document, "secret amounts in namespace around has no key by")
    engine.apply(document)
    patch = ("--type=merge", "-p", '{"stringData":{"by":"5"}}')
    engine.kubectl("patch", "secret", "amounts", "-n", "around", *patch)
    engine.until(lambda: engine.post(PATH, ASKED)[1]["data"]["ndarray"] == [[6.0]], "the new one to serve")
    assert "SecretMissing" in engine.kubectl("describe", "sdep", "good", "-n", "around")
    engine.kubectl("delete", "secret", "amounts", "-n", "around")


def test_the_log_of_the_process_before(engine, good):
    """`kubectl logs --previous` is what the one wrote that this one replaces."""
    (old,) = engine.pods("around")
    engine.apply(version(engine, limit_mib=901))  # a revision that no test has run

    def alone() -> bool:
        found = engine.pods("around")
        return len(found) == 1 and found[0]["metadata"]["name"] != old["metadata"]["name"]

    engine.until(alone, "the new version to be alone")
    (pod,) = engine.pods("around")
    name, first = pod["metadata"]["name"], int(pod["metadata"]["annotations"]["howdah/pid"])
    words = ("logs", name, "-n", "around")
    assert "not found" in engine.kubectl(*words, "--previous", check=False)
    before = engine.kubectl(*words)
    assert f"[{first}]" in before
    os.kill(first, signal.SIGKILL)

    def another() -> bool:
        found = engine.pods("around")
        pids = [int(one["metadata"]["annotations"]["howdah/pid"]) for one in found]
        return pids != [first] and bool(found) and found[0]["status"]["containerStatuses"][0]["ready"]

    engine.until(another, "another process in its place")
    assert engine.kubectl(*words, "--previous").startswith(before)
    now = engine.kubectl(*words)
    assert f"[{first}]" not in now
    assert engine.kubectl(*words, "--tail=1") == now.splitlines(keepends=True)[-1]
    assert engine.kubectl(*words, "--limit-bytes=9") == now[:9]
    for option in ("--since=1m", "--timestamps"):
        assert f"({option.split('=')[0]}): lines of a log have no times" in engine.kubectl(
            *words, option, check=False
        )


def test_what_leads_nowhere_says_so(engine):
    status, answer, _ = engine.post("/seldon/around/nobody/api/v1.0/predictions", ASKED)
    assert (status, answer["status"]["code"]) == (404, 404)
    assert "route_not_found" in answer["error"]
    with pytest.raises(urllib.request.HTTPError) as missing:
        urllib.request.urlopen(f"http://{engine.ingress}/elsewhere")
    assert json.load(missing.value)["status"]["code"] == 404
