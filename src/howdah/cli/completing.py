"""Names for the shell to complete in `howdah`'s own commands: cases, models, deployments that exist now.

As in `pachctl.completing`, whatever goes wrong is silent. A `--state` typed before counts.
"""

from pathlib import Path

import typer

from howdah.cli.surroundings import kubeconfig, pachd
from howdah.client.files import Files
from howdah.errors import HowdahError
from howdah.lineage import versions
from howdah.monitoring.case import POLICY_SUFFIX

MOST = 50


def cases(ctx: typer.Context, incomplete: str) -> list[str]:
    try:
        return [name for name in _cases(ctx) if name.startswith(incomplete)]
    except HowdahError:
        return []


def models(ctx: typer.Context, incomplete: str) -> list[str]:
    """Commits that hold models, newest first: of the case that stands before, else of every case, whose
    versions (`mileage:v2`) are names, too."""
    named = ctx.params.get("name")
    try:
        with pachd(_state(ctx)) as found:
            files, project = Files(found), _project(ctx)
            words = [
                word
                for case in ([str(named)] if named else _cases(ctx))
                for commit, number in reversed(versions.numbered(files, f"{project}/{case}-model").items())
                for word in ([commit] if named else [commit, f"{case}:v{number}"])
            ]
    except HowdahError:
        return []
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)][:MOST]


def deployments(ctx: typer.Context, incomplete: str) -> list[str]:
    from howdah.client.deployments import Deployments

    try:
        found = kubeconfig(_state(ctx))
        with Deployments(found.read_text() if found else None) as there:
            listed = [each["metadata"] for each in there.list(_namespace(ctx))]
    except (HowdahError, OSError):
        return []
    names = [str(each["name"]) for each in listed if isinstance(each, dict)]
    return [name for name in names if name.startswith(incomplete)]


def _cases(ctx: typer.Context) -> list[str]:
    with pachd(_state(ctx)) as found:
        repos = Files(found).repos()
    return [
        repo.removesuffix(POLICY_SUFFIX)
        for project, repo in repos
        if project == _project(ctx) and repo.endswith(POLICY_SUFFIX)
    ]


def _state(ctx: typer.Context) -> Path | None:
    given = ctx.params.get("state")
    return Path(given) if given else None


def _project(ctx: typer.Context) -> str:
    return str(ctx.params.get("project") or "default")


def _namespace(ctx: typer.Context) -> str:
    return str(ctx.params.get("namespace") or "default")
