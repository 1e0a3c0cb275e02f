import runpy
import sys

import pytest


@pytest.mark.parametrize("version", [(3, 11, 9, "final", 0), (3, 13, 0, "final", 0)])
def test_another_python_is_told_which_to_use(monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("howdah", run_name="__main__")
    assert stop.value.code == 2
    assert "make setup" in capsys.readouterr().err
