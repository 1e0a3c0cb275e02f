"""Compares the challenger with the champion on held-out rows that neither has learned from.

Reads the challenger's bundle from --challenger and the rows from --data, fetches the
champion's bundle from the branch --champion, and writes comparison.json under --out:
both models' figures, the paired test, which commits were compared, and that all of this
is offline. The rows are those of the --latest newest files; for a forecast --data holds
the features and the rows are the last --latest days, which the challenger held out, one a
day: companies rise and fall together, so that their days are no rows of their own.
While there is no champion, it says so and gives the challenger's figures alone. A challenger
that no longer answers its own scenarios as it did when it was made fails the step.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from howdah.errors import Invalid
from howdah.learning import bundle, comparison, evaluation, forecasting, training
from howdah.learning.schema import Schema
from howdah.learning.signature import Array
from howdah.steps import program
from howdah.steps.champion import fetch
from howdah.steps.forecast import read_features
from howdah.steps.train import read_clean

LOSSES = {"classification": "log loss", "regression": "absolute error", "forecast": "absolute error"}


@dataclass(frozen=True, slots=True)
class Window:
    """The rows to compare on, as the model at hand takes them."""

    name: str
    inputs: dict[str, Array]
    truth: Array
    days: Array | None = None
    """For a forecast, each row's day."""


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--challenger", type=Path, required=True, help="the input with the new bundle")
    step.add_argument("--champion", required=True, metavar="REPO@BRANCH", help="the branch served now")
    step.add_argument("--data", type=Path, required=True, help="the folder of held-out files")
    step.add_argument("--latest", type=int, default=3, help="how many of the newest files (default: 3)")
    options = step.parse_args(arguments)

    challenger = bundle.read(options.challenger)
    if changed := challenger.replay(challenger.model()):
        raise Invalid(f"the challenger does not answer as it did when it was made: {changed[0]}.")
    answered = _answer(challenger, options.data, options.latest)
    document: dict[str, object] = {
        "kind": "offline",
        "window": answered.window.name,
        "rows": len(answered.losses),
        "challenger": {"commit": program.commit(options.challenger), "metrics": answered.metrics},
        "champion": None,
    }
    with tempfile.TemporaryDirectory() as folder:
        champion, commit = fetch(options.champion, Path(folder), os.environ)
        if champion is None:
            program.say(f"{options.champion} does not exist yet: nothing to compare with")
        else:
            before = _answer(champion, options.data, options.latest)
            document["champion"] = {"commit": commit, "metrics": before.metrics}
            document["comparison"] = asdict(_compare(before, answered, challenger))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "comparison.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Answered:
    window: Window
    losses: Array
    metrics: evaluation.Figures


def _answer(found: bundle.Bundle, data: Path, latest: int) -> Answered:
    signature = found.manifest.signature
    window = _days(found, data, latest) if signature.task == "forecast" else _rows(found, data, latest)
    outputs = found.model().predict(window.inputs)
    if signature.task == "forecast":
        metrics = forecasting.figures(window.truth, outputs[signature.target])
    else:
        metrics = evaluation.evaluate(window.truth, outputs, signature)
    losses = comparison.losses(window.truth, outputs, signature)
    return Answered(
        window, losses if window.days is None else comparison.by_day(losses, window.days), metrics
    )


def _rows(found: bundle.Bundle, data: Path, latest: int) -> Window:
    signature = found.manifest.signature
    paths = list(program.files(data))[-latest:]
    rows = read_clean(paths, Schema.read(found.folder / "schema.json"))
    rows = rows[rows[signature.target].notna()]
    frame = training.frame_of(rows, signature)
    inputs = {field.name: frame[field.name].to_numpy() for field in signature.inputs}
    name = ", ".join(str(path.relative_to(data)) for path in paths)
    return Window(name, inputs, rows[signature.target].to_numpy())


def _days(found: bundle.Bundle, data: Path, latest: int) -> Window:
    (field,) = found.manifest.signature.inputs
    sides = forecasting.split(read_features(data), field.shape[0], latest, field.columns).values()
    held = forecasting.together([side["held_out"] for side in sides])
    return Window(f"the last {latest} working days", {field.name: held.runs}, held.truth, held.dates)


def _compare(champion: Answered, challenger: Answered, found: bundle.Bundle) -> comparison.Comparison:
    loss = LOSSES[found.manifest.signature.task]
    result = comparison.compare(champion.losses, challenger.losses, loss, found.manifest.seed)
    program.say(
        f"{loss} on {result.rows} held-out rows: champion {result.champion:.4g}, "
        f"challenger {result.challenger:.4g} (p = {result.p_value:.4f})"
    )
    return result


if __name__ == "__main__":
    program.run(main)
