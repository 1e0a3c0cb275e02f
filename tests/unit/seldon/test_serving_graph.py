"""The walk through a graph, against nodes that are functions at the byte boundary."""

import asyncio
import json
import random
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from howdah.runtimes.front.app import Answer
from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.front.place import Place
from howdah.runtimes.graph import nodes
from howdah.runtimes.graph.backend import GraphBackend
from howdah.runtimes.graph.connections import Caller, Endpoints, NodeGone


class Wires:
    """Answers as node processes would; remembers who was asked what."""

    def __init__(self, answers: dict) -> None:
        self._answers = answers
        self.down: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    async def post(self, node: str, path: str, body: bytes, headers: tuple) -> Answer:
        self.asked.append((node, path))
        answer = self._answers[node]
        if isinstance(answer, Exception):
            raise answer
        made = answer(json.loads(body)) if callable(answer) else answer
        return made if isinstance(made, Answer) else Answer(200, json.dumps(made).encode())

    async def ready(self, node: str) -> bool:
        assert node in self._answers, "a node without a process is not asked"
        return node not in self.down


def graph(answers: dict, document: dict, protocol: str = "seldon") -> tuple[GraphBackend, Wires]:
    wires = Wires(answers)
    place = Place(1, 2, deployment="d", predictor="p", protocol=protocol)
    metrics = Metrics(place, registry=CollectorRegistry())
    root = nodes.parse(json.dumps(document))
    return GraphBackend(place, root, wires, metrics, {}), wires


def predict(backend: GraphBackend, message: dict) -> tuple[int, dict]:
    answer = asyncio.run(backend.predict(json.dumps(message).encode(), {"seldon-puid": "id"}))
    return answer.status, json.loads(answer.body)


def number(value: float) -> dict:
    return {"data": {"ndarray": [[value]]}}


def add(amount: float):
    return lambda asked: number(asked["data"]["ndarray"][0][0] + amount)


ROUTER = {
    "name": "r",
    "type": "ROUTER",
    "children": [{"name": "a", "type": "MODEL"}, {"name": "b", "type": "MODEL"}],
}


@pytest.mark.parametrize(
    ("route", "expected", "asked"),
    [
        (0, 11, {("a", "/predict")}),
        (1, 21, {("b", "/predict")}),
        (-1, 11, {("a", "/predict"), ("b", "/predict")}),
        (-2, 1, set()),
    ],
)
def test_routes(route: int, expected: float, asked: set):
    backend, wires = graph({"r": number(route), "a": add(10), "b": add(20)}, ROUTER)
    status, answer = predict(backend, number(1))
    assert (status, answer["data"]) == (200, number(expected)["data"])
    assert set(wires.asked) == {("r", "/route"), *asked}
    assert answer["meta"]["routing"] == {"r": route}


def test_a_route_that_is_no_child_is_an_error():
    backend, _ = graph({"r": number(7), "a": add(1), "b": add(1)}, ROUTER)
    status, answer = predict(backend, number(1))
    assert status == 500
    assert "chose child 7 of 2" in answer["status"]["info"]


def test_transformers_combiners_and_output_transformers_in_their_order():
    document = {
        "name": "out",
        "type": "OUTPUT_TRANSFORMER",
        "children": [
            {
                "name": "in",
                "type": "TRANSFORMER",
                "children": [
                    {
                        "name": "sum",
                        "type": "COMBINER",
                        "children": [{"name": "a", "type": "MODEL"}, {"name": "b", "type": "MODEL"}],
                    }
                ],
            }
        ],
    }

    def total(asked: dict) -> dict:
        return number(sum(entry["data"]["ndarray"][0][0] for entry in asked["seldonMessages"]))

    answers = {"in": add(1), "a": add(10), "b": add(20), "sum": total, "out": add(1000)}
    backend, wires = graph(answers, document)
    assert predict(backend, number(0))[1]["data"] == number(1032)["data"]
    assert wires.asked[0] == ("in", "/transform-input")
    assert wires.asked[-2:] == [("sum", "/aggregate"), ("out", "/transform-output")]


def test_a_nodes_refusal_is_the_answer():
    refusal = Answer(418, b'{"status":{"info":"no"}}')
    backend, _ = graph({"r": number(0), "a": refusal, "b": add(0)}, ROUTER)
    assert predict(backend, number(1)) == (418, {"status": {"info": "no"}})


