"""Every command, option and setting is documented, by the page that the program writes."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def reference():
    path = Path(__file__).resolve().parents[2] / "scripts" / "reference.py"
    spec = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_and_option_has_a_word_of_help(reference):
    assert reference.undocumented() == []


@pytest.mark.parametrize("page", ["commands.md", "configuration.md"])
def test_the_reference_is_what_the_program_says(reference, root, page):
    written = (root / "docs" / "reference" / page).read_text()
    assert written == reference.pages()[page], "run `make reference`"
