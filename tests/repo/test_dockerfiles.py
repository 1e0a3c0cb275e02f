"""Every image is described, pinned, without root, and says what it starts."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "images").glob("*/Dockerfile"))

GOOD = 'FROM python:3.12.11-slim-bookworm\nRUN useradd me\nUSER 10001\nCMD ["python"]\n'


def faults(text: str) -> list[str]:
    lines = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#")))
    words = [line.strip().partition(" ")[::2] for line in lines.splitlines() if line.strip()]
    found = []
    for verb, rest in words:
        if verb == "FROM" and not re.search(r":\d+\.\d+\.\d+\S*$|@sha256:[0-9a-f]{64}$", rest):
            found.append(f"FROM {rest} is not pinned to a full version")
        if verb == "ADD":
            found.append("ADD fetches and unpacks in silence; use COPY")
        if "apt-get install" in rest and ("--no-install-recommends" not in rest or "apt/lists" not in rest):
            found.append("apt-get install without --no-install-recommends, or leaving its lists behind")
        if "pip install" in rest and "--no-cache-dir" not in rest:
            found.append("pip install keeps its cache in the image")
        if verb in ("CMD", "ENTRYPOINT") and not rest.startswith("["):
            found.append(f"{verb} runs in a shell, which does not pass signals on")
    users = [rest for verb, rest in words if verb == "USER"]
    if not users or users[-1] in ("root", "0"):
        found.append("it runs as root")
    if not any(verb in ("CMD", "ENTRYPOINT") for verb, _ in words):
        found.append("it does not say what it starts")
    return found


def test_there_are_images():
    assert {path.parent.name for path in DOCKERFILES} >= {"tabular", "bundle-server"}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_a_dockerfile_keeps_the_rules(path):
    assert faults(path.read_text()) == []


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("3.12.11-slim-bookworm", "latest", "not pinned"),
        ("3.12.11-slim-bookworm", "3.12", "not pinned"),
        ("USER 10001\n", "", "as root"),
        ("USER 10001", "USER root", "as root"),
        ("RUN useradd me", "ADD http://localhost/x /x", "ADD"),
        ("RUN useradd me", "RUN pip install numpy", "cache"),
        ("RUN useradd me", "RUN apt-get install -y gcc", "recommends"),
        ('CMD ["python"]', "CMD python", "shell"),
        ('CMD ["python"]\n', "", "does not say"),
    ],
)
def test_each_rule_catches_what_it_is_for(was, becomes, fault):
    assert faults(GOOD) == []
    assert any(fault in each for each in faults(GOOD.replace(was, becomes)))


def test_pipelines_and_manifests_name_only_images_that_are_described():
    named = set()
    for spec in (ROOT / "pipelines").glob("*/*.json"):
        named.add(json.loads(spec.read_text()).get("transform", {}).get("image"))
    for manifest in (ROOT / "seldon").glob("*/*.yaml"):
        named.update(re.findall(r"image: (\S+)", manifest.read_text()))
    folders = {name.rsplit("/", 1)[-1].split(":")[0] for name in named - {None}}
    assert folders
    assert folders <= {path.parent.name for path in DOCKERFILES}
