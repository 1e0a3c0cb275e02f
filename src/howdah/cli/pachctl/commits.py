"""Commits, and the commit sets that one global ID names."""

import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from howdah.cli.pachctl import printing, references, waiting
from howdah.cli.pachctl.completing import repos as names
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.printing import FullTimestamps, Output, Raw
from howdah.cli.pachctl.session import Session
from howdah.client.pachd import Fields

Name = Annotated[
    str, typer.Argument(metavar="REPO@BRANCH-OR-COMMIT", show_default=False, autocompletion=names)
]
SetId = Annotated[str, typer.Argument(metavar="COMMIT-ID", help="A global ID.", show_default=False)]
Message = Annotated[
    str, typer.Option("--message", "-m", "--description", help="What the commit holds.", show_default=False)
]
HEADER = ("PROJECT", "REPO", "COMMIT", "FINISHED", "SIZE", "ORIGIN", "CREATOR", "DESCRIPTION")
SET_HEADER = ("ID", "SUBCOMMITS", "PROGRESS", "CREATED", "MODIFIED")
FINISHED = 4
ORIGINS = {0: "ORIGIN_KIND_UNKNOWN", 1: "USER", 2: "AUTO", 3: "FSCK"}


class Origin(StrEnum):
    USER = "USER"
    AUTO = "AUTO"
    FSCK = "FSCK"


OfOrigin = Annotated[
    Origin | None, typer.Option("--origin", help="Only of this origin.", case_sensitive=False)
]
All = Annotated[bool, typer.Option("--all", help="Of every origin, not only USER.")]


def start(
    name: Annotated[str, typer.Argument(metavar="REPO@BRANCH", show_default=False, autocompletion=names)],
    parent: Annotated[str, typer.Option("--parent", "-p", help="A commit to start from.")] = "",
    message: Message = "",
    project: Project = None,
) -> None:
    """Start a commit and print its id; finish it with `pachctl finish commit`."""
    reference = references.branch(name)
    with connected(project) as session:
        asked: dict[str, object] = {"branch": session.branch(reference), "description": message}
        if parent:
            asked["parent"] = session.message("pfs_v2.Commit", repo=session.repo(reference), id=parent)
        sys.stdout.write(session.pfs("StartCommit", **asked).id + "\n")


def finish(
    name: Name,
    message: Message = "",
    force: Annotated[bool, typer.Option("--force", "-f", help="Even of a pipeline's output.")] = False,
    project: Project = None,
) -> None:
    """Finish a commit: from then on it never changes."""
    with connected(project) as session:
        commit = session.commit(references.commit(name))
        session.pfs("FinishCommit", commit=commit, description=message, force=force)


