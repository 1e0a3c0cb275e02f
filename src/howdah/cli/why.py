"""`howdah why`: from a prediction, or a model, back to the data, code and decisions behind it."""

import json
import sys
from typing import Annotated

import typer

from howdah.cli.pachctl.connection import connected
from howdah.cli.pachctl.references import is_commit_id
from howdah.cli.where import State

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def why(
    subject: Annotated[
        str,
        typer.Argument(metavar="PREDICTION-ID | MODEL-COMMIT", help="What to explain.", show_default=False),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    state: State = None,
) -> None:
    """Say why: the model, its job, the exact data commits and files, the code, the decision.

    A prediction's ID stands in its answer's Seldon-Puid header.

    Example: howdah why 8e5cc469-c0e6-4d65-90e0-67bdbe7b5f1f
    """
    from howdah.lineage import why as lineage

    ask = lineage.model if is_commit_id(subject) else lineage.prediction
    with connected(state=state) as session:
        found = ask(session.pachd, subject)
    if as_json:
        typer.echo(json.dumps(found.as_json(), indent=2))
        return
    for line in found.lines():
        sys.stdout.write(line + "\n")
