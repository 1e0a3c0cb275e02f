"""Defaults: what every pipeline of the cluster, or of a project, is unless its spec says otherwise."""

import json
import sys
from typing import Annotated

import typer

from howdah.cli.pachctl import printing
from howdah.cli.pachctl.connection import connected
from howdah.cli.pachctl.specs import documents
from howdah.client.pachd import Fields
from howdah.core.json import JsonObject, as_object
from howdah.errors import Conflict, NotFound

Cluster = Annotated[bool, typer.Option("--cluster", help="Of the whole cluster.")]
OfProject = Annotated[
    str | None, typer.Option("--project", help="Of this project; by default the active one.")
]
File = Annotated[str, typer.Option("--file", "-f", help="A JSON or YAML file; - reads stdin.")]
Regenerate = Annotated[bool, typer.Option("--regenerate", help="Update every pipeline that it changes.")]
Reprocess = Annotated[
    bool, typer.Option("--reprocess", help="And run all their datums again; implies --regenerate.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which pipelines it would change.")]


def inspect(
    cluster: Cluster = False,
    project: OfProject = None,
    raw: Annotated[bool, typer.Option("--raw", help="The protocol's own message, as JSON.")] = False,
) -> None:
    """Print the defaults as JSON."""
    info = _read(cluster, project)
    if raw:
        return printing.messages([info], None)
    sys.stdout.write(json.dumps(_document(info), indent=2) + "\n")
    return None


def create(
    cluster: Cluster = False,
    project: OfProject = None,
    file: File = "-",
    regenerate: Regenerate = False,
    reprocess: Reprocess = False,
    dry_run: DryRun = False,
) -> None:
    """Set defaults where there are none.

    Example: echo '{"create_pipeline_request": {"datum_tries": 1}}' | pachctl create defaults --cluster
    """
    wanted = _one(file)
    if _document(_read(cluster, project)):
        raise Conflict("there are defaults already", remedy="Change them with `pachctl update defaults`.")
    _write(wanted, cluster, project, regenerate, reprocess, dry_run)


def update(
    cluster: Cluster = False,
    project: OfProject = None,
    file: File = "-",
    regenerate: Regenerate = False,
    reprocess: Reprocess = False,
    dry_run: DryRun = False,
) -> None:
    """Replace the defaults."""
    wanted = _one(file)
    if not _document(_read(cluster, project)):
        raise NotFound("there are no defaults yet", remedy="Set them with `pachctl create defaults`.")
    _write(wanted, cluster, project, regenerate, reprocess, dry_run)


def delete(
    cluster: Cluster = False,
    project: OfProject = None,
    regenerate: Regenerate = False,
    reprocess: Reprocess = False,
    dry_run: DryRun = False,
) -> None:
    """Remove the defaults."""
    _write({}, cluster, project, regenerate, reprocess, dry_run)


def _scope(cluster: bool, project: str | None) -> str | None:
    """None for the cluster's, else the project's name, empty for the active one."""
    if cluster and project:
        raise typer.BadParameter("--cluster and --project exclude each other.")
    return None if cluster else project or ""


def _read(cluster: bool, project: str | None) -> Fields:
    scope = _scope(cluster, project)
    with connected(scope) as session:
        if scope is None:
            return session.pps("GetClusterDefaults")
        return session.pps("GetProjectDefaults", project=session.named_project(session.project))


def _document(info: Fields) -> JsonObject:
    field = next(each.name for each in info.DESCRIPTOR.fields if each.name.endswith("_defaults_json"))
    return as_object(json.loads(getattr(info, field) or "{}"))


def _one(file: str) -> JsonObject:
    found = documents(file, "defaults")
    if len(found) != 1:
        raise typer.BadParameter(f"{file} holds {len(found)} documents; defaults are one.")
    return found[0]


def _write(
    document: JsonObject,
    cluster: bool,
    project: str | None,
    regenerate: bool,
    reprocess: bool,
    dry_run: bool,
) -> None:
    scope = _scope(cluster, project)
    asked: dict[str, object] = {
        "regenerate": regenerate or reprocess,
        "reprocess": reprocess,
        "dry_run": dry_run,
    }
    text = json.dumps(document)
    with connected(scope) as session:
        if scope is None:
            answer = session.pps("SetClusterDefaults", cluster_defaults_json=text, **asked)
        else:
            named = session.named_project(session.project)
            answer = session.pps("SetProjectDefaults", project=named, project_defaults_json=text, **asked)
    if asked["regenerate"]:
        affected = [f"{each.project.name}/{each.name}" for each in answer.affected_pipelines]
        sys.stdout.write("affected pipelines:\n" if affected else "no affected pipelines\n")
        sys.stdout.writelines(f"\t {name}\n" for name in affected)
