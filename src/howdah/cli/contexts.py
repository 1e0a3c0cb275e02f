"""The Pachyderm configuration file: contexts, which of them is active, and its open transaction.

It belongs to the user and to every Pachyderm client on the machine, so it is written only when a
command asks for it, whole or not at all, and what we do not know stays in it.
"""

import json
import os
import tempfile
from pathlib import Path

from howdah.core.json import JsonObject, as_object, as_text
from howdah.daemon.running import Running
from howdah.errors import Invalid, NotFound

NAME = "howdah"
REMEDY = "Start one with `howdah up --detach --context`, or set PACHD_ADDRESS."


def configuration_path() -> Path:
    return Path(os.environ.get("PACH_CONFIG") or Path.home() / ".pachyderm" / "config.json")


def read() -> JsonObject:
    """The configuration; empty if there is no file."""
    path = configuration_path()
    try:
        return as_object(json.loads(path.read_text())) if path.exists() else {}
    except ValueError as error:
        raise Invalid(
            f"{path} is not JSON", why=str(error), remedy="Mend it, move it away or set PACH_CONFIG."
        ) from error


def write(configuration: JsonObject) -> None:
    path = configuration_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # 0600: it holds tokens
    with os.fdopen(descriptor, "w") as file:
        file.write(json.dumps(configuration, indent=2) + "\n")
    Path(temporary).replace(path)


def section(configuration: JsonObject) -> JsonObject:
    """The part that version 2 uses, made if it is missing; changing it changes the whole."""
    return _inside(configuration, "v2")


def contexts(configuration: JsonObject) -> JsonObject:
    return _inside(section(configuration), "contexts")


def active_name(configuration: JsonObject) -> str:
    return as_text(section(configuration).get("active_context"))


def context(configuration: JsonObject, name: str) -> JsonObject:
    found = contexts(configuration).get(name)
    if not isinstance(found, dict):
        raise NotFound(
            f"there is no context {name!r}",
            why=f"{configuration_path()} names {', '.join(contexts(configuration)) or 'none'}.",
            remedy="See `pachctl config list context`.",
        )
    return found


def active(configuration: JsonObject) -> JsonObject:
    """The active context; NotFound where there is none."""
    name = active_name(configuration)
    if not name:
        raise NotFound(f"{configuration_path()} names no active context", remedy=REMEDY)
    return context(configuration, name)


def activate(found: Running, token: str | None) -> None:
    """Add or replace the context `howdah` and make it the active one; all else stays as it is."""
    configuration = read()
    made: JsonObject = {
        "pachd_address": found.pachd,
        "cluster_deployment_id": found.deployment_id,
        "project": "default",
    }
    if token is not None:
        made["session_token"] = token
    contexts(configuration)[NAME] = made
    section(configuration)["active_context"] = NAME
    configuration.setdefault("user_id", found.deployment_id)
    write(configuration)


def _inside(document: JsonObject, key: str) -> JsonObject:
    found = document.get(key)
    if not isinstance(found, dict):
        found = document[key] = {}
    return found
