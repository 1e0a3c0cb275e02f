"""Command groups that are imported when they are used.

A root command knows each group's name, module and one line of help. Listing them
(`--help`, completion, "did you mean") reads only this table; running one imports its
module. This is what keeps `--help` under a fifth of a second while some groups import
gRPC and more.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Group:
    module: str
    """Where a `typer.Typer()` called `app` stands; one command or many."""
    help: str


def root(groups: Mapping[str, Group], *, help: str, completion: bool = True) -> typer.Typer:
    """A Typer application whose subcommands are `groups`, in this order."""

    class Lazy(_LazyGroup):
        table = groups

    return typer.Typer(
        cls=Lazy,
        help=help,
        no_args_is_help=True,
        add_completion=completion,
        rich_markup_mode=None,  # rich would cost a third of the whole budget of --help
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


class _LazyGroup(TyperGroup):
    table: Mapping[str, Group] = {}

    def __init__(self, **attrs: object) -> None:
        super().__init__(**attrs)  # type: ignore[arg-type]
        for name, group in self.table.items():
            listed = TyperCommand(name, help=group.help, rich_markup_mode=None)
            self.commands.setdefault(name, listed)

    def resolve_command(self, ctx: typer.Context, args: list[str]):  # type: ignore[no-untyped-def,override]
        # Untyped on purpose: the base's types live in a private module of typer's.
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self.table:
            module = importlib.import_module(self.table[name].module)
            command = typer.main.get_command(module.app)
        return name, command, rest
