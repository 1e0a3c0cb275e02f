"""Which verb of which noun stands where: the whole command tree as one table.

Reading it costs nothing; a module is imported when one of its commands runs.
"""

from typing import Annotated

import typer

from howdah.cli.lazy import Group, root

HERE = "howdah.cli.pachctl"


def _verb(help: str, **nouns: tuple[str, str]) -> Group:
    """A verb with its nouns: each is `module:function` and one line of help."""
    commands = {
        noun.replace("_", "-"): Group(f"{HERE}.{where}", line) for noun, (where, line) in nouns.items()
    }
    return Group(HERE, help, commands)


VERBS = {
    "create": _verb(
        "Create a repo, branch, pipeline, …",
        repo=("repos:create", "Create a repo."),
    ),
    "update": _verb("Change a repo, …", repo=("repos:update", "Change a repo's description.")),
    "inspect": _verb("Show one thing whole.", repo=("repos:inspect", "Show one repo.")),
    "list": _verb("List things.", repo=("repos:list_", "List repos.")),
    "delete": _verb("Delete things.", repo=("repos:delete", "Delete a repo with everything in it.")),
}

app = root(VERBS, help="Versioned data and data-driven pipelines, by Pachyderm's public protocol.")


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback when something goes wrong.")
    ] = False,
) -> None:
    pass  # acted on in failures.run
