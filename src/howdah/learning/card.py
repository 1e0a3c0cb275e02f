"""The model card: what the model is for, what it learned from, and where it must not be trusted."""

from howdah.learning.bundle import Manifest
from howdah.learning.schema import Column, Schema


def write(manifest: Manifest, schema: Schema) -> str:
    """Markdown from the manifest and the schema alone, so that it never says more than is known."""
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
        "",
        "## Limits and risks",
        "- It interpolates: outside the ranges above its answers are guesses.",
        "- The figures are of data like the training data; the drift report says whether today's still is.",
        "- It learned correlations. Changing an input in the world need not change the outcome.",
    ]
    return "\n".join(lines) + "\n"


def _row(column: Column) -> str:
    if column.kind == "number":
        return f"| {column.name} | number | {column.minimum:g} to {column.maximum:g} (accepted) |"
    levels = ", ".join(column.levels) if column.levels else "free text"
    return f"| {column.name} | {column.kind} | {levels} |"


def _figures(split: str, manifest: Manifest) -> str:
    names = sorted(manifest.metrics["cross_validation"])
    cells = (
        f"{manifest.metrics[split][name]:.4g}" if name in manifest.metrics[split] else "" for name in names
    )
    return f"| {split} | " + " | ".join(cells) + " |"