def test_a_node_that_is_gone_is_a_500_with_its_name():
    backend, _ = graph({"r": NodeGone("r cannot be reached"), "a": add(0), "b": add(0)}, ROUTER)
    status, answer = predict(backend, number(1))
    assert (status, answer["status"]["status"]) == (500, "FAILURE")
    assert "r cannot be reached" in answer["status"]["info"]


def test_feedback_goes_the_way_that_the_answer_went():
    backend, wires = graph({"r": {}, "a": {}, "b": {}}, ROUTER)
    message = {"request": number(1), "response": {"meta": {"routing": {"r": 1}}}, "reward": 1}
    asyncio.run(backend.feedback(json.dumps(message).encode(), {}))
    assert wires.asked == [("r", "/send-feedback"), ("b", "/send-feedback")]


def test_v2_turns_outputs_into_inputs():
    document = {"name": "t", "type": "TRANSFORMER", "children": [{"name": "m", "type": "MODEL"}]}
    tensor = {"name": "x", "shape": [1], "datatype": "FP64", "data": [2]}
    seen = []

    def model(asked: dict) -> dict:
        seen.append(asked["inputs"])
        return {"model_name": "m", "outputs": asked["inputs"]}

    backend, wires = graph({"t": {"outputs": [tensor]}, "m": model}, document, "v2")
    asked = {"id": "7", "inputs": [{**tensor, "data": [1]}]}
    answer = asyncio.run(backend.infer("anything", None, json.dumps(asked).encode(), {}))
    assert seen == [[tensor]]
    assert json.loads(answer.body) == {"model_name": "m", "outputs": [tensor], "id": "7"}
    assert wires.asked == [("t", "/v2/models/t/infer"), ("m", "/v2/models/m/infer")]


def test_an_ab_test_keeps_its_ratio():
    document = {
        **ROUTER,
        "type": "",
        "implementation": "RANDOM_ABTEST",
        "parameters": [{"name": "ratioA", "value": "0.25", "type": "FLOAT"}],
    }
    backend, wires = graph({"a": add(0), "b": add(0)}, document)
    backend._seldon._dice = random.Random(1)
    for _ in range(400):
        predict(backend, number(1))
    share = sum(node == "a" for node, _ in wires.asked) / 400
    assert 0.2 < share < 0.3


WHOLE = ("/ready", "/v2/health/ready", "/api/v1.0/status", "/api/v1.0/health/status")
OF_B = ("/v2/models/b/ready", "/v2/models/b/versions/1/ready", "/api/v1.0/status/b")
OF_A = ("/v2/models/a/ready", "/api/v1.0/status/a", "/live", "/v2/health/live", "/v2/models/b")


def test_a_graph_is_as_ready_as_its_nodes():
    split = {**ROUTER, "type": "", "implementation": "RANDOM_ABTEST"}
    backend, wires = graph({"a": {}, "b": {}}, split)

    def statuses(paths: tuple[str, ...]) -> set[int]:
        return {asyncio.run(backend.get(path)).status for path in paths}

    assert statuses((*WHOLE, *OF_B, *OF_A, "/api/v1.0/status/r", "/v2/models/r/ready")) == {200}
    wires.down.add("b")
    assert statuses((*WHOLE, *OF_B)) == {503}
    assert statuses(OF_A) == {200}
    assert asyncio.run(backend.get("/ready")).body == b"not ready: b"
    assert statuses(("/v2/models/x/ready", "/api/v1.0/status/x", "/api/v1.0/metadata/x")) == {404}


def test_a_node_is_ready_when_one_of_its_processes_says_so(tmp_path: Path):
    async def serve(status: int) -> tuple[asyncio.Server, int]:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked = await reader.readuntil(b"\r\n\r\n")
            assert asked.startswith(b"GET /ready HTTP/1.1\r\n")
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        return server, server.sockets[0].getsockname()[1]

    async def look() -> dict[str, bool]:
        (up, good), (loading, bad) = await serve(200), await serve(503)
        gone, dead = await serve(200)
        gone.close()
        nodes = {"up": [dead, bad, good], "loading": [bad], "gone": [dead], "none": []}
        file = tmp_path / "endpoints.json"
        file.write_text(json.dumps({name: [[port, 1] for port in ports] for name, ports in nodes.items()}))
        caller = Caller(Endpoints(file), 1.0)
        async with up, loading:
            return {name: await caller.ready(name) for name in (*nodes, "unknown")}

    found = asyncio.run(look())
    assert found == {"up": True, "loading": False, "gone": False, "none": False, "unknown": False}
