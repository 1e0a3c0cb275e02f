"""From a V2 request to a model's named columns, by the schema that the bundle states."""

import json

import numpy as np
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import MetadataTensor, Parameters, RequestInput

from howdah.errors import Invalid
from howdah.learning.signature import Array, Field


def columns_of(inputs: list[RequestInput], fields: tuple[Field, ...]) -> dict[str, Array]:
    """One array a field; inputs come as a tensor each, or all in one matrix. Raises Invalid."""
    given = {tensor.name: tensor for tensor in inputs}
    if len(inputs) == 1 and len(fields) > 1 and inputs[0].name not in {field.name for field in fields}:
        return _split(inputs[0], fields)
    if missing := [field.name for field in fields if field.name not in given]:
        raise Invalid(f"inputs missing: {', '.join(missing)}")
    columns = {field.name: _column(given[field.name], field) for field in fields}
    if len({len(values) for values in columns.values()}) > 1:
        raise Invalid("the inputs have different numbers of rows")
    return columns


def _split(tensor: RequestInput, fields: tuple[Field, ...]) -> dict[str, Array]:
    shape = tensor.shape
    if len(shape) != 2 or shape[1] != len(fields):
        names = ", ".join(field.name for field in fields)
        raise Invalid(f"a matrix of {len(fields)} columns is wanted ({names}), not shape {list(shape)}")
    matrix = _values(tensor)
    if matrix.size != shape[0] * shape[1]:
        raise Invalid(f"input {tensor.name}: {matrix.size} values do not fill the shape {list(shape)}")
    matrix = matrix.reshape(shape)
    return {field.name: _typed(matrix[:, at], field) for at, field in enumerate(fields)}


def _column(tensor: RequestInput, field: Field) -> Array:
    values = _typed(_values(tensor), field)
    rows = tensor.shape[0] if tensor.shape else 1
    if values.size != rows * int(np.prod(field.shape or (1,))):
        wanted = list(field.shape)
        raise Invalid(f"input {field.name} has shape {list(tensor.shape)}; each row has shape {wanted}")
    return values.reshape(rows, *field.shape)


def _values(tensor: RequestInput) -> Array:
    if tensor.datatype == "BYTES":
        return np.array(list(StringCodec.decode_input(tensor)), dtype=object)
    data = tensor.data.root
    if isinstance(data, bytes):
        return np.asarray(NumpyCodec.decode_input(tensor)).ravel()
    try:
        return np.array(data, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise Invalid(f"input {tensor.name}: the data are not all numbers") from None


def _typed(values: Array, field: Field) -> Array:
    if field.kind == "category":
        return np.array([_text(value) for value in values.ravel()], dtype=object)
    if values.dtype == object:
        try:
            return np.array([np.nan if value in ("", None) else float(value) for value in values.ravel()])
        except (TypeError, ValueError):
            raise Invalid(f"input {field.name} takes numbers") from None
    return values


def _text(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:g}"
    return str(value)


def described(field: Field) -> MetadataTensor:
    datatype = "BYTES" if field.kind == "category" else "FP64"
    # As text: a parameter of the protocol is no list.
    named = Parameters(columns=json.dumps(field.columns)) if field.columns else None
    return MetadataTensor(
        name=field.name, datatype=datatype, shape=[-1, *(field.shape or (1,))], parameters=named
    )
