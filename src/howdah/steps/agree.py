"""Do two bundles give the same answers?

Reads the bundles --model and --other, asks both for the rows of the first one's reference
sample (the scenarios of a forecast, which takes windows), and writes agreement.json under
--out: how many rows, and each output that differs with the largest gap.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from howdah.learning import bundle, reference
from howdah.learning.signature import Array
from howdah.steps import program


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--model", type=Path, required=True, help="the bundle that says what is asked")
    step.add_argument("--other", type=Path, required=True, help="the bundle to set beside it")
    options = step.parse_args(arguments)
    found = bundle.read(options.model)
    rows = _rows(found)
    ours, theirs = found.model().predict(rows), bundle.read(options.other).model().predict(rows)
    differences = [sentence for name in ours if (sentence := _gap(name, ours[name], theirs.get(name)))]
    document = {"rows": len(next(iter(rows.values()))), "differences": differences}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "agreement.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    program.say("; ".join(differences) or f"the same answers on {document['rows']} rows")


def _rows(found: bundle.Bundle) -> dict[str, Array]:
    signature = found.manifest.signature
    if signature.task != "forecast":
        return reference.read(found.folder, signature)
    scenarios = json.loads((found.folder / "scenarios.json").read_text(encoding="utf-8"))
    return {field.name: np.asarray(scenarios["inputs"][field.name], float) for field in signature.inputs}


def _gap(name: str, ours: Array, theirs: Array | None) -> str:
    if theirs is None or theirs.shape != ours.shape:
        return f"{name} has another shape"
    if np.array_equal(ours, theirs):
        return ""
    if ours.dtype == object:
        return f"{name} differs on {int((ours != theirs).sum())} of {len(ours)} rows"
    return f"{name} differs by up to {float(np.abs(ours - theirs).max()):.3g}"


if __name__ == "__main__":
    program.run(main)
