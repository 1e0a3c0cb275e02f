"""SKLEARN_SERVER: a scikit-learn model from joblib, pickle or skops.

V2: output `predict` unless the request asks for `predict_proba` or `transform`. Seldon v1: class
probabilities where the model has them, as Seldon's own server answers; the parameter `method`
chooses otherwise.
"""

import warnings
from pathlib import Path

from mlserver.codecs import NumpyCodec, NumpyRequestCodec
from mlserver.errors import InferenceError
from mlserver.model import MLModel
from mlserver.types import InferenceRequest, InferenceResponse

from howdah.errors import Invalid
from howdah.runtimes.models.files import find, trusted
from howdah.runtimes.models.hosting import place_of

NAMES = ("model.skops", "model.joblib", "model.pickle", "model.pkl")
METHODS = ("predict", "predict_proba", "transform", "decision_function")


class SklearnModel(MLModel):
    platform = "scikit-learn"

    async def load(self) -> bool:
        place = place_of(self)
        path = trusted(
            find(place.model_folder, NAMES, (".skops", ".joblib", ".pickle", ".pkl")), place.trust_pickle
        )
        self._estimator = _load(path)
        self._default = str(place.parameters.get("predict_fn", "predict"))
        method = str(place.parameters.get("method", "predict_proba"))
        self.v1_output = method if hasattr(self._estimator, method) else "predict"
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        wanted = [output.name for output in payload.outputs or ()] or [self._default]
        decoded = self.decode_request(payload, default_codec=NumpyRequestCodec)
        outputs = []
        for name in wanted:
            if name not in METHODS or not hasattr(self._estimator, name):
                raise InferenceError(f"{type(self._estimator).__name__} has no output {name!r}")
            outputs.append(NumpyCodec.encode_output(name, getattr(self._estimator, name)(decoded)))
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)


def _load(path: Path) -> object:
    if path.suffix == ".skops":
        from skops import io

        untrusted = io.get_untrusted_types(file=path)
        unknown = [name for name in untrusted if not name.startswith(("sklearn.", "numpy."))]
        if unknown:
            raise Invalid(f"{path.name} holds types that are not safe to load: {', '.join(unknown)}")
        return io.load(path, trusted=untrusted)
    import joblib

    with warnings.catch_warnings():
        # A model saved by another scikit-learn often works; its log says which one it was.
        warnings.simplefilter("always")
        return joblib.load(path)
