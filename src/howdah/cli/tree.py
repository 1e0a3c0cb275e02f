"""The commands of `howdah` as one table. Reading it costs nothing; a module is imported when it runs."""

from typing import Annotated

import typer

from howdah.cli.lazy import Group, root

GROUPS = {
    "up": Group("howdah.cli.up", "Start Howdah: Pachyderm and Seldon on this machine."),
    "down": Group("howdah.cli.down", "Stop Howdah and everything it started."),
    "status": Group("howdah.cli.status", "Show what runs and where it listens."),
    "datum": Group(
        "howdah.cli.datum",
        "Run one datum here, in the sandbox that a worker would give it.",
        {
            "run": Group("howdah.cli.datum:run", "Run the pipeline's command on one datum."),
            "shell": Group("howdah.cli.datum:shell", "Open a shell that sees what the datum's code sees."),
        },
    ),
    "why": Group("howdah.cli.why", "Say which data, code and decision stand behind a prediction."),
    "reproduce": Group(
        "howdah.cli.reproduce",
        "Train a model again from its record and compare: bytes, predictions, or where not.",
    ),
    "demo": Group("howdah.cli.demo:demo", "Tell the whole story on real data (in a checkout)."),
    "doctor": Group("howdah.cli.doctor", "Check this machine and say what to do."),
    "init": Group("howdah.cli.init:init", "Begin a case of your own from a CSV file."),
    "predict": Group("howdah.cli.predicting:predict", "Ask a deployed model."),
    "explain": Group("howdah.cli.predicting:explain", "Ask why a model answers as it does."),
    "feedback": Group("howdah.cli.predicting:feedback", "Tell what a prediction should have been."),
    "models": Group("howdah.cli.models:models", "List cases, their champions, and what was decided."),
    "compare": Group("howdah.cli.models:compare", "Show how the challenger did against the champion."),
    "promote": Group("howdah.cli.models:promote", "Make a model the champion."),
    "rollback": Group("howdah.cli.models:rollback", "Make an earlier champion the champion again."),
    "check": Group("howdah.cli.upkeep:check", "Check that the store is sound."),
    "gc": Group("howdah.cli.upkeep:gc", "Free what no commit refers to any more."),
    "backup": Group("howdah.cli.upkeep:backup", "Copy everything that is stored."),
    "restore": Group("howdah.cli.upkeep:restore", "Make a state folder from a backup."),
    "kubectl": Group("howdah.cli.kubectl:kubectl", "Run kubectl against Howdah.", passes_on=True),
    "pachctl": Group("howdah.cli.pachctl.tree", "pachctl, under this name."),
    "open": Group("howdah.cli.opening:open_", "Open the console."),
}

app = root(
    GROUPS,
    help="""Data-driven pipelines with model serving on top, whole on one laptop.

    Commands ask the pachd of --state, else PACHD_ADDRESS, else the active context's, else that of the
    state folder at hand. `check`, `gc`, `backup` and `restore` look after the state folder itself.""",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"howdah {version('howdah')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback when something goes wrong.")
    ] = False,
) -> None:
    pass  # both are acted on elsewhere: a callback and failures.run
