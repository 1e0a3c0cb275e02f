"""Pipelines."""

import json
from collections.abc import Collection
from typing import Annotated

import typer

from howdah.cli.pachctl import printing, references
from howdah.cli.pachctl.completing import pipelines as names
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.jobs import state as job_state
from howdah.cli.pachctl.printing import GREEN, RED, YELLOW, FullTimestamps, Output, Raw
from howdah.cli.pachctl.session import Session
from howdah.cli.pachctl.specs import documents
from howdah.client.pachd import Fields
from howdah.core.json import JsonObject, as_object
from howdah.errors import Invalid

Name = Annotated[str, typer.Argument(metavar="PIPELINE", show_default=False, autocompletion=names)]
File = Annotated[
    str, typer.Option("--file", "-f", help="A JSON or YAML spec; - reads stdin. May hold several.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the effective spec, create nothing.")]
Reprocess = Annotated[bool, typer.Option("--reprocess", help="Run every datum again, also unchanged ones.")]
HEADER = ("PROJECT", "NAME", "VERSION", "INPUT", "CREATED", "STATE / LAST JOB", "ALERTS", "DESCRIPTION")
STATES = {
    0: ("unknown", RED),
    1: ("starting", YELLOW),
    2: ("running", GREEN),
    3: ("restarting", YELLOW),
    4: ("failure", RED),
    5: ("paused", YELLOW),
    6: ("standby", YELLOW),
    7: ("crashing", RED),
}


def create(
    file: File = "-",
    dry_run: DryRun = False,
    raw: Raw = False,
    output: Output = None,
    project: Project = None,
) -> None:
    """Create pipelines from a spec.

    Example: pachctl create pipeline -f pipelines/mileage/1-clean.json
    """
    _create(file, project, output, dry_run=dry_run)


def update(
    file: File = "-",
    reprocess: Reprocess = False,
    dry_run: DryRun = False,
    raw: Raw = False,
    output: Output = None,
    project: Project = None,
) -> None:
    """Change pipelines to what a spec says."""
    _create(file, project, output, dry_run=dry_run, update=True, reprocess=reprocess)


def validate(file: File = "-", project: Project = None) -> None:
    """Check pipeline specs as pachd would; nothing is created."""
    specs = documents(file)
    with connected(project) as session:
        for spec in specs:
            _with_project(spec, session.project)
            text = json.dumps(spec)
            session.pps("CreatePipelineV2", create_pipeline_request_json=text, dry_run=True, update=True)


def _create(file: str, project: str | None, output: printing.Encoding | None, **asked: bool) -> None:
    specs = documents(file)
    with connected(project) as session:
        for spec in specs:
            _with_project(spec, session.project)
            answer = session.pps("CreatePipelineV2", create_pipeline_request_json=json.dumps(spec), **asked)
            if asked["dry_run"]:
                printing.documents([json.loads(answer.effective_create_pipeline_request_json)], output)


def _with_project(spec: JsonObject, project: str) -> None:
    """Specs seldom name their project: it is the one that the command runs in."""
    pipeline = spec.get("pipeline")
    if not isinstance(pipeline, dict):
        raise Invalid("the spec has no pipeline.name", remedy='Begin it with {"pipeline": {"name": "…"}}.')
    if not as_object(pipeline.get("project")).get("name"):
        pipeline["project"] = {"name": project}


def inspect(
    name: Name,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """Show one pipeline."""
    with connected(project) as session:
        info = session.pps("InspectPipeline", pipeline=session.pipeline(name), details=True)
    details = info.details
    printing.one(
        info,
        (
            ("Name", info.pipeline.name),
            ("Description", details.description),
            ("Created", printing.moment(details.created_at, full)),
            ("State", _state(info)),
            ("Reason", info.reason),
            ("Workers Available", f"{details.workers_available}/{details.workers_requested}"),
            ("Stopped", str(info.stopped).lower()),
            ("Input", shorthand(details.input)),
            ("Output Branch", details.output_branch),
            ("Image", details.transform.image),
            ("Command", " ".join(details.transform.cmd)),
            ("Recent Error", details.recent_error),
        ),
        raw,
        output,
        full,
    )


def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="[PIPELINE]", show_default=False, autocompletion=names)
    ] = None,
    history: Annotated[str, typer.Option(help="Versions back: none, a number, or all.")] = "none",
    spec: Annotated[
        bool, typer.Option("--spec", "-s", help="Print their specs; with -o yaml as YAML.")
    ] = False,
    commit: Annotated[str, typer.Option("--commit", "-c", help="As they were in this commit set.")] = "",
    states: Annotated[list[str] | None, typer.Option("--state", help="Only in this state.")] = None,
    all_projects: Annotated[bool, typer.Option("--all-projects", "-A", help="Of every project.")] = False,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """List pipelines with their states."""
    wanted = printing.numbers(states or [], STATES, "pipeline")
    with connected(project) as session:
        asked: dict[str, object] = {"details": True, "history": references.history(history)}
        if name:
            asked["pipeline"] = session.pipeline(name)
        elif not all_projects:
            asked["projects"] = [session.named_project(session.project)]
        if commit:
            asked["commit_set"] = session.message("pfs_v2.CommitSet", id=commit)
        listed = session.listed(session.pps_stream("ListPipeline", **asked), all_projects)
        found = (info for info in listed if not wanted or info.state in wanted)
        if spec:
            printing.documents((json.loads(info.user_spec_json) for info in found), output)
        else:
            alerted = set() if printing.raw_wanted(raw, output, full) else _alerted(session, all_projects)
            printing.many(found, HEADER, lambda info: _row(info, alerted, full), raw, output, full)


