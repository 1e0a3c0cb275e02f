"""A model in a bundle, ready to answer: named arrays in, named arrays out.

The three safe formats load with only what they need: ONNX wants onnxruntime and numpy,
nothing else, so a server of an ONNX bundle never imports scikit-learn or TensorFlow.
Loading a pickle runs code, so it happens only where the operator listed the model's
folder as trusted; the model's own words never decide that.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from howdah.errors import Invalid
from howdah.learning.signature import Array, Field, Signature

Arrays = Mapping[str, Array]


TRUSTED = ("numpy.dtype", "sklearn.tree._tree.Tree")
"""What our families write beyond what skops itself takes for safe, by exact names: a whole package's
prefix would let in any of its functions. The numbers inside a forest's trees nobody checks: trees written to
do harm can crash the server's process or have it read memory that is not theirs."""


class Model(Protocol):
    def predict(self, inputs: Arrays) -> dict[str, Array]:
        """One row of each output per row of the inputs; safe to call from many threads at once."""
        ...


def load(folder: Path, model_file: str, signature: Signature, trust_pickle: bool = False) -> Model:
    """The model in `folder`; the ending of its file says the format."""
    path = folder / model_file
    match path.suffix:
        case ".onnx":
            return OnnxModel(path, signature)
        case ".skops":
            return SklearnModel(_load_skops(path), signature)
        case ".keras":
            return KerasModel(path, signature)
        case ".pickle" if trust_pickle:
            return SklearnModel(_load_pickle(path), signature)
        case ".pickle":
            raise Invalid(
                f"{model_file} is a pickle, and loading one runs whatever code is in it. List its URI under "
                "[serving] trusted_pickles in howdah.toml if you trust where it came from."
            )
    raise Invalid(f"{model_file} has no known model format; known: .onnx, .skops, .keras, .pickle.")


class OnnxModel:
    def __init__(self, path: Path, signature: Signature) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread a request: the server runs requests side by side, and two pools fight over cores.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._signature = signature

    def predict(self, inputs: Arrays) -> dict[str, Array]:
        feeds = {field.name: _onnx_feed(field, inputs[field.name]) for field in self._signature.inputs}
        names = [field.source for field in self._signature.outputs]
        values = self._session.run(names, feeds)
        return {
            field.name: field.pick(value)
            for field, value in zip(self._signature.outputs, values, strict=True)
        }


def _onnx_feed(field: Field, values: Array) -> Array:
    shaped = values.reshape(len(values), *(field.shape or (1,)))
    if field.kind == "category":
        return np.where(_absent(shaped), "", shaped).astype(object)
    return shaped.astype(np.float32)


def _absent(values: Array) -> Array:
    return values != values if values.dtype == object else np.zeros(values.shape, dtype=bool)


class SklearnModel:
    """A fitted scikit-learn pipeline over the signature's columns."""

    def __init__(self, estimator: object, signature: Signature) -> None:
        self._estimator = estimator
        self._signature = signature

    def predict(self, inputs: Arrays) -> dict[str, Array]:
        from howdah.learning.training import frame_of, outputs_of

        return outputs_of(self._estimator, frame_of(inputs, self._signature), self._signature)


class KerasModel:
    """A Keras 3 model of one or several shaped number inputs."""

    def __init__(self, path: Path, signature: Signature) -> None:
        import keras

        # safe_mode refuses Lambda layers, which are code.
        self._model = keras.saving.load_model(path, compile=False, safe_mode=True)
        self._signature = signature

    def predict(self, inputs: Arrays) -> dict[str, Array]:
        feeds = [
            inputs[field.name].reshape(-1, *field.shape).astype(np.float32)
            for field in self._signature.inputs
        ]
        values = np.asarray(self._model(feeds[0] if len(feeds) == 1 else feeds, training=False))
        return {field.name: field.pick(values) for field in self._signature.outputs}


def _load_skops(path: Path) -> object:
    from skops import io

    if unknown := [name for name in io.get_untrusted_types(file=path) if name not in TRUSTED]:
        raise Invalid(f"{path.name} holds types that are not safe to load: {', '.join(unknown)}.")
    return io.load(path, trusted=list(TRUSTED))


def _load_pickle(path: Path) -> object:
    import pickle

    with path.open("rb") as stream:
        return pickle.load(stream)
