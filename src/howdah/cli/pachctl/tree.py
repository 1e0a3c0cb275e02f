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
        pipeline=("pipelines:create", "Create pipelines from a spec."),
    ),
    "update": _verb(
        "Change a repo, …",
        repo=("repos:update", "Change a repo's description."),
        pipeline=("pipelines:update", "Change pipelines to what a spec says."),
    ),
    "start": _verb(
        "Start a commit, …",
        commit=("commits:start", "Start a commit and print its id."),
        pipeline=("pipelines:start", "Start a stopped pipeline again."),
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
        pipeline=("pipelines:inspect", "Show one pipeline."),
        job=("jobs:inspect", "Show one job, or all jobs of a global ID."),
        datum=("datums:inspect", "Show one datum."),
    ),
    "list": _verb(
        "List things.",
        repo=("repos:list_", "List repos."),
        branch=("branches:list_", "List a repo's branches."),
        commit=("commits:list_", "List commit sets, the commits of one set, or the commits of a repo."),
        file=("files:list_", "List what is in a directory."),
        pipeline=("pipelines:list_", "List pipelines with their states."),
        job=("jobs:list_", "List job sets, the jobs of one set, or the jobs of a pipeline."),
        datum=("datums:list_", "List the datums of a job, or those that a spec would have."),
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
        job=("jobs:wait", "Wait until a job, or every job of a global ID, has ended."),
    ),
    "subscribe": _verb(
        "Follow commits as they come.",
        commit=("commits:subscribe", "Print commits as they finish, until interrupted."),
    ),
    "find": _verb(
        "Search commits.",
        commit=("commits:find", "Find the commits of a branch that changed a path, newest first."),
    ),
    "stop": _verb(
        "Stop a pipeline or a job.",
        pipeline=("pipelines:stop", "Stop a pipeline: what comes in waits until it is started again."),
        job=("jobs:stop", "Stop a job, or every job of a global ID; what they wrote is dropped."),
    ),
    "rerun": _verb(
        "Run a pipeline once more.",
        pipeline=("pipelines:rerun", "Run a pipeline on its present input once more."),
    ),
    "run": _verb(
        "Let a cron pipeline tick.",
        cron=("pipelines:run_cron", "Let a cron pipeline tick now."),
    ),
    "check": _verb(
        "Check pipelines.",
        status=("pipelines:status", "Show which pipelines need attention, and why."),
    ),
    "restart": _verb(
        "Restart a datum.",
        datum=("datums:restart", "Run a stuck datum of a running job again."),
    ),
    "logs": Group(f"{HERE}.logs", "Print what user code and the engine said."),
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
        pipeline=("pipelines:delete", "Delete a pipeline with its jobs and its output."),
        job=("jobs:delete", "Delete a job."),
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
