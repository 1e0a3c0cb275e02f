"""Runs a notebook's cells, one after the other, and writes what they answered back into it.

    scripts/notebook.py docs/tutorial/notebook.ipynb [--dry-run]

It needs the daemon that the notebook speaks to (see `howdah.connect`) and no Jupyter. A cell that fails
ends it with the error, and nothing is written.
"""

import argparse
import ast
import contextlib
import io
import json
import traceback
from pathlib import Path
from typing import Any

Cell = dict[str, Any]  # type: ignore[explicit-any]  # as nbformat has it


def run(cells: list[Cell]) -> None:
    """Runs the code cells in one namespace and puts their outputs into them."""
    names: dict[str, object] = {"__name__": "__main__"}
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    for count, cell in enumerate(code, 1):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            answer = evaluate("".join(cell["source"]), names)
        cell["execution_count"] = count
        cell["outputs"] = list(outputs(printed.getvalue(), answer, count))


def evaluate(source: str, names: dict[str, object]) -> object:
    """What the last line is worth, if it is an expression, as in Jupyter."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


def outputs(printed: str, answer: object, count: int) -> list[Cell]:
    found: list[Cell] = []
    if printed:
        found.append({"output_type": "stream", "name": "stdout", "text": printed.splitlines(keepends=True)})
    if answer is not None:
        data = {"text/plain": repr(answer).splitlines(keepends=True)}
        if hasattr(answer, "_repr_html_"):
            data["text/html"] = answer._repr_html_().splitlines(keepends=True)
        found.append(
            {"output_type": "execute_result", "execution_count": count, "metadata": {}, "data": data}
        )
    return found


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    told.add_argument("notebook", type=Path)
    told.add_argument("--dry-run", action="store_true", help="Run it, write nothing.")
    asked = told.parse_args()
    document = json.loads(asked.notebook.read_text())
    try:
        run(document["cells"])
    except Exception:  # noqa: BLE001 - a cell may raise anything
        raise SystemExit(traceback.format_exc()) from None
    if not asked.dry_run:
        asked.notebook.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
