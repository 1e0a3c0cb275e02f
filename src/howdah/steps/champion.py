"""The champion's bundle, fetched beside a step's inputs.

A pipeline cannot have two branches of one repo as inputs, so a step that sets a new model
or new data against the champion reads the champion through the client instead.
"""

from collections.abc import Mapping
from pathlib import Path

from howdah.client import commits
from howdah.client.files import Files
from howdah.learning import bundle


def fetch(branch: str, folder: Path, environment: Mapping[str, str]) -> tuple[bundle.Bundle | None, str]:
    """The bundle at the head of `repo@branch`, copied into `folder`, and its commit; (None, "") if none."""
    client = commits.connect(environment)
    head = Files(client).finished_head(branch)
    if head is None:
        return None, ""
    commits.download(client, f"{branch.partition('@')[0]}@{head}", folder)
    if not (folder / bundle.MANIFEST).exists():
        return None, ""  # a branch begins with an empty commit
    return bundle.read(folder), head
