"""How strongly user code can be shut in on this system, found out by trying.

`BUBBLEWRAP` and `NAMESPACES` give the same view (`layout.py`) with all capabilities
dropped; the first needs the `bwrap` program, which some systems allow namespaces that they
refuse to others, the second needs nothing. `PLAIN` is an ordinary process where the system
forbids namespaces: it sees the datum under `PFS_ROOT`, paths in its command are rewritten,
and nothing stops it from looking elsewhere.
"""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from howdah.pachd.pipelines.workers import init_program, namespace_program
from howdah.pachd.pipelines.workers.layout import Kind, Mount
from howdah.processes.spawner import bare_python

INIT = init_program.__file__


class Isolation(Enum):
    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"
    PLAIN = "plain"

    @property
    def shuts_in(self) -> bool:
        return self is not Isolation.PLAIN


@dataclass(frozen=True, slots=True)
class Detected:
    isolation: Isolation
    warning: str = ""
    """For the user, when code is not shut in."""


def detect(attempt: Callable[[Isolation], str | None]) -> Detected:
    """The first isolation that works; `attempt` runs a command in one and says what went wrong."""
    reasons = []
    for isolation in (Isolation.BUBBLEWRAP, Isolation.NAMESPACES):
        if isolation is Isolation.BUBBLEWRAP and shutil.which("bwrap") is None:
            reasons.append("bubblewrap is not installed")
            continue
        if isolation is Isolation.NAMESPACES and not hasattr(os, "unshare"):
            reasons.append("this system has no namespaces")
            continue
        failure = attempt(isolation)
        if failure is None:
            return Detected(isolation)
        reasons.append(f"{isolation.value}: {failure}")
    return Detected(
        Isolation.PLAIN,
        "user code runs as a plain process here: it finds its data under PFS_ROOT and is not kept from "
        f"other files ({'; '.join(reasons)})",
    )


def argv(isolation: Isolation, tree: Sequence[Mount]) -> list[str]:
    """The command that builds the sandbox and runs `init_program` in it, on descriptor 3."""
    init = [*bare_python(), INIT]
    match isolation:
        case Isolation.BUBBLEWRAP:
            return ["bwrap", *_bubblewrap(tree), "--", *init]
        case Isolation.NAMESPACES:
            return [*bare_python(), namespace_program.__file__, INIT, "{root}"]
        case Isolation.PLAIN:
            return init


def tree_json(tree: Sequence[Mount]) -> bytes:
    """What `namespace_program` reads on its standard input."""
    return json.dumps(
        [
            {
                "kind": mount.kind.value,
                "target": mount.target,
                "source": mount.source,
                "writable": mount.writable,
                "size_bytes": mount.size_bytes,
            }
            for mount in tree
        ]
    ).encode()


def _bubblewrap(tree: Sequence[Mount]) -> list[str]:
    words = ["--unshare-pid", "--unshare-ipc", "--as-pid-1", "--die-with-parent"]
    # A real root keeps its capabilities unless told otherwise; others never have any inside.
    words += ["--cap-drop", "ALL"]
    for mount in tree:
        words += _words(mount)
    return [*words, "--chdir", "/"]


def _words(mount: Mount) -> list[str]:
    match mount.kind:
        case Kind.BIND:
            return ["--bind" if mount.writable else "--ro-bind", mount.source, mount.target]
        case Kind.TMPFS:
            return ["--size", str(mount.size_bytes), "--tmpfs", mount.target]
        case Kind.SYMLINK:
            return ["--symlink", mount.source, mount.target]
        case Kind.PROC:
            return ["--proc", mount.target]
        case Kind.DEV:
            return ["--dev", mount.target]
        case Kind.SEAL:
            return ["--remount-ro", mount.target]
