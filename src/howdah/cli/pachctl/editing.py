"""`pachctl edit pipeline`: a spec in the user's own editor, and back."""

import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli.pachctl.completing import pipelines as names
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.printing import Encoding
from howdah.cli.pachctl.specs import documents
from howdah.core.json import JsonObject, as_object
from howdah.errors import Invalid


def pipeline(
    name: Annotated[str, typer.Argument(metavar="PIPELINE", show_default=False, autocompletion=names)],
    editor: Annotated[str, typer.Option(help="The editor, if not $EDITOR.")] = "",
    output: Annotated[
        Encoding, typer.Option("--output", "-o", help="Edit it as json or yaml.")
    ] = Encoding.JSON,
    reprocess: Annotated[bool, typer.Option("--reprocess", help="Run every datum again.")] = False,
    project: Project = None,
) -> None:
    """Change a pipeline's spec in an editor; leaving it as it is changes nothing."""
    with connected(project) as session:
        info = session.pps("InspectPipeline", pipeline=session.pipeline(name), details=True)
        old = as_object(json.loads(info.user_spec_json))
        new = _edited(old, name, output, editor or os.environ.get("EDITOR") or "vi")
        if new == old:
            sys.stdout.write("Pipeline unchanged, no update will be performed.\n")
            return
        _keep_name(new, info.pipeline.name, info.pipeline.project.name)
        session.pps(
            "CreatePipelineV2", create_pipeline_request_json=json.dumps(new), update=True, reprocess=reprocess
        )


def _edited(spec: JsonObject, name: str, encoding: Encoding, editor: str) -> JsonObject:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name.replace('/', '-')}.pipeline.{encoding}"
        path.write_text(_written(spec, encoding))
        try:
            ran = subprocess.run([*shlex.split(editor), str(path)], check=False)
        except OSError as error:
            raise Invalid(
                f"the editor {editor!r} cannot be started",
                why=error.strerror or "",
                remedy="Name one with --editor, or set EDITOR.",
            ) from error
        if ran.returncode != 0:
            raise Invalid(
                f"the editor ended with exit code {ran.returncode}; nothing was changed",
                remedy="Save and leave it without a fault, or name another with --editor.",
            )
        found = documents(str(path))
    if len(found) != 1:
        raise Invalid(f"the file holds {len(found)} specs; one is edited at a time")
    return found[0]


def _written(spec: JsonObject, encoding: Encoding) -> str:
    if encoding is Encoding.YAML:
        import yaml

        return str(yaml.safe_dump(spec, sort_keys=False))
    return json.dumps(spec, indent=2) + "\n"


def _keep_name(spec: JsonObject, name: str, project: str) -> None:
    pipeline = spec.setdefault("pipeline", {})
    if not isinstance(pipeline, dict):
        raise Invalid("pipeline must be an object with a name")
    if pipeline.setdefault("name", name) != name:
        raise Invalid("a pipeline's name cannot be changed", remedy="Create another, delete this one.")
    if as_object(pipeline.setdefault("project", {"name": project})).get("name", project) != project:
        raise Invalid("a pipeline cannot move to another project")
