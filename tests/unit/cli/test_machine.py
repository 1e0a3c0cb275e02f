import socket
import sys
import time

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


def test_a_clock_that_is_wrong_is_said():
    finding = machine.clock(0)
    assert (finding.verdict, finding.found, finding.remedy) == ("problem", "1970-01-01", "Set the clock.")
    finding = machine.clock(time.time() + 60)
    assert finding.verdict == "warning"
    assert "from the file system's" in finding.found


@pytest.mark.parametrize(("gib", "verdict"), [(1, "problem"), (5, "ok")])
def test_a_full_disk_is_a_problem(tmp_path, gib, verdict):
    finding = machine.disk(tmp_path / "state", free_bytes=gib * machine.GIB)
    assert (finding.verdict, finding.found) == (verdict, f"{gib} GiB free")
    assert bool(finding.remedy) == (verdict != "ok")


@pytest.fixture
def only(tmp_path, monkeypatch):
    """Makes these programs, each with its exit code, all that PATH holds."""

    def only(**programs):
        monkeypatch.setenv("PATH", str(tmp_path))
        for name, code in programs.items():
            (tmp_path / name).write_text(f"#!/bin/sh\nexit {code}\n")
            (tmp_path / name).chmod(0o755)
        return tmp_path

    return only


def test_envoy_that_is_absent_or_does_not_run_is_a_problem(only):
    finding = machine.envoy(only())
    assert (finding.verdict, finding.found) == ("problem", "not installed")
    assert "make setup" in finding.remedy
    finding = machine.envoy(only(envoy=1))
    assert finding.verdict == "problem"
    assert "does not run" in finding.found
    assert machine.envoy(only(envoy=0)).verdict == "ok"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there are namespaces on Linux only")
def test_no_namespaces_are_said_with_how_to_allow_them(only):
    for programs in ({}, {"bwrap": 1, "unshare": 1}):
        only(**programs)
        finding = machine.sandbox()
        assert finding.verdict == "warning"
        assert "kernel.unprivileged_userns_clone=1" in finding.remedy
    only(unshare=0)
    assert (machine.sandbox().verdict, machine.sandbox().found) == ("warning", "unshare")
    only(bwrap=0)
    assert machine.sandbox().verdict == "ok"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has one always")
def test_no_browser_is_said(only):
    only()
    assert (machine.browser().verdict, machine.browser().found) == ("warning", "none found")
    only(firefox=0)
    assert machine.browser().verdict == "ok"
