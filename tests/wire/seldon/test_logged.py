"""What a deployment's exchanges leave behind: CloudEvents at `logger.url`, records in its log."""

import json
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from howdah.core import inference_log

pytestmark = pytest.mark.slow

CODE = (
    "class Same:\n    def predict(self, X, names):\n"
    "        if len(X[0]) > 2:\n            raise ValueError('two are enough')\n        return X\n"
)
TWICE = "class Twice:\n    def transform_input(self, X, names):\n        return X * 2\n"
ASKED = {"data": {"names": ["age", "size"], "ndarray": [[41, 1]]}}
PREFIX = "io.seldon.serving."
PATH = "/seldon/around/logged"


class Listener(ThreadingHTTPServer):
    """Takes events, or refuses them."""

    daemon_threads = True
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.heard: list[tuple[dict[str, str], dict]] = []

    def kinds(self) -> list[str]:
        return sorted(headers["ce-type"].removeprefix(PREFIX) for headers, _ in self.heard)


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(({k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module", autouse=True)
def image(engine) -> None:
    folder = engine.folder / "images" / "same"
    folder.mkdir(parents=True)
    (folder / "Same.py").write_text(CODE)
    (folder / "Twice.py").write_text(TWICE)
    (folder / "Dockerfile").write_text("CMD seldon-core-microservice Same\n")


def serve(engine, logger: dict | None = None, **annotations: str) -> None:
    """The deployment `logged`, and nothing left of what it was before."""
    graph: dict = {"name": "m", "type": "MODEL"}
    if logger:
        graph["logger"] = logger
    engine.apply(
        engine.deployment("logged", graph, [{"name": "m", "image": "team/same:1"}], "seldon", annotations)
    )
    engine.until_ready("logged", "around")
    engine.until(lambda: len(engine.pods("around")) == 1, "the version before to end")


def ask(engine, id: str, body: object = ASKED, what: str = "predictions", **headers: str) -> int:
    return engine.post(f"{PATH}/api/v1.0/{what}", body, Seldon_Puid=id, **headers)[0]


def records(engine, *ids: str) -> list[inference_log.Record]:
    folder = engine.folder / "state" / "inferences" / "around~logged"
    found = [record for path in sorted(folder.iterdir()) for record in inference_log.read(path)]
    return [record for record in found if record.header.id in ids]


def figure(engine, name: str) -> float:
    """One of the metrics of the deployment's only process."""
    with urllib.request.urlopen(f"http://{engine.ingress}{PATH}/prometheus", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.split()[0] == name))


@pytest.mark.parametrize(
    ("mode", "kinds"),
    [
        ("request", ["inference.request", "inference.request"]),
        ("response", ["feedback", "inference.response"]),
        ("all", ["feedback", "inference.request", "inference.request", "inference.response"]),
    ],
)
def test_cloud_events_by_mode(engine, listener, mode, kinds):
    """A prediction, one that fails and so has no response, and feedback."""
    url = f"http://127.0.0.1:{listener.server_port}/events?from=here"
    serve(engine, {"mode": mode, "url": url})
    assert ask(engine, "good") == 200
    assert ask(engine, "bad", {"data": {"ndarray": [[1, 2, 3]]}}) == 400
    feedback = {"request": ASKED, "reward": 1.0}
    assert ask(engine, "judged", feedback, "feedback") == 200
    assert ask(engine, "skipped", ASKED, Seldon_Skip_Logging="true") == 200
    engine.until(lambda: figure(engine, "howdah_logger_sent_total") == len(kinds), "the events")
    assert listener.kinds() == kinds
    for headers, payload in listener.heard:
        known = {name: headers[f"ce-{name}"] for name in ("specversion", "modelid", "namespace", "endpoint")}
        assert known == {"specversion": "1.0", "modelid": "m", "namespace": "around", "endpoint": "p"}
        assert (headers["ce-inferenceservicename"], headers["ce-protocol"]) == ("logged", "seldon")
        if headers["ce-type"].endswith("feedback"):
            assert (headers["ce-requestid"], payload) == ("judged", feedback)
        elif headers["ce-requestid"] == "good":
            assert payload["data"]["ndarray"] == [[41, 1]]
    ids = [headers["ce-id"] for headers, _ in listener.heard]
    assert len(set(ids)) == len(ids), "each event has an ID of its own"


def test_each_node_of_a_graph_tells_of_its_own(engine, listener):
    """A transformer, too: what it is asked and what it answers are not what its child is asked."""
    logger = {"mode": "all", "url": f"http://127.0.0.1:{listener.server_port}/"}
    child = {"name": "m", "type": "MODEL", "logger": logger}
    graph = {"name": "twice", "type": "TRANSFORMER", "logger": logger, "children": [child]}
    twice = {"name": "twice", "image": "team/same:1", "args": ["seldon-core-microservice", "Twice"]}
    containers = [twice, {"name": "m", "image": "team/same:1"}]
    engine.apply(engine.deployment("tree", graph, containers, "seldon"))
    engine.until_ready("tree", "around")
    asked = {"data": {"ndarray": [[1, 2]]}}
    path = "/seldon/around/tree/api/v1.0/predictions"
    status, answer, _ = engine.post(path, asked, Seldon_Puid="id")
    assert (status, answer["data"]["ndarray"]) == (200, [[2, 4]])
    engine.until(lambda: len(listener.heard) == 4, "four events")
    told = {
        (headers["ce-modelid"], headers["ce-type"].rpartition(".")[2]): payload["data"]["ndarray"]
        for headers, payload in listener.heard
    }
    doubled = [[2, 4]]
    assert told == {
        ("twice", "request"): [[1, 2]],
        ("twice", "response"): doubled,
        ("m", "request"): doubled,
        ("m", "response"): doubled,
    }
    assert {headers["ce-requestid"] for headers, _ in listener.heard} == {"id"}
    engine.post(path, asked, Seldon_Skip_Logging="true")
    assert engine.post(path, asked, Seldon_Puid="last")[0] == 200
    engine.until(lambda: len(listener.heard) == 8, "four more")
    assert {headers["ce-requestid"] for headers, _ in listener.heard} == {"id", "last"}
    engine.kubectl("delete", "sdep", "tree", "-n", "around")


def test_a_transformer_alone_transforms(engine):
    containers = [{"name": "t", "image": "team/same:1", "args": ["seldon-core-microservice", "Twice"]}]
    engine.apply(engine.deployment("lone", {"name": "t", "type": "TRANSFORMER"}, containers, "seldon"))
    engine.until_ready("lone", "around")
    status, answer, _ = engine.post("/seldon/around/lone/api/v1.0/predictions", {"data": {"ndarray": [[4]]}})
    assert (status, answer["data"]["ndarray"]) == (200, [[8]])
    engine.kubectl("delete", "sdep", "lone", "-n", "around")


def test_what_nobody_takes_is_counted(engine, listener):
    listener.status = 500
    serve(engine, {"mode": "all", "url": f"http://127.0.0.1:{listener.server_port}/"})
    assert ask(engine, "refused") == 200
    engine.until(lambda: figure(engine, "howdah_logger_dropped_total") == 2, "both events to be counted")
    assert figure(engine, "howdah_logger_sent_total") == 0


def test_predictions_and_feedback_are_recorded_and_what_is_skipped_is_not(engine):
    serve(engine)
    assert ask(engine, "one") == 200
    assert ask(engine, "one", {"request": ASKED, "reward": 0.5}, "feedback") == 200
    for word in ("true", "on", "1"):
        assert ask(engine, "two", ASKED, Seldon_Skip_Logging=word) == 200
    assert ask(engine, "two", ASKED, Seldon_Skip_Logging="false") == 200
    assert ask(engine, "three", {"data": {"ndarray": [[1, 2, 3]]}}) == 400
    kept = [(r.header.id, r.header.kind, r.header.status) for r in records(engine, "one", "two", "three")]
    assert kept == [
        ("one", "prediction", 200),
        ("one", "feedback", 200),
        ("two", "prediction", 200),
        ("three", "prediction", 400),
    ]
    asked, judged = records(engine, "one")
    assert json.loads(asked.request) == ASKED
    assert json.loads(asked.response)["data"]["ndarray"] == [[41, 1]]
    assert json.loads(judged.request)["reward"] == 0.5
    assert asked.header.latency_us > 0


def test_a_sample_is_recorded_and_sent(engine, listener):
    logger = {"mode": "request", "url": f"http://127.0.0.1:{listener.server_port}/"}
    serve(engine, logger, **{"howdah/log-sample": "0.5"})
    ids = [f"sampled-{number}" for number in range(100)]
    assert {ask(engine, id) for id in ids} == {200}
    kept = {record.header.id for record in records(engine, *ids)}
    assert 25 < len(kept) < 75
    engine.until(lambda: figure(engine, "howdah_logger_sent_total") == len(kept), "the same sample's events")
    assert {headers["ce-requestid"] for headers, _ in listener.heard} == kept


def test_columns_that_must_not_be_kept_are_neither_recorded_nor_sent(engine, listener):
    logger = {"mode": "request", "url": f"http://127.0.0.1:{listener.server_port}/"}
    serve(engine, logger, **{"howdah/log-redact": "age"})
    assert ask(engine, "private") == 200
    clean = {"data": {"names": ["age", "size"], "ndarray": [[None, 1]]}}
    (record,) = records(engine, "private")
    assert json.loads(record.request) == clean
    engine.until(lambda: len(listener.heard) == 1, "the event")
    assert listener.heard[0][1] == clean


def test_records_that_cannot_be_written_are_counted_and_the_answer_comes(engine):
    serve(engine, None, **{"howdah/log-sample": "1.0"})
    folder = engine.folder / "state" / "inferences" / "around~logged"
    aside = folder.with_name("aside")
    folder.rename(aside)
    assert ask(engine, "lost") == 200
    assert figure(engine, "howdah_inference_log_dropped_total") == 1
    aside.rename(folder)
    assert ask(engine, "kept") == 200
    assert [record.header.id for record in records(engine, "lost", "kept")] == ["kept"]
