"""How kubectl, lightkube and the publish step find the embedded Kubernetes API."""

from pathlib import Path

import yaml

NAME = "howdah"
FILE = "kubeconfig"
SECRET, KEY = "howdah-kubeconfig", "kubeconfig"
"""The secret by which pipelines receive it; on a cluster whoever deploys makes one of the same name."""


def text(server: str, token: str = "") -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": server}}],
        "users": [{"name": NAME, "user": {"token": token} if token else {}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": "default"}}],
        "current-context": NAME,
    }
    return yaml.safe_dump(document, sort_keys=False)


def write(state: Path, server: str, token: str = "") -> Path:
    path = state / FILE
    path.touch(0o600)
    path.write_text(text(server, token))
    return path
