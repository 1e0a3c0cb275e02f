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
        "Create a repo, a branch, …",
        repo=("repos:create", "Create a repo."),
        branch=("branches:create", "Create a branch, or change where it points and what moves it."),
    ),
    "update": _verb(
        "Change a repo, …",
        repo=("repos:update", "Change a repo's description."),
    ),
    "start": _verb(
        "Start a commit, …",
        commit=("commits:start", "Start a commit and print its id."),
    ),
    "finish": _verb(
        "Finish a commit.",
        commit=("commits:finish", "Finish a commit: from then on it never changes."),
    ),
    "inspect": _verb(
        "Show one thing whole.",
        repo=("repos:inspect", "Show one repo."),
        branch=("branches:inspect", "Show one branch."),
        commit=("commits:inspect", "Show one commit, or all commits of a global ID."),
        file=("files:inspect", "Show one file or directory."),
    ),
    "list": _verb(
        "List things.",
        repo=("repos:list_", "List repos."),
        branch=("branches:list_", "List a repo's branches."),
        commit=("commits:list_", "List commit sets, the commits of one set, or the commits of a repo."),
        file=("files:list_", "List what is in a directory."),
    ),
    "put": _verb(
        "Put files.",
        file=("put:file", "Put files into a repo: one commit, all or nothing."),
    ),
    "get": _verb(
        "Read files.",
        file=("files:get", "Write a file to stdout, or a directory to a folder."),
    ),
    "glob": _verb(
        "List the files that a pattern matches.",
        file=("files:glob", "List the files that a pattern matches; quote the pattern."),
    ),
    "diff": _verb(
        "Compare files.",
        file=("files:diff", "Show what changed between two commits."),
    ),
    "copy": _verb(
        "Copy files.",
        file=("files:copy", "Copy a file or directory inside pachd; nothing is downloaded."),
    ),
    "wait": _verb(
        "Wait for a commit, …",
        commit=("commits:wait", "Wait until a commit, or every commit of a global ID, has finished."),
    ),
    "subscribe": _verb(
        "Follow commits as they come.",
        commit=("commits:subscribe", "Print commits as they finish, until interrupted."),
    ),
    "find": _verb(
        "Search commits.",
        commit=("commits:find", "Find the commits of a branch that changed a path, newest first."),
    ),
    "squash": _verb(
        "Squash a commit.",
        commit=("commits:squash", "Remove a commit that has children; they keep its content."),
    ),
    "delete": _verb(
        "Delete things.",
        repo=("repos:delete", "Delete a repo with everything in it."),
        branch=("branches:delete", "Delete a branch; its commits stay."),
        commit=("commits:delete", "Remove a commit that has no children, with its content."),
        file=("files:delete", "Delete a file."),
    ),
}

app = root(VERBS, help="Versioned data and data-driven pipelines, by Pachyderm's public protocol.")


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback when something goes wrong.")
    ] = False,
) -> None:
    pass  # acted on in failures.run
