"""Plots of how a model does, as SVG that is the same bytes for the same numbers."""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from howdah.learning import evaluation
from howdah.learning.signature import Array, Signature

# Ids in the SVG come from this salt instead of chance, and no date is written.
STABLE: Any = {"svg.hashsalt": "howdah", "svg.fonttype": "none", "font.family": "sans-serif"}
BLUE, GREY = "#3a7ca5", "#9aa5b1"
# Every point is a line of SVG: a million of them would outweigh the model.
POINTS = 2000


def of_answers(truth: Array, outputs: Mapping[str, Array], signature: Signature) -> dict[str, str]:
    """The plots that a table's task asks for, by name: what was against what was answered."""
    if signature.task == "regression":
        return {"residuals": residuals(truth.astype(float), outputs[signature.target], signature.target)}
    labels = np.asarray(signature.classes)[outputs["probabilities"].argmax(axis=1)]
    matrix = evaluation.confusion(truth.astype(str), labels, signature.classes)
    drawn = {"confusion": confusion(matrix, signature.classes)}
    if len(signature.classes) == 2:
        positive = signature.classes[-1]
        drawn["calibration"] = calibration(truth.astype(str), outputs["probabilities"][:, 1], positive)
    return drawn


def of_forecast(
    truth: Array, predicted: Array, target: str, series: Mapping[str, evaluation.Figures]
) -> dict[str, str]:
    """The plots of a forecast on held-out days, all series together and each beside the naive one."""
    return {"residuals": residuals(truth, predicted, target), "beside_naive": beside_naive(series)}


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    counts = np.asarray(matrix)
    figure, axes = _blank("Confusion: rows as they were, columns as predicted")
    axes.imshow(counts, cmap="Blues")
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if count > counts.max() / 2 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    return _svg(figure)


def calibration(truth: Array, probabilities: Array, positive: str, bins: int = 10) -> str:
    """How often the positive class came, by how likely the model said it was."""
    figure, axes = _blank(f"Calibration of {positive!r}")
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    met = np.unique(places)
    said = [float(probabilities[places == place].mean()) for place in met]
    came = [float((truth[places == place] == positive).mean()) for place in met]
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    axes.plot(said, came, marker="o", color=BLUE)
    axes.set(xlabel="predicted probability", ylabel="share that came true", xlim=(0, 1), ylim=(0, 1))
    return _svg(figure)


def residuals(truth: Array, predicted: Array, name: str) -> str:
    """Of more than POINTS rows a sample, always the same, and the plot says so."""
    below = "predicted"
    if len(truth) > POINTS:
        below += f" ({POINTS} of {len(truth)} rows)"
        chosen = np.sort(np.random.default_rng(0).permutation(len(truth))[:POINTS])
        truth, predicted = truth[chosen], predicted[chosen]
    figure, axes = _blank(f"{name}: what was less what was predicted")
    axes.axhline(0, color=GREY, linewidth=1)
    axes.scatter(predicted, truth - predicted, s=12, color=BLUE)
    axes.set(xlabel=below, ylabel="residual")
    return _svg(figure)


def beside_naive(series: Mapping[str, evaluation.Figures]) -> str:
    """Each series' MASE as a bar from the naive forecast's, the first in order on top.

    From there and not from nought: nearly all are near one, and the side is what tells.
    """
    figure, axes = _blank("MASE: the error over the naive forecast's")
    names = sorted(series)[::-1]
    axes.barh(names, [series[name]["mase"] - 1 for name in names], left=1, color=BLUE)
    axes.axvline(1, color=GREY, linewidth=1)
    axes.set(xlabel="left of the line the model is better")
    return _svg(figure)


def importance(shares: Mapping[str, float], title: str) -> str:
    """Bars, greatest on top; `shares` comes in that order."""
    figure, axes = _blank(title)
    axes.barh(list(shares)[::-1], list(shares.values())[::-1], color=BLUE)
    return _svg(figure)


def _blank(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.subplots()
    axes.set_title(title, fontsize=11)
    return figure, axes


def _svg(figure: Figure) -> str:
    text = StringIO()
    with matplotlib.rc_context(STABLE):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
