"""`howdah init`: a case of one's own, from a CSV file to a served model."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli import scaffold
from howdah.core.json import JsonObject, as_list, as_object, as_text
from howdah.errors import AlreadyExists, Invalid, NotFound, Unavailable

NAME = re.compile(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?")


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The case's name.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option("--data", help="A CSV file; the schema is inferred from it.")
    ] = None,
    target: Annotated[str, typer.Option("--target", help="The column to predict; else the last.")] = "",
    task: Annotated[
        str, typer.Option("--task", help="regression or classification; else by the target.")
    ] = "",
) -> None:
    """Begin a case of your own: pipelines, schema, policy, manifest and a test, made from a CSV file.

    Prints the commands that lead from there to a prediction; nothing is run.

    Example: howdah init houses --data houses.csv --target price
    """
    _check(name, data, task)
    assert data is not None
    schema = _inferred(data)
    columns = [as_text(as_object(each).get("name")) for each in as_list(schema.get("columns"))]
    chosen = target or columns[-1]
    if chosen not in columns:
        raise Invalid(f"{data.name} has no column {chosen!r}", remedy=f"It has {', '.join(columns)}.")
    case = scaffold.NewCase(name, task or scaffold.guess_task(schema, chosen), chosen, schema, str(data))
    for path in write(scaffold.files(case), Path.cwd()):
        sys.stderr.write(f"wrote {path}\n")
    sys.stderr.write(f"\n{name} predicts {chosen} ({case.task}). Now type:\n\n")
    sys.stdout.writelines(line + "\n" for line in scaffold.commands(case))


def _check(name: str, data: Path | None, task: str) -> None:
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot be a case's name",
            remedy="Use small letters, digits and dashes, a letter first.",
        )
    if task == "forecast":
        raise Invalid(
            "a forecast cannot be begun from any file",
            why="It needs to know what a day, a series and a holiday are.",
            remedy="Copy pipelines/stocks and seldon/stocks, and change them.",
        )
    if task and task not in scaffold.FAMILIES:
        raise Invalid(f"there is no task {task!r}", remedy="There are regression and classification.")
    if data is None:
        raise Invalid("there is nothing to begin from", remedy="Name a CSV file with --data.")
    if not data.is_file():
        raise NotFound(f"{data} does not exist", remedy="Check the path given to --data.")


def _inferred(data: Path) -> JsonObject:
    """By a step, in a process of its own: the libraries it takes are too heavy for a command line."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "data"
        there.mkdir()
        (there / data.name).symlink_to(data.absolute())
        command = [sys.executable, "-m", "howdah.steps.schema", "--data", str(there), "--out", folder]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode == 2:
            said = ran.stderr.strip().splitlines()[-1].removeprefix("error: ")
            raise Invalid(f"no schema can be inferred from {data}", why=said)
        if ran.returncode != 0:
            raise Unavailable(
                "the schema could not be inferred",
                why=(ran.stderr.strip().splitlines() or ["no word"])[-1],
                remedy="Install the learning libraries: pip install 'howdah[learning]'.",
            )
        return as_object(json.loads((Path(folder) / "schema.json").read_text()))


def write(files: dict[str, str], root: Path) -> list[str]:
    """All of the files, or none if one of them exists."""
    if there := [path for path in files if (root / path).exists()]:
        raise AlreadyExists(
            f"{there[0]} exists", remedy="Choose another name, or move it away: nothing is overwritten."
        )
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return list(files)
