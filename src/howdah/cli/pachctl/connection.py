"""Which pachd, which project, as whom. One rule for every command that speaks to a pachd, and for
`howdah.connect()`: the state folder that was named, else PACHD_ADDRESS, else the active context, else
the daemon of the state folder at hand.
"""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from howdah.cli import contexts
from howdah.cli.pachctl.session import Session
from howdah.core.json import as_object, as_text
from howdah.errors import Invalid, NotFound

if TYPE_CHECKING:
    from howdah.client.pachd import Pachd

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


def active_context(state: Path | None = None) -> Context:
    """`state` is what `--state` gave; where that is only HOWDAH_STATE's value, nobody named it."""
    if state is not None and str(state) != os.environ.get("HOWDAH_STATE"):
        return _of_the_folder(state)
    configuration = contexts.read()
    name = contexts.active_name(configuration)
    found = as_object(contexts.contexts(configuration).get(name))
    address = os.environ.get("PACHD_ADDRESS") or as_text(found.get("pachd_address"))
    if not address:
        try:
            return _of_the_folder(state)
        except NotFound:
            pass
        raise Invalid(
            "There is no pachd to speak to",
            why=f"PACHD_ADDRESS is not set, and {contexts.configuration_path()} names no active context,"
            " and no Howdah is running on the state folder.",
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


def _of_the_folder(state: Path | None) -> Context:
    from howdah.cli.where import state_folder
    from howdah.daemon import running

    given = state or (Path(os.environ["HOWDAH_STATE"]) if os.environ.get("HOWDAH_STATE") else None)
    return Context(running.find(state_folder(given)).pachd, token=os.environ.get("PACH_TOKEN", ""))


@contextmanager
def connected(project: str | None = None, state: Path | None = None) -> Iterator[Session]:
    """A session with the active pachd; `project` is where names without one are looked up."""
    context = active_context(state)
    with opened(context) as pachd:
        yield Session(pachd, project or context.project)


def opened(context: Context) -> "Pachd":
    """The caller closes it."""
    from howdah.client.pachd import Address, Pachd

    return Pachd(
        Address.parse(context.address),
        token=context.token,
        transaction=context.transaction,
        root_certificates=context.root_certificates,
        cache=_cache_folder(),
    )


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "howdah"
