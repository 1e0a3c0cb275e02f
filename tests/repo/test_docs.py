"""The pages do what they say: links lead somewhere, commands exist, code runs."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from howdah.core.settings import parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")
CONTINUED = re.compile(r"\\\n\s*")


def blocks(language: str):
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, (found, text) in enumerate(BLOCK.findall(page.read_text()))
        if found == language
    ]


def shell_commands():
    for parameter in blocks("sh"):
        for line in CONTINUED.sub(" ", parameter.values[0]).splitlines():
            for command in re.split(r"&&|;|\|", line.partition(" #")[0]):
                if words := command.replace("$ ", "").split():
                    yield words


OURS = sorted({tuple(words) for words in shell_commands() if Path(words[0]).name in ("howdah", "pachctl")})
TARGETS = sorted({words[1] for words in shell_commands() if words[0] == "make" and len(words) > 1})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    dead = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert dead == []


def test_the_index_leads_to_every_page():
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in LINK.findall(index.read_text())}
    # A folder that is linked leads to all that is in it.
    lost = [page for page in index.parent.glob("**/*.md") if not linked & {page, *page.parents}]
    assert lost == [index]


@pytest.mark.parametrize("target", TARGETS)
def test_make_targets_exist(target):
    makefile = (ROOT / "Makefile").read_text()
    patterns = [name.replace("%", ".+") for name in re.findall(r"^([a-z%-]+):", makefile, re.MULTILINE)]
    assert any(re.fullmatch(pattern, target.replace("NAME", "name")) for pattern in patterns)


@pytest.mark.slow
@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_commands_exist(words):
    """The command's words, as far as they are words of the program, answer --help."""
    program = Path(words[0]).name
    named = [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
    if "kubectl" in named:
        named = ["kubectl"]  # the rest is for another program
    run = subprocess.run(
        [sys.executable, "-c", f"from howdah.cli.{program} import main; main()", *named[:3], "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    options = {word.partition("=")[0] for word in words[1:] if word.startswith("--")} - {"--help"}
    assert [option for option in options if option not in run.stdout] == []


@pytest.mark.parametrize("text", blocks("json"))
def test_json_parses(text):
    json.loads(text)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_parses(text):
    assert list(yaml.safe_load_all(text))


@pytest.mark.parametrize("text", [*blocks("toml"), pytest.param("", id="an empty howdah.toml")])
def test_toml_is_a_configuration_that_howdah_accepts(text):
    tomllib.loads(text)
    parse(text, Path())


@pytest.mark.slow
@pytest.mark.parametrize("text", [*blocks("python"), pytest.param("import howdah\n", id="import howdah")])
def test_python_runs(text, tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    assert run.returncode == 0, run.stderr
