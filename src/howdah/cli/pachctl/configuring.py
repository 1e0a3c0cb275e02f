"""`pachctl config`: the contexts in the Pachyderm configuration file."""

import base64
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from howdah.cli import contexts
from howdah.client.pachd import Address
from howdah.core.json import JsonObject, as_object
from howdah.errors import AlreadyExists, Invalid, NotFound

Name = Annotated[str, typer.Argument(metavar="CONTEXT", show_default=False)]


def get_active_context() -> None:
    """Print the active context's name, or NONE."""
    sys.stdout.write((contexts.active_name(contexts.read()) or "NONE") + "\n")


def set_active_context(name: Name) -> None:
    """Make a context the active one: every command goes there from now on."""
    configuration = contexts.read()
    contexts.context(configuration, name)
    contexts.section(configuration)["active_context"] = name
    contexts.write(configuration)


def get_context(name: Name) -> None:
    """Print a context as JSON."""
    sys.stdout.write(json.dumps(contexts.context(contexts.read(), name), indent=2) + "\n")


def set_context(
    name: Name,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also if it exists.")] = False,
) -> None:
    """Write a context from JSON on stdin.

    Example: echo '{"pachd_address": "grpc://localhost:30650"}' | pachctl config set context here
    """
    configuration = contexts.read()
    if name in contexts.contexts(configuration) and not overwrite:
        raise AlreadyExists(f"there is a context {name!r} already", remedy="Add --overwrite to replace it.")
    try:
        made = json.loads(sys.stdin.read())
    except ValueError as error:
        raise Invalid("stdin holds no JSON", why=str(error)) from error
    if not isinstance(made, dict):
        raise Invalid("a context is a JSON object")
    if address := made.get("pachd_address"):
        Address.parse(str(address))
    contexts.contexts(configuration)[name] = made
    contexts.write(configuration)


def update_context(
    name: Annotated[
        str | None, typer.Argument(metavar="[CONTEXT]", help="By default the active one.")
    ] = None,
    pachd_address: Annotated[str | None, typer.Option(help="Where its pachd listens.")] = None,
    project: Annotated[str | None, typer.Option(help="Where names without a project are.")] = None,
    server_cas: Annotated[Path | None, typer.Option(help="Root certificates to trust, PEM.")] = None,
    cluster_name: Annotated[str | None, typer.Option(help="The cluster's name in the kubeconfig.")] = None,
    auth_info: Annotated[str | None, typer.Option(help="The user's name in the kubeconfig.")] = None,
    namespace: Annotated[str | None, typer.Option(help="The Kubernetes namespace.")] = None,
    remove_cluster_deployment_id: Annotated[
        bool, typer.Option("--remove-cluster-deployment-id", help="Forget which cluster it was.")
    ] = False,
) -> None:
    """Change a context.

    Example: pachctl config update context --project cars
    """
    configuration = contexts.read()
    found = contexts.context(configuration, name) if name else contexts.active(configuration)
    if pachd_address is not None:
        Address.parse(pachd_address)
    given = {
        "pachd_address": pachd_address,
        "project": project,
        "cluster_name": cluster_name,
        "auth_info": auth_info,
        "namespace": namespace,
    }
    found.update({key: value for key, value in given.items() if value is not None})
    if server_cas is not None:
        found["server_cas"] = base64.b64encode(_bytes(server_cas)).decode()
    if remove_cluster_deployment_id:
        found.pop("cluster_deployment_id", None)
    contexts.write(configuration)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read", why=error.strerror or "") from error


def delete_context(name: Name) -> None:
    """Delete a context; the active one must first be another."""
    configuration = contexts.read()
    contexts.context(configuration, name)
    if name == contexts.active_name(configuration):
        raise Invalid(
            f"{name} is the active context", remedy="Choose another with `pachctl config set active-context`."
        )
    contexts.contexts(configuration).pop(name)
    contexts.write(configuration)


def list_context() -> None:
    """List contexts; a star marks the active one."""
    configuration = contexts.read()
    active = contexts.active_name(configuration)
    sys.stdout.write("ACTIVE\tNAME\n")
    for name in sorted(contexts.contexts(configuration)):
        sys.stdout.write(f"{'*' if name == active else ''}\t{name}\n")


def get_metrics() -> None:
    """Print whether anything is reported home: Howdah never does."""
    sys.stdout.write("false\n")


def connect(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", show_default=False)],
    alias: Annotated[str, typer.Option(help="The context's name, if not the address.")] = "",
) -> None:
    """Make a context for an address, unless there is one, and make it the active one."""
    Address.parse(address)
    configuration = contexts.read()
    known = contexts.contexts(configuration)
    same = (name for name, each in known.items() if as_object(each).get("pachd_address") == address)
    name = alias or next(same, address)
    if name not in known:
        made: JsonObject = {"pachd_address": address, "project": "default"}
        known[name] = made
        sys.stdout.write(f"New context '{name}' created, will connect to Pachyderm at {address}\n")
    contexts.section(configuration)["active_context"] = name
    contexts.write(configuration)
    sys.stdout.write(f"Context '{name}' set as active\n")
