"""Which pachd, which project, as whom: the environment first, then the active context."""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli.contexts import configuration_path
from howdah.cli.pachctl.session import Session
from howdah.core.json import JsonObject, as_object, as_text
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


def configuration() -> JsonObject:
    """The Pachyderm configuration file, empty if there is none."""
    path = configuration_path()
    try:
        return as_object(json.loads(path.read_text())) if path.exists() else {}
    except ValueError as error:
        raise Invalid(f"{path} is not JSON", why=str(error), remedy="Mend it or move it away.") from error


def active_context() -> Context:
    section = as_object(configuration().get("v2"))
    contexts = as_object(section.get("contexts"))
    found = as_object(contexts.get(as_text(section.get("active_context"))))
    address = os.environ.get("PACHD_ADDRESS") or as_text(found.get("pachd_address"))
    if not address:
        raise Invalid(
            "There is no pachd to speak to",
            why=f"PACHD_ADDRESS is not set, and {configuration_path()} names no active context.",
            remedy="Start one with `howdah up --detach --context`, or set PACHD_ADDRESS.",
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
