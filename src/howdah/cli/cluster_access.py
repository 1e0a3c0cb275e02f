"""What `howdah doctor` says of the pachd and the Kubernetes API that the environment names."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from howdah.cli import contexts
from howdah.cli.machine import Finding
from howdah.cli.pachctl.connection import active_context, opened
from howdah.core.json import as_object
from howdah.errors import HowdahError, NotFound

PATIENCE_S = 3.0
ELSEWHERE = "Start it, or name another: PACHD_ADDRESS, or `pachctl config set active-context`."


def findings() -> Iterator[Finding]:
    yield _pachd()
    yield _kubernetes()


def _pachd() -> Finding:
    name = "pachd access"
    try:
        if not _named():
            return Finding(name, "ok", "no other than Howdah's own is named")
        context = active_context()
        with opened(context) as pachd:
            _reach(pachd.address.host, pachd.address.port)
            found = pachd.call("versionpb_v2.API/GetVersion")
            who = f"{context.address} is {found.major}.{found.minor}.{found.micro}{found.additional}"
            list(pachd.stream("pfs_v2.API/ListProject"))
        return Finding(name, "ok", who)
    except OSError as error:
        return Finding(
            name, "warning", f"{context.address} does not answer: {error.strerror or error}", ELSEWHERE
        )
    except HowdahError as error:
        return Finding(name, "warning", str(error), error.remedy or ELSEWHERE)


def _named() -> bool:
    configuration = contexts.read()
    active = as_object(contexts.contexts(configuration).get(contexts.active_name(configuration)))
    return bool(os.environ.get("PACHD_ADDRESS") or active.get("pachd_address"))


def _reach(host: str, port: int) -> None:
    """OSError where nothing listens: said sooner than gRPC, which tries for long, would say it."""
    socket.create_connection((host, port), PATIENCE_S).close()


def _kubernetes() -> Finding:
    name, named = "cluster access", os.environ.get("KUBECONFIG")
    if not named:
        return Finding(name, "ok", "KUBECONFIG names no cluster: Howdah's own is used")
    from howdah.client.deployments import Deployments

    if not Path(named).is_file():
        return Finding(name, "warning", f"KUBECONFIG: {named} does not exist", "Unset it, or mend it.")
    try:
        with Deployments() as there:
            count = sum(1 for _ in there.list("default"))
    except NotFound:
        return Finding(
            name, "warning", f"{named}: that cluster has no SeldonDeployments", "Install Seldon Core there."
        )
    except HowdahError as error:
        return Finding(name, "warning", f"{named}: {error}", "See `kubectl get sdep`, or unset KUBECONFIG.")
    return Finding(name, "ok", f"{named}: it answers, and has {count} SeldonDeployments in default")
