"""Every command's help, held against what it said when last looked at. To look afresh:

UPDATE_TRANSCRIPTS=1 python -m pytest tests/unit/cli/test_help_pages.py && git diff tests/unit/cli/help
"""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from howdah.cli import tree
from howdah.cli.failures import run
from howdah.cli.pachctl.tree import app as pachctl

PAGES = Path(__file__).parent / "help"
TRANSCRIPTS = Path(__file__).parents[2] / "wire" / "transcripts"
PROGRAMS = {"howdah": tree.app, "pachctl": pachctl}
ELSEWHERE = {
    "howdah demo": "it is a story of minutes: tests/unit/cli/test_demo_command.py, tests/e2e/test_demo.py",
    "howdah doctor": "its findings differ from machine to machine: tests/unit/cli/test_doctor.py",
    "pachctl subscribe commit": "it ends by Ctrl-C: tests/wire/test_pachctl_interrupted.py",
    "pachctl restart datum": "it needs a datum that runs: tests/unit/pipelines/test_jobs.py",
    "howdah reproduce": "it needs a model of the training step: tests/e2e/test_steps_of_all_kinds.py",
    "howdah datum shell": "it takes the terminal over: tests/e2e/test_datum_here.py",
}
"""Commands that no transcript shows doing their work, and what does."""
WITHOUT_FAULT = {
    "howdah doctor",
    "howdah down",
    "pachctl config get active-context",
    "pachctl config get metrics",
    "pachctl config list context",
}
"""Commands that take nothing and ask nobody: there is nothing to get wrong."""


def walk(program: str) -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """Every command by all its words; not pachctl once more below `howdah pachctl`."""

    def below(name: str, command: typer.core.TyperCommand) -> Iterator[tuple[str, typer.core.TyperCommand]]:
        yield name, command
        if not isinstance(command, typer.core.TyperGroup) or name == "howdah pachctl":
            return
        context = typer.Context(command, info_name=name)
        for word in command.list_commands(context):
            _, child, _ = command.resolve_command(context, [word])
            if not child.hidden:
                yield from below(f"{name} {word}", child)

    yield from below(program, typer.main.get_command(PROGRAMS[program]))


def leaves() -> list[str]:
    return [
        name
        for program in PROGRAMS
        for name, command in walk(program)
        if not isinstance(command, typer.core.TyperGroup)
    ]


@pytest.fixture
def shown(capsys, monkeypatch):
    """A command's help on a terminal of this width."""

    def shown(name: str, width: int) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        program, *words = name.split()
        assert run(PROGRAMS[program], program, [*words, "--help"]) == 0
        said = capsys.readouterr()
        assert said.err == ""
        return said.out

    return shown


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_help_page(program, shown):
    pages = "".join(f"$ {name} --help\n{shown(name, 100)}\n" for name, _ in walk(program))
    path = PAGES / f"{program}.txt"
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_text(pages)
    assert pages == path.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_help_fits_forty_columns_but_for_long_options(program, shown):
    for name, _ in walk(program):
        for line in shown(name, 40).splitlines():
            assert len(line) <= max(45, len(f"Usage: {name} ")), f"{name}: {line}"


@pytest.mark.slow
def test_every_command_is_shown_at_work_and_at_fault():
    at_work, at_fault = set(ELSEWHERE), set(WITHOUT_FAULT)
    for path in TRANSCRIPTS.glob("*.txt"):
        for command, failed in outcomes(path.read_text()):
            (at_fault if failed else at_work).add(command)
    refused = {name for name, command in _with_help() if command.startswith("Not here")}
    assert sorted(set(leaves()) - at_work - refused) == []
    assert sorted(set(leaves()) - at_fault) == []


def test_every_error_says_what_to_do():
    without = [
        f"{path.name}: {part.partition('\n')[0]}"
        for path in TRANSCRIPTS.glob("*.txt")
        for part in re.split(r"^\$ ", path.read_text(), flags=re.M)[1:]
        if "\n! Error: " in part and not re.search(r"^!   Do: +\S", part, flags=re.M)
    ]
    assert without == []


def _with_help() -> list[tuple[str, str]]:
    return [(name, command.help or "") for program in PROGRAMS for name, command in walk(program)]


def outcomes(transcript: str) -> Iterator[tuple[str, bool]]:
    """The commands of a transcript, and whether each ended with an exit code other than nought."""
    known = set(leaves())
    for part in re.split(r"^\$ ", transcript, flags=re.M)[1:]:
        line, _, said = part.partition("\n")
        words = shlex.split(line)
        name = next((" ".join(words[:n]) for n in range(4, 1, -1) if " ".join(words[:n]) in known), None)
        if name is not None:
            yield name, re.search(r"^\[\d+\]$", said, flags=re.M) is not None
