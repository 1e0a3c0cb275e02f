"""A bundle of ours: ONNX, Keras or skops, by the schema in its model.json.

Inputs come as one tensor a column, by name, or as one matrix with the columns in the schema's
order. A column may be missing values: null or NaN for numbers, "" for categories.
"""

import asyncio

from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.model import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, ResponseOutput

from howdah.errors import Invalid
from howdah.learning import bundle
from howdah.learning.signature import Array
from howdah.runtimes.models.columns import columns_of, described
from howdah.runtimes.models.hosting import place_of

SLOW_FORMATS = (".keras",)


class BundleModel(MLModel):
    platform = "howdah-bundle"

    async def load(self) -> bool:
        place = place_of(self)
        found = bundle.read(place.model_folder)
        self._model = found.model(trust_pickle=place.trust_pickle)
        self._signature = found.manifest.signature
        # A slow model gets a thread, so that health and metadata answer meanwhile.
        self._threaded = found.manifest.model_file.endswith(SLOW_FORMATS)
        self.inputs = [described(field) for field in self._signature.inputs]
        self.outputs = [described(field) for field in self._signature.outputs]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        columns = columns_of(payload.inputs, self._signature.inputs)
        if self._threaded:
            answers = await asyncio.to_thread(self._model.predict, columns)
        else:
            answers = self._model.predict(columns)
        wanted = {output.name for output in payload.outputs or ()} or answers.keys()
        if unknown := wanted - answers.keys():
            has = ", ".join(answers)
            raise Invalid(f"the model has no output {', '.join(sorted(unknown))}; it has {has}")
        outputs = [_encoded(name, values) for name, values in answers.items() if name in wanted]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)


def _encoded(name: str, values: Array) -> ResponseOutput:
    if values.dtype == object or values.dtype.kind in "US":
        return StringCodec.encode_output(name, [str(value) for value in values.ravel()])
    return NumpyCodec.encode_output(name, values)
