"""Takes the best of the candidates that `tune` judged.

Reads every candidate below --candidates and writes --out/chosen.json, the one with the
greatest score (of equals, the first by name), and --out/candidates.csv, all of them ranked.
`train --chosen` learns with its parameters.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from howdah.errors import Invalid
from howdah.steps import program


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--candidates", type=Path, required=True, help="the folder of candidates")
    options = step.parse_args(arguments)
    found = {path.stem: _read(path) for path in program.files(options.candidates)}
    ranked = sorted(found, key=lambda name: (-float(str(found[name]["score"])), name))
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = {"name": ranked[0], **found[ranked[0]]}
    (options.out / "chosen.json").write_text(json.dumps(chosen, indent=2) + "\n", encoding="utf-8")
    with (options.out / "candidates.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["name", "goal", "score", "parameters"])
        for name in ranked:
            each = found[name]
            rows.writerow([name, each["goal"], each["score"], json.dumps(each["parameters"])])
    program.say(
        f"{ranked[0]} is the best of {len(ranked)}: {chosen['goal']} {abs(float(str(chosen['score']))):.4f}"
    )


def _read(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        float(document["score"])
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(f"{path.name} is no candidate as `tune` writes them: {error!r}.") from error
    return dict(document)


if __name__ == "__main__":
    program.run(main)
