import json

import pytest

from howdah.cli.failures import run
from howdah.cli.tree import app

FREE = "[daemon]\npachd_port = 0\ns3_port = 0\nhttp_port = 0\ningress_port = 0\n"


@pytest.mark.slow  # starts Envoy and a sandbox once each
def test_the_findings_as_json(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "howdah.toml").write_text(FREE)
    code = run(app, "howdah", ["doctor", "--json"])
    findings = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert findings["http port"]["found"] == "any free one"
    assert findings["python"]["verdict"] == "ok"
    assert code == (2 if any(each["verdict"] == "problem" for each in findings.values()) else 0)
    assert list(tmp_path.iterdir()) == [tmp_path / "howdah.toml"]


@pytest.mark.slow
def test_a_mistake_in_the_configuration_is_a_finding(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "howdah.toml").write_text("[daemon]\nhttp_prot = 1\n")
    assert run(app, "howdah", ["doctor"]) == 2
    said = capsys.readouterr().out
    assert "unknown key 'daemon.http_prot'" in said
    assert "Did you mean 'daemon.http_port'?" in said
