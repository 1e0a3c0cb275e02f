"""What `transform.image` names here: an environment for user code, made from `images/<name>/`.

The last part of the image's name, without its tag, names a folder of the project. With a
`requirements.txt` it gives a virtual environment of exactly that, built once for each
content and kept; without, the project's own environment. The folder itself is frozen by
content and seen at `/app`. An image with no folder runs in the project's own environment with a
warning, unless the settings forbid that.

The running Howdah is installed into every environment, alone: its dependencies come with it
only where the requirements ask for `howdah` by name, so that they may clash with them.
"""

import hashlib
import os
import platform
import re
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from howdah.errors import Invalid
from howdah.processes import snapshots, wheels
from howdah.processes.commands import Command
from howdah.processes.logfiles import tail
from howdah.processes.spawner import Spawner

DONE = "complete"
_ASKS_HOWDAH = re.compile(r"^\s*howdah\b(?!-)", re.MULTILINE)
_MISSING = (
    re.compile(r"No matching distribution found for (?P<what>\S+)"),
    re.compile(r"Because (?P<what>\S+) was not found"),
    re.compile(r"Because there are no versions of (?P<what>\S+)"),
    re.compile(r"Because there is no version of (?P<what>\S+)"),
    re.compile(r"no wheels? (?:is|are) (?:available|usable).*? for (?P<what>\S+)", re.IGNORECASE),
)


class EnvironmentNotBuilt(Invalid):
    """An image's environment cannot be had; the message names what is missing."""


class UnknownImage(Invalid):
    """The settings allow only images that the project describes."""


@dataclass(frozen=True, slots=True)
class Environment:
    id: str = ""
    """Hash of the image's folder and of what it runs with; empty for the project's own environment."""
    path: tuple[Path, ...] = ()
    """Folders to put before PATH."""
    visible: tuple[Path, ...] = ()
    """Folders that a sandbox must show."""
    app: Path | None = None
    workdir: str = ""
    """From the Dockerfile's WORKDIR, if it has one."""
    warnings: tuple[str, ...] = ()


class Environments:
    """Thread-safe: one build at a time for each content, others wait for it."""

    def __init__(
        self,
        spawner: Spawner,
        state: Path,
        images: Path,
        outer: Mapping[str, str],
        *,
        allow_unknown: bool = True,
        use_uv: bool = True,
    ) -> None:
        """`images` is the project's folder of images; `outer` the daemon's environment.

        `use_uv` is for those who must do without it even where it is installed.
        """
        self._spawner = spawner
        self._state = state
        self._images = images
        self._outer = outer
        self._allow_unknown = allow_unknown
        self._uv = _uv(outer) if use_uv else None
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def prepare(self, image: str, progress: Callable[[str], None]) -> Environment:
        """Raises UnknownImage and EnvironmentNotBuilt; `progress` hears a line now and then."""
        name = folder_name(image)
        folder = self._images / name
        if not name or not folder.is_dir():
            return self._unknown(image, name)
        id, app = snapshots.keep(folder, self._state / "images")
        return self._made(name, id, app, progress)

    def prepare_kept(self, image: str, progress: Callable[[str], None]) -> Environment:
        """As `prepare`, of `image` NAME@ID as it was when it was kept under this ID."""
        name, _, id = image.partition("@")
        return self._made(name, id, self._state / "images" / id, progress)

    def _made(self, name: str, id: str, app: Path, progress: Callable[[str], None]) -> Environment:
        requirements = app / "requirements.txt"
        workdir = _workdir(app / "Dockerfile")
        if not requirements.exists():
            return Environment(id, (_own_bin(),), own_prefixes(), app, workdir)
        place = self._built(name, requirements.read_text(), progress)
        return Environment(id, (place / "bin",), (place, *own_prefixes()), app, workdir)

    def code_id(self, image: str) -> str:
        """The id that `prepare` would give now, to tell whether code changed; builds nothing."""
        return code_id(self._images, image)

    def _unknown(self, image: str, name: str) -> Environment:
        if not self._allow_unknown:
            raise UnknownImage(
                f'image "{image}": the project has no folder images/{name}, '
                "and howdah.toml forbids images that it does not describe"
            )
        warning = (
            f'image "{image}" is not described here (there is no images/{name}), '
            "so the command runs in the project's own environment"
        )
        return Environment("", (_own_bin(),), own_prefixes(), None, "", (warning,))

    def _built(self, name: str, requirements: str, progress: Callable[[str], None]) -> Path:
        wheel = wheels.build(
            Path(__file__).parents[1], _version(), self._state / "wheels", _requires(requirements)
        )
        words = [requirements, wheel.name, platform.python_version(), sys.platform, platform.machine()]
        key = hashlib.blake2b("\0".join(words).encode(), digest_size=16).hexdigest()
        place = self._state / "environments" / key
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if not (place / DONE).exists():
                shutil.rmtree(place, ignore_errors=True)
                place.parent.mkdir(parents=True, exist_ok=True)
                progress(f"building the environment of image {name}")
                self._build(name, place, requirements, wheel, progress)
                (place / DONE).touch()
                progress(f"the environment of image {name} is ready")
        return place

    def _build(
        self, name: str, place: Path, requirements: str, wheel: Path, progress: Callable[[str], None]
    ) -> None:
        listed = place.with_suffix(".txt")
        asked = bool(_ASKS_HOWDAH.search(requirements))
        listed.write_text(_ASKS_HOWDAH.sub("# ", requirements) if asked else requirements)
        python = str(place / "bin" / "python")
        if uv := self._uv:
            make = [uv, "venv", "--quiet", "--python", sys.executable, str(place)]
            install = [uv, "pip", "install", "--python", python]
        else:
            make = [sys.executable, "-m", "venv", str(place)]
            install = [python, "-m", "pip", "install", "--disable-pip-version-check"]
        steps = [make, [*install, "-r", str(listed), *([str(wheel)] if asked else [])]]
        if not asked:
            steps.append([*install, "--no-deps", str(wheel)])
        for step in steps:
            self._run(name, step, place, progress)

    def _run(self, name: str, argv: list[str], place: Path, progress: Callable[[str], None]) -> None:
        log = place.with_suffix(".log")
        log.unlink(missing_ok=True)
        child = self._spawner.spawn(Command(tuple(argv), self._outer, stdout=log, stderr=log))
        shown = ""
        while (how := child.wait(0.5)) is None:
            last = (tail(log, 1) or [""])[0]
            if last and last != shown:
                progress(shown := last)
        if how.succeeded:
            return
        said = tail(log, 200)
        shutil.rmtree(place, ignore_errors=True)
        raise EnvironmentNotBuilt(f"image {name}: {explain(said)}")


