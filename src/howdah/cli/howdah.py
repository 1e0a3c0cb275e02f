"""`howdah`: what a person runs beside pachctl and kubectl."""

import sys
from typing import Annotated, NoReturn

import typer

from howdah.cli.failures import run
from howdah.cli.lazy import Group, root

GROUPS = {
    "up": Group("howdah.cli.up", "Start Howdah: Pachyderm and Seldon on this machine."),
    "down": Group("howdah.cli.down", "Stop Howdah and everything it started."),
    "status": Group("howdah.cli.status", "Show what runs and where it listens."),
    "datum": Group(
        "howdah.cli.datum",
        "Run one datum here, in the sandbox that a worker would give it.",
        {
            "run": Group("howdah.cli.datum:run", "Run the pipeline's command on one datum."),
            "shell": Group("howdah.cli.datum:shell", "Open a shell that sees what the datum's code sees."),
        },
    ),
    "why": Group("howdah.cli.why", "Say which data, code and decision stand behind a prediction."),
    "reproduce": Group(
        "howdah.cli.reproduce",
        "Train a model again from its record and compare: bytes, predictions, or where not.",
    ),
    "doctor": Group("howdah.cli.doctor", "Check this machine and say what to do."),
}

app = root(
    GROUPS,
    help="Data-driven pipelines with model serving on top, whole on one laptop.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"howdah {version('howdah')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback when something goes wrong.")
    ] = False,
) -> None:
    pass  # both are acted on elsewhere: a callback and failures.run


def main() -> NoReturn:
    sys.exit(run(app, "howdah", sys.argv[1:]))
