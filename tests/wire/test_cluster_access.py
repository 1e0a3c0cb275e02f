"""What the doctor says of a pachd and a Kubernetes API that the environment names."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.cli import cluster_access
from howdah.cli.machine import Finding
from howdah.daemon.house import House

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("PACHD_ADDRESS", "PACH_TOKEN", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PACH_CONFIG", str(tmp_path / "config.json"))


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port on which nobody listens as long as the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def found() -> tuple[Finding, Finding]:
    pachd, cluster = cluster_access.findings()
    return pachd, cluster


def test_nothing_named_is_nothing_wrong() -> None:
    assert [each.verdict for each in found()] == ["ok", "ok"]


def test_a_pachd_and_a_cluster_that_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACHD_ADDRESS", house.running.pachd)
    monkeypatch.setenv("KUBECONFIG", house.running.kubeconfig)
    pachd, cluster = found()
    assert (pachd.verdict, cluster.verdict) == ("ok", "ok")
    assert f"{house.running.pachd} is 2." in pachd.found
    assert "it answers, and has " in cluster.found


def test_a_context_whose_pachd_is_gone(nobody: int, tmp_path: Path) -> None:
    context = {"pachd_address": f"grpc://127.0.0.1:{nobody}"}
    document = {"v2": {"active_context": "old", "contexts": {"old": context}}}
    (tmp_path / "config.json").write_text(json.dumps(document))
    pachd, _ = found()
    assert pachd.verdict == "warning"
    assert f"grpc://127.0.0.1:{nobody} does not answer: Connection refused" in pachd.found
    assert "PACHD_ADDRESS" in pachd.remedy


def test_a_cluster_that_is_gone(nobody: int, tmp_path: Path, house: House, monkeypatch) -> None:
    port = house.running.http.rpartition(":")[2]
    text = Path(house.running.kubeconfig).read_text().replace(port, str(nobody))
    (tmp_path / "kubeconfig").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    _, cluster = found()
    assert cluster.verdict == "warning"
    assert "does not answer" in cluster.found
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    _, cluster = found()
    assert "does not exist" in cluster.found


@pytest.mark.parametrize("text", ["{", '{"v2": {"active_context": "gone", "contexts": {}}}'])
def test_a_configuration_that_leads_nowhere_ends_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    pachd, _ = found()
    assert pachd.verdict == ("warning" if text == "{" else "ok")


def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACHD_ADDRESS", "ftp://nonsense")
    pachd, _ = found()
    assert pachd.verdict == "warning"
    assert "is no pachd address" in pachd.found
