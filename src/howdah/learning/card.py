"""The model card: what the model is for, what it learned from, and where it must not be trusted."""

from collections.abc import Iterable

from howdah.learning.bundle import PLOTS, Manifest
from howdah.learning.schema import Column, Schema

CHOSEN = (
    "Its parameters were chosen among candidates by cross validation on these same rows, which makes "
    "those figures a little kind. The comparison on held-out rows is not touched by that."
)


def write(manifest: Manifest, schema: Schema, plots: Iterable[str] = ()) -> str:
    """Markdown from the manifest and the schema alone, so that it never says more than is known.

    `plots` are the names of those that lie beside it.
    """
    signature = manifest.signature
    lines = [
        f"# {manifest.name}",
        "",
        f"Predicts **{signature.target}** ({signature.task}) with the family `{manifest.family}`, "
        f"trained on {manifest.rows} rows, seed {manifest.seed}.",
        "",
        "## Data",
        *(f"- `{name}` at commit `{commit}`" for name, commit in sorted(manifest.sources.items())),
        "",
        "| input | kind | range or levels in training |",
        "|---|---|---|",
        *(_row(schema[field.name]) for field in signature.inputs),
        "",
        "## How good",
        "| split | " + " | ".join(sorted(manifest.metrics["cross_validation"])) + " |",
        "|---|" + "---|" * len(manifest.metrics["cross_validation"]),
        *(_figures(split, manifest) for split in sorted(manifest.metrics)),
        *(["", CHOSEN] if "chosen" in manifest.sources else []),
        *_validated(manifest),
        *_shown(plots),
        "",
        "## Limits and risks",
        "- It interpolates: outside the ranges above its answers are guesses.",
        "- The figures are of data like the training data; the drift report says whether today's still is.",
        "- It learned correlations. Changing an input in the world need not change the outcome.",
    ]
    return "\n".join(lines) + "\n"


def write_forecast(manifest: Manifest, plots: Iterable[str] = ()) -> str:
    """The same for a forecast: every series beside the naive answer, whoever wins."""
    figures = manifest.metrics
    lines = [
        f"# {manifest.name}",
        "",
        "Forecasts the next day's log return (relative change) from the last "
        f"{manifest.parameters['window']} days with an LSTM, trained on {manifest.rows} windows, "
        f"seed {manifest.seed}.",
        "",
        "## How good, on the last days, which it did not learn from",
        "| series | mean absolute error | naive | MASE | better |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {f['mae']:.5f} | {f['naive_mae']:.5f} | {f['mase']:.4f} | "
            f"{'model' if f['mase'] < 1 else 'naive'} |"
            for name, f in sorted(figures.items())
        ),
        *_validated(manifest),
        *_shown(plots),
        "",
        "## Limits and risks",
        "- A MASE a hair below one may well be luck: daily prices are close to unpredictable.",
        "- Of prices it is a demonstration. Do not trade on it.",
        f"- It knows {', '.join(manifest.signature.inputs[0].columns)}, and nothing of what is to come.",
    ]
    return "\n".join(lines) + "\n"


def _validated(manifest: Manifest) -> list[str]:
    on = manifest.validation
    if on is None:
        return []
    how = (
        f"By cross validation in {on.folds} folds: each of {on.rows} rows was answered by a model that had "
        "not learned from it"
        if on.by == "cross_validation"
        else f"On the last {on.days} working days: {on.rows} rows that it had not learned from"
    )
    of = [f"`{name}` at commit `{commit}`" for name, commit in sorted(on.sources.items())]
    return ["", how + (f", of {', '.join(of)}." if of else ".")]


def _shown(plots: Iterable[str]) -> list[str]:
    return [line for name in plots for line in ("", f"![{name.replace('_', ' ')}]({PLOTS}/{name}.svg)")]


def _row(column: Column) -> str:
    if column.kind == "number":
        return f"| {column.name} | number | {_accepted(column)} |"
    levels = ", ".join(column.levels) if column.levels else "free text"
    return f"| {column.name} | {column.kind} | {levels} |"


def _accepted(column: Column) -> str:
    low, high = column.minimum, column.maximum
    if low is not None and high is not None:
        return f"{low:g} to {high:g} (accepted)"
    if low is not None:
        return f"{low:g} or more (accepted)"
    return "any" if high is None else f"{high:g} or less (accepted)"


def _figures(split: str, manifest: Manifest) -> str:
    names = sorted(manifest.metrics["cross_validation"])
    cells = (
        f"{manifest.metrics[split][name]:.4g}" if name in manifest.metrics[split] else "" for name in names
    )
    return f"| {split} | " + " | ".join(cells) + " |"
