"""What a `howdah` command speaks to: the daemon of its state folder, or what the environment names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli.where import State, state_folder
from howdah.client.pachd import Pachd
from howdah.client.predictions import Ingress
from howdah.daemon import running
from howdah.errors import NotFound

Namespace = Annotated[str, typer.Option("--namespace", "-n", help="The deployment's namespace.")]
IngressUrl = Annotated[
    str | None,
    typer.Option("--ingress", envvar="HOWDAH_INGRESS", help="Where deployments are served, if not here."),
]
CaseProject = Annotated[str, typer.Option("--project", help="The project of the case's repos.")]

__all__ = ["CaseProject", "IngressUrl", "Namespace", "State", "ingress", "kubeconfig", "pachd"]


def ingress(url: str | None, state: Path | None) -> Ingress:
    return Ingress((url or running.find(state_folder(state)).ingress).rstrip("/"))


def kubeconfig(state: Path | None) -> Path | None:
    """The state folder's own; None where nothing runs there but KUBECONFIG names another."""
    try:
        return Path(running.find(state_folder(state)).kubeconfig)
    except NotFound:
        if os.environ.get("KUBECONFIG"):
            return None
        raise


@contextmanager
def pachd(state: Path | None) -> Iterator[Pachd]:
    """By the one rule of `pachctl.connection`."""
    from howdah.cli.pachctl.connection import connected

    with connected(state=state) as session:
        yield session.pachd
