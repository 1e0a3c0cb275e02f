"""Which state folder a command means: its option, `HOWDAH_STATE`, `howdah.toml`, `.howdah`."""

from pathlib import Path
from typing import Annotated

import typer

from howdah.core import settings

State = Annotated[
    Path | None,
    typer.Option("--state", envvar="HOWDAH_STATE", help="The folder that holds everything (.howdah)."),
]


def state_folder(given: Path | None) -> Path:
    return (given or settings.load(Path.cwd()).daemon.state).absolute()
