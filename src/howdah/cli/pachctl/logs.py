"""`pachctl logs`: what user code printed, and what the engine said about it."""

import re
import sys
from decimal import Decimal
from typing import Annotated

import typer

from howdah.cli.pachctl import completing, printing, references
from howdah.cli.pachctl.connection import Project, connected
from howdah.errors import Invalid

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_PART = r"(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|ns)"
_PART_NS = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1000,
    "µs": 1000,
    "ns": 1,
}


@app.command()
def logs(
    pipeline: Annotated[
        str, typer.Option("--pipeline", "-p", help="Of this pipeline.", autocompletion=completing.pipelines)
    ] = "",
    job: Annotated[
        str, typer.Option("--job", "-j", help="Of this job: pipeline@id.", autocompletion=completing.jobs)
    ] = "",
    datum: Annotated[str, typer.Option("--datum", help="Only of this datum.")] = "",
    inputs: Annotated[str, typer.Option("--inputs", help="Only about these files, comma-separated.")] = "",
    master: Annotated[bool, typer.Option("--master", help="What the engine said, not user code.")] = False,
    worker: Annotated[bool, typer.Option("--worker", help="What workers said; so it is by itself.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more comes.")] = False,
    tail: Annotated[int, typer.Option("--tail", "-t", min=0, help="Only the last lines.")] = 0,
    since: Annotated[str, typer.Option(help="Only this far back, such as 90s, 10m or 24h.")] = "24h",
    raw: printing.Raw = False,
    project: Project = None,
) -> None:
    """Print logs.

    Example: pachctl logs --pipeline mileage-model --follow
    """
    if not pipeline and not job:
        raise typer.BadParameter("Name a pipeline with -p or a job with -j.")
    if master and worker:
        raise typer.BadParameter("--master and --worker exclude each other.")
    with connected(project) as session:
        asked: dict[str, object] = {
            "master": master,
            "follow": follow,
            "tail": tail,
            "data_filters": [text for text in inputs.split(",") if text],
            "since": session.message("google.protobuf.Duration", **_span(since)),
        }
        if pipeline:
            asked["pipeline"] = session.pipeline(pipeline)
        if job:
            asked["job"] = session.job(references.job(job))
        if datum:
            asked["datum"] = session.message("pps_v2.Datum", id=datum)
        for line in session.pps_stream("GetLogs", **asked):
            if raw:
                printing.messages([line], None)
            else:
                sys.stdout.write(line.message.rstrip("\n") + "\n")
            sys.stdout.flush()


def _span(text: str) -> dict[str, int]:
    """A duration as Go writes them, such as 1h30m, 1.5h or 500ms, for protobuf's Duration."""
    if text != "0" and not re.fullmatch(f"({_PART})+", text):
        raise Invalid(f"--since wants a span, not {text!r}", remedy="Write it as 90s, 10m, 1.5h or 24h.")
    nanoseconds = sum(int(Decimal(count) * _PART_NS[unit]) for count, unit in re.findall(_PART, text))
    seconds, nanos = divmod(nanoseconds, 1_000_000_000)
    return {"seconds": seconds, "nanos": nanos}
