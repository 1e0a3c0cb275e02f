"""`howdah datum`: one datum in the sandbox that a worker would give it, without touching a commit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from howdah.cli.pachctl.completing import pipelines
from howdah.cli.where import State, state_folder
from howdah.daemon import running

if TYPE_CHECKING:
    from howdah.daemon.datum_here import Bench, Chosen

app = typer.Typer(
    help="Run one datum here, in the sandbox that a worker would give it.", no_args_is_help=True
)

Pipeline = Annotated[str, typer.Argument(help="The pipeline, or PROJECT/PIPELINE.", autocompletion=pipelines)]
Datum = Annotated[
    str, typer.Argument(help="The first digits of a datum's id; by default any datum of the newest job.")
]

Secrets = Annotated[
    list[Path] | None,
    typer.Option(
        "--secret", help="The manifest, in JSON, of a secret that the pipeline mounts; may be repeated."
    ),
]


def run(
    pipeline: Pipeline,
    datum: Datum = "",
    state: State = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Keep what the code writes to /pfs/out in this folder.")
    ] = None,
    secret: Secrets = None,
) -> None:
    """Run the pipeline's command on one datum, with the code under images/ as it is now.

    Example: howdah datum run edges 3f --out /tmp/edges
    """
    with _bench(pipeline, datum, state, secret) as (bench, chosen):
        reason = bench.run(chosen, out)
    if reason:
        typer.echo(f"the datum failed: {reason}", err=True)
        raise typer.Exit(1)


def shell(
    pipeline: Pipeline,
    datum: Datum = "",
    state: State = None,
    command: Annotated[str, typer.Option("--command", help="What to open.")] = "sh",
    secret: Secrets = None,
) -> None:
    """Open a shell that sees what the datum's code would see: /pfs, /app, its environment.

    Example: howdah datum shell edges
    """
    from howdah.daemon.shell_here import shell as open_shell

    with _bench(pipeline, datum, state, secret) as (bench, chosen):
        open_shell(bench, chosen, command)


@contextmanager
def _bench(
    pipeline: str, datum: str, state: Path | None, secrets: list[Path] | None
) -> "Iterator[tuple[Bench, Chosen]]":
    from pachyderm_sdk import Client

    from howdah.client.failures import translated
    from howdah.daemon.datum_here import Bench, choose, pipeline_named, secret_in

    given = [secret_in(path) for path in secrets or ()]
    folder = state_folder(state)
    client = Client.from_pachd_address(running.find(folder).pachd)
    with translated():
        chosen = choose(client, pipeline_named(pipeline), datum)
        typer.echo(f"datum {chosen.meta.datum.id}", err=True)
        bench = Bench(client, folder, Path.cwd(), dict(os.environ), typer.echo, given)
        try:
            yield bench, chosen
        finally:
            bench.close()
