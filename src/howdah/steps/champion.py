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
    with commits.connect(environment) as pachd:
        files = Files(pachd)
        head = files.finished_head(branch)
        # A branch begins with an empty commit, which is no model.
        if head is None or not files.exists(f"{branch.partition('@')[0]}@{head}", f"/{bundle.MANIFEST}"):
            return None, ""
        commits.download(files, f"{branch.partition('@')[0]}@{head}", folder)
    return bundle.read(folder), head
