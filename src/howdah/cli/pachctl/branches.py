"""Branches."""

from typing import Annotated

import typer

from howdah.cli.pachctl import printing, references
from howdah.cli.pachctl.completing import repos as names
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.printing import FullTimestamps, Output, Raw
from howdah.client.pachd import Fields

Name = Annotated[str, typer.Argument(metavar="REPO@BRANCH", show_default=False, autocompletion=names)]
HEADER = ("BRANCH", "HEAD", "TRIGGER", "CREATOR", "CREATED")


def create(
    name: Name,
    provenance: Annotated[
        list[str] | None, typer.Option("--provenance", "-p", help="A branch it is made from.")
    ] = None,
    head: Annotated[str, typer.Option(help="The commit or branch it points at.")] = "",
    trigger: Annotated[str, typer.Option("--trigger", "-t", help="The branch that moves it.")] = "",
    trigger_cron: Annotated[str, typer.Option(help="… on this schedule.")] = "",
    trigger_size: Annotated[str, typer.Option(help="… once this much is new, such as 100MB.")] = "",
    trigger_commits: Annotated[int, typer.Option(min=0, help="… once so many commits are new.")] = 0,
    trigger_all: Annotated[bool, typer.Option(help="… once all of this holds, not any.")] = False,
    project: Project = None,
) -> None:
    """Create a branch, or change where it points and what moves it.

    Example: pachctl create branch heart-model@champion --head master
    """
    reference = references.branch(name)
    with connected(project) as session:
        asked: dict[str, object] = {"branch": session.branch(reference)}
        asked["provenance"] = [session.branch(references.branch(text)) for text in provenance or ()]
        if head:
            text = head if "@" in head else f"{name.partition('@')[0]}@{head}"
            asked["head"] = session.commit(references.commit(text))
        if trigger:
            asked["trigger"] = session.message(
                "pfs_v2.Trigger",
                branch=trigger,
                cron_spec=trigger_cron,
                size=trigger_size,
                commits=trigger_commits,
                all=trigger_all,
            )
        elif trigger_cron or trigger_size or trigger_commits or trigger_all:
            raise typer.BadParameter("Say with --trigger which branch moves it.")
        session.pfs("CreateBranch", **asked)


def inspect(
    name: Name,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """Show one branch."""
    with connected(project) as session:
        info = session.pfs("InspectBranch", branch=session.branch(references.branch(name)))
    printing.one(
        info,
        (
            ("Name", f"{info.branch.repo.name}@{info.branch.name}"),
            ("Head Commit", f"{info.head.repo.name}@{info.head.id}" if info.HasField("head") else ""),
            ("Provenance", " ".join(f"{other.repo.name}@{other.name}" for other in info.provenance)),
            ("Trigger", _trigger(info.trigger) if info.HasField("trigger") else ""),
            ("Created by", info.created_by),
            ("Created at", printing.moment(info.created_at, True)),
        ),
        raw,
        output,
        full,
    )


def list_(
    name: Annotated[str, typer.Argument(metavar="REPO", show_default=False, autocompletion=names)],
    raw: Raw = False,
    output: Output = None,
    project: Project = None,
) -> None:
    """List a repo's branches."""
    with connected(project) as session:
        found = session.pfs_stream("ListBranch", repo=session.repo(references.repo(name)))
        printing.many(found, HEADER, lambda info: _row(info), raw, output)


def _row(info: Fields) -> tuple[str, ...]:
    return (
        info.branch.name,
        info.head.id if info.HasField("head") else "-",
        _trigger(info.trigger) if info.HasField("trigger") else "-",
        info.created_by or "-",
        printing.moment(info.created_at, True),
    )


def _trigger(trigger: Fields) -> str:
    if trigger.cron_spec:
        return f"{trigger.branch} on Cron({trigger.cron_spec})"
    conditions = [
        text
        for text, given in (
            (f"Rate Limit({trigger.rate_limit_spec})", trigger.rate_limit_spec),
            (f"Size({trigger.size})", trigger.size),
            (f"Commits({trigger.commits})", trigger.commits),
        )
        if given
    ]
    return f"{trigger.branch} on {(' and ' if trigger.all else ' or ').join(conditions)}"


def delete(
    name: Name,
    force: Annotated[bool, typer.Option("--force", "-f", help="Even if something depends on it.")] = False,
    project: Project = None,
) -> None:
    """Delete a branch; its commits stay."""
    with connected(project) as session:
        session.pfs("DeleteBranch", branch=session.branch(references.branch(name)), force=force)
