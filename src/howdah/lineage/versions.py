"""The numbers of a case's models: `mileage:v1` is the first that `mileage-model` held.

Nobody writes them down. They are counted from the commits of the branch `master`, oldest first,
so that every reader counts alike; a commit that brings the very files of an earlier one is that
version again. Dropping a model's commit from the history renumbers those after it.
"""

import re
from collections.abc import Mapping

from howdah.client.files import Files
from howdah.errors import NotFound

NAMED = re.compile(r"(?P<case>[^:@/]+):v(?P<number>[1-9]\d*)")


def is_version(text: str) -> bool:
    return NAMED.fullmatch(text) is not None


def numbered(files: Files, model_repo: str) -> dict[str, int]:
    """Every commit that holds a model with its version's number, oldest first."""
    numbers: dict[str, int] = {}
    known: dict[bytes, int] = {}
    for commit in files.commits(f"{model_repo}@master"):
        if files.exists(f"{model_repo}@{commit}", "/model.json"):
            content = files.digest(f"{model_repo}@{commit}", "/")
            numbers[commit] = known.setdefault(content, len(known) + 1)
    return numbers


def told(numbers: Mapping[str, int], commit: str) -> str:
    """`v2`; empty for a commit that is no model."""
    return f"v{numbers[commit]}" if commit in numbers else ""


def split(text: str) -> tuple[str, int | None]:
    """A case's name, and the number where `text` is `case:v2`."""
    found = NAMED.fullmatch(text)
    return (found["case"], int(found["number"])) if found else (text, None)


def commits(numbers: dict[str, int], champion: str) -> dict[int, str]:
    """The commit that each number stands for: the champion where it is one of them, else the first."""
    chosen = {number: commit for commit, number in reversed(numbers.items())}
    if champion in numbers:
        chosen[numbers[champion]] = champion
    return dict(sorted(chosen.items()))


def commit_of(files: Files, version: str, project: str, champion: str) -> str:
    """The commit that `case:v2` stands for; NotFound says how many versions there are."""
    case, number = split(version)
    chosen = commits(numbered(files, f"{project}/{case}-model"), champion)
    if number in chosen:
        return chosen[number]
    there = f"{case} has {len(chosen)} version{'s' if len(chosen) != 1 else ''} of its model."
    raise NotFound(f"there is no model {version}", why=there, remedy=f"See `howdah models {case}`.")
