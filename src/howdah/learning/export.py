"""From a fitted pipeline to the safest format that gives the same answers.

ONNX is tried first and kept only if it agrees with the original on every row of a
sample; otherwise skops, which stores scikit-learn's own objects without pickle.
"""

from pathlib import Path

import numpy as np
import onnx
import pandas as pd
from sklearn.pipeline import Pipeline

from howdah.learning.onnx_graph import order_operator_sets
from howdah.learning.predictor import OnnxModel
from howdah.learning.signature import Signature
from howdah.learning.training import outputs_of

# float32 arithmetic keeps about seven digits; a larger gap means another decision, not rounding.
RELATIVE_GAP = 1e-5
# Fixed, so that the same model always becomes the same bytes.
OPSET = 18


def export(estimator: Pipeline, sample: pd.DataFrame, signature: Signature, folder: Path) -> str:
    """Writes the model into `folder` and returns the file's name."""
    from skops import io

    path = folder / "model.onnx"
    path.write_bytes(to_onnx(estimator, signature))
    if agrees(OnnxModel(path, signature), estimator, sample, signature):
        return path.name
    path.unlink()
    io.dump(estimator, folder / "model.skops")
    return "model.skops"


def to_onnx(estimator: Pipeline, signature: Signature) -> bytes:
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    kinds = {"number": FloatTensorType, "category": StringTensorType}
    options = {id(estimator): {"zipmap": False}} if signature.task == "classification" else None
    model = skl2onnx.convert_sklearn(
        estimator,
        name="model",
        initial_types=[(field.name, kinds[field.kind]([None, 1])) for field in signature.inputs],
        options=options,
        target_opset=OPSET,
    )
    _name_inputs(model.graph, [field.name for field in signature.inputs])
    order_operator_sets(model)
    return bytes(model.SerializeToString(deterministic=True))


def _name_inputs(graph: onnx.GraphProto, names: list[str]) -> None:
    """Give the inputs their columns' names: the converter spells them as identifiers."""
    back = dict(zip((each.name for each in graph.input), names, strict=True))
    for each in graph.input:
        each.name = back[each.name]
    for node in graph.node:
        node.input[:] = [back.get(name, name) for name in node.input]


def agrees(exported: OnnxModel, estimator: Pipeline, sample: pd.DataFrame, signature: Signature) -> bool:
    ours = exported.predict({field.name: sample[field.name].to_numpy() for field in signature.inputs})
    theirs = outputs_of(estimator, sample, signature)
    for name, values in theirs.items():
        if values.dtype == object:
            if not (ours[name].astype(str) == values.astype(str)).all():
                return False
        elif not np.allclose(ours[name], values, rtol=RELATIVE_GAP, atol=RELATIVE_GAP):
            return False
    return True
