"""`howdah status`: what runs, and where it listens."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from howdah.cli.where import State, state_folder
from howdah.daemon import running

app = typer.Typer()


@app.command()
def status(
    state: State = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Show what runs and where it listens. Exit code 2 when nothing does."""
    found = running.find(state_folder(state))
    if as_json:
        typer.echo(json.dumps(asdict(found)))
        return
    rows = [
        ("process", str(found.pid)),
        ("pachd", found.pachd),
        ("S3", found.s3),
        ("HTTP", found.http),
        ("predictions", found.ingress),
        ("kubeconfig", found.kubeconfig),
        ("version", found.version),
    ]
    for name, value in rows:
        if value:
            typer.echo(f"{name:<12} {value}")
