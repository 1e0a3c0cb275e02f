"""`howdah doctor`: what this machine has, what it lacks, what to do about it."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli import cluster_access, machine
from howdah.cli.machine import Finding
from howdah.core.settings import Settings, load
from howdah.errors import HowdahError

app = typer.Typer()
SIGNS = {"ok": "✓", "warning": "!", "problem": "✗"}
COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    state: Annotated[
        Path | None,
        typer.Option("--state", envvar="HOWDAH_STATE", help="The state folder to look at."),
    ] = None,
) -> None:
    """Check this machine and say what to do.

    Looks at Python, the platform, namespaces, ports, disk, memory, the clock, limits, Envoy,
    the browser, and the pachd and the cluster that the environment names; changes nothing.
    Exits 2 when something must be put right first.

    Example: howdah doctor --json
    """
    findings = examine(Path.cwd(), state)
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in findings], indent=2))
    else:
        _print(findings)
    if any(each.verdict == "problem" for each in findings):
        raise typer.Exit(2)


def examine(folder: Path, state: Path | None) -> list[Finding]:
    """All findings for a Howdah configured in `folder`, in the order they are read."""
    try:
        settings = load(folder)
        configured = Finding("configuration", "ok", "howdah.toml is valid, or absent")
    except HowdahError as error:
        settings = Settings()
        configured = Finding("configuration", "problem", f"{error}: {error.why}", error.remedy)
    daemon = settings.daemon
    where = (state or daemon.state).absolute()
    ports = {
        "pachd": daemon.pachd_port,
        "s3": daemon.s3_port,
        "http": daemon.http_port,
        "ingress": daemon.ingress_port,
    }
    return [
        machine.python(),
        machine.platform_supported(),
        configured,
        machine.state_folder(where),
        machine.disk(where),
        machine.clock(),
        machine.memory(),
        machine.open_files(),
        machine.sandbox(),
        *machine.ports(daemon.bind, ports),
        machine.envoy(),
        machine.browser(),
        *cluster_access.findings(),
    ]


def _print(findings: Sequence[Finding]) -> None:
    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    width = max(len(each.name) for each in findings)
    for each in findings:
        sign = SIGNS[each.verdict]
        if coloured:
            sign = typer.style(sign, fg=COLOURS[each.verdict])
        typer.echo(f"{sign} {each.name.ljust(width)}  {each.found}")
        if each.remedy:
            typer.echo(f"  {' ' * width}  → {each.remedy}")
    problems = sum(each.verdict == "problem" for each in findings)
    warnings = sum(each.verdict == "warning" for each in findings)
    typer.echo(f"\n{problems} to put right, {warnings} to know about.")
