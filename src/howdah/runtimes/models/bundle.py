"""A bundle of ours: ONNX, Keras or skops, by the schema in its model.json.

Inputs come as one tensor a column, by name, or as one matrix with the columns in the schema's
order. A column may be missing values: null or NaN for numbers, "" for categories.
"""

import asyncio

import numpy as np
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.model import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor, RequestInput, ResponseOutput

from howdah.errors import Invalid
from howdah.learning import bundle
from howdah.learning.signature import Array, Field
from howdah.runtimes.models.hosting import place_of

SLOW_FORMATS = (".keras",)


class BundleModel(MLModel):
    platform = "howdah-bundle"

    async def load(self) -> bool:
        place = place_of(self)
        self._bundle = bundle.read(place.model_folder)
        self._model = self._bundle.model(trust_pickle=place.trust_pickle)
        self._signature = self._bundle.manifest.signature
        # A slow model gets a thread, so that health and metadata answer meanwhile.
        self._threaded = self._bundle.manifest.model_file.endswith(SLOW_FORMATS)
        self.inputs = [_described(field) for field in self._signature.inputs]
        self.outputs = [_described(field) for field in self._signature.outputs]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        columns = self._columns(payload.inputs)
        if self._threaded:
            answers = await asyncio.to_thread(self._model.predict, columns)
        else:
            answers = self._model.predict(columns)
        wanted = {output.name for output in payload.outputs or ()} or answers.keys()
        if unknown := wanted - answers.keys():
            raise Invalid(
                f"the model has no output {', '.join(sorted(unknown))}; it has {', '.join(answers)}"
            )
        outputs = [_encoded(name, values) for name, values in answers.items() if name in wanted]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)

    def _columns(self, inputs: list[RequestInput]) -> dict[str, Array]:
        fields = self._signature.inputs
        given = {tensor.name: tensor for tensor in inputs}
        if len(inputs) == 1 and len(fields) > 1 and inputs[0].name not in {field.name for field in fields}:
            return self._split(inputs[0])
        if missing := [field.name for field in fields if field.name not in given]:
            raise Invalid(f"inputs missing: {', '.join(missing)}")
        columns = {field.name: _column(given[field.name], field) for field in fields}
        if len({len(values) for values in columns.values()}) > 1:
            raise Invalid("the inputs have different numbers of rows")
        return columns

    def _split(self, tensor: RequestInput) -> dict[str, Array]:
        fields = self._signature.inputs
        shape = tensor.shape
        if len(shape) != 2 or shape[1] != len(fields):
            names = ", ".join(field.name for field in fields)
            raise Invalid(f"a matrix of {len(fields)} columns is wanted ({names}), not shape {list(shape)}")
        matrix = _values(tensor).reshape(shape)
        return {field.name: _typed(matrix[:, at], field) for at, field in enumerate(fields)}


def _column(tensor: RequestInput, field: Field) -> Array:
    values = _typed(_values(tensor), field)
    rows = tensor.shape[0] if tensor.shape else 1
    if values.size != rows * int(np.prod(field.shape or (1,))):
        raise Invalid(
            f"input {field.name} has shape {list(tensor.shape)}; each row has shape {list(field.shape)}"
        )
    return values.reshape(rows, *field.shape)


def _values(tensor: RequestInput) -> Array:
    if tensor.datatype == "BYTES":
        return np.array(list(StringCodec.decode_input(tensor)), dtype=object)
    data = tensor.data.root
    if isinstance(data, bytes):
        return NumpyCodec.decode_input(tensor).ravel()
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


def _encoded(name: str, values: Array) -> ResponseOutput:
    if values.dtype == object or values.dtype.kind in "US":
        return StringCodec.encode_output(name, [str(value) for value in values.ravel()])
    return NumpyCodec.encode_output(name, values)


def _described(field: Field) -> MetadataTensor:
    datatype = "BYTES" if field.kind == "category" else "FP64"
    return MetadataTensor(name=field.name, datatype=datatype, shape=[-1, *(field.shape or (1,))])
