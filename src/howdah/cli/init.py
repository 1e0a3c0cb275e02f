"""`howdah init`: a case of one's own, from a CSV file to a served model."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli import scaffold
from howdah.cli.new_case import FORECAST, TASKS, NewCase, columns_of, guess_task
from howdah.core.json import JsonObject, as_object
from howdah.errors import AlreadyExists, Invalid, NotFound, Unavailable

NAME = re.compile(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?")
TWICE = "stands twice in one series"
"""What the step `features` says of a day with several rows."""
UNSEEN_DAYS, FEWEST_WINDOWS = 80, 100
"""The first twenty days of a series precede its first window, the last sixty are held out."""


def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The case's name.", show_default=False)],
    data: Annotated[
        Path | None, typer.Option("--data", help="A CSV file; the schema is inferred from it.")
    ] = None,
    target: Annotated[str, typer.Option("--target", help="The column to predict; else the last.")] = "",
    task: Annotated[
        str, typer.Option("--task", help=f"{', '.join(TASKS[:2])} or {TASKS[2]}; else by the target.")
    ] = "",
    series: Annotated[
        str, typer.Option("--series", help="Of a forecast: the column that tells several series apart.")
    ] = "",
) -> None:
    """Begin a case of your own: pipelines, image, schema, policy, manifest and a test, from a CSV file.

    A forecast wants a row a day: what the target's change from one day to the next will be.
    Prints the commands that lead from there to a prediction; nothing is run.

    Examples:

      howdah init houses --data houses.csv --target price

      howdah init sales --task forecast --data sales.csv --target turnover --series shop
    """
    _check(name, data, task)
    assert data is not None
    case = _case(name, data, target, task, series)
    for path in write(scaffold.files(case), Path.cwd()):
        sys.stderr.write(f"wrote {path}\n")
    verb = "forecasts" if case.task == FORECAST else "predicts"
    sys.stderr.write(f"\n{name} {verb} {case.target} ({case.task}). Now type:\n\n")
    sys.stdout.writelines(line + "\n" for line in scaffold.commands(case))


def _check(name: str, data: Path | None, task: str) -> None:
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{name!r} cannot be a case's name",
            remedy="Use small letters, digits and dashes, a letter first.",
        )
    if task and task not in TASKS:
        raise Invalid(f"there is no task {task!r}", remedy=f"There are {', '.join(TASKS)}.")
    if data is None:
        raise Invalid("there is nothing to begin from", remedy="Name a CSV file with --data.")
    if not data.is_file():
        raise NotFound(f"{data} does not exist", remedy="Check the path given to --data.")


def _case(name: str, data: Path, target: str, task: str, series: str) -> NewCase:
    with _worked("schema", data, f"no schema can be inferred from {data}") as folder:
        schema = as_object(json.loads((folder / "schema.json").read_text()))
    columns = columns_of(schema)
    chosen = target or columns[-1]
    for column in (chosen, series):
        if column and column not in columns:
            raise Invalid(f"{data.name} has no column {column!r}", remedy=f"It has {', '.join(columns)}.")
    if task != FORECAST:
        if series:
            raise Invalid("--series is for a forecast", remedy="Add --task forecast, or leave it out.")
        return NewCase(name, task or guess_task(schema, chosen), chosen, schema, str(data))
    return _forecast(name, data, chosen, series, schema)


def _forecast(name: str, data: Path, target: str, series: str, schema: JsonObject) -> NewCase:
    """Invalid where the file is none that the first pipelines could lay out day by day."""
    refusal = f"{target} of {data.name} cannot be forecast"
    dates = columns_of(schema, "date")
    if not dates:
        raise Invalid(refusal, why="No column holds days.", remedy="Write them as 2012-12-31.")
    if target not in columns_of(schema, "number"):
        raise Invalid(refusal, why="It is no number.", remedy="Name another column with --target.")
    kept = schema | {"unique": [*([series] if series else []), dates[0]]}
    case = NewCase(name, FORECAST, target, kept, str(data), dates[0], series)
    # Here without `unique`, which would set aside a day's other rows: they may be other series.
    with _worked("features", data, refusal, *case.days, schema=schema) as folder:
        days = [len(path.read_text().splitlines()) - 1 for path in (folder / "features").iterdir()]
    if sum(max(0, each - UNSEEN_DAYS) for each in days) < FEWEST_WINDOWS:
        raise Invalid(
            refusal,
            why=f"{sum(days)} days are too few.",
            remedy=f"One series wants {UNSEEN_DAYS + FEWEST_WINDOWS} days at least.",
        )
    return case


@contextmanager
def _worked(
    step: str, data: Path, refusal: str, *words: str, schema: JsonObject | None = None
) -> Iterator[Path]:
    """The folder that a step has written to. It runs in a process of its own, as the libraries that it
    takes are too heavy for a command line."""
    with tempfile.TemporaryDirectory() as name:
        folder, there = Path(name), Path(name) / "data"
        there.mkdir()
        (there / data.name).symlink_to(data.absolute())
        if schema is not None:
            (folder / "schema.json").write_text(json.dumps(schema))
            words = ("--schema", name, *words)
        command = [sys.executable, "-m", f"howdah.steps.{step}", "--data", str(there), "--out", name, *words]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        said = ran.stderr.strip().splitlines() or ["no word"]
        if ran.returncode == 2:
            why = said[-1].removeprefix("error: ")
            remedy = "Name the column that tells the series apart: --series." if TWICE in why else ""
            raise Invalid(refusal, why=why, remedy=remedy)
        if ran.returncode != 0:
            raise Unavailable(
                f"the step {step} could not be run",
                why=said[-1],
                remedy="Install the learning libraries: pip install 'howdah[learning]'.",
            )
        yield folder


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
