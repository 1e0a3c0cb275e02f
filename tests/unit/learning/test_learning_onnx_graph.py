"""One computation has one spelling, whatever names and order a converter chose."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from howdah.errors import Invalid
from howdah.learning.onnx_graph import canonical, order_operator_sets


def built(names: dict[str, str], order: list[int], doc: str = "", twice: bool = False) -> onnx.ModelProto:
    """y = relu(x @ w + b) * relu(x @ w + b), with tensors and nodes named and ordered as asked."""
    n = {name: names.get(name, name) for name in ("w", "b", "xw", "sum", "left", "right")}
    weights = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(3, 2) - 2, n["w"])
    raw = helper.make_tensor(n["b"], TensorProto.FLOAT, [2], [0.5, -0.5])  # not as raw bytes
    constant = numpy_helper.from_array(np.array(2, dtype=np.float32), names.get("inner", "inner"))
    nodes = [
        helper.make_node("MatMul", ["x", n["w"]], [n["xw"]], name=names.get("node", "n"), doc_string=doc),
        helper.make_node("Add", [n["xw"], n["b"]], [n["sum"]]),
        helper.make_node("Relu", [n["sum"]], [n["left"]]),
        helper.make_node("Relu", [n["sum"]], [n["right"]])
        if twice
        else helper.make_node("Constant", [], [n["right"]], value=constant),
        helper.make_node("Mul", [n["left"], n["right"]], ["y"]),
    ]
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [names.get("rows", "rows"), size])
        for name, size in (("x", 3), ("y", 2))
    )
    graph = helper.make_graph(
        [nodes[place] for place in order], names.get("graph", "g"), [x], [y], [weights, raw]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


def spelt(model: onnx.ModelProto) -> bytes:
    return bytes(canonical(model).SerializeToString(deterministic=True))


def answer(model: onnx.ModelProto) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return np.asarray(session.run(["y"], {"x": np.array([[1, 2, 3], [-1, 0, 1]], np.float32)})[0])


def test_names_order_and_remarks_do_not_matter() -> None:
    plain = built({}, [0, 1, 2, 3, 4])
    other = built(
        {"w": "w_17", "xw": "z", "left": "a9", "inner": "k", "node": "m", "graph": "tf", "rows": "unk__8"},
        [3, 0, 1, 2, 4],
        "told",
    )
    assert plain.SerializeToString() != other.SerializeToString()
    assert spelt(plain) == spelt(other)
    onnx.checker.check_model(canonical(other), full_check=True)
    np.testing.assert_array_equal(answer(canonical(other)), answer(plain))


def test_what_is_computed_does_matter() -> None:
    plain = built({}, [0, 1, 2, 3, 4])
    changed = built({}, [0, 1, 2, 3, 4])
    changed.graph.initializer[1].float_data[0] += 1e-6
    assert spelt(plain) != spelt(changed)
    changed = built({}, [0, 1, 2, 3, 4])
    changed.graph.node[2].op_type = "Tanh"
    assert spelt(plain) != spelt(changed)


def test_the_same_computed_twice_is_computed_once() -> None:
    model = built({}, [0, 1, 3, 2, 4], twice=True)
    assert len(canonical(model).graph.node) == 4
    np.testing.assert_array_equal(answer(canonical(model)), answer(model))


def test_a_graph_within_a_graph_is_refused() -> None:
    model = built({}, [0, 1, 2, 3, 4])
    inner = helper.make_graph([], "inner", [], [])
    model.graph.node[2].attribute.append(helper.make_attribute("then_branch", inner))
    with pytest.raises(Invalid, match="a graph of its own"):
        canonical(model)


def test_operator_sets_stand_in_the_order_of_their_names():
    def ordered(*domains):
        model = built({}, [0, 1, 2, 3, 4])
        del model.opset_import[:]
        model.opset_import.extend(helper.make_opsetid(domain, 3) for domain in domains)
        order_operator_sets(model)
        return model.SerializeToString(deterministic=True)

    assert ordered("", "ai.onnx.ml") == ordered("ai.onnx.ml", "")
