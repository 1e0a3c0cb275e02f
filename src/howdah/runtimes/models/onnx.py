"""A bare ONNX file: tensors in and out by the names that the graph itself gives them."""

import numpy as np
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.model import MLModel
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor

from howdah.errors import Invalid
from howdah.runtimes.models.files import find
from howdah.runtimes.models.hosting import place_of

TYPES = {
    "tensor(float)": ("FP32", np.float32),
    "tensor(double)": ("FP64", np.float64),
    "tensor(int64)": ("INT64", np.int64),
    "tensor(int32)": ("INT32", np.int32),
    "tensor(bool)": ("BOOL", np.bool_),
    "tensor(string)": ("BYTES", np.object_),
}


class OnnxFileModel(MLModel):
    platform = "onnx"

    async def load(self) -> bool:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        path = find(place_of(self).model_folder, ("model.onnx",), (".onnx",))
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = [_described(node) for node in self._session.get_inputs()]
        self.outputs = [_described(node) for node in self._session.get_outputs() if node.type in TYPES]
        self._feeds = {node.name: TYPES[node.type][1] for node in self._session.get_inputs()}
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        feeds = {}
        for tensor in payload.inputs:
            name = next(iter(self._feeds)) if len(self._feeds) == 1 else tensor.name
            if name not in self._feeds:
                raise Invalid(f"the model has no input {tensor.name!r}; it has {', '.join(self._feeds)}")
            if tensor.datatype == "BYTES":
                values = np.array(list(StringCodec.decode_input(tensor)), dtype=object)
            else:
                values = NumpyCodec.decode_input(tensor)
            feeds[name] = values.astype(self._feeds[name]).reshape(tensor.shape)
        known = [tensor.name for tensor in self.outputs or ()]
        wanted = [output.name for output in payload.outputs or () if output.name in known] or known
        answers = self._session.run(wanted, feeds)
        outputs = []
        for name, values in zip(wanted, answers, strict=True):
            codec = StringCodec if values.dtype == object else NumpyCodec
            outputs.append(codec.encode_output(name, values))
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)


def _described(node: object) -> MetadataTensor:
    datatype = TYPES[node.type][0]  # type: ignore[attr-defined]
    shape = [size if isinstance(size, int) else -1 for size in node.shape]  # type: ignore[attr-defined]
    return MetadataTensor(name=node.name, datatype=datatype, shape=shape)  # type: ignore[attr-defined]
