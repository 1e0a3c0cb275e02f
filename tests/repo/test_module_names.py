"""A module is named for what it knows, not for being handy."""

import ast
from pathlib import Path

BANNED = {"utils", "util", "helpers", "helper", "common", "misc"}


def badly_named(root: Path) -> list[str]:
    found = []
    for path in sorted(root.glob("src/howdah/**/*")):
        if path.name != "__pycache__" and path.stem.strip("_") in BANNED:
            found.append(str(path.relative_to(root)))
        if path.suffix == ".py":
            found += [
                f"{path.relative_to(root)}: class {node.name}"
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.ClassDef) and node.name.endswith("Manager")
            ]
    return found


def test_nothing_is_named_for_being_handy(root):
    assert badly_named(root) == []


def test_test_files_have_names_of_their_own(root):
    names = [path.name for path in root.glob("tests/**/test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
