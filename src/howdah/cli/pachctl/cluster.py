"""The server as a whole: who it is, whether it is sound, and deleting everything."""

import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli.asking import agreed
from howdah.cli.pachctl import printing, references, transactions
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.printing import Output, Raw
from howdah.client.pachd import Fields
from howdah.errors import AlreadyExists, Corrupt, Invalid


def version(
    client_only: Annotated[bool, typer.Option("--client-only", help="Ask no server.")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Exit code 1 if client and server differ.")
    ] = False,
    raw: Raw = False,
    output: Output = None,
) -> None:
    """Print the versions of this pachctl and of the server.

    `+howdah` behind pachctl's version says that it is Howdah's, not Pachyderm's own. To use that one
    instead, put its folder before Howdah's on PATH or call it by its path.
    """
    ours = f"{_protocol()}+howdah.{installed('howdah')}"
    raw = printing.raw_wanted(raw, output)
    if client_only:
        if raw:
            return _raw_client(output)
        sys.stdout.write(f"{ours}\n")
        return None
    with connected() as session:
        theirs = session.pachd.call("versionpb_v2.API/GetVersion")
    said = _said(theirs)
    if raw:
        _raw_client(output)
        printing.messages([theirs], output)
    else:
        printing.table(
            ("COMPONENT          ", "VERSION"), (("pachctl", ours), ("pachd", said + theirs.additional))
        )
    if compare and said != _protocol():
        raise typer.Exit(1)
    return None


def _protocol() -> str:
    """The Pachyderm whose protocol this pachctl speaks: that of the SDK it is made from."""
    return installed("pachyderm_sdk")


def _said(found: Fields) -> str:
    return f"{found.major}.{found.minor}.{found.micro}"


def _raw_client(output: printing.Encoding | None) -> None:
    from howdah.core.messages.catalogue import catalogue

    major, minor, micro = map(int, _protocol().split(".")[:3])
    made = catalogue().message("versionpb_v2.Version")
    own = made(major=major, minor=minor, micro=micro, additional=f"+howdah.{installed('howdah')}")
    printing.messages([own], output)


def inspect(raw: Raw = False, output: Output = None) -> None:
    """Print the cluster's id."""
    with connected() as session:
        info = session.pachd.call("admin_v2.API/InspectCluster")
    if printing.raw_wanted(raw, output):
        return printing.messages([info], output)
    sys.stdout.write(info.id + "\n")
    return None


def fsck(
    fix: Annotated[bool, typer.Option("--fix", "-f", help="Put right what can be put right.")] = False,
    zombie: Annotated[str, typer.Option(help="Look in this commit for files of inputs long gone.")] = "",
    zombie_all: Annotated[bool, typer.Option("--zombie-all", help="… in every pipeline's output.")] = False,
    project: Project = None,
) -> None:
    """Check that the store is consistent. It fails when it is not."""
    if zombie and zombie_all:
        raise typer.BadParameter("--zombie and --zombie-all exclude each other.")
    with connected(project) as session:
        asked: dict[str, object] = {"fix": fix}
        if zombie:
            asked["zombie_target"] = session.commit(references.commit(zombie))
        elif zombie_all:
            asked["zombie_all"] = True
        faults = 0
        for answer in session.pfs_stream("Fsck", **asked):
            faults += bool(answer.error)
            sys.stdout.write(f"Error: {answer.error}\n" if answer.error else f"Fix applied: {answer.fix}\n")
    if faults:
        raise Corrupt(
            f"{faults} error{'' if faults == 1 else 's'} found", remedy="Restore a backup, or ask for help."
        )
    sys.stdout.write("No errors found.\n")


def delete_all(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete every repo, commit, file, pipeline and job. Asks first."""
    with connected() as session:
        repos = [info.repo.name for info in session.pfs_stream("ListRepo", type="user")]
        pipelines = [info.pipeline.name for info in session.pps_stream("ListPipeline")]
        sys.stderr.write("All repos, commits, files, pipelines and jobs will be deleted.\n")
        for what, names in (("Repos", repos), ("Pipelines", pipelines)):
            if names:
                sys.stderr.write(f"{what} to delete: {', '.join(names)}\n")
        if not yes and not agreed("Go on?"):
            return
        session.pps("DeleteAll")
        session.pfs("DeleteAll")
        session.pachd.call("transaction_v2.API/DeleteAll")
    if transactions.active():
        transactions.clear()


def debug_dump(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new .tar.gz.", show_default=False)],
) -> None:
    """Write what someone who looks for a fault wants to know into a tar archive.

    It holds versions, threads, names and sizes of repos, and the ends of logs; no file's content.
    """
    if file.exists():
        raise AlreadyExists(f"{file} exists", remedy="Name a new file.")
    if not file.absolute().parent.is_dir():
        raise Invalid(f"{file.parent} is not a folder", remedy="Make it first, or name a file elsewhere.")
    with connected() as session:
        chunks = session.pachd.stream("debug_v2.Debug/DumpV2")
        data = b"".join(chunk.content.content for chunk in chunks if chunk.HasField("content"))
    file.write_bytes(data)
