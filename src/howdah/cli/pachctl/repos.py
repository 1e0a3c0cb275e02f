"""Repos."""

from typing import Annotated

import typer

from howdah.cli.pachctl import printing, references
from howdah.cli.pachctl.completing import repos as names
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.printing import FullTimestamps, Output, Raw
from howdah.client.pachd import Fields

Name = Annotated[
    str, typer.Argument(metavar="REPO", help="[project/]repo", show_default=False, autocompletion=names)
]
Description = Annotated[str, typer.Option("--description", "-d", help="What the repo is for.")]
HEADER = ("PROJECT", "NAME", "CREATED", "SIZE (MASTER)", "DESCRIPTION")


def create(name: Name, description: Description = "", project: Project = None) -> None:
    """Create a repo.

    Example: pachctl create repo images -d "what the camera saw"
    """
    with connected(project) as session:
        session.pfs("CreateRepo", repo=session.repo(references.repo(name)), description=description)


def update(name: Name, description: Description = "", project: Project = None) -> None:
    """Change a repo's description."""
    with connected(project) as session:
        repo = session.repo(references.repo(name))
        session.pfs("CreateRepo", repo=repo, description=description, update=True)


def inspect(
    name: Name,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """Show one repo."""
    with connected(project) as session:
        info = session.pfs("InspectRepo", repo=session.repo(references.repo(name)))
    printing.one(
        info,
        (
            ("Name", info.repo.name),
            ("Description", info.description),
            ("Created", printing.moment(info.created, full)),
            ("Size of HEAD on master", printing.size(info.details.size_bytes)),
        ),
        raw,
        output,
        full,
    )


def list_(
    everything: Annotated[bool, typer.Option("--all", help="System repos, too.")] = False,
    kind: Annotated[str, typer.Option("--type", help="Repos of this type: user, spec or meta.")] = "user",
    all_projects: Annotated[bool, typer.Option("--all-projects", "-A", help="Of every project.")] = False,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """List repos."""
    with connected(project) as session:
        wanted = [] if all_projects else [session.named_project(session.project)]
        found = session.pfs_stream("ListRepo", type="" if everything else kind, projects=wanted)
        found = session.listed(found, all_projects)
        printing.many(found, HEADER, lambda info: _row(info, full), raw, output, full)


def _row(info: Fields, full: bool) -> tuple[str, ...]:
    known = info.HasField("details")
    bytes_ = info.details.size_bytes if known else info.size_bytes_upper_bound
    return (
        info.repo.project.name,
        info.repo.name if info.repo.type == "user" else f"{info.repo.name}.{info.repo.type}",
        printing.moment(info.created, full),
        ("" if known else "≤ ") + printing.size(bytes_),
        info.description,
    )


def delete(
    name: Annotated[
        str | None, typer.Argument(metavar="REPO", show_default=False, autocompletion=names)
    ] = None,
    force: Annotated[bool, typer.Option("--force", "-f", help="Even if something depends on it.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every repo of the project.")] = False,
    all_projects: Annotated[bool, typer.Option("--all-projects", "-A", help="With --all: of all.")] = False,
    project: Project = None,
) -> None:
    """Delete a repo with everything in it."""
    if (name is None) != everything:
        raise typer.BadParameter("Name one repo, or give --all.")
    with connected(project) as session:
        if name is not None:
            session.pfs("DeleteRepo", repo=session.repo(references.repo(name)), force=force)
            return
        projects = [] if all_projects else [session.named_project(session.project)]
        session.pfs("DeleteRepos", projects=projects, force=force, all=all_projects)
