"""The checks themselves fail when they should: each on a copy spoilt in one way."""

import pytest

pytestmark = pytest.mark.slow


CONTRACTS = ("pytest", "-q", "tests/repo/test_import_contracts.py")
STRAYS = [
    ("client/stray.py", "import howdah.pachd.versions", "siblings never import each other"),
    ("core/stray.py", "import howdah.processes", "siblings never import each other"),
    ("pachd/storage/stray.py", "import howdah.pachd.versions", "wire over pipelines"),
    ("seldon/stray.py", "import howdah.pachd", "howdah.seldon.stray may not import howdah.pachd"),
    ("steps/stray.py", "import howdah.processes", "howdah.steps.stray may not import howdah.processes"),
    ("client/stray2.py", "import howdah.learning", "howdah.client.stray2 may not import howdah.learning"),
    ("core/stray2.py", "import grpc", "howdah.core.stray2 may not import grpc"),
    ("cli/stray.py", "import sqlite3", "howdah.cli.stray may not import sqlite3"),
    ("cli/stray2.py", "def f():\n    import pandas", "howdah.cli.stray2 may not import pandas"),
    ("core/stray3.py", "import asyncio", "howdah.core.stray3 may not import asyncio"),
]


def stray(copy, path, line):
    file = copy / "src" / "howdah" / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{line}\n")


def test_an_unspoilt_copy_passes(run_in):
    assert run_in(*CONTRACTS, "tests/repo/test_module_names.py").returncode == 0


def test_a_sibling_import_fails(copy, run_in):
    stray(copy, "client/stray.py", "import howdah.pachd.versions")
    ran = run_in(*CONTRACTS)
    assert ran.returncode == 1
    assert "The house stands in layers; siblings never import each other BROKEN" in ran.stdout


def test_a_package_without_a_place_in_the_layers_fails(copy, run_in):
    stray(copy, "newcomer/__init__.py", "")
    ran = run_in(*CONTRACTS)
    assert ran.returncode == 1
    assert "newcomer" in ran.stdout


def test_every_contract_catches_its_breach(copy, run_in):
    for path, line, _ in STRAYS:
        stray(copy, path, line)
    said = run_in(*CONTRACTS).stdout
    assert [breach for _, _, breach in STRAYS if breach not in said] == []
    assert said.count("BROKEN") >= 8


def test_whatever_is_astray_in_the_house_fails(copy, run_in):
    stray(copy, "core/utils.py", "")
    stray(copy, "cli/query.py", 'Q = "SELECT name FROM repos"')
    stray(copy, "cli/long.py", "x = 1\n" * 601)
    page = "[gone](gone.md)\n\n```sh\nhowdah vanished\nmake vanish\n```\n\n```json\n{\n```\n"
    (copy / "docs" / "stray.md").write_text(page)
    checks = ("test_module_names", "test_sql", "test_file_sizes", "test_docs")
    said = run_in("pytest", "-q", *(f"tests/repo/{name}.py" for name in checks)).stdout
    caught = [
        "core/utils.py",
        "cli/query.py:1",
        "cli/long.py",
        "test_links_lead_somewhere[docs/stray.md]",
        "test_commands_exist[howdah vanished]",
        "test_make_targets_exist[vanish]",
        "test_json_parses[docs/stray.md-1]",
    ]
    assert [each for each in caught if each not in said] == []


def test_an_undocumented_option_and_setting_fail(copy, run_in):
    doctor = copy / "src" / "howdah" / "cli" / "doctor.py"
    spoil(doctor, "def doctor(\n", "def doctor(\n    stray: bool = False,\n")
    settings = copy / "src" / "howdah" / "core" / "settings.py"
    doc = '"""What the daemon says."""\n'
    spoil(settings, doc, f'{doc}\n    stray: str = _setting("a", Text(), "?")\n')
    said = run_in("pytest", "-q", "tests/repo/test_reference.py").stdout
    assert "howdah doctor --stray" in said
    assert "test_the_reference_is_what_the_program_says[configuration.md]" in said


def spoil(file, text, into):
    before = file.read_text()
    assert text in before
    file.write_text(before.replace(text, into))
