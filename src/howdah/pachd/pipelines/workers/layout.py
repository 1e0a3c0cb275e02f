"""What a sandbox sees, as a list of mounts: pure, so that it can be read and tested.

The host's files are there read-only, so that interpreters and libraries work as they do
outside. On top of them: `/pfs` is the worker's own folder and holds this datum's inputs
and nothing else, read-only but for `/pfs/out`; `/app` is the image's snapshot; `/tmp` is
private; Howdah's own folder is covered by an empty one. What the sandbox's init and the
environment run from stays visible where /tmp or Howdah's folder would hide it.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath

PFS, OUT, APP, TMP = (
    PurePosixPath("/pfs"),
    PurePosixPath("/pfs/out"),
    PurePosixPath("/app"),
    PurePosixPath("/tmp"),
)
SHM_BYTES = 1 << 30
EMPTY_BYTES = 1 << 20
"""Room in the folders that only exist to cover others."""
INIT_RUNS_FROM = (Path(__file__).parent.resolve(), Path(sys.base_prefix).resolve())
_OWN = {"pfs", "app", "tmp", "proc", "dev", "lost+found"}


class Kind(Enum):
    BIND = "bind"
    TMPFS = "tmpfs"
    SYMLINK = "symlink"
    PROC = "proc"
    DEV = "dev"
    SEAL = "seal"
    """Make a mount made earlier read-only, now that what stands on it is there."""


@dataclass(frozen=True, slots=True)
class Mount:
    kind: Kind
    target: str
    source: str = ""
    writable: bool = False
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class TopEntry:
    """Something in the host's root folder."""

    name: str
    link: str = ""
    is_dir: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """What one worker may see. `folder` holds `pfs`, `out` and `tmp`."""

    folder: Path
    hidden: tuple[Path, ...] = ()
    visible: tuple[Path, ...] = ()
    """Read-only at their own paths, even where something hides them: environments, interpreters."""
    app: Path | None = None
    extra: Mapping[str, Path] = field(default_factory=dict)
    """Further folders, read-only: path inside to path outside. For secrets."""


def top_entries(root: Path = Path("/")) -> list[TopEntry]:
    found = []
    for entry in sorted(root.iterdir()):
        if entry.is_symlink():
            found.append(TopEntry(entry.name, str(entry.readlink()), False))
        else:
            found.append(TopEntry(entry.name, is_dir=entry.is_dir()))
    return found


def kernel_switches() -> list[str]:
    """Where /proc can be written by a root, even one without capabilities, to change the whole system."""
    names = ("acpi", "bus", "fs", "irq", "scsi", "sys", "sysrq-trigger")
    return [f"/proc/{name}" for name in names if Path(f"/proc/{name}").exists()]


def rebuilt(view: View) -> dict[str, list[TopEntry]]:
    """Folders of the host in which a mount point must be made, with what they hold.

    The host's folders are read-only inside, so such a folder is replaced by one of ours that
    shows the same entries.
    """
    found: dict[str, list[TopEntry]] = {}
    for inside in view.extra:
        parent = Path(os.path.realpath(inside))
        if parent.exists() or _below_tmp(parent):
            continue
        while not parent.exists():
            parent = parent.parent
        if parent != Path("/"):
            found[str(parent)] = top_entries(parent)
    return found


def mounts(
    view: View,
    top: Iterable[TopEntry],
    kernel_switches: Iterable[str] = (),
    rebuilt: Mapping[str, Iterable[TopEntry]] | None = None,
) -> list[Mount]:
    """The sandbox's tree, in the order to build it; a later mount covers an earlier one."""
    made = [_host(entry) for entry in top if entry.name not in _OWN and (entry.is_dir or entry.link)]
    made.append(Mount(Kind.PROC, "/proc"))
    made += [Mount(Kind.BIND, place, place) for place in kernel_switches]
    made.append(Mount(Kind.DEV, "/dev"))
    made += [Mount(Kind.TMPFS, "/dev/shm", writable=True, size_bytes=SHM_BYTES), Mount(Kind.SEAL, "/dev")]
    own = view.folder / "tmp"
    made += [Mount(Kind.BIND, place, str(own), writable=True) for place in ("/tmp", "/var/tmp")]
    covers = [path for path in view.hidden if not _below_tmp(path)]
    made += [Mount(Kind.TMPFS, str(path), writable=True, size_bytes=EMPTY_BYTES) for path in covers]
    made += [Mount(Kind.BIND, str(path), str(path)) for path in shown(view)]
    made += [Mount(Kind.SEAL, str(path)) for path in covers]
    made.append(Mount(Kind.BIND, str(PFS), str(view.folder / "pfs")))
    made.append(Mount(Kind.BIND, str(OUT), str(view.folder / "out"), writable=True))
    if view.app is not None:
        made.append(Mount(Kind.BIND, str(APP), str(view.app)))
    for folder, entries in (rebuilt or {}).items():
        made.append(Mount(Kind.TMPFS, folder, writable=True, size_bytes=EMPTY_BYTES))
        made += [_host(entry, folder) for entry in entries]
    extra = sorted((os.path.realpath(inside), outside) for inside, outside in view.extra.items())
    made += [Mount(Kind.BIND, inside, str(outside)) for inside, outside in extra]
    made += [Mount(Kind.SEAL, folder) for folder in rebuilt or {}]
    made.append(Mount(Kind.SEAL, "/"))
    return made


def shown(view: View) -> list[Path]:
    """What must be visible and something would hide, outer ones first."""
    return sorted(
        path
        for path in {*view.visible, *INIT_RUNS_FROM}
        if _below_tmp(path) or any(path.is_relative_to(hidden) for hidden in view.hidden)
    )


def kept_in_tmp(view: View) -> frozenset[str]:
    """Names in the private /tmp that carry mounts and must survive its clearing."""
    carried = [*shown(view), *map(Path, view.extra)]
    return frozenset(path.parts[2] for path in carried if path.is_relative_to("/tmp") and len(path.parts) > 2)


def _host(entry: TopEntry, folder: str = "") -> Mount:
    path = f"{folder}/{entry.name}"
    return Mount(Kind.SYMLINK, path, entry.link) if entry.link else Mount(Kind.BIND, path, path)


def _below_tmp(path: Path) -> bool:
    return path.is_relative_to("/tmp") or path.is_relative_to("/var/tmp")
