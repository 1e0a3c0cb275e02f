"""Names the exact model commit in a SeldonDeployment and applies it.

Reads the manifest that serves the model's branch (the same file that `kubectl apply`
takes), pins every modelUri on --repo to the commit that this datum was given, writes
the result to --out, and applies it through the Kubernetes API. The API is the one
whose kubeconfig stands in HOWDAH_KUBECONFIG (a secret of the pipeline), or else the one
that KUBECONFIG or the pod's own account names: a laptop and a cluster are alike.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit, urlunsplit

import yaml

from howdah.client.deployments import Deployments
from howdah.errors import Invalid
from howdah.steps import program

MODEL = "model.json"
COMMIT_ANNOTATION = "howdah/model-commit"


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--model", type=Path, required=True, help="the input that holds the bundle")
    step.add_argument("--manifest", type=Path, required=True, help="the input that holds deployment.yaml")
    step.add_argument("--repo", required=True, help="the model's repo, as modelUri names it")
    step.add_argument("--dry-run", action="store_true", help="write the manifest, apply nothing")
    options = step.parse_args(arguments)

    if not (options.model / MODEL).exists():
        program.say("no champion yet: nothing to publish")
        return
    commit = program.commit(options.model)
    if not commit:
        raise Invalid(f"{options.model.name}_COMMIT is not set: publish must run as a step of a pipeline.")
    template = yaml.safe_load((options.manifest / "deployment.yaml").read_text(encoding="utf-8"))
    manifest = pin(template, options.repo, commit)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "deployment.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    name = manifest["metadata"]["name"]
    if options.dry_run:
        program.say(f"wrote SeldonDeployment {name} for model commit {commit}; applied nothing")
        return
    Deployments(os.environ.get("HOWDAH_KUBECONFIG")).apply(manifest)
    program.say(f"applied SeldonDeployment {name} for model commit {commit}")


def pin(template: object, repo: str, commit: str) -> dict[str, dict[str, object]]:
    """`template` with each modelUri on `repo` naming `commit`; Invalid if none does."""
    if not isinstance(template, dict) or template.get("kind") != "SeldonDeployment":
        raise Invalid("deployment.yaml must hold one SeldonDeployment.")
    pinned = cast(dict[str, dict[str, object]], _walk(template, repo, commit))
    if pinned == template:
        raise Invalid(f"No modelUri of deployment.yaml names the repo {repo}; nothing would be published.")
    annotations = cast(dict[str, str], pinned["metadata"].setdefault("annotations", {}))
    annotations[COMMIT_ANNOTATION] = commit
    return pinned


def _walk(node: object, repo: str, commit: str) -> object:
    if isinstance(node, Mapping):
        return {
            key: _uri(value, repo, commit)
            if key == "modelUri" and isinstance(value, str)
            else _walk(value, repo, commit)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_walk(value, repo, commit) for value in node]
    return node


def _uri(uri: str, repo: str, commit: str) -> str:
    parts = urlsplit(uri)
    bucket = parts.netloc.split(".")
    # Buckets are [commit.][branch.]repo[.project]; in a template the commit is left out.
    if parts.scheme != "s3" or len(bucket) not in (2, 3) or bucket[1] != repo:
        return uri
    return urlunsplit(parts._replace(netloc=f"{commit}.{parts.netloc}"))


if __name__ == "__main__":
    program.run(main)
