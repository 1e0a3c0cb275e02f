"""`pachctl diff file`: which files two commits hold differently, or, by git or diff, what differs in them."""

import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli.pachctl import printing, references
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.files import FILE, HEADER, Timeless
from howdah.cli.pachctl.printing import GREEN, RED, NoPager
from howdah.cli.pachctl.session import Session
from howdah.client.pachd import Fields
from howdah.errors import Invalid

SIDES = (("old_file", "-", RED), ("new_file", "+", GREEN))
DIFFERENT = 1
"""The exit code of a program that compares and has found a difference."""


def diff(
    new: Annotated[str, typer.Argument(metavar="NEW", help="repo@commit:path", show_default=False)],
    old: Annotated[str | None, typer.Argument(metavar="OLD", help="By default NEW's parent.")] = None,
    shallow: Annotated[bool, typer.Option("--shallow", "-s", help="Not below this directory.")] = False,
    name_only: Annotated[bool, typer.Option("--name-only", help="Only which files differ.")] = False,
    diff_command: Annotated[str, typer.Option(help="Compare by this program, not by git or diff.")] = "",
    no_pager: NoPager = False,
    full: Timeless = False,
    project: Project = None,
    old_project: Annotated[str, typer.Option(help="OLD's project, if it is another.")] = "",
) -> None:
    """Show what changed between two commits.

    Example: pachctl diff file notes@master:/ notes@master^3:/
    """
    with connected(project) as session:
        asked = {"new_file": session.file(references.file(new)), "shallow": shallow}
        if old is not None:
            asked["old_file"] = session.file(references.within(old_project, references.file(old)))
        changes = session.pfs_stream("DiffFile", **asked)
        if name_only:
            printing.table(("OP", *HEADER), [row for change in changes for row in _rows(change)])
        else:
            _compare(session, changes, shlex.split(diff_command) or _program())


def _rows(change: Fields) -> Iterable[tuple[str, ...]]:
    for side, sign, shade in SIDES:
        if change.HasField(side):
            info = getattr(change, side)
            yield printing.colour(sign, shade), printing.size(info.size_bytes), info.file.path


def _program() -> list[str]:
    if shutil.which("git"):
        shades = "always" if printing.coloured() else "never"
        return ["git", "-c", f"color.ui={shades}", "--no-pager", "diff", "--no-index"]
    return ["diff", "-u"]


def _compare(session: Session, changes: Iterable[Fields], command: list[str]) -> None:
    """File by file, each from a folder that holds no more than the two."""
    for change in changes:
        with tempfile.TemporaryDirectory() as folder:
            names = [_fetched(session, change, side, Path(folder)) for side, _, _ in SIDES]
            if names == ["/dev/null"] * 2:
                continue  # a directory: its files have changes of their own
            try:
                ran = subprocess.run([*command, *names], cwd=folder, stdout=subprocess.PIPE, check=False)
            except OSError as error:
                raise Invalid(
                    f"{command[0]!r} cannot be started",
                    why=error.strerror or "",
                    remedy="Name another program with --diff-command, or ask only for --name-only.",
                ) from error
        sys.stdout.write(ran.stdout.decode(errors="replace"))
        if ran.returncode not in (0, DIFFERENT):
            raise Invalid(f"{command[0]} ended with exit code {ran.returncode}")


def _fetched(session: Session, change: Fields, side: str, folder: Path) -> str:
    """The name in `folder` of one side's content; `/dev/null` where there is no such file."""
    info = getattr(change, side)
    if not change.HasField(side) or info.file_type != FILE:
        return "/dev/null"
    name: str = side.removesuffix("_file") + info.file.path
    path = folder / name
    path.parent.mkdir(parents=True)
    with path.open("wb") as sink:
        for piece in session.pfs_stream("GetFile", file=info.file):
            sink.write(piece.value)
    return name
