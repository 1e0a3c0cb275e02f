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

from howdah.cli.plain_words import read_plainly


@dataclass(frozen=True)
class Group:
    """Where a command stands: `module`, whose `app` is a Typer of one command or many, or
    `module:function`, which is one command; or, in `commands`, a table of the level below."""

    module: str
    help: str
    commands: Mapping[str, "Group"] | None = None
    aliases: tuple[str, ...] = ()
    """Other names for it, which no list shows."""
    passes_on: bool = False
    """Takes options that it does not know as words, for somebody else."""

    def load(self):  # type: ignore[no-untyped-def]  # see _LazyGroup.resolve_command
        command = self._built()  # type: ignore[no-untyped-call]
        parameters = command.get_params
        command.get_params = lambda ctx: read_plainly(parameters(ctx))
        return command

    def _built(self):  # type: ignore[no-untyped-def]
        if self.commands is not None:
            level = root(self.commands, help=self.help, completion=False)
            level.callback()(_nothing)
            return typer.main.get_command(level)
        module, _, function = self.module.partition(":")
        found = importlib.import_module(module)
        if not function:
            return typer.main.get_command(found.app)
        alone = typer.Typer(
            add_completion=False,
            rich_markup_mode=None,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        settings = {"ignore_unknown_options": True, "allow_interspersed_args": False}
        alone.command(context_settings=settings if self.passes_on else {})(getattr(found, function))
        return typer.main.get_command(alone)


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


def _nothing() -> None:
    """A Typer without a command of its own needs a callback to count as a group."""


class _LazyGroup(TyperGroup):
    table: Mapping[str, Group] = {}

    def __init__(self, **attrs: object) -> None:
        super().__init__(**attrs)  # type: ignore[arg-type]
        for name, group in self.table.items():
            listed = TyperCommand(name, help=group.help, rich_markup_mode=None)
            self.commands.setdefault(name, listed)

    def get_params(self, ctx: typer.Context):  # type: ignore[no-untyped-def,override]
        return read_plainly(super().get_params(ctx))

    def resolve_command(self, ctx: typer.Context, args: list[str]):  # type: ignore[no-untyped-def,override]
        # Untyped on purpose: the base's types live in a private module of typer's.
        if args and args[0] not in self.table:
            named = (name for name, group in self.table.items() if args[0] in group.aliases)
            args = [next(named, args[0]), *args[1:]]
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self.table:
            command = self.table[name].load()  # type: ignore[no-untyped-call]
        return name, command, rest
