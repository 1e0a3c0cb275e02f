"""Which verb of which noun stands where: the whole command tree as one table.

Reading it costs nothing; a module is imported when one of its commands runs.
"""

import os
from typing import Annotated

import typer

from howdah.cli.lazy import Group, root

HERE = "howdah.cli.pachctl"
PLURALS = {
    noun: (f"{noun}s",)
    for noun in ("project", "repo", "commit", "file", "pipeline", "job", "datum", "secret")
} | {"branch": ("branches",), "defaults": ("default",), "commit": ("commits", "commitV2")}


def _verb(help: str, _absent: dict[str, Group] | None = None, **nouns: tuple[str, str]) -> Group:
    """A verb with its nouns: each is `module:function` and one line of help."""
    commands = {
        noun.replace("_", "-"): Group(f"{HERE}.{where}", line, aliases=PLURALS.get(noun, ()))
        for noun, (where, line) in nouns.items()
    }
    return Group(HERE, help, commands | (_absent or {}))


def _refused(function: str, what: str) -> Group:
    """A command of Pachyderm's own pachctl, listed to say why it is not here."""
    return Group(f"{HERE}.refused:{function}", f"Not here: {what}", passes_on=True)


ENTERPRISE = {"active-enterprise-context": _refused("enterprise_context", "Pachyderm 2.12 has retired it.")}
SNAPSHOT = {"snapshot": _refused("snapshot", "`howdah backup` copies everything.")}

