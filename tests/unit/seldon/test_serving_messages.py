"""SeldonMessages to tensors and back; protobuf and JSON say the same."""

import pytest
from google.protobuf import json_format

from howdah.errors import Invalid
from howdah.runtimes import seldon_message
from howdah.runtimes.front.messages import message_class
from howdah.runtimes.seldon_message import Tensor


def there_and_back(data: dict, declared: list[str], outputs: list[Tensor]) -> dict:
    question = seldon_message.read({"data": data})
    seldon_message.to_inputs(question, declared)
    return seldon_message.answer(question, outputs, {})


def test_the_answer_comes_in_the_form_of_the_question():
    output = [Tensor("predict", (1, 2), [0.25, 0.75])]
    tensor = there_and_back({"tensor": {"shape": [1, 2], "values": [1, 2]}}, [], output)
    assert tensor["data"] == {"names": ["t:0", "t:1"], "tensor": {"shape": [1, 2], "values": [0.25, 0.75]}}
    array = there_and_back({"ndarray": [[1, 2]]}, [], output)
    assert array["data"] == {"names": ["t:0", "t:1"], "ndarray": [[0.25, 0.75]]}


def test_columns_go_by_name_where_the_model_names_its_inputs():
    question = seldon_message.read({"data": {"names": ["b", "a"], "ndarray": [["x", 1], ["y", None]]}})
    inputs = {entry["name"]: entry for entry in seldon_message.to_inputs(question, ["a", "b"])}
    assert inputs["b"]["data"] == ["x", "y"]
    assert inputs["b"]["datatype"] == "BYTES"
    assert inputs["a"]["datatype"] == "FP64"
    assert inputs["a"]["shape"] == [2, 1]


def test_several_outputs_stand_side_by_side():
    outputs = [Tensor("label", (2,), ["hi", "lo"]), Tensor("p", (2, 2), [0.9, 0.1, 0.2, 0.8])]
    answer = there_and_back({"ndarray": [[1], [2]]}, [], outputs)
    assert answer["data"] == {
        "names": ["label", "p:0", "p:1"],
        "ndarray": [["hi", 0.9, 0.1], ["lo", 0.2, 0.8]],
    }


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"strData": "hello"}, "hello"),
        ({"jsonData": {"a": 1}}, '{"a": 1}'),
        ({"binData": "aGVsbG8="}, "hello"),
    ],
)
def test_texts_become_one_element(message: dict, text: str):
    inputs = seldon_message.to_inputs(seldon_message.read(message), [])
    assert (inputs[0]["datatype"], inputs[0]["data"]) == ("BYTES", [text])


@pytest.mark.parametrize(
    "message",
    [
        [],
        {},
        {"data": {}},
        {"data": {"tensor": {"shape": [2, 2], "values": [1]}}},
        {"data": {"tensor": {"shape": [-1], "values": []}}},
        {"data": {"tensor": {"shape": "x", "values": []}}},
        {"data": {"ndarray": [[1, 2], [3]]}},
        {"data": {"ndarray": [[1], 2]}},
        {"data": {"ndarray": [{"a": 1}]}},
        {"data": {"tftensor": "AA=="}},
        {"binData": "not base64!"},
        {"strData": 5},
    ],
)
def test_what_is_no_message_is_refused_in_words(message: object):
    with pytest.raises(Invalid):
        seldon_message.read(message)


def test_missing_columns_are_named():
    question = seldon_message.read({"data": {"names": ["a"], "ndarray": [[1]]}})
    with pytest.raises(Invalid, match="missing b"):
        seldon_message.to_inputs(question, ["a", "b"])


def test_the_messages_are_seldons_on_the_wire():
    """Bytes as Seldon's own generated module writes them (field numbers, packing, oneofs)."""
    kind = message_class("SeldonMessage")
    document = {
        "meta": {"puid": "x", "routing": {"r": 1}, "tags": {"t": [1.0, "a"]}},
        "data": {"names": ["a"], "tensor": {"shape": [1, 1], "values": [2.0]}},
        "status": {"code": 500, "status": "FAILURE"},
    }
    message = json_format.ParseDict(document, kind())
    again = kind.FromString(message.SerializeToString())
    assert json_format.MessageToDict(again) == document
    assert b"\x0a\x02\x01\x01\x12\x08\x00\x00\x00\x00\x00\x00\x00@" in message.SerializeToString()
