"""Secrets: what pipelines may read but no commit holds."""

from pathlib import Path
from typing import Annotated

import typer

from howdah.cli.pachctl import printing
from howdah.cli.pachctl.connection import connected
from howdah.cli.pachctl.printing import Output, Raw
from howdah.client.pachd import Fields
from howdah.errors import NotFound

Name = Annotated[str, typer.Argument(metavar="SECRET", show_default=False)]
HEADER = ("NAME", "TYPE", "CREATED")


def create(
    file: Annotated[Path, typer.Option("--file", "-f", help="A Kubernetes Secret, JSON or YAML.")],
) -> None:
    """Create a secret from a Kubernetes manifest.

    Example: pachctl create secret -f my-secret.json
    """
    if not file.is_file():
        raise NotFound(f"{file} does not exist", remedy="Check the path given to -f.")
    with connected() as session:
        session.pps("CreateSecret", file=file.read_bytes())


def inspect(name: Name, raw: Raw = False, output: Output = None) -> None:
    """Show a secret's type and age; what it holds is never shown."""
    with connected() as session:
        info = session.pps("InspectSecret", secret=session.message("pps_v2.Secret", name=name))
    _print([info], raw, output)


def list_(raw: Raw = False, output: Output = None) -> None:
    """List secrets."""
    with connected() as session:
        _print(list(session.pps("ListSecret").secret_info), raw, output)


def delete(name: Name) -> None:
    """Delete a secret."""
    with connected() as session:
        session.pps("DeleteSecret", secret=session.message("pps_v2.Secret", name=name))


def _print(found: list[Fields], raw: bool, output: printing.Encoding | None) -> None:
    printing.many(found, HEADER, _row, raw, output)


def _row(info: Fields) -> tuple[str, ...]:
    return info.secret.name, info.type, printing.moment(info.creation_timestamp, False)
