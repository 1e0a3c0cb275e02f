"""Which pachd is asked: one rule for every command."""

import json
from pathlib import Path

import pytest

from howdah.cli.pachctl.connection import active_context
from howdah.daemon.running import Running, this_process
from howdah.errors import Invalid, NotFound


def daemon(state: Path, address: str) -> Path:
    """What a daemon leaves behind to be found by; this process stands for it."""
    state.mkdir(exist_ok=True)
    pid, start = this_process()
    Running(pid, start, 0, "1", address, "", "", "", "", "", token_needed=False).write(state)
    return state


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """Everything that can name a pachd does."""
    configuration = {"v2": {"active_context": "c", "contexts": {"c": {"pachd_address": "grpc://context:1"}}}}
    (tmp_path / "config.json").write_text(json.dumps(configuration))
    monkeypatch.setenv("PACH_CONFIG", str(tmp_path / "config.json"))
    monkeypatch.setenv("PACHD_ADDRESS", "grpc://environment:1")
    monkeypatch.delenv("HOWDAH_STATE", raising=False)
    monkeypatch.chdir(tmp_path)
    daemon(tmp_path / ".howdah", "grpc://here:1")


def test_the_first_that_is_named_is_asked(tmp_path, monkeypatch):
    named = daemon(tmp_path / "named", "grpc://named:1")
    assert active_context(named).address == "grpc://named:1"
    assert active_context().address == "grpc://environment:1"
    monkeypatch.delenv("PACHD_ADDRESS")
    assert active_context().address == "grpc://context:1"
    (tmp_path / "config.json").unlink()
    assert active_context().address == "grpc://here:1"
    (tmp_path / ".howdah" / "daemon.json").unlink()
    with pytest.raises(Invalid, match="no pachd to speak to"):
        active_context()


def test_a_folder_that_is_named_is_never_passed_over(tmp_path):
    with pytest.raises(NotFound, match="no Howdah is running"):
        active_context(tmp_path / "none")


def test_the_environments_folder_is_only_where_to_look_last(tmp_path, monkeypatch):
    state = daemon(tmp_path / "other", "grpc://other:1")
    monkeypatch.setenv("HOWDAH_STATE", str(state))
    assert active_context(state).address == "grpc://environment:1"
    monkeypatch.delenv("PACHD_ADDRESS")
    (tmp_path / "config.json").unlink()
    assert active_context(state).address == active_context().address == "grpc://other:1"
