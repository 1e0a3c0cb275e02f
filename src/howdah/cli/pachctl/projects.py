"""Projects."""

import sys
from typing import Annotated

import typer

from howdah.cli.asking import agreed
from howdah.cli.pachctl import printing
from howdah.cli.pachctl.connection import active_context, connected
from howdah.cli.pachctl.printing import Output, Raw
from howdah.cli.pachctl.session import Session
from howdah.client.pachd import Fields
from howdah.errors import Conflict

Name = Annotated[str, typer.Argument(metavar="PROJECT", show_default=False)]
Description = Annotated[str, typer.Option("--description", "-d", help="What the project is for.")]
HEADER = ("ACTIVE", "PROJECT", "CREATED", "DESCRIPTION")


def create(name: Name, description: Description = "") -> None:
    """Create a project.

    Example: pachctl create project cars -d "everything about mileage"
    """
    _create(name, description, update=False)


def update(name: Name, description: Description = "") -> None:
    """Change a project's description."""
    _create(name, description, update=True)


def _create(name: str, description: str, update: bool) -> None:
    with connected() as session:
        project = session.named_project(name)
        session.pfs("CreateProject", project=project, description=description, update=update)


def inspect(name: Name, raw: Raw = False, output: Output = None) -> None:
    """Show one project."""
    with connected() as session:
        info = session.pfs("InspectProject", project=session.named_project(name))
    printing.one(
        info,
        (
            ("Name", info.project.name),
            ("Description", info.description),
            ("Created", printing.moment(info.created_at, False)),
        ),
        raw,
        output,
    )


def list_(raw: Raw = False, output: Output = None) -> None:
    """List projects; a star marks the one that names without a project mean."""
    with connected() as session:
        found = session.pfs_stream("ListProject")
        printing.many(found, HEADER, lambda info: _row(info, session.project), raw, output)


def _row(info: Fields, active: str) -> tuple[str, ...]:
    name = info.project.name
    return (
        "*" if name == active else "",
        name,
        printing.moment(info.created_at, False),
        info.description,
    )


def delete(
    name: Name,
    force: Annotated[bool, typer.Option("--force", "-f", help="Even if something depends on it.")] = False,
) -> None:
    """Delete a project with everything in it; asks first if there is anything."""
    with connected() as session:
        project = session.named_project(name)
        pipelines = [info.pipeline for info in session.pps_stream("ListPipeline", projects=[project])]
        _ask(name, "pipeline", [pipeline.name for pipeline in pipelines])
        for pipeline in pipelines:
            session.pps("DeletePipeline", pipeline=pipeline, force=force)
        repos = _repos(session, project)
        _ask(name, "repo", [repo.name for repo in repos])
        for repo in repos:
            session.pfs("DeleteRepo", repo=repo, force=force)
        session.pfs("DeleteProject", project=project, force=force)
    if name == active_context().project:
        sys.stderr.write(
            f"{name} was the active project; choose another: pachctl config update context --project NAME\n"
        )


def _repos(session: Session, project: Fields) -> list[Fields]:
    return [info.repo for info in session.pfs_stream("ListRepo", type="user", projects=[project])]


def _ask(project: str, kind: str, names: list[str]) -> None:
    if not names:
        return
    things = f"{kind}{'' if len(names) == 1 else 's'} {', '.join(names)}"
    if not agreed(f"This deletes the {things} of {project}. Go on?"):
        raise Conflict(f"{project} still holds the {things}", remedy="Confirm, or delete them first.")
