"""The proxy that an environment names is for the world outside, never for servers on this machine."""

from collections.abc import MutableMapping

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def spare_loopback(environment: MutableMapping[str, str]) -> None:
    """Adds this machine to `no_proxy`, which gRPC, urllib and all our other clients heed."""
    # Where both are set, the small one is what most programs read.
    spared = (environment.get("no_proxy") or environment.get("NO_PROXY") or "").split(",")
    hosts = [host.strip() for host in spared if host.strip()]
    if "*" not in hosts:
        environment["no_proxy"] = ",".join([*hosts, *(host for host in LOOPBACK if host not in hosts)])
