"""Says which inputs move a model's answers: Shapley values over a sample of rows.

Reads the bundle from --model, explains --rows rows of its reference sample against the
rest, and writes under --out explanation.json (each row's shares, and their mean size by
input) and plots/importance.svg. For classes the last one's probability is explained; for a
forecast each feature has one share, over all days of the window.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from howdah.learning import bundle, plots, reference
from howdah.learning.explanation import Explanation, Shapley
from howdah.learning.signature import Array
from howdah.steps import program


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--model", type=Path, required=True, help="the input that holds the bundle")
    step.add_argument("--rows", type=int, default=30, help="how many rows to explain (default: 30)")
    step.add_argument("--seed", type=int, default=0, help="makes every choice repeatable (default: 0)")
    options = step.parse_args(arguments)
    if not (options.model / bundle.MANIFEST).exists():
        program.say("no model yet: nothing to explain")
        return
    found = bundle.read(options.model)
    explained = _explain(found, options.rows, options.seed)
    names = sorted(explained[0].shares)
    sizes = {name: float(np.mean([abs(row.shares[name]) for row in explained])) for name in names}
    ranked = dict(sorted(sizes.items(), key=lambda pair: -pair[1]))
    (options.out / "plots").mkdir(parents=True, exist_ok=True)
    document = {"importance": ranked, "rows": [asdict(row) for row in explained]}
    (options.out / "explanation.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    title = f"{found.manifest.name}: mean size of the Shapley value over {len(explained)} rows"
    (options.out / "plots" / "importance.svg").write_text(plots.importance(ranked, title), encoding="utf-8")
    program.say(f"{found.manifest.name}: most telling is {next(iter(ranked))}")


def _explain(found: bundle.Bundle, count: int, seed: int) -> list[Explanation]:
    signature = found.manifest.signature
    past, model = reference.read(found.folder, signature), found.model()
    output, column = signature.target, None
    if signature.task == "classification":
        output, column = "probabilities", -1
    explainer = Shapley(lambda rows: _pick(model.predict(rows)[output], column), past, signature, seed)
    total = len(past[signature.inputs[0].name])
    chosen = np.sort(np.random.default_rng(seed).permutation(total)[:count])
    return [
        explainer.explain({name: values[place : place + 1] for name, values in past.items()})
        for place in chosen
    ]


def _pick(values: Array, column: int | None) -> Array:
    return values if column is None else values[:, column]


if __name__ == "__main__":
    program.run(main)
