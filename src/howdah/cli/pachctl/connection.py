"""Which pachd, which project, as whom: the environment first, then the active context."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli import contexts
from howdah.cli.pachctl.session import Session
from howdah.core.json import as_object, as_text
from howdah.errors import Invalid

Project = Annotated[
    str | None,
    typer.Option("--project", help="The project, if not the active context's.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Context:
    """The part of a Pachyderm context that a command needs."""

    address: str
    project: str = "default"
    token: str = ""
    transaction: str = ""
    root_certificates: bytes | None = None


def active_context() -> Context:
    configuration = contexts.read()
    name = contexts.active_name(configuration)
    found = as_object(contexts.contexts(configuration).get(name))
    address = os.environ.get("PACHD_ADDRESS") or as_text(found.get("pachd_address"))
    if not address:
        raise Invalid(
            "There is no pachd to speak to",
            why=f"PACHD_ADDRESS is not set, and {contexts.configuration_path()} names no active context.",
            remedy=contexts.REMEDY,
        )
    certificates = as_text(found.get("server_cas"))
    return Context(
        address=address,
        project=as_text(found.get("project")) or "default",
        token=os.environ.get("PACH_TOKEN") or as_text(found.get("session_token")),
        transaction=as_text(found.get("active_transaction")),
        root_certificates=base64.b64decode(certificates) if certificates else None,
    )


@contextmanager
def connected(project: str | None = None) -> Iterator[Session]:
    """A session with the active pachd; `project` is where names without one are looked up."""
    from howdah.client.pachd import Address, Pachd

    context = active_context()
    pachd = Pachd(
        Address.parse(context.address),
        token=context.token,
        transaction=context.transaction,
        root_certificates=context.root_certificates,
        cache=_cache_folder(),
    )
    with pachd:
        yield Session(pachd, project or context.project)


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "howdah"