def inspect(
    name: Annotated[
        str,
        typer.Argument(metavar="REPO@BRANCH-OR-COMMIT | COMMIT-ID", show_default=False, autocompletion=names),
    ],
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """Show one commit, or all commits of a global ID."""
    with connected(project) as session:
        _show(_found(session, name), raw, output, full)


def wait(
    name: Annotated[
        str,
        typer.Argument(metavar="REPO@BRANCH-OR-COMMIT | COMMIT-ID", show_default=False, autocompletion=names),
    ],
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """Wait until a commit, or every commit of a global ID, has finished."""
    with connected(project) as session:
        with _waiting(session, name):
            found = _found(session, name, wait=True)
        _show(found, raw, output, full)


def _waiting(session: Session, name: str) -> waiting.Waiting:
    if "@" not in name:
        return waiting.for_set(session, name)
    return waiting.for_commit(session, session.commit(references.commit(name)))


def _found(session: Session, name: str, wait: bool = False) -> Fields | list[Fields]:
    """One commit, or those of a set."""
    if "@" not in name:
        return list(_set(session, name, wait))
    commit = session.commit(references.commit(name))
    return session.pfs("InspectCommit", commit=commit, wait=FINISHED if wait else 0)


def _show(info: Fields | list[Fields], raw: bool, output: printing.Encoding | None, full: bool) -> None:
    if isinstance(info, list):
        _print(info, raw, output, full)
        return
    printing.one(
        info,
        (
            ("Commit", f"{info.commit.repo.name}@{info.commit.id}"),
            ("Description", info.description),
            ("Parent", info.parent_commit.id),
            ("Started", printing.moment(info.started, full)),
            ("Finished", printing.moment(info.finished, full) if info.HasField("finished") else ""),
            ("Error", info.error),
            ("Size", printing.size(info.details.size_bytes) if info.HasField("details") else ""),
        ),
        raw,
        output,
        full,
    )


def list_(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[COMMIT-ID | REPO[@BRANCH-OR-COMMIT]]", show_default=False, autocompletion=names
        ),
    ] = None,
    since: Annotated[str, typer.Option("--from", "-f", help="Only after this commit.")] = "",
    number: Annotated[int, typer.Option("--number", "-n", min=0, help="At most this many; 0 for all.")] = 0,
    everything: All = False,
    expand: Annotated[bool, typer.Option("--expand", "-x", help="A line for each commit of a set.")] = False,
    origin: OfOrigin = None,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """List commit sets, the commits of one set, or the commits of a repo."""
    with connected(project) as session:
        if name is None:
            _list_sets(session, number, expand, raw, output, full)
        elif "@" not in name and references.is_commit_id(name):
            _print(_set(session, name), raw, output, full)
        else:
            reference = references.commit(name)
            asked: dict[str, object] = {"repo": session.repo(reference), "number": number}
            asked |= _of_origin(origin, everything)
            if reference.branch or reference.commit:
                asked["to"] = session.commit(reference)
            if since:
                asked["from"] = session.commit(references.commit(f"{name.partition('@')[0]}@{since}"))
            _print(session.pfs_stream("ListCommit", **asked), raw, output, full)


def _of_origin(origin: Origin | None, everything: bool) -> dict[str, object]:
    if origin is not None and everything:
        raise typer.BadParameter("--all and --origin exclude each other.")
    return {"all": True} if everything else {"origin_kind": origin.value if origin else "USER"}


def _set(session: Session, identity: str, wait: bool = False) -> Iterator[Fields]:
    commit_set = session.message("pfs_v2.CommitSet", id=identity)
    return session.pfs_stream("InspectCommitSet", commit_set=commit_set, wait=wait)


def _list_sets(
    session: Session, number: int, expand: bool, raw: bool, output: printing.Encoding | None, full: bool
) -> None:
    found = islice(session.pfs_stream("ListCommitSet"), number or None)
    if expand:
        _print((commit for commit_set in found for commit in commit_set.commits), raw, output, full)
    else:
        printing.many(found, SET_HEADER, lambda info: _set_row(info, full), raw, output, full)


def _set_row(commit_set: Fields, full: bool) -> tuple[str, ...]:
    ended = [commit for commit in commit_set.commits if commit.HasField("finished")]
    failed = sum(bool(commit.error) for commit in ended)
    started = sorted((commit.started for commit in commit_set.commits), key=lambda s: (s.seconds, s.nanos))
    return (
        commit_set.commit_set.id,
        str(len(commit_set.commits)),
        printing.progress_bar(len(ended) - failed, len(commit_set.commits) - len(ended), failed),
        printing.moment(started[0], full) if started else "-",
        printing.moment(started[-1], full) if started else "-",
    )


def _print(found: Iterable[Fields], raw: bool, output: printing.Encoding | None, full: bool) -> None:
    printing.many(found, HEADER, lambda info: _row(info, full), raw, output, full)


def _row(info: Fields, full: bool) -> tuple[str, ...]:
    repo, known = info.commit.repo, info.HasField("details")
    bytes_ = info.details.size_bytes if known else info.size_bytes_upper_bound
    return (
        repo.project.name,
        repo.name if repo.type == "user" else f"{repo.name}.{repo.type}",
        info.commit.id,
        printing.moment(info.finished, full) if info.HasField("finished") else "-",
        ("" if known else "≤ ") + printing.size(bytes_),
        ORIGINS.get(info.origin.kind, str(info.origin.kind)),
        info.created_by or "-",
        info.description,
    )


def subscribe(
    name: Annotated[str, typer.Argument(metavar="REPO[@BRANCH]", show_default=False, autocompletion=names)],
    since: Annotated[str, typer.Option("--from", help="Only after this commit.")] = "",
    new: Annotated[bool, typer.Option("--new", help="Only what comes from now on.")] = False,
    everything: All = False,
    origin: OfOrigin = None,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """Print commits as they finish, until interrupted."""
    reference = references.commit(name)
    if new and since:
        raise typer.BadParameter("--new and --from exclude each other.")
    with connected(project) as session:
        asked: dict[str, object] = {
            "repo": session.repo(reference),
            "branch": reference.branch,
            "state": FINISHED,
        } | _of_origin(origin, everything)
        if new:
            asked["from"] = session.branch_head(reference)
        elif since:
            asked["from"] = session.commit(references.commit(f"{name.partition('@')[0]}@{since}"))
        found = session.pfs_stream("SubscribeCommit", **asked)
        for info in found:
            _print([info], raw, output, full)
            sys.stdout.flush()


def squash(
    name: Annotated[
        str, typer.Argument(metavar="COMMIT-ID | REPO@COMMIT", show_default=False, autocompletion=names)
    ],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="And all made from it.")] = False,
    project: Project = None,
) -> None:
    """Remove a commit that has children; they keep its content."""
    _remove("SquashCommit", name, recursive, project)


def delete(
    name: Annotated[
        str, typer.Argument(metavar="COMMIT-ID | REPO@COMMIT", show_default=False, autocompletion=names)
    ],
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="And all made from it.")] = False,
    project: Project = None,
) -> None:
    """Remove a commit that has no children, with its content."""
    _remove("DropCommit", name, recursive, project)


def _remove(rpc: str, name: str, recursive: bool, project: str | None) -> None:
    """By the RPC for one commit, or by its twin for the whole set that a global ID names."""
    with connected(project) as session:
        if "@" in name:
            session.pfs(rpc, commit=session.commit(references.commit(name)), recursive=recursive)
        else:
            session.pfs(f"{rpc}Set", commit_set=session.message("pfs_v2.CommitSet", id=name))


def find(
    name: Annotated[
        str, typer.Argument(metavar="REPO@BRANCH-OR-COMMIT:PATH", show_default=False, autocompletion=names)
    ],
    limit: Annotated[int, typer.Option(min=0, help="Stop after this many; 0 for all.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the protocol's own messages.")] = False,
    project: Project = None,
) -> None:
    """Find the commits of a branch that changed a path, newest first."""
    reference = references.file(name)
    with connected(project) as session:
        found = session.pfs_stream(
            "FindCommits", start=session.commit(reference), file_path=reference.path, limit=limit
        )
        if as_json:
            return printing.messages(found, None)
        for answer in found:
            if answer.HasField("found_commit"):
                sys.stdout.write(answer.found_commit.id + "\n")
            else:
                sys.stderr.write(f"searched back to {answer.last_searched_commit.id}\n")
    return None
