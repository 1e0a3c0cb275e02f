"""Writes docs/reference/ from the program itself: `make reference`.

The commands come from the programs below (tests/repo holds them against the entry points
of pyproject.toml), the settings from `howdah.core.settings`, the steps from their own words.
tests/repo compares the pages with what this would write, so that nothing can be added
without being documented.
"""

import ast
import importlib
import itertools
import json
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from howdah.core.messages.catalogue import Catalogue, derive
from howdah.core.settings import described
from howdah.pachd import wire
from howdah.pachd.wire.dispatch import snake

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = {"howdah": "howdah.cli.tree:app", "pachctl": "howdah.cli.pachctl.tree:app"}
NOTE = "<!-- Written by `make reference`; change the program, not this page. -->\n"


def pages() -> dict[str, str]:
    """Each generated page's path under docs/reference, with its text."""
    written = {f"{program}.md": commands_page(program) for program in PROGRAMS}
    return written | {
        "configuration.md": configuration_page(),
        "pachd-api.md": api_page(),
        "steps.md": steps_page(),
    }


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


def api_page() -> str:
    """Every RPC of Pachyderm's protocol, and whether the embedded engine answers it."""
    served = served_rpcs()
    contract = Catalogue(derive())
    lines = [
        "# Pachyderm's API, as embedded",
        "",
        NOTE,
        "Every RPC that the official SDK knows. *As Pachyderm* is an answer that Pachyderm 2.12 itself "
        "gives: authentication is not activated, the enterprise services are retired. What is not "
        "served answers UNIMPLEMENTED with its name. All of it also stands under `POST /api/SERVICE/METHOD` "
        "on the HTTP port, as JSON.",
        "",
    ]
    rpcs = sorted(contract.rpcs.values(), key=lambda rpc: (rpc.service, rpc.name))
    for service, methods in itertools.groupby(rpcs, key=lambda rpc: rpc.service):
        lines += [f"## {service}", "", "| RPC | answers | request | response |", "|---|---|---|---|"]
        for rpc in methods:
            state = "as Pachyderm" if service in REFUSED else "yes" if rpc.path in served else "not served"
            asked = ("stream of " if rpc.client_streams else "") + rpc.request.DESCRIPTOR.name
            given = ("stream of " if rpc.server_streams else "") + rpc.response.DESCRIPTOR.name
            lines.append(f"| {rpc.name} | {state} | {asked} | {given} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


REFUSED = frozenset({"auth_v2.API", "identity_v2.API", "enterprise_v2.API", "license_v2.API"})


def served_rpcs() -> set[str]:
    """Paths of the RPCs that some service class of the wire package has a method for."""
    paths = {}
    for rpc in Catalogue(derive()).rpcs.values():
        paths[rpc.service, snake(rpc.name)] = rpc.path
    found = set()
    for module in pkgutil.walk_packages(wire.__path__, f"{wire.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            service = getattr(value, "service", None) if isinstance(value, type) else None
            if isinstance(service, str):
                found |= {paths[service, name] for name in vars(value) if (service, name) in paths}
    return found


def steps_page() -> str:
    """Every step by what its --help tells, and which pipelines of the reference cases run it."""
    lines = ["# The steps", "", NOTE, STEPS_TOLD, ""]
    for path in sorted((ROOT / "src" / "howdah" / "steps").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if "program.run(main)" not in ast.unparse(tree):
            continue  # what several steps share
        story = ast.get_docstring(tree) or ""
        users = ", ".join(f"`{name}`" for name in _users(path.stem)) or NO_PIPELINE[path.stem]
        lines += [f"## {path.stem}", "", *story.splitlines(), "", f"Run by: {users}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def _users(step: str) -> list[str]:
    specs = (json.loads(path.read_text()) for path in sorted((ROOT / "pipelines").glob("*/*.json")))
    return [
        spec["pipeline"]["name"]
        for spec in specs
        if f"howdah.steps.{step}" in spec.get("transform", {}).get("cmd", ())
    ]


NO_PIPELINE = {
    "agree": "`howdah reproduce`, where the bytes differ",
    "schema": "a person, once, or `howdah init`",
}
STEPS_TOLD = """\
Each is `python -m howdah.steps.NAME`, in any pipeline or by hand on folders; `--help` tells its options.
With `--batch` it works on datum after datum in a pipeline with `datum_batching`.

Some things that one might look for are part of another step:

| | is done by |
|---|---|
| package | `train` and `forecast`: a whole bundle, with schema, card, plots, reference, scenarios |
| cross validation | `train` and `tune`, before anything is fitted on all rows |
| encodings, filling, scaling | the model inside the bundle; servers and notebooks are asked with raw rows |
| fitting a detector, an explainer | whoever watches or explains, at its start, on the bundle's reference |
| batch outliers; batch drift; drift among requests | `detect`; `drift`; `request_drift` |
"""


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
