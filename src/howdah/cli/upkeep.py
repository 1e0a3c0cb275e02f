"""`howdah check`, `gc`, `backup` and `restore`: looking after what is stored.

A running daemon is asked through its door; where none runs this process does it. Only a restore needs a
folder of its own.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from howdah.cli.pachctl.printing import size
from howdah.cli.pachctl.progress import Transfer
from howdah.cli.pachctl.waiting import Stand, Waiting
from howdah.cli.where import State, state_folder
from howdah.errors import Corrupt

if TYPE_CHECKING:
    from howdah.daemon.upkeep import Upkeep

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
DAMAGED = "Restore a backup into a new state folder; `howdah check` says which files it has to bring back."


def check(
    data: Annotated[bool, typer.Option("--data", help="Read every byte, too.")] = False,
    reindex: Annotated[
        bool, typer.Option("--reindex", help="First learn anew from the packs where everything lies.")
    ] = False,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """Check that the store is sound, beside a running daemon or without one. Exit code 2 if it is not."""
    if reindex:
        from howdah.daemon import upkeep

        upkeep.reindex(state_folder(state))
    with _watched("checked", state) as keeper:
        faults = list(keeper.check(data))
    if as_json:
        sys.stdout.write(json.dumps({"faults": faults}) + "\n")
    else:
        sys.stdout.writelines(f"Error: {fault}\n" for fault in faults)
    if faults:
        raise Corrupt(f"{len(faults)} fault{'' if len(faults) == 1 else 's'} found", remedy=DAMAGED)
    if not as_json:
        sys.stdout.write("No errors found.\n")


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be freed.")] = False,
    as_json: AsJson = False,
    state: State = None,
) -> None:
    """Free the bytes that no commit refers to any more, beside a running daemon or without one."""
    with _watched("gone through", state) as keeper:
        freed = keeper.collect(dry_run)
    if as_json:
        sys.stdout.write(json.dumps(asdict(freed) | {"dry_run": dry_run}) + "\n")
    else:
        verb = "would free" if dry_run else "freed"
        sys.stdout.write(f"{verb} {size(freed.bytes)} in {freed.packs} packs\n")
    if freed.damaged:
        raise Corrupt(
            f"{len(freed.damaged)} packs are damaged and were left alone", remedy="Run `howdah check`."
        )


def backup(
    target: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.", show_default=False)],
    state: State = None,
) -> None:
    """Copy everything that is stored to a new folder, beside a running daemon or without one.

    Commits, pipelines, jobs and deployments are in it; howdah.toml and tokens are not. A backup that is
    killed leaves a folder .NAME.unfinished beside its target, which can be removed.
    """
    with _watched("copied", state) as keeper:
        keeper.back_up(target.absolute())
    sys.stdout.write(f"{target}\n")


def restore(
    source: Annotated[Path, typer.Argument(metavar="FOLDER", help="A backup.", show_default=False)],
    state: State = None,
) -> None:
    """Make a new state folder from a backup, which stays as it is.

    Example: howdah restore /backups/monday --state ~/howdah-restored
    """
    from howdah.daemon import upkeep

    folder = state_folder(state)
    with Transfer("copied") as transfer:
        upkeep.restore(source, folder, transfer.advance)
    sys.stdout.write(f"{folder}\n")


@contextmanager
def _watched(what: str, state: Path | None) -> "Iterator[Upkeep]":
    """Whoever looks after the folder, and on a terminal how far that is; of a daemon, how long it takes."""
    from howdah.daemon import upkeep

    with (
        Transfer(what) as transfer,
        upkeep.at(state_folder(state), transfer.advance) as keeper,
        Waiting(Stand) if isinstance(keeper, upkeep.Asked) else nullcontext(),
    ):
        yield keeper
