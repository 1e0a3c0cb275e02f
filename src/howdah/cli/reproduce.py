"""`howdah reproduce`: a model made again from its record, and how it compares."""

import json
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli import completing
from howdah.cli.pachctl.connection import connected
from howdah.cli.surroundings import CaseProject, State
from howdah.cli.where import state_folder
from howdah.client.files import Files

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def reproduce(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL-COMMIT | NAME:vN",
            help="The model.",
            show_default=False,
            autocompletion=completing.models,
        ),
    ],
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep inputs, result and record in this folder.")
    ] = None,
    project: CaseProject = "default",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    state: State = None,
) -> None:
    """Train a model again from the recorded commits, parameters and seed; writes to no repo.

    Says identical bytes, identical predictions, or different and where; exit code 1 if different.
    Runs in the environment that images/ describes now, in this Python where it describes none, and
    says where code or libraries are others than then.

    Example: howdah reproduce mileage:v2
    """
    from howdah.cli.models import commit_of
    from howdah.lineage.reproduce import Verdict
    from howdah.lineage.reproduce import reproduce as again

    say = partial(typer.echo, err=True)
    with tempfile.TemporaryDirectory() as scratch, connected(state=state) as session:
        commit, folder = commit_of(Files(session.pachd), model, project), keep or Path(scratch)
        found = again(session.pachd, commit, folder, os.environ, Path.cwd(), state_folder(state), say)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
    else:
        typer.echo(f"{found.model}: {found.verdict} ({found.files} files)")
        for sentence in (*found.circumstances, *found.differences):
            typer.echo(f"  {sentence}")
    if found.verdict is Verdict.DIFFERENT:
        raise typer.Exit(1)
