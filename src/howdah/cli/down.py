"""`howdah down`: stop the daemon and everything that it started."""

import typer

from howdah.cli.where import State, state_folder
from howdah.daemon import running
from howdah.errors import NotFound

app = typer.Typer()
_PATIENCE_S = 60.0


@app.command()
def down(state: State = None) -> None:
    """Stop Howdah and everything it started. Succeeds when nothing runs."""
    folder = state_folder(state)
    try:
        found = running.find(folder)
    except NotFound:
        typer.echo(f"Nothing runs on {folder}.")
        return
    running.stop(found, _PATIENCE_S)
    typer.echo(f"Stopped Howdah on {folder}.")
