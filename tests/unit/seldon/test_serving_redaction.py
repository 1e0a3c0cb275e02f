import asyncio
import json
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from howdah.core import inference_log
from howdah.runtimes.front.app import Answer, Front
from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.front.place import LogPlace, Place
from howdah.runtimes.front.redaction import without

AGE = frozenset({"age"})
SECRET = 41
V1 = {"data": {"names": ["age", "size"], "ndarray": [[SECRET, 1]]}}
TENSOR = {"names": ["age", "size"], "tensor": {"shape": [2, 2], "values": [SECRET, 1, SECRET, 2]}}
EXPLAINED = json.dumps({"shares": {"age": SECRET, "size": 0.5}, "base": 1})


def clean(document: object, answers: bool = False) -> dict:
    return json.loads(without(json.dumps(document).encode(), AGE, answers))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (
            {"inputs": [{"name": "age", "data": [SECRET]}, {"name": "size", "data": [1]}]},
            {"inputs": [{"name": "age", "data": []}, {"name": "size", "data": [1]}]},
        ),
        (V1, {"data": {"names": ["age", "size"], "ndarray": [[None, 1]]}}),
        (
            {"data": TENSOR},
            {"data": {**TENSOR, "tensor": {"shape": [2, 2], "values": [None, 1, None, 2]}}},
        ),
        ({"instances": [{"age": SECRET, "size": 1}]}, {"instances": [{"age": None, "size": 1}]}),
        ({"instances": [[SECRET, 1]]}, {"instances": [[None, None]]}),
        ({"data": {"ndarray": [[SECRET, 1]]}}, {"data": {"ndarray": [[None, None]]}}),
        ({"jsonData": {"rows": [{"age": SECRET}]}}, {"jsonData": {"rows": [{"age": None}]}}),
        ({"strData": f"age={SECRET}"}, {"strData": None}),
        ({"inputs": 5}, {"inputs": 5}),
        ({"data": {"names": 7, "ndarray": "x"}}, {"data": {"names": 7, "ndarray": None}}),
    ],
)
def test_named_columns_are_taken_out_of_questions(document, expected):
    assert clean(document) == expected


def test_and_out_of_feedback_and_explanations():
    feedback = {"request": V1, "response": {"data": {"names": [], "ndarray": [0.5]}}, "truth": V1}
    told = clean({**feedback, "reward": 1.0})
    assert told["request"] == told["truth"] == clean(V1)
    assert (told["response"], told["reward"]) == (feedback["response"], 1.0)
    tensor = {
        "name": "explanation",
        "datatype": "BYTES",
        "shape": [1, 1],
        "data": [EXPLAINED, f"age > {SECRET}"],
    }
    (output,) = clean({"outputs": [tensor]}, answers=True)["outputs"]
    assert output["data"] == [json.dumps({"shares": {"age": None, "size": 0.5}, "base": 1}), None]


def test_a_models_own_answer_is_kept():
    answer = {"outputs": [{"name": "p", "datatype": "FP64", "shape": [1, 2], "data": [0.1, 0.9]}]}
    assert clean(answer, answers=True) == answer
    assert clean({"predictions": [[0.1]]}, answers=True) == {"predictions": [[0.1]]}


@pytest.mark.parametrize(
    "payload", [b"", b"[1]", b"age=41", b"\xff", b"[" * 9_000, b'{"a":' * 900 + b"1" + b"}" * 900]
)
def test_what_is_not_understood_is_dropped(payload):
    assert without(payload, AGE) == b""


class Echo:
    async def infer(self, model: str, version: str | None, body: bytes, headers: dict[str, str]) -> Answer:
        return Answer(200, body)


@pytest.mark.parametrize(
    "body", [b'{"inputs": 5}', b'{"inputs": ' + b"[" * 9_000, b'{"data": {"names": [[1]], "ndarray": 3}}']
)
def test_logging_never_costs_a_caller_the_answer(
    tmp_path: Path, body: bytes, monkeypatch: pytest.MonkeyPatch
):
    place = Place(0, 0, log=LogPlace(tmp_path, redact=AGE))
    front = Front(place, Echo(), Metrics(place, registry=CollectorRegistry()))  # type: ignore[arg-type]
    sent: list[dict] = []

    async def ask() -> None:
        async def receive() -> dict:
            return {"body": body}

        async def send(message: dict) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v2/models/m/infer", "headers": []}
        await front(scope, receive, send)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert (sent[0]["status"], sent[1]["body"]) == (200, body)
    monkeypatch.setattr(inference_log.Frames, "frame", lambda *_, **__: 1 / 0)
    asyncio.run(ask())
    front.close()
    assert (sent[2]["status"], front.unlogged) == (200, 1)


def test_events_are_sampled_and_redacted_as_the_log_is(tmp_path: Path):
    from howdah.runtimes.front.place import EventsPlace

    place = Place(0, 0, log=LogPlace(redact=AGE, sample=0.5), events=EventsPlace(url="http://127.0.0.1:9"))
    front = Front(place, Echo(), Metrics(place, registry=CollectorRegistry()))  # type: ignore[arg-type]
    events = []
    assert front._sender is not None
    front._sender.offer = events.append  # type: ignore[method-assign,assignment]
    for number in range(200):
        front.settle(
            "feedback", "seldon", str(number), {}, json.dumps(V1).encode(), Answer(200, b"{}"), 0, "/x"
        )
    assert 50 < len(events) < 150
    assert {event.payload for event in events} == {without(json.dumps(V1).encode(), AGE)}
