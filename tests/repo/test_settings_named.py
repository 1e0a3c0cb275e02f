"""A message that sends the reader to howdah.toml names a setting that is there."""

import ast
import re
from pathlib import Path

from howdah.core.settings import described

NAMED = re.compile(r"\[(\w+)\] (\w+) in howdah\.toml")


def named_settings(root: Path):
    for path in sorted(root.glob("src/howdah/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for section, key in NAMED.findall(node.value):
                    yield f"{section}.{key}", path.relative_to(root)


def test_settings_that_messages_name_exist(root):
    named = list(named_settings(root))
    assert named, "no message names a setting: this test has lost its object"
    known = {f"{each.section}.{each.key}" for each in described()}
    assert [(setting, str(path)) for setting, path in named if setting not in known] == []
