"""`howdah why`: from a prediction, or a model, back to the data, code and decisions behind it."""

import json
import sys
from typing import Annotated

import typer

from howdah.cli import completing
from howdah.cli.pachctl.connection import connected
from howdah.cli.pachctl.references import is_commit_id
from howdah.cli.surroundings import CaseProject, State
from howdah.client.files import Files

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def why(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="PREDICTION-ID | MODEL",
            help="What to explain; a model by its commit or as NAME:vN.",
            show_default=False,
            autocompletion=completing.models,
        ),
    ],
    project: CaseProject = "default",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    state: State = None,
) -> None:
    """Say why: the model, its job, the exact data commits and files, the code, the decision.

    A prediction's ID stands in its answer's Seldon-Puid header.

    Example: howdah why mileage:v2
    Example: howdah why 8e5cc469-c0e6-4d65-90e0-67bdbe7b5f1f
    """
    from howdah.cli.models import commit_of
    from howdah.lineage import why as lineage

    with connected(state=state) as session:
        subject = commit_of(Files(session.pachd), subject, project)
        ask = lineage.model if is_commit_id(subject) else lineage.prediction
        found = ask(session.pachd, subject)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    for line in found.lines():
        sys.stdout.write(line + "\n")
