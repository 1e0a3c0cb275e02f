"""Howdah's context in the Pachyderm configuration, written only when the user asks for it."""

import json
import os
from pathlib import Path

from howdah.daemon.running import Running
from howdah.errors import Invalid

NAME = "howdah"


def configuration_path() -> Path:
    return Path(os.environ.get("PACH_CONFIG") or Path.home() / ".pachyderm" / "config.json")


def activate(found: Running, token: str | None) -> None:
    """Add or replace the context `howdah` and make it the active one; all else stays as it is."""
    path = configuration_path()
    try:
        configuration = json.loads(path.read_text()) if path.exists() else {}
    except ValueError as error:
        raise Invalid(
            f"{path} is not JSON", why=str(error), remedy="Mend it or move it away, or leave out --context."
        ) from error
    section = configuration.setdefault("v2", {})
    context = {
        "pachd_address": found.pachd,
        "cluster_deployment_id": found.deployment_id,
        "project": "default",
    }
    if token is not None:
        context["session_token"] = token
    section.setdefault("contexts", {})[NAME] = context
    section["active_context"] = NAME
    configuration.setdefault("user_id", found.deployment_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.touch(0o600)
    temporary.write_text(json.dumps(configuration, indent=2) + "\n")
    temporary.replace(path)
