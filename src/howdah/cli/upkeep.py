"""`howdah check`, `gc`, `backup` and `restore`: looking after what is stored.

A running daemon is asked over the wire; what only its own process may do waits until it is down.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli.pachctl.printing import size
from howdah.cli.where import State, state_folder
from howdah.errors import Corrupt, NotFound

DAMAGED = "Restore a backup into a new state folder; `howdah check` says which files it has to bring back."


def check(
    data: Annotated[bool, typer.Option("--data", help="Read every byte, too.")] = False,
    state: State = None,
) -> None:
    """Check that the store is sound, beside a running daemon or without one. Exit code 2 if it is not."""
    from howdah.daemon import running

    folder = state_folder(state)
    try:
        address = running.find(folder).pachd
    except NotFound:
        from howdah.daemon import upkeep

        faults = _told(upkeep.check(folder, data))
    else:
        faults = _told(_over_the_wire(address, data))
    if faults:
        raise Corrupt(f"{faults} fault{'' if faults == 1 else 's'} found", remedy=DAMAGED)
    sys.stdout.write("No errors found.\n")


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be freed.")] = False,
    state: State = None,
) -> None:
    """Free the bytes that no commit refers to any more. The daemon must be down."""
    from howdah.daemon import upkeep

    freed = upkeep.collect(state_folder(state), dry_run)
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
    """Copy everything that is stored to a new folder. The daemon must be down.

    Commits, pipelines, jobs and deployments are in it; howdah.toml and tokens are not.
    """
    from howdah.daemon import upkeep

    upkeep.back_up(state_folder(state), target)
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
    upkeep.restore(source, folder)
    sys.stdout.write(f"{folder}\n")


def _told(faults: Iterable[str]) -> int:
    count = 0
    for fault in faults:
        count += 1
        sys.stdout.write(f"Error: {fault}\n")
    return count


def _over_the_wire(address: str, data: bool) -> Iterable[str]:
    from howdah.client.pachd import Address, Pachd

    with Pachd(Address.parse(address), token=os.environ.get("PACH_TOKEN", "")) as pachd:
        for answer in pachd.stream("pfs_v2.API/Fsck"):
            yield answer.error
        if data:
            try:
                pachd.call("pfs_v2.API/CheckStorage", read_chunk_data=True)
            except Corrupt as error:
                yield str(error)
