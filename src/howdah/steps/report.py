"""One page for people about how a case does now: drift and the offline comparison.

Reads --drift (drift.json) and --comparison (comparison.json) and writes --out/report.html,
which fetches nothing, and --out/report.json, the same for programs.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from howdah.learning import page
from howdah.steps import program

Document = dict[str, object]


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--drift", type=Path, required=True, help="the input that holds drift.json")
    step.add_argument("--comparison", type=Path, required=True, help="the one that holds comparison.json")
    options = step.parse_args(arguments)
    drift = json.loads((options.drift / "drift.json").read_text(encoding="utf-8"))
    comparison = json.loads((options.comparison / "comparison.json").read_text(encoding="utf-8"))
    options.out.mkdir(parents=True, exist_ok=True)
    both = json.dumps({"drift": drift, "comparison": comparison}, indent=2) + "\n"
    (options.out / "report.json").write_text(both, encoding="utf-8")
    html = page.page("Drift and performance", *_drift(drift), *_performance(comparison))
    (options.out / "report.html").write_text(html, encoding="utf-8")
    moved = len(drift["drifted"])
    program.say(f"{moved} drifted inputs; compared on {comparison['rows']} held-out rows")


def _drift(report) -> list[str]:  # type: ignore[no-untyped-def]
    parts = [page.heading(f"Drift of {report['window']['name']}")]
    if report["note"]:
        parts.append(page.paragraph(report["note"]))
    if report["columns"]:
        header = ["input", "test", "distance", "corrected p-value", "drifted"]
        rows = [
            [c["name"], c["test"], c["distance"], c["p_value"], "yes" if c["drifted"] else ""]
            for c in report["columns"]
        ]
        parts.append(page.table(header, rows))
    return parts


def _performance(report) -> list[str]:  # type: ignore[no-untyped-def]
    sides = {name: report[name]["metrics"] for name in ("champion", "challenger") if report[name]}
    figures = sorted({figure for metrics in sides.values() for figure in metrics})
    parts = [
        page.heading("Performance, offline"),
        page.paragraph(f"On {report['rows']} held-out rows of {report['window']}."),
        page.table(["figure", *sides], [[f, *(m.get(f, "") for m in sides.values())] for f in figures]),
    ]
    if found := report.get("comparison"):
        low, high = found["interval"]
        parts.append(
            page.paragraph(
                f"{found['loss']} fell by {found['improvement']:.4g} (95 percent of bootstraps between "
                f"{low:.4g} and {high:.4g}; p = {found['p_value']:.4f})."
            )
        )
    return parts


if __name__ == "__main__":
    program.run(main)
