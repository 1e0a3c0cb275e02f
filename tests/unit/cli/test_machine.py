import socket

import pytest

from howdah.cli import machine


@pytest.mark.parametrize(
    ("system", "chip", "release", "verdict"),
    [
        ("Linux", "x86_64", "2.36", "ok"),
        ("Linux", "aarch64", "2.31", "ok"),
        ("Linux", "x86_64", "2.28", "problem"),
        ("Linux", "x86_64", "", "problem"),  # musl has no glibc
        ("Linux", "riscv64", "2.40", "problem"),
        ("Darwin", "arm64", "15.1", "warning"),
        ("Darwin", "arm64", "14.6.1", "problem"),
        ("Darwin", "x86_64", "15.1", "problem"),
        ("Windows", "AMD64", "11", "problem"),
    ],
)
def test_the_support_matrix(system, chip, release, verdict):
    finding = machine.platform_supported(system, chip, release)
    assert finding.verdict == verdict
    assert bool(finding.remedy) == (verdict != "ok")


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 12), "ok"), ((3, 11), "problem"), ((3, 13), "problem")]
)
def test_one_python(version, verdict):
    assert machine.python(version).verdict == verdict


def test_a_port_in_use_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (finding,) = machine.ports("127.0.0.1", {"http": port})
    assert finding.verdict == "warning"
    assert "http_port" in finding.remedy


def test_an_address_that_is_not_ours_is_a_problem():
    (finding,) = machine.ports("192.0.2.1", {"http": 40_000})
    assert finding.verdict == "problem"


def test_port_zero_is_any():
    (finding,) = machine.ports("127.0.0.1", {"http": 0})
    assert (finding.verdict, finding.found) == ("ok", "any free one")


def test_the_state_folder_is_looked_at_and_not_made(tmp_path):
    assert machine.state_folder(tmp_path / "a" / "b").verdict == "ok"
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    assert machine.state_folder(tmp_path / "file").verdict == "problem"


def test_a_network_file_system_is_a_problem(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"disk / ext4 rw 0 0\nserver:/home {tmp_path} nfs4 rw 0 0\n")
    assert "nfs4" in machine.disk(tmp_path / "state", mounts).found


@pytest.mark.parametrize(("gib", "verdict"), [(1, "warning"), (16, "ok")])
def test_memory(gib, verdict):
    assert machine.memory(gib * machine.GIB).verdict == verdict


def test_few_open_files_are_said():
    assert machine.open_files((256, 1024)).verdict == "warning"
    assert machine.open_files((256, 65536)).verdict == "ok"


def test_the_clock_is_right_here():
    assert machine.clock().verdict == "ok"
