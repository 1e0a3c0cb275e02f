"""Every step runs in a pipeline of a reference case, or the reference says what else runs it."""

import importlib.util


def test_no_step_stands_unused(root):
    spec = importlib.util.spec_from_file_location("reference_of_steps", root / "scripts" / "reference.py")
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)
    told = reference.steps_page().split("\n## ")[1:]
    assert len(told) >= 18
    unused = {part.split("\n")[0] for part in told if "Run by: `" not in part.replace("Run by: `howdah", "")}
    assert unused == {"agree", "schema"}
