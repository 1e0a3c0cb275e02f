"""Explainers: why did the predictor answer so?

An explainer's modelUri is the predictor's own bundle. It asks the bundle's model for the many
answers that an explanation takes, which are the predictor's answers to the last bit, and leaves
the ingress alone. What it can:

    KernelShap            Shapley values, our own, free of other licences
    AnchorTabular         alibi's anchors (Business Source License), classifiers only
    ALE                   accumulated local effects of every numeric input, over the reference
    IntegratedGradients   gradients along the way from the reference's mean, for .keras bundles
"""

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
from mlserver.codecs import StringCodec
from mlserver.model import MLModel
from mlserver.types import InferenceRequest, InferenceResponse

from howdah.errors import Invalid
from howdah.learning import bundle, reference
from howdah.learning.bundle import Bundle
from howdah.learning.explanation import Shapley, answer_of
from howdah.learning.predictor import Model
from howdah.learning.signature import Array
from howdah.runtimes.models.columns import columns_of, described
from howdah.runtimes.models.hosting import place_of

Columns = dict[str, Array]
Explain = Callable[[Columns], dict[str, object]]
STEPS = 50
ALE_BINS = 10


class ExplainerModel(MLModel):
    platform = "howdah-explainer"

    async def load(self) -> bool:
        place = place_of(self)
        found = bundle.read(place.model_folder)
        options = json.loads(os.environ.get("HOWDAH_EXPLAINER_INIT") or "{}")
        kind = os.environ.get("HOWDAH_EXPLAINER_TYPE") or str(options.pop("type", "KernelShap"))
        kind = str(place.parameters.get("type", kind))
        if kind not in KINDS:
            raise Invalid(f"no explainer {kind}: there are {', '.join(KINDS)}")
        model = found.model(trust_pickle=place.trust_pickle)
        self._kind, self._fields = kind, found.manifest.signature.inputs
        self._explain = await asyncio.to_thread(KINDS[kind], found, model, options)
        self.inputs = [described(field) for field in self._fields]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        told = json.dumps(await self.explanation(payload))
        output = StringCodec.encode_output("explanation", [told])
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=[output])

    async def explanation(self, payload: InferenceRequest) -> dict[str, object]:
        """As plain JSON: of the first row, which bears the prediction's ID."""
        columns = columns_of(payload.inputs, self._fields)
        first = {name: values[:1] for name, values in columns.items()}
        told = await asyncio.to_thread(self._explain, first)
        return {"explainer": self._kind, "prediction_id": payload.id, **told}


def _shapley(found: Bundle, model: Model, options: dict[str, object]) -> Explain:
    signature = found.manifest.signature
    background = reference.read(found.folder, signature)

    def explain(row: Columns) -> dict[str, object]:
        explainer = Shapley(answer_of(model.predict, signature, row), background, signature)
        return asdict(explainer.explain(row))

    return explain


def _anchors(found: Bundle, model: Model, options: dict[str, object]) -> Explain:
    from howdah.learning.anchors import Anchors

    signature = found.manifest.signature
    if signature.task != "classification":
        raise Invalid("AnchorTabular explains classifiers only: KernelShap explains this model")
    threshold = float(str(options.get("threshold", 0.95)))
    anchors = Anchors(model.predict, reference.read(found.folder, signature), signature, threshold=threshold)
    return lambda row: asdict(anchors.explain(row))


def _effects(found: Bundle, model: Model, options: dict[str, object]) -> Explain:
    """The mean effect of each numeric input on the answer, accumulated over its quantiles."""
    signature = found.manifest.signature
    sample = reference.read(found.folder, signature)

    def explain(row: Columns) -> dict[str, object]:
        answer = answer_of(model.predict, signature, row)
        curves: dict[str, object] = {}
        for field in signature.inputs:
            values = sample[field.name]
            if field.kind != "number" or field.shape:
                continue
            known = ~np.isnan(values)
            edges = np.unique(np.quantile(values[known], np.linspace(0, 1, ALE_BINS + 1)))
            if len(edges) < 2:
                continue
            inside = {name: column[known] for name, column in sample.items()}
            bins = np.clip(np.searchsorted(edges, inside[field.name], side="left"), 1, len(edges) - 1)
            high = np.asarray(answer({**inside, field.name: edges[bins]}), dtype=float).ravel()
            low = np.asarray(answer({**inside, field.name: edges[bins - 1]}), dtype=float).ravel()
            counts = np.bincount(bins, minlength=len(edges))[1:]
            sums = np.bincount(bins, weights=high - low, minlength=len(edges))[1:]
            local = np.divide(sums, counts, out=np.zeros(len(counts)), where=counts > 0)
            curve = np.concatenate(([0.0], np.cumsum(local)))
            middle = (curve[1:] + curve[:-1]) / 2
            curve -= float((middle * counts).sum() / counts.sum())
            curves[field.name] = {"values": edges.tolist(), "effects": curve.tolist()}
        return {"method": "accumulated local effects", "curves": curves}

    return explain


def _gradients(found: Bundle, model: Model, options: dict[str, object]) -> Explain:
    if not found.manifest.model_file.endswith(".keras"):
        raise Invalid("IntegratedGradients needs a .keras model, whose gradients can be taken")
    import keras
    import tensorflow as tf

    network = keras.saving.load_model(found.folder / found.manifest.model_file, compile=False, safe_mode=True)
    signature = found.manifest.signature
    sample = reference.read(found.folder, signature)
    names = [field.name for field in signature.inputs]
    shapes = {field.name: field.shape for field in signature.inputs}

    def explain(row: Columns) -> dict[str, object]:
        ends = [np.asarray(row[n], dtype=np.float32).reshape(1, *shapes[n]) for n in names]
        starts = [
            np.nanmean(np.asarray(sample[n], dtype=np.float32), axis=0).reshape(1, *shapes[n]) for n in names
        ]
        ratios = (np.arange(STEPS, dtype=np.float32) + 0.5) / STEPS
        paths = [
            tf.constant(np.concatenate([start + ratio * (end - start) for ratio in ratios]))
            for start, end in zip(starts, ends, strict=True)
        ]
        with tf.GradientTape() as tape:
            for path in paths:
                tape.watch(path)
            answers = network(paths[0] if len(paths) == 1 else paths, training=False)
            column = tf.reshape(answers, (STEPS, -1))[:, 0]
        slopes = tape.gradient(column, paths)
        shares = {
            name: (np.asarray(slope).mean(axis=0) * (end - start)[0]).tolist()
            for name, slope, start, end in zip(names, slopes, starts, ends, strict=True)
        }
        return {"method": "integrated gradients", "steps": STEPS, "shares": shares}

    return explain


KINDS: dict[str, Callable[[Bundle, Model, dict[str, object]], Explain]] = {
    "KernelShap": _shapley,
    "AnchorTabular": _anchors,
    "ALE": _effects,
    "IntegratedGradients": _gradients,
}
