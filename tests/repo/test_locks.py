"""The locks hold what pyproject.toml asks for, with hashes, and name no host."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ["core.txt", "dev.txt", "python-pachyderm.txt"]


def pins(root, lock):
    text = (root / "requirements" / lock).read_text()
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    }


def asked(root, lock):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    texts = list(project["dependencies"])
    if lock == "dev.txt":
        texts += [text for extra in project["optional-dependencies"].values() for text in extra]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize("lock", ["core.txt", "dev.txt"])
def test_the_lock_is_in_step_with_the_project(root, lock):
    pinned = pins(root, lock)
    astray = [
        str(wanted)
        for wanted in asked(root, lock)
        if pinned.get(canonicalize_name(wanted.name)) not in wanted.specifier
    ]
    assert astray == [], "run `make lock`"


def test_the_light_install_is_light(root):
    heavy = {"tensorflow", "alibi", "alibi-detect", "scikit-learn", "pandas", "mlserver", "seldon-core"}
    assert heavy & set(pins(root, "core.txt")) == set()


def test_the_light_install_is_a_part_of_the_whole(root):
    assert pins(root, "core.txt").items() <= pins(root, "dev.txt").items()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_host_is_named(root, lock):
    text = (root / "requirements" / lock).read_text()
    assert pins(root, lock)
    assert not re.search(r"(file|https?)://|--(index|extra|find)", text)
    for requirement in re.split(r"\n(?=[A-Za-z])", text)[1:]:
        assert "--hash=sha256:" in requirement, requirement.splitlines()[0]
