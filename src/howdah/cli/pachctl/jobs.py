"""Jobs, and the job sets that one global ID names."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated

import typer

from howdah.cli.pachctl import completing, printing, references, waiting
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.printing import GREEN, RED, YELLOW, FullTimestamps, NoPager, Output, Raw
from howdah.cli.pachctl.session import Session
from howdah.client.pachd import Fields

Name = Annotated[
    str, typer.Argument(metavar="PIPELINE@JOB", show_default=False, autocompletion=completing.jobs)
]
Either = Annotated[
    str, typer.Argument(metavar="JOB | PIPELINE@JOB", show_default=False, autocompletion=completing.jobs)
]
HEADER = ("PROJECT", "PIPELINE", "ID", "STARTED", "DURATION", "RESTART", "PROGRESS", "DL", "UL", "STATE")
SET_HEADER = ("ID", "SUBJOBS", "PROGRESS", "CREATED", "MODIFIED")
STATES = {
    0: ("-", YELLOW),
    1: ("created", YELLOW),
    2: ("starting", YELLOW),
    3: ("running", YELLOW),
    4: ("failure", RED),
    5: ("success", GREEN),
    6: ("killed", RED),
    7: ("egressing", YELLOW),
    8: ("finishing", YELLOW),
    9: ("unrunnable", RED),
}
FAILURE, SUCCESS, KILLED, UNRUNNABLE = 4, 5, 6, 9
LONGEST_REASON = 25


def state(number: int) -> str:
    return printing.colour(*STATES.get(number, ("-", YELLOW)))


def inspect(
    name: Either,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """Show one job, or all jobs of a global ID."""
    with connected(project) as session:
        _show(_found(session, name), raw, output, full)


def wait(
    name: Either,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """Wait until a job, or every job of a global ID, has ended; exit code 1 if one did not succeed."""
    with connected(project) as session, _waiting(session, name):
        found = _found(session, name, wait=True)
    _show(found, raw, output, full)
    if any(info.state != SUCCESS for info in (found if isinstance(found, list) else [found])):
        raise typer.Exit(1)


def _waiting(session: Session, name: str) -> waiting.Waiting:
    if "@" not in name:
        return waiting.for_set(session, name)
    return waiting.for_job(session, session.job(references.job(name)))


def _found(session: Session, name: str, wait: bool = False) -> Fields | list[Fields]:
    """One job, or those of a set."""
    if "@" not in name:
        return list(_set(session, name, wait))
    return session.pps("InspectJob", job=session.job(references.job(name)), wait=wait, details=True)


def _show(info: Fields | list[Fields], raw: bool, output: printing.Encoding | None, full: bool) -> None:
    if isinstance(info, list):
        _print(info, raw, output, full)
        return
    printing.one(info, _facts(info, full), raw, output, full)
    if info.details.worker_status and not printing.raw_wanted(raw, output):
        printing.table(("WORKER", "JOB", "DATUM", "STARTED"), _workers(info, full))


def _set(session: Session, identity: str, wait: bool) -> Iterator[Fields]:
    job_set = session.message("pps_v2.JobSet", id=identity)
    return session.pps_stream("InspectJobSet", job_set=job_set, wait=wait, details=True)


def _facts(info: Fields, full: bool) -> tuple[tuple[str, str], ...]:
    return (
        ("ID", info.job.id),
        ("Pipeline", info.job.pipeline.name),
        ("Project", info.job.pipeline.project.name),
        ("Started", printing.moment(info.started, full)),
        ("Duration", _duration(info)),
        ("State", state(info.state)),
        ("Reason", info.reason),
        ("Processed", str(info.data_processed)),
        ("Failed", str(info.data_failed)),
        ("Skipped", str(info.data_skipped)),
        ("Recovered", str(info.data_recovered)),
        ("Total", str(info.data_total)),
        ("Data Downloaded", printing.size(info.stats.download_bytes)),
        ("Data Uploaded", printing.size(info.stats.upload_bytes)),
        ("Output Commit", info.output_commit.id),
    )


def _workers(info: Fields, full: bool) -> Iterator[tuple[str, str, str, str]]:
    """What each worker is at."""
    for status in info.details.worker_status:
        datum = status.datum_status
        paths = ", ".join(item.path for item in datum.data)
        yield status.worker_id, status.job_id, paths, printing.moment(datum.started, full)


def _duration(info: Fields) -> str:
    if not (info.HasField("started") and info.HasField("finished")):
        return "-"
    begun, ended = info.started, info.finished
    return printing.duration(ended.seconds - begun.seconds + (ended.nanos - begun.nanos) / 1e9)


def list_(
    identity: Annotated[str | None, typer.Argument(metavar="[JOB]", show_default=False)] = None,
    pipeline: Annotated[
        str,
        typer.Option("--pipeline", "-p", help="Only of this pipeline.", autocompletion=completing.pipelines),
    ] = "",
    inputs: Annotated[
        list[str] | None, typer.Option("--input", "-i", help="Only what read repo@commit; may be repeated.")
    ] = None,
    expand: Annotated[bool, typer.Option("--expand", "-x", help="A line for each job of a set.")] = False,
    number: Annotated[int, typer.Option("--number", "-n", min=0, help="At most this many; 0 for all.")] = 0,
    states: Annotated[list[str] | None, typer.Option("--state", help="Only in this state.")] = None,
    history: Annotated[str, typer.Option(help="Versions back: none, a number, or all.")] = "none",
    all_projects: Annotated[bool, typer.Option("--all-projects", "-A", help="Of every project.")] = False,
    no_pager: NoPager = False,
    raw: Raw = False,
    output: Output = None,
    full: FullTimestamps = False,
    project: Project = None,
) -> None:
    """List job sets, the jobs of one set, or the jobs of a pipeline."""
    wanted = printing.numbers(states or [], STATES, "job")
    with connected(project) as session:
        projects = [] if all_projects else [session.named_project(session.project)]
        if identity is not None:
            found = _set(session, identity, False)
        elif pipeline or expand or wanted or inputs:
            asked: dict[str, object] = {"projects": projects, "history": references.history(history)}
            asked["input_commit"] = [session.commit(references.commit(each)) for each in inputs or ()]
            if pipeline:
                asked["pipeline"] = session.pipeline(pipeline)
            found = session.listed(session.pps_stream("ListJob", **asked), all_projects)
        else:
            sets = session.listed(session.pps_stream("ListJobSet", projects=projects), all_projects)
            printing.many(
                islice(sets, number or None), SET_HEADER, lambda info: _set_row(info, full), raw, output, full
            )
            return
        kept = (info for info in found if not wanted or info.state in wanted)
        _print(islice(kept, number or None), raw, output, full)


def _print(found: Iterable[Fields], raw: bool, output: printing.Encoding | None, full: bool) -> None:
    printing.many(found, HEADER, lambda info: _row(info, full), raw, output, full)


def _row(info: Fields, full: bool) -> tuple[str, ...]:
    return (
        info.job.pipeline.project.name,
        info.job.pipeline.name,
        info.job.id,
        printing.moment(info.started, full) if info.HasField("started") else "-",
        _duration(info),
        str(info.restart),
        f"{info.data_processed} + {info.data_skipped} / {info.data_total}",
        printing.size(info.stats.download_bytes),
        printing.size(info.stats.upload_bytes),
        _ending(info),
    )


def _ending(info: Fields) -> str:
    if info.reason:
        reason = info.reason
        if len(reason) > LONGEST_REASON:
            reason = reason[:LONGEST_REASON].rstrip() + "..."
        return f"{state(info.state)}: {reason}"
    if info.state == SUCCESS and info.data_skipped == info.data_total:
        return printing.colour("success: there were no datums to process", GREEN)
    return state(info.state)


def _set_row(job_set: Fields, full: bool) -> tuple[str, ...]:
    states = [info.state for info in job_set.jobs]
    done = states.count(SUCCESS)
    failed = sum(states.count(bad) for bad in (FAILURE, KILLED, UNRUNNABLE))
    created = sorted((info.created for info in job_set.jobs), key=lambda stamp: (stamp.seconds, stamp.nanos))
    return (
        job_set.job_set.id,
        str(len(states)),
        printing.progress_bar(done, len(states) - done - failed, failed),
        printing.moment(created[0], full) if created else "-",
        printing.moment(created[-1], full) if created else "-",
    )


def delete(name: Name, project: Project = None) -> None:
    """Delete a job."""
    with connected(project) as session:
        session.pps("DeleteJob", job=session.job(references.job(name)))


def stop(name: Either, project: Project = None) -> None:
    """Stop a job, or every job of a global ID; what they wrote is dropped."""
    with connected(project) as session:
        if "@" in name:
            session.pps("StopJob", job=session.job(references.job(name)))
            return
        for info in _set(session, name, False):
            session.pps("StopJob", job=info.job)
