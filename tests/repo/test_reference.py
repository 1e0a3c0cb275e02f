"""Every command, option and setting is documented, by the page that the program writes."""

import importlib.util
import tomllib
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def reference():
    path = Path(__file__).resolve().parents[2] / "scripts" / "reference.py"
    spec = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_program_is_in_the_reference(reference, root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert set(reference.PROGRAMS) == set(project["scripts"])


def test_every_command_and_option_has_a_word_of_help(reference):
    assert reference.undocumented() == []


@pytest.mark.parametrize("page", ["howdah.md", "pachctl.md", "configuration.md", "pachd-api.md", "steps.md"])
def test_the_reference_is_what_the_program_says(reference, root, page):
    written = (root / "docs" / "reference" / page).read_text()
    assert written == reference.pages()[page], "run `make reference`"
