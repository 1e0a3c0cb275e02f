import json
import struct

import numpy as np
import pytest
import tritonclient.http as http

from howdah.errors import Invalid
from howdah.runtimes.front.binary import packed, plain


def request(*arrays: np.ndarray) -> tuple[bytes, int]:
    """As tritonclient makes it."""
    kinds = {"f": "FP", "i": "INT", "u": "UINT"}
    inputs = []
    for number, array in enumerate(arrays):
        kind = kinds.get(array.dtype.kind)
        name = f"{kind}{array.dtype.itemsize * 8}" if kind else "BOOL" if array.dtype.kind == "b" else "BYTES"
        one = http.InferInput(str(number), array.shape, name)
        one.set_data_from_numpy(array)
        inputs.append(one)
    body, length = http.InferenceServerClient.generate_request_body(inputs)
    return body, length


ARRAYS = (
    np.array([[1.5, -2.0]]),
    np.array([1, 2, 3], np.int8),
    np.array([2**63], np.uint64),
    np.array([True, False]),
    np.array(["ä", "", "b"], object),
    np.zeros((0, 4), np.float32),
)


def test_requests_of_tritonclient_become_plain_json():
    body, length = request(*ARRAYS)
    document = json.loads(plain(body, str(length)))
    assert [tensor["data"] for tensor in document["inputs"]] == [array.ravel().tolist() for array in ARRAYS]
    assert not any("binary_data_size" in tensor.get("parameters", {}) for tensor in document["inputs"])


def test_answers_are_read_by_tritonclient():
    body, size = request(ARRAYS[0])
    asked = plain(body, str(size))
    outputs = [
        {"name": "p", "datatype": "FP32", "shape": [2, 1], "data": [[0.5], [1.5]]},
        {"name": "t", "datatype": "BYTES", "shape": [2], "data": ["ä", "b"]},
    ]
    made = packed(asked, json.dumps({"outputs": outputs}).encode())
    assert made is not None
    content, length = made
    answer = http.InferenceServerClient.parse_response_body(content, header_length=length)
    assert answer.as_numpy("p").tolist() == [[0.5], [1.5]]
    assert answer.as_numpy("t").tolist() == ["ä".encode(), b"b"]


def test_only_the_outputs_that_are_wanted_so_are_binary():
    asked = {"outputs": [{"name": "p", "parameters": {"binary_data": True}}, {"name": "q"}]}
    tensor = {"datatype": "INT32", "shape": [1], "data": [7]}
    told = {"outputs": [{"name": "p", **tensor}, {"name": "q", **tensor}]}
    made = packed(json.dumps(asked).encode(), json.dumps(told).encode())
    assert made is not None
    content, length = made
    first, second = json.loads(content[:length])["outputs"]
    assert first["parameters"] == {"binary_data_size": 4}
    assert (second["data"], content[length:]) == ([7], struct.pack("<i", 7))
    assert packed(b'{"inputs": []}', b"{}") is None


HEAD = {"name": "x", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}


@pytest.mark.parametrize(
    ("change", "blob", "words"),
    [
        ({}, b"abc", "more than the request has left"),
        ({}, b"abcde", "follow the last tensor"),
        ({"shape": [2]}, b"abcd", "do not fill"),
        ({"datatype": "FP64"}, b"abcd", "no whole number"),
        ({"datatype": "BF16"}, b"abcd", "not taken in binary"),
        ({"datatype": "BYTES"}, b"\x09\0\0\0", "ends after"),
        ({"parameters": {"binary_data_size": 2}, "datatype": "BYTES"}, b"ab", "within the length"),
        ({"parameters": {"binary_data_size": 5}, "datatype": "BYTES"}, b"\x01\0\0\0\xff", "UTF-8"),
    ],
)
def test_what_is_wrong_is_said(change, blob, words):
    head = json.dumps({"inputs": [{**HEAD, **change}]}).encode()
    with pytest.raises(Invalid, match=words):
        plain(head + blob, str(len(head)))


@pytest.mark.parametrize("length", ["x", "-1", "99", "1"])
def test_a_wrong_length_is_refused(length):
    with pytest.raises(Invalid):
        plain(b"{}", length)
