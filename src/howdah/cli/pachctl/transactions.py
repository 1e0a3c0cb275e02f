"""Transactions: commands that are collected, then carried out together or not at all.

The id of the open one stands in the active context, where every client of the machine finds it.
"""

import sys
from typing import Annotated

import typer

from howdah.cli import contexts
from howdah.cli.pachctl import printing
from howdah.cli.pachctl.connection import connected
from howdah.cli.pachctl.printing import FullTimestamps, Output, Raw
from howdah.cli.pachctl.session import Session
from howdah.client.pachd import Fields
from howdah.core.json import as_text
from howdah.errors import Conflict, NotFound

API = "transaction_v2.API"
KEY = "active_transaction"
HEADER = ("TRANSACTION", "STARTED", "OPS")
Name = Annotated[
    str | None,
    typer.Argument(metavar="[TRANSACTION]", help="By default the active one.", show_default=False),
]


def start() -> None:
    """Start a transaction; what follows is collected until `pachctl finish transaction`.

    It can hold: create and delete repo, start and finish commit, create and delete branch, create
    and update pipeline. Everything else is done at once.
    """
    contexts.active(contexts.read())  # the place to remember it in, before anything is opened
    if name := active():
        raise Conflict(
            f"the transaction {name} is open already",
            remedy="Finish it, delete it, or leave it with `pachctl stop transaction`.",
        )
    with connected() as session:
        identity = str(_call(session, "StartTransaction").id)
    _activate(identity)
    sys.stdout.write(f'started new transaction: "{identity}"\n')


def stop() -> None:
    """Leave the active transaction as it is; `pachctl resume transaction` takes it up again."""
    name = _required()
    _activate("")
    sys.stdout.write(f"Cleared active transaction: {name}\n")


def resume(name: Annotated[str, typer.Argument(metavar="TRANSACTION", show_default=False)]) -> None:
    """Make a transaction the active one."""
    with connected() as session:
        info = _inspected(session, name)
    _activate(info.transaction.id)
    sys.stdout.write(
        f"Resuming existing transaction with {len(info.requests)} requests: {info.transaction.id}\n"
    )


def finish(name: Name = None) -> None:
    """Carry out everything that a transaction holds: all of it, or nothing."""
    name = name or _required()
    with connected() as session:
        info = _call(session, "FinishTransaction", transaction=_message(session, name))
    _forget(name)
    sys.stdout.write(f"Completed transaction with {len(info.responses)} requests: {info.transaction.id}\n")


def delete(name: Name = None) -> None:
    """Drop a transaction; nothing that it holds is done."""
    name = name or _required()
    with connected() as session:
        _call(session, "DeleteTransaction", transaction=_message(session, name))
    _forget(name)


def inspect(name: Name = None, raw: Raw = False, output: Output = None, full: FullTimestamps = False) -> None:
    """Show what an open transaction holds."""
    name = name or _required()
    with connected() as session:
        info = _inspected(session, name)
    if printing.raw_wanted(raw, output, full):
        return printing.messages([info], output)
    printing.facts((("ID", info.transaction.id), ("Started", printing.moment(info.started, full))))
    sys.stdout.write("Requests:\n")
    for request in info.requests:
        sys.stdout.write(f"  {_said(request)}\n")
    return None


def list_(raw: Raw = False, output: Output = None, full: FullTimestamps = False) -> None:
    """List the transactions that are not finished."""
    with connected() as session:
        found = _call(session, "ListTransaction").transaction_info
    printing.many(found, HEADER, lambda info: _row(info, full), raw, output, full)


def _row(info: Fields, full: bool) -> tuple[str, ...]:
    return info.transaction.id, printing.moment(info.started, full), str(len(info.requests))


def active() -> str:
    """The active context's transaction; empty where none is open."""
    configuration = contexts.read()
    if not contexts.active_name(configuration):
        return ""
    return as_text(contexts.active(configuration).get(KEY))


def _required() -> str:
    if name := active():
        return name
    raise NotFound("no transaction is active", remedy="Name one, or begin with `pachctl start transaction`.")


def clear() -> None:
    """No transaction is active from now on."""
    _activate("")


def _activate(identity: str) -> None:
    configuration = contexts.read()
    context = contexts.active(configuration)
    if identity:
        context[KEY] = identity
    else:
        context.pop(KEY, None)
    contexts.write(configuration)


def _forget(name: str) -> None:
    if name == active():
        _activate("")


def _call(session: Session, rpc: str, **fields: object) -> Fields:
    return session.pachd.call(f"{API}/{rpc}", **fields)


def _message(session: Session, name: str) -> Fields:
    return session.message("transaction_v2.Transaction", id=name)


def _inspected(session: Session, name: str) -> Fields:
    return _call(session, "InspectTransaction", transaction=_message(session, name))


def _said(request: Fields) -> str:
    """One request in the words in which it was given."""
    field, body = request.ListFields()[0]
    words = str(field.name).removesuffix("_v2").replace("_", " ")
    if getattr(body, "update", False):
        words = words.replace("create", "update")
    for name in ("repo", "branch", "commit"):
        if any(each.name == name for each, _ in body.ListFields()):
            return f"{words} {_named(getattr(body, name))}"
    return words


def _named(thing: Fields) -> str:
    kind = thing.DESCRIPTOR.name
    if kind == "Repo":
        return str(thing.name)
    return f"{thing.repo.name}@{thing.id if kind == 'Commit' and thing.id else _branch(thing)}"


def _branch(thing: Fields) -> str:
    return str(thing.name if thing.DESCRIPTOR.name == "Branch" else thing.branch.name)