VERBS = {
    "create": _verb(
        "Create a repo, a branch, …",
        SNAPSHOT,
        repo=("repos:create", "Create a repo."),
        branch=("branches:create", "Create a branch, or change where it points and what moves it."),
        pipeline=("pipelines:create", "Create pipelines from a spec."),
        project=("projects:create", "Create a project."),
        secret=("secrets:create", "Create a secret from a Kubernetes manifest."),
        defaults=("defaults:create", "Set defaults where there are none."),
    ),
    "update": _verb(
        "Change a repo, …",
        repo=("repos:update", "Change a repo's description."),
        pipeline=("pipelines:update", "Change pipelines to what a spec says."),
        project=("projects:update", "Change a project's description."),
        defaults=("defaults:update", "Replace the defaults."),
    ),
    "start": _verb(
        "Start a commit, …",
        commit=("commits:start", "Start a commit and print its id."),
        pipeline=("pipelines:start", "Start a stopped pipeline again."),
        transaction=("transactions:start", "Start a transaction."),
    ),
    "finish": _verb(
        "Finish a commit, …",
        commit=("commits:finish", "Finish a commit: from then on it never changes."),
        transaction=("transactions:finish", "Carry out everything that a transaction holds."),
    ),
    "inspect": _verb(
        "Show one thing whole.",
        SNAPSHOT,
        repo=("repos:inspect", "Show one repo."),
        branch=("branches:inspect", "Show one branch."),
        commit=("commits:inspect", "Show one commit, or all commits of a global ID."),
        file=("files:inspect", "Show one file or directory."),
        pipeline=("pipelines:inspect", "Show one pipeline."),
        job=("jobs:inspect", "Show one job, or all jobs of a global ID."),
        datum=("datums:inspect", "Show one datum."),
        project=("projects:inspect", "Show one project."),
        secret=("secrets:inspect", "Show a secret's type and age."),
        defaults=("defaults:inspect", "Print the defaults as JSON."),
        transaction=("transactions:inspect", "Show what an open transaction holds."),
        cluster=("cluster:inspect", "Print the cluster's id."),
    ),
    "list": _verb(
        "List things.",
        SNAPSHOT | {"task": _refused("task", "work is not cut into tasks.")},
        repo=("repos:list_", "List repos."),
        branch=("branches:list_", "List a repo's branches."),
        commit=("commits:list_", "List commit sets, the commits of one set, or the commits of a repo."),
        file=("files:list_", "List what is in a directory."),
        pipeline=("pipelines:list_", "List pipelines with their states."),
        job=("jobs:list_", "List job sets, the jobs of one set, or the jobs of a pipeline."),
        datum=("datums:list_", "List the datums of a job, or those that a spec would have."),
        project=("projects:list_", "List projects."),
        secret=("secrets:list_", "List secrets."),
        transaction=("transactions:list_", "List the transactions that are not finished."),
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
        file=("diffing:diff", "Show what changed between two commits."),
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
        "Stop a pipeline, a job, …",
        pipeline=("pipelines:stop", "Stop a pipeline: what comes in waits until it is started again."),
        job=("jobs:stop", "Stop a job, or every job of a global ID; what they wrote is dropped."),
        transaction=("transactions:stop", "Leave the active transaction as it is."),
    ),
    "rerun": _verb(
        "Run a pipeline once more.",
        pipeline=("pipelines:rerun", "Run a pipeline on its present input once more."),
    ),
    "run": _verb(
        "Let a cron pipeline tick.",
        {
            "pfs-load-test": _refused("load_test", "Pachyderm's own load generator."),
            "pps-load-test": _refused("pps_load_test", "Pachyderm's own load generator."),
        },
        cron=("pipelines:run_cron", "Let a cron pipeline tick now."),
    ),
    "check": _verb(
        "Check pipelines.",
        status=("pipelines:status", "Show which pipelines need attention, and why."),
    ),
    "restart": _verb(
        "Restart a datum.",
        {"cluster": _refused("restart_cluster", "`howdah down`, then `howdah up`.")},
        datum=("datums:restart", "Run a stuck datum of a running job again."),
    ),
    "logs": Group(f"{HERE}.logs", "Print what user code and the engine said."),
    "squash": _verb(
        "Squash a commit.",
        commit=("commits:squash", "Remove a commit that has children; they keep its content."),
    ),
    "delete": _verb(
        "Delete things.",
        SNAPSHOT,
        repo=("repos:delete", "Delete a repo with everything in it."),
        branch=("branches:delete", "Delete a branch; its commits stay."),
        commit=("commits:delete", "Remove a commit that has no children, with its content."),
        file=("files:delete", "Delete a file."),
        pipeline=("pipelines:delete", "Delete a pipeline with its jobs and its output."),
        job=("jobs:delete", "Delete a job."),
        project=("projects:delete", "Delete a project with everything in it."),
        secret=("secrets:delete", "Delete a secret."),
        defaults=("defaults:delete", "Remove the defaults."),
        transaction=("transactions:delete", "Drop a transaction; nothing that it holds is done."),
        all=("cluster:delete_all", "Delete every repo, commit, file, pipeline and job."),
    ),
    "edit": _verb(
        "Edit a pipeline.",
        {"metadata": _refused("metadata", "set it with the SDK.")},
        pipeline=("editing:pipeline", "Change a pipeline's spec in an editor."),
    ),
    "validate": _verb(
        "Check a spec.",
        pipeline=("pipelines:validate", "Check pipeline specs; nothing is created."),
    ),
    "draw": _verb(
        "Draw the pipelines.",
        pipeline=("drawing:pipelines", "Draw repos and pipelines as a graph."),
    ),
    "resume": _verb(
        "Resume a transaction.",
        transaction=("transactions:resume", "Make a transaction the active one."),
    ),
    "fsck": Group(f"{HERE}.cluster:fsck", "Check that the store is consistent."),
    "version": Group(f"{HERE}.cluster:version", "Print the versions of this pachctl and of the server."),
    "connect": Group(f"{HERE}.configuring:connect", "Make a context for an address the active one."),
    "config": Group(
        HERE,
        "Manage contexts.",
        {
            "get": _verb(
                "Print a setting.",
                ENTERPRISE,
                active_context=("configuring:get_active_context", "Print the active context's name."),
                context=("configuring:get_context", "Print a context as JSON."),
                metrics=("configuring:get_metrics", "Print whether anything is reported home."),
            ),
            "set": _verb(
                "Change a setting.",
                ENTERPRISE | {"metrics": _refused("set_metrics", "nothing is ever reported home.")},
                active_context=("configuring:set_active_context", "Make a context the active one."),
                context=("configuring:set_context", "Write a context from JSON on stdin."),
            ),
            "update": _verb(
                "Change a context.",
                context=("configuring:update_context", "Change a context."),
            ),
            "list": _verb(
                "List contexts.",
                context=("configuring:list_context", "List contexts."),
            ),
            "delete": _verb(
                "Delete a context.",
                context=("configuring:delete_context", "Delete a context."),
            ),
            "import-kube": _refused("import_kube", "it reads a cluster's Kubernetes configuration."),
        },
    ),
    "debug": Group(
        HERE,
        "Look for a fault.",
        {
            "dump": Group(f"{HERE}.cluster:debug_dump", "Write what helps to find a fault into an archive."),
            "profile": _refused("debug", "profiles of Go programs."),
            "trace": _refused("debug", "traces of Go programs."),
            "template": _refused("debug", "the dump has one form."),
            "local": _refused("debug", "the dump has one form."),
            "binary": _refused("debug", "binaries of Go programs."),
            "log-level": _refused("log_level", "its log has one level."),
            "analyze": _refused("debug", "Pachyderm's own analysis."),
        },
    ),
    "next": Group(HERE, "Ask for a datum.", {"datum": _refused("next_datum", "user code asks for it.")}),
    "auth": _refused("auth", "users and roles belong to a cluster."),
    "buildinfo": _refused("buildinfo", "how a Go program was built."),
    "completion": _refused("completion", "see `pachctl --install-completion`."),
    "enterprise": _refused("enterprise", "Pachyderm 2.12 itself has retired it."),
    "exit": _refused("exit_", "it leaves a shell that is not here."),
    "idp": _refused("idp", "identity providers belong to a cluster."),
    "kube-events": _refused("kube_events", "there is no Kubernetes."),
    "license": _refused("license_", "Pachyderm 2.12 itself has retired it."),
    "loki": _refused("loki", "logs are files; see `pachctl logs`."),
    "misc": _refused("misc", "tools for those who look after a cluster."),
    "mount": _refused("mount", "PFS as a folder needs FUSE."),
    "port-forward": _refused("port_forward", "everything listens on this machine."),
    "shell": _refused("shell", "your own shell completes names."),
    "unmount": _refused("unmount", "nothing is ever mounted."),
}

app = root(VERBS, help="Versioned data and data-driven pipelines, by Pachyderm's public protocol.")


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback when something goes wrong.")
    ] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="No colours, as NO_COLOR=1 says, too.")
    ] = False,
) -> None:
    # --debug is acted on in failures.run.
    if no_color:
        os.environ["NO_COLOR"] = "1"
