"""Tomorrow's return from the last days: a small LSTM, exported to ONNX, beside the naive answer.

The naive forecast of a price is today's price, which is a return of nought. MASE is the
model's mean absolute error over the naive one's on the same days: below one is better
than naive, and for daily prices of liquid stocks nobody should expect much below one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from howdah.errors import Invalid
from howdah.learning.calendar import TARGET, inputs, windows
from howdah.learning.onnx_graph import canonical
from howdah.learning.predictor import OnnxModel
from howdah.learning.signature import Array, Field, Signature

Split = tuple[Array, Array]
RELATIVE_GAP = 1e-4
OPSET = 15


@dataclass(frozen=True, slots=True)
class Days:
    """One company's windows, what came after each, and when."""

    runs: Array
    truth: Array
    dates: Array

    def where(self, chosen: Array) -> "Days":
        return Days(self.runs[chosen], self.truth[chosen], self.dates[chosen])


def together(parts: Sequence[Days]) -> Days:
    """Several companies' days, one company after the other."""
    runs, truth, dates = (
        np.concatenate([getattr(part, each) for part in parts]) for each in ("runs", "truth", "dates")
    )
    return Days(runs, truth, dates)


def signature(length: int, names: Sequence[str]) -> Signature:
    return Signature(
        "forecast",
        TARGET,
        (Field("window", "number", (length, len(names)), columns=tuple(names)),),
        (Field(TARGET, "number", source="prediction", column=0),),
    )


def columns(companies: Mapping[str, pd.DataFrame]) -> list[str]:
    """What a model can look at: the columns that every company has."""
    first, *others = companies.values()
    return [name for name in inputs(first) if all(name in features.columns for features in others)]


def border(companies: Mapping[str, pd.DataFrame], holdout_days: int) -> pd.Timestamp:
    """The last day to learn from; the `holdout_days` working days after it are held out, of all companies."""
    last: pd.Timestamp = max(features.index.max() for features in companies.values())
    return last - pd.offsets.BusinessDay(holdout_days)


def split(
    companies: Mapping[str, pd.DataFrame], length: int, holdout_days: int, names: Sequence[str]
) -> dict[str, dict[str, Days]]:
    """By company, the windows to learn from (`train`) and those whose day is `held_out`."""
    last = border(companies, holdout_days)
    sides: dict[str, dict[str, Days]] = {}
    for name, features in companies.items():
        runs, truth, dates = windows(features, length, list(names))
        days, held = Days(runs, truth, dates.to_numpy()), np.asarray(dates > last)
        sides[name] = {"train": days.where(~held), "held_out": days.where(held)}
    return sides


def figures(truth: Array, predicted: Array) -> dict[str, float]:
    """MASE and sMAPE of returns; Invalid where there is no day to judge on."""
    if len(truth) == 0:
        raise Invalid("There are no held-out days to judge the forecast on.")
    error = float(np.abs(truth - predicted).mean())
    naive = float(np.abs(truth).mean())
    scale = np.abs(truth) + np.abs(predicted)
    smape = float(
        np.where(scale > 0, 2 * np.abs(truth - predicted) / np.where(scale > 0, scale, 1), 0).mean()
    )
    direction = float((np.sign(truth) == np.sign(predicted)).mean())
    return {
        "mae": error,
        "naive_mae": naive,
        "mase": error / naive if naive else 1.0,
        "smape": smape,
        "right_direction": direction,
    }


def fit(train: Split, units: int, epochs: int, seed: int) -> object:
    """A Keras model from raw windows to the raw return: scaling is inside, so that serving needs none."""
    import keras

    runs, truth = train
    if len(runs) < 100:
        raise Invalid(f"{len(runs)} windows are too few to train an LSTM on; 100 are needed.")
    keras.utils.set_random_seed(seed)
    mean, width = runs.mean((0, 1)), runs.std((0, 1))
    width = np.where(width > 0, width, 1.0)
    # Constants, not a Normalization layer: its adapted variables do not survive the way to ONNX.
    scaling = keras.layers.Rescaling((1 / width).tolist(), (-mean / width).tolist())
    spread = float(truth.std()) or 1.0
    model = keras.Sequential(
        [
            keras.Input(runs.shape[1:], name="window"),
            scaling,
            # Unrolled: no loop in the graph, which is what makes ONNX an order of magnitude faster.
            keras.layers.LSTM(units, unroll=True),
            keras.layers.Dense(1),
            keras.layers.Rescaling(spread),
        ]
    )
    model.compile("adam", "mae")
    model.fit(runs, truth, epochs=epochs, batch_size=256, shuffle=True, verbose=0)
    return model


def export(model: object, sample: Array, shape: Signature, folder: Path) -> str:
    """ONNX where it is proven to agree on `sample`, Keras' own format otherwise."""
    onnx = folder / "model.onnx"
    onnx.write_bytes(_to_onnx(model, shape.inputs[0].shape))
    ours = OnnxModel(onnx, shape).predict({"window": sample})[TARGET]
    theirs = np.asarray(model(sample, training=False))[:, 0]  # type: ignore[operator]
    if np.allclose(ours, theirs, rtol=RELATIVE_GAP, atol=RELATIVE_GAP * float(np.abs(theirs).max())):
        return onnx.name
    onnx.unlink()
    model.save(folder / "model.keras")  # type: ignore[attr-defined]
    return "model.keras"


def _to_onnx(model: object, shape: tuple[int, ...]) -> bytes:
    import tensorflow as tf
    import tf2onnx

    specification = [tf.TensorSpec((None, *shape), tf.float32, name="window")]
    function = tf.function(
        lambda window: tf.identity(model(window, training=False), name="prediction"),  # type: ignore[operator]
        input_signature=specification,
    )
    converted, _ = tf2onnx.convert.from_function(function, input_signature=specification, opset=OPSET)
    # tf2onnx names the output after the function, not after us.
    produced = converted.graph.output[0].name
    for node in converted.graph.node:
        node.output[:] = ["prediction" if name == produced else name for name in node.output]
    converted.graph.output[0].name = "prediction"
    return bytes(canonical(converted).SerializeToString(deterministic=True))
