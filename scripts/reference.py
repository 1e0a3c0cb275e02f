"""Writes docs/reference/ from the program itself: `make reference`.

The commands come from the programs below (tests/repo holds them against the entry points
of pyproject.toml), the settings from `howdah.core.settings`. tests/repo compares the pages
with what this would write, so that nothing can be added without being documented.
"""

import importlib
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from howdah.core.settings import described

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = {"howdah": "howdah.cli.howdah:app", "pachctl": "howdah.cli.pachctl.tree:app"}
NOTE = "<!-- Written by `make reference`; change the program, not this page. -->\n"


def pages() -> dict[str, str]:
    """Each generated page's path under docs/reference, with its text."""
    written = {f"{program}.md": commands_page(program) for program in PROGRAMS}
    return written | {"configuration.md": configuration_page()}


def commands_page(program: str) -> str:
    lines = [f"# The commands of {program}", "", NOTE]
    for path, command in commands(program):
        name = " ".join((program, *path))
        lines += [f"## {name}", "", (command.help or "").strip(), ""]
        rows = [row for row in map(_row, _documented(command)) if row]
        if rows:
            lines += ["| | |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def commands(program: str) -> Iterator[tuple[tuple[str, ...], typer.core.TyperCommand]]:
    """Every command of a program, parents first: the words after the program's name, the command."""
    module, _, name = PROGRAMS[program].partition(":")
    app = getattr(importlib.import_module(module), name)
    yield from _walk(typer.main.get_command(app), (), program)


def undocumented() -> list[str]:
    """Commands and options without a word of help."""
    missing = []
    for program in PROGRAMS:
        for path, command in commands(program):
            name = " ".join((program, *path))
            if not command.help:
                missing.append(name)
            options = [each for each in _documented(command) if each.param_type_name == "option"]
            missing += [f"{name} {_shown(each)}" for each in options if not each.help]
    return missing


def configuration_page() -> str:
    lines = [
        "# Configuration",
        "",
        NOTE,
        "One file, `howdah.toml`, in the folder where Howdah is started. Every key may be left out. "
        "An option of a command goes before `HOWDAH_STATE` (for the state folder), that before the file. "
        "Relative paths start at the file. An unknown key is refused.",
        "",
    ]
    for section, settings in itertools.groupby(described(), key=lambda each: each.section):
        lines += [f"## [{section}]", "", "| key | default | is | |", "|---|---|---|---|"]
        lines += [
            f"| `{each.key}` | `{_toml(each.default)}` | {each.kind.means} | {each.doc} |"
            for each in settings
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _walk(command, path, program) -> Iterator[tuple[tuple[str, ...], typer.core.TyperCommand]]:
    yield path, command
    if not isinstance(command, typer.core.TyperGroup):
        return
    context = typer.Context(command, info_name=program)
    for name in command.list_commands(context):
        _, child, _ = command.resolve_command(context, [name])
        if not child.hidden:
            yield from _walk(child, (*path, name), program)


def _documented(command) -> list:
    typers_own = {"--install-completion", "--show-completion", "--help"}
    return [
        each
        for each in command.params
        if not getattr(each, "hidden", False) and not typers_own & set(each.opts)
    ]


def _shown(parameter) -> str:
    if parameter.param_type_name == "argument":
        return parameter.name.upper()
    return ", ".join([*parameter.opts, *parameter.secondary_opts])


def _row(parameter) -> str:
    text = (parameter.help or "").replace("|", "\\|")
    default = parameter.default
    if default not in (None, False, True, (), "") and not callable(default):
        text += f" Default: `{default}`."
    return f"| `{_shown(parameter)}` | {text} |"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


def main() -> None:
    folder = ROOT / "docs" / "reference"
    folder.mkdir(exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text)
        print(f"docs/reference/{name}")
    if missing := undocumented():
        sys.exit("without a word of help: " + "; ".join(missing))


if __name__ == "__main__":
    main()