def explain(lines: list[str]) -> str:
    """What an installer's complaint comes down to: most often, a package that is not to be had."""
    text = " ".join(lines)
    for pattern in _MISSING:
        if found := pattern.search(text):
            what = found["what"].strip("`'\",.")
            return (
                f"the package {what} in its requirements.txt cannot be had: it is neither in the "
                "cache nor reachable; connect once, or put its wheel where the installer looks"
            )
    return "its requirements.txt cannot be installed: " + " ".join(lines[-5:])


def code_id(images: Path, image: str) -> str:
    """The hash of the code that `image` names in the folder of images; empty if it names none there."""
    name = folder_name(image)
    return snapshots.digest(images / name) if name and (images / name).is_dir() else ""


def folder_name(image: str) -> str:
    """`registry:5000/team/heart-train:1.2@sha256:…` is `heart-train`."""
    name = image.split("@")[0].rsplit("/", 1)[-1].split(":")[0]
    return name if re.fullmatch(r"[A-Za-z0-9][\w.-]*", name) else ""


def _own_bin() -> Path:
    return Path(sys.executable).parent


def own_prefixes() -> tuple[Path, ...]:
    """Where the running Python and Howdah live: what the project's own environment must see."""
    places = {Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2]}
    return tuple(sorted(place.resolve() for place in places if place.exists()))


def _uv(outer: Mapping[str, str]) -> str | None:
    beside = _own_bin() / "uv"
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("uv", path=outer.get("PATH"))


def _version() -> str:
    try:
        return metadata.version("howdah").split("+")[0]
    except metadata.PackageNotFoundError:
        return "0"


def _requires(requirements: str) -> tuple[str, ...]:
    """Howdah's own dependencies, for requirements that ask for it by name."""
    if not _ASKS_HOWDAH.search(requirements):
        return ()
    try:
        return tuple(line for line in metadata.requires("howdah") or [] if "extra ==" not in line)
    except metadata.PackageNotFoundError:
        return ()


def _workdir(dockerfile: Path) -> str:
    if not dockerfile.exists():
        return ""
    found = re.findall(r"^\s*WORKDIR\s+(\S+)", dockerfile.read_text(), re.MULTILINE | re.IGNORECASE)
    return found[-1].strip("\"'") if found and found[-1].startswith("/app") else ""
