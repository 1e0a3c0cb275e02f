"""Between SeldonMessages (v1) and tensors (V2).

    tensor, ndarray   rows of columns; the answer comes in the form of the question
    strData, jsonData, binData   one BYTES tensor of one element; answered as ndarray
    tftensor          refused: it needs TensorFlow to read

Columns with names become tensors of those names where the model declares such inputs, and one
matrix otherwise.
"""

import base64
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from howdah.errors import Invalid

Row = list[object]


@dataclass(frozen=True, slots=True)
class Question:
    """What a SeldonMessage asks: a matrix (`rows`), or one text."""

    form: str
    names: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    values: tuple[object, ...] = ()
    text: str = ""


def read(message: object) -> Question:
    """Raises Invalid, in words for the caller."""
    if not isinstance(message, dict):
        raise Invalid("a SeldonMessage is a JSON object")
    for form in ("strData", "binData", "jsonData"):
        if form in message:
            return Question(form, text=_text(form, message[form]))
    data = message.get("data")
    if not isinstance(data, dict):
        raise Invalid("a SeldonMessage has one of data, strData, jsonData, binData")
    given = data.get("names") or []
    if not isinstance(given, list | tuple):
        raise Invalid("names is a list")
    names = tuple(str(name) for name in given)
    if "tensor" in data:
        return _tensor(data["tensor"], names)
    if "ndarray" in data:
        return _ndarray(data["ndarray"], names)
    if "tftensor" in data:
        raise Invalid("tftensor is not served here: send tensor or ndarray")
    raise Invalid("data has one of tensor, ndarray")


def _text(form: str, value: object) -> str:
    if form == "jsonData":
        return json.dumps(value)
    if not isinstance(value, str):
        raise Invalid(f"{form} is text")
    if form == "binData":
        try:
            return base64.b64decode(value, validate=True).decode("latin-1")
        except ValueError:
            raise Invalid("binData is not base64") from None
    return value


def _tensor(tensor: object, names: tuple[str, ...]) -> Question:
    if not isinstance(tensor, dict):
        raise Invalid("tensor has shape and values")
    shape, values = tensor.get("shape"), tensor.get("values")
    if not isinstance(shape, list) or not isinstance(values, list):
        raise Invalid("tensor has shape and values")
    if not all(isinstance(size, int) and size >= 0 for size in shape) or math.prod(shape) != len(values):
        raise Invalid(f"tensor: {len(values)} values do not fill the shape {shape}")
    return Question("tensor", names, tuple(shape), tuple(values))


def _ndarray(array: object, names: tuple[str, ...]) -> Question:
    if not isinstance(array, list):
        raise Invalid("ndarray is a list")
    shape: list[int] = []
    level: object = array
    while isinstance(level, list):
        shape.append(len(level))
        level = level[0] if level else None
    flat = list(_flattened(array, shape, 0))
    return Question("ndarray", names, tuple(shape), tuple(flat))


def _flattened(array: object, shape: Sequence[int], depth: int) -> list[object]:
    if depth == len(shape):
        if isinstance(array, list | dict):
            raise Invalid("ndarray: the rows are not all of one length")
        return [array]
    if not isinstance(array, list) or len(array) != shape[depth]:
        raise Invalid("ndarray: the rows are not all of one length")
    return [value for entry in array for value in _flattened(entry, shape, depth + 1)]


def to_inputs(question: Question, declared: Sequence[str]) -> list[dict[str, object]]:
    """The V2 inputs; `declared` are the names of the model's inputs, empty if it does not say."""
    if not question.shape:
        parameters = {"content_type": "str"}
        name = declared[0] if len(declared) == 1 else "predict"
        data = [question.text]
        return [{"name": name, "shape": [1], "datatype": "BYTES", "data": data, "parameters": parameters}]
    width = question.shape[-1] if len(question.shape) > 1 else 1
    by_name = len(declared) > 1 or (bool(declared) and list(question.names) == list(declared))
    if not by_name or len(question.shape) != 2:
        name = declared[0] if len(declared) == 1 else "predict"
        return [_input(name, list(question.shape), list(question.values))]
    names = question.names or tuple(declared)
    if len(names) != width or set(declared) - set(names):
        missing = ", ".join(sorted(set(declared) - set(names)))
        wrong = f"missing {missing}" if missing else f"{width} columns for {len(names)} names"
        raise Invalid(f"the model takes the columns {', '.join(declared)}: {wrong}")
    count = question.shape[0]
    return [_input(name, [count, 1], list(question.values[index::width])) for index, name in enumerate(names)]


def _input(name: str, shape: list[int], values: list[object]) -> dict[str, object]:
    if all(isinstance(value, bool) for value in values) and values:
        datatype = "BOOL"
    elif all(isinstance(value, int | float) or value is None for value in values):
        datatype, values = "FP64", [math.nan if value is None else value for value in values]
    else:
        datatype, values = "BYTES", ["" if value is None else str(value) for value in values]
    tensor: dict[str, object] = {"name": name, "shape": shape, "datatype": datatype, "data": values}
    if datatype == "BYTES":
        tensor["parameters"] = {"content_type": "str"}
    return tensor


@dataclass(frozen=True, slots=True)
class Tensor:
    name: str
    shape: tuple[int, ...]
    values: Sequence[object]


def answer(question: Question, outputs: Sequence[Tensor], meta: dict[str, object]) -> dict[str, object]:
    """The SeldonMessage that answers: columns side by side, in the form of the question."""
    if len(outputs) == 1 and len(outputs[0].shape) != 2:
        only = outputs[0]
        names = [] if len(only.shape) == 1 else [f"t:{index}" for index in range(only.shape[-1])]
        shape, values = list(only.shape), list(only.values)
    else:
        names, shape, values = _side_by_side(outputs)
    numeric = all(isinstance(value, int | float) for value in values)
    if question.form == "tensor" and numeric:
        data: dict[str, object] = {"names": names, "tensor": {"shape": shape, "values": values}}
    else:
        data = {"names": names, "ndarray": nested(values, shape)}
    return {"data": data, "meta": meta}


def _side_by_side(outputs: Sequence[Tensor]) -> tuple[list[str], list[int], list[object]]:
    count = outputs[0].shape[0] if outputs and outputs[0].shape else 0
    names: list[str] = []
    widths: list[int] = []
    for output in outputs:
        width = math.prod(output.shape[1:])
        widths.append(width)
        if len(outputs) == 1:
            names += [f"t:{index}" for index in range(width)]
        else:
            names += [output.name] if width == 1 else [f"{output.name}:{index}" for index in range(width)]
    values: list[object] = []
    for row in range(count):
        for output, width in zip(outputs, widths, strict=True):
            values += output.values[row * width : (row + 1) * width]
    return names, [count, sum(widths)], values


def nested(values: Sequence[object], shape: Sequence[int]) -> object:
    """Flat values as lists of lists."""
    if len(shape) <= 1:
        return list(values)
    step = math.prod(shape[1:])
    return [nested(values[at * step : (at + 1) * step], shape[1:]) for at in range(shape[0])]