def _alerted(session: Session, all_projects: bool) -> set[tuple[str, str]]:
    """The pipelines, by project and name, of which `check status` has something to say."""
    answers = session.pps_stream("CheckStatus", **_where(session, all_projects))
    return {(answer.project.name, answer.pipeline.name) for answer in answers if answer.alerts}


def _row(info: Fields, alerted: Collection[tuple[str, str]], full: bool) -> tuple[str, ...]:
    return (
        info.pipeline.project.name,
        info.pipeline.name,
        str(info.version),
        shorthand(info.details.input),
        printing.moment(info.details.created_at, full),
        f"{_state(info)} / {job_state(info.last_job_state)}",
        "*" if (info.pipeline.project.name, info.pipeline.name) in alerted else "",
        info.details.description,
    )


def _state(info: Fields) -> str:
    return printing.colour(*STATES.get(info.state, ("unknown", RED)))


def shorthand(found: Fields) -> str:
    """An input on one line: `repo:glob`, joined by the sign of how they combine."""
    if found.HasField("pfs"):
        return f"{found.pfs.repo}:{found.pfs.glob}"
    if found.HasField("cron"):
        return f"{found.cron.name}:{found.cron.spec}"
    for kind, sign in (("cross", " ⨯ "), ("union", " ∪ "), ("join", " ⨝ "), ("group", " | ")):
        if parts := getattr(found, kind):
            return f"({sign.join(shorthand(part) for part in parts)})"
    return "none"


def delete(
    name: Annotated[
        str | None, typer.Argument(metavar="PIPELINE", show_default=False, autocompletion=names)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every pipeline of the project.")] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Even if something depends on it.")] = False,
    keep_repo: Annotated[bool, typer.Option("--keep-repo", help="Keep its output.")] = False,
    all_projects: Annotated[bool, typer.Option("--all-projects", "-A", help="With --all: of all.")] = False,
    project: Project = None,
) -> None:
    """Delete a pipeline with its jobs and its output."""
    if (name is None) != everything:
        raise typer.BadParameter("Name one pipeline, or give --all.")
    with connected(project) as session:
        asked: dict[str, object] = {"force": force, "keep_repo": keep_repo}
        if name is not None:
            session.pps("DeletePipeline", pipeline=session.pipeline(name), must_exist=True, **asked)
            return
        projects = [] if all_projects else [session.named_project(session.project)]
        session.pps("DeletePipelines", projects=projects, all=all_projects, **asked)


def start(name: Name, project: Project = None) -> None:
    """Start a stopped pipeline again."""
    _simple("StartPipeline", name, project)


def stop(name: Name, project: Project = None) -> None:
    """Stop a pipeline: what comes in waits until it is started again."""
    _simple("StopPipeline", name, project)


def run_cron(name: Name, project: Project = None) -> None:
    """Let a cron pipeline tick now."""
    _simple("RunCron", name, project)


def rerun(name: Name, reprocess: Reprocess = False, project: Project = None) -> None:
    """Run a pipeline on its present input once more."""
    with connected(project) as session:
        session.pps("RerunPipeline", pipeline=session.pipeline(name), reprocess=reprocess)


def _simple(rpc: str, name: str, project: str | None) -> None:
    with connected(project) as session:
        session.pps(rpc, pipeline=session.pipeline(name))


def status(
    all_projects: Annotated[bool, typer.Option("--all-projects", "-A", help="Of every project.")] = False,
    raw: Raw = False,
    output: Output = None,
    project: Project = None,
) -> None:
    """Show which pipelines need attention, and why."""
    with connected(project) as session:
        answers = session.pps_stream("CheckStatus", **_where(session, all_projects))
        found = session.listed(answers, all_projects)
        if printing.raw_wanted(raw, output):
            return printing.messages(found, output)
        rows = [
            (answer.project.name, answer.pipeline.name, alert) for answer in found for alert in answer.alerts
        ]
    printing.table(("PROJECT", "PIPELINE", "ALERT"), rows)
    return None


def _where(session: Session, all_projects: bool) -> dict[str, object]:
    return {"all": True} if all_projects else {"project": session.named_project(session.project)}
