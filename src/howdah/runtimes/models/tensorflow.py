"""TENSORFLOW_SERVER: a SavedModel or a Keras file, answered over V2, Seldon v1 and TensorFlow's REST.

An ONNX file beside the original is not used here: what is named is what answers.
"""

import asyncio
from pathlib import Path

import numpy as np
from mlserver.codecs import NumpyCodec
from mlserver.model import MLModel
from mlserver.types import InferenceRequest, InferenceResponse

from howdah.errors import Invalid, NotFound
from howdah.learning.signature import Array
from howdah.runtimes.models.hosting import place_of


class TensorflowModel(MLModel):
    platform = "tensorflow"

    async def load(self) -> bool:
        self._call = await asyncio.to_thread(_load, place_of(self).model_folder)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        if not payload.inputs:
            raise Invalid("the request has no inputs")
        arrays = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        answers = await asyncio.to_thread(self._call, arrays)
        outputs = [NumpyCodec.encode_output(name, values) for name, values in answers.items()]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)


class _Keras:
    def __init__(self, path: Path) -> None:
        import keras

        # safe_mode refuses Lambda layers, which are code.
        self._model = keras.saving.load_model(path, compile=False, safe_mode=True)

    def __call__(self, arrays: dict[str, Array]) -> dict[str, Array]:
        feeds = [np.asarray(values, dtype=np.float32) for values in arrays.values()]
        values = self._model(feeds[0] if len(feeds) == 1 else feeds, training=False)
        return {"predict": np.asarray(values)}


class _Saved:
    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._tf = tf
        self._loaded = tf.saved_model.load(str(folder))
        self._signature = self._loaded.signatures["serving_default"]
        self._inputs = self._signature.structured_input_signature[1]

    def __call__(self, arrays: dict[str, Array]) -> dict[str, Array]:
        if len(self._inputs) == 1 and len(arrays) == 1:
            arrays = {next(iter(self._inputs)): next(iter(arrays.values()))}
        if missing := self._inputs.keys() - arrays.keys():
            raise Invalid(f"inputs missing: {', '.join(sorted(missing))}")
        for name, spec in self._inputs.items():
            if not spec.shape.is_compatible_with(arrays[name].shape):
                shape, wanted = list(arrays[name].shape), spec.shape.as_list()
                raise Invalid(f"input {name} has shape {shape}; the model takes {wanted} (None is any)")
        feeds = {
            name: self._tf.constant(arrays[name], dtype=spec.dtype) for name, spec in self._inputs.items()
        }
        return {name: np.asarray(values) for name, values in self._signature(**feeds).items()}


def _load(folder: Path) -> _Keras | _Saved:
    keras = sorted(folder.rglob("*.keras"))
    if keras:
        return _Keras(keras[0])
    saved = sorted(path.parent for path in folder.rglob("saved_model.pb"))
    if saved:
        # Versions are numbered folders; the highest is served, as TensorFlow Serving does it.
        return _Saved(max(saved, key=lambda path: int(path.name) if path.name.isdigit() else -1))
    raise NotFound("no .keras file and no saved_model.pb in the model's folder")
