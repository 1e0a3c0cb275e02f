"""Datums: the pieces of input that a job works on, one by one."""

from typing import Annotated

import typer

from howdah.cli.pachctl import printing, references
from howdah.cli.pachctl.completing import jobs
from howdah.cli.pachctl.connection import Project, connected
from howdah.cli.pachctl.printing import GREEN, RED, YELLOW, Output, Raw
from howdah.cli.pachctl.specs import documents
from howdah.client.pachd import Fields
from howdah.core.json import as_object

Job = Annotated[str, typer.Argument(metavar="PIPELINE@JOB", show_default=False, autocompletion=jobs)]
HEADER = ("ID", "FILES", "STATUS", "TIME")
STATES = {
    0: ("-", YELLOW),
    1: ("failed", RED),
    2: ("success", GREEN),
    3: ("skipped", YELLOW),
    4: ("starting", YELLOW),
    5: ("recovered", YELLOW),
}


def list_(
    name: Annotated[
        str | None, typer.Argument(metavar="PIPELINE@JOB", show_default=False, autocompletion=jobs)
    ] = None,
    file: Annotated[str, typer.Option("--file", "-f", help="A spec: the datums that it would have.")] = "",
    raw: Raw = False,
    output: Output = None,
    project: Project = None,
) -> None:
    """List the datums of a job, or those that a spec would have."""
    if (name is None) != bool(file):
        raise typer.BadParameter("Name a job, or a spec with -f.")
    with connected(project) as session:
        asked: dict[str, object] = {}
        if name is not None:
            asked["job"] = session.job(references.job(name))
        else:
            from google.protobuf.json_format import ParseDict

            (spec,) = documents(file)
            asked["input"] = ParseDict(as_object(spec.get("input")), session.message("pps_v2.Input"))
        found = session.pps_stream("ListDatum", **asked)
        printing.many(found, HEADER, lambda info: _row(info), raw, output)


def _row(info: Fields) -> tuple[str, ...]:
    return (info.datum.id or "-", _files(info), _state(info), printing.duration(_time(info)))


def _files(info: Fields) -> str:
    files = (data.file for data in info.data)
    return ", ".join(f"{file.commit.repo.name}@{file.commit.id}:{file.path}" for file in files)


def _state(info: Fields) -> str:
    return printing.colour(*STATES.get(info.state, ("-", YELLOW)))


def _time(info: Fields) -> float:
    parts = (info.stats.download_time, info.stats.process_time, info.stats.upload_time)
    return float(sum(part.seconds + part.nanos / 1e9 for part in parts))


def inspect(
    name: Job,
    datum: Annotated[str, typer.Argument(metavar="DATUM", show_default=False)],
    raw: Raw = False,
    output: Output = None,
    project: Project = None,
) -> None:
    """Show one datum."""
    with connected(project) as session:
        asked = session.message("pps_v2.Datum", job=session.job(references.job(name)), id=datum)
        info = session.pps("InspectDatum", datum=asked)
    printing.one(
        info,
        (
            ("ID", info.datum.id),
            ("Job ID", info.datum.job.id),
            ("Image ID", info.image_id),
            ("State", _state(info)),
            ("Data Downloaded", printing.size(info.stats.download_bytes)),
            ("Data Uploaded", printing.size(info.stats.upload_bytes)),
            ("Total Time", printing.duration(_time(info))),
            ("Inputs", _files(info)),
        ),
        raw,
        output,
    )


def restart(
    name: Job,
    paths: Annotated[str, typer.Argument(metavar="PATH[,PATH…]", show_default=False)],
    project: Project = None,
) -> None:
    """Run a stuck datum of a running job again."""
    with connected(project) as session:
        filters = [path if path.startswith("/") else f"/{path}" for path in paths.split(",")]
        session.pps("RestartDatum", job=session.job(references.job(name)), data_filters=filters)
