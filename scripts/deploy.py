"""Lays a case out on the Pachyderm at PACHD_ADDRESS, with pachctl and kubectl alone.

    scripts/deploy.py CASE [--apply] [--serve]

Shows every command and, without --apply, runs none of them. Creates or updates the repos
that people fill (`CASE-raw`, schema, policy, manifest, retrain, and parameters where the case
has candidates to try) and the inference log's, puts the case's own files there, and creates
or updates its pipelines in the order of their names; doing so again changes nothing. REGISTRY,
where set, is put before the image names of specs and manifest. The publish step applies the
manifest once there is a champion; --serve does it now, by kubectl on what KUBECONFIG names.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PARTS = ("raw", "schema", "policy", "manifest", "retrain")
INFERENCES = "Every request, response and feedback of one deployment."
IMAGE = re.compile(r"\bhowdah/(?=[a-z-]+:\d)")


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("case", metavar="CASE", help="a folder of pipelines/")
    told.add_argument("--apply", action="store_true", help="run the commands (default: only show them)")
    told.add_argument("--serve", action="store_true", help="apply the manifest with kubectl as well")
    options = told.parse_args()
    specs = sorted((PROJECT / "pipelines" / options.case).glob("[0-9]*.json"))
    if not specs:
        print(f"deploy: pipelines/{options.case} holds no pipeline specs", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        written = Written(Path(folder), os.environ.get("REGISTRY", ""))
        for command in commands(options.case, specs, written, serve=options.serve):
            print("$", shlex.join(command), flush=True)
            if options.apply and subprocess.run(command, check=False).returncode != 0:
                return 1
    if not options.apply:
        print("Nothing was run: this is what --apply does (make deploy APPLY=1).")
    return 0


class Written:
    """The case's files as they are sent: with the registry before the images' names."""

    def __init__(self, folder: Path, registry: str) -> None:
        self._folder, self._registry = folder, registry.rstrip("/")

    def path(self, source: Path) -> str:
        if not self._registry:
            return str(source.relative_to(PROJECT) if Path.cwd() == PROJECT else source)
        return self.new(
            source.name, IMAGE.sub(f"{self._registry}/howdah/", source.read_text(encoding="utf-8"))
        )

    def new(self, name: str, text: str) -> str:
        (self._folder / name).write_text(text, encoding="utf-8")
        return str(self._folder / name)


def commands(case: str, specs: list[Path], written: Written, *, serve: bool) -> list[list[str]]:
    home, manifest = PROJECT / "pipelines" / case, PROJECT / "seldon" / case / "deployment.yaml"
    found = [["pachctl", "update", "repo", f"{case}-{part}"] for part in PARTS]
    # There before its first request, since a pipeline reads it.
    found.append(["pachctl", "update", "repo", f"default-{case}-inferences", "-d", INFERENCES])
    for part, file in zip(PARTS[1:4], (home / "schema.json", home / "policy.yaml", manifest), strict=True):
        there = f"{case}-{part}@master:/{file.name}"
        found.append(["pachctl", "put", "file", there, "-f", written.path(file)])
    # A file of its own: a retraining that was asked for since, in why.json, stays as it is.
    first = written.new("deployed.json", json.dumps({"reason": "first training"}) + "\n")
    found.append(["pachctl", "put", "file", f"{case}-retrain@master:/deployed.json", "-f", first])
    if tried := sorted((home / "parameters").glob("*.json")):
        found.insert(0, ["pachctl", "update", "repo", f"{case}-parameters"])
        put = [word for path in tried for word in ("-f", written.path(path))]
        found.append(["pachctl", "put", "file", f"{case}-parameters@master", *put])
    found += [["pachctl", "update", "pipeline", "-f", written.path(spec)] for spec in specs]
    if serve:
        found.append(["kubectl", "apply", "-f", written.path(manifest)])
    return found


if __name__ == "__main__":
    sys.exit(main())
